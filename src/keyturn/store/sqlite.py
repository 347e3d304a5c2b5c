"""SQLite as the store: WAL, ``synchronous=FULL``, one writing thread, reads where the caller stands."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from keyturn.errors import StoreError
from keyturn.gate.ports import Tx
from keyturn.store.journal_rows import JournalRows
from keyturn.store.schema import MIGRATIONS, statements
from keyturn.store.transaction import SqliteTx
from keyturn.store.writing import Writer

T = TypeVar("T")
BUSY_MS = 10_000


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the settings that durability needs; the caller closes it. Its file is for its owner only."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("PRAGMA cache_size=-16000")
        db.execute("PRAGMA wal_autocheckpoint=4000")
    except (sqlite3.Error, OSError) as e:
        raise StoreError(f"can't open the database {path.name}: {e}", hint="look at the data folder") from e
    return db


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables up to this version; refuses a database of a later one."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StoreError("the database was written by a later Keyturn", hint="run that version, or a newer one")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


class SqliteStore:
    """The gate's :class:`~keyturn.gate.ports.Store` on one file; several processes may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._reader = connect(path)
            migrate(self._reader)
            self._reader.execute("PRAGMA query_only=ON")
        except sqlite3.Error as e:
            raise StoreError(f"can't use the database {path.name}: {e}", hint="restore it from a copy") from e
        self._read_tx = SqliteTx(self._reader, writes=False)
        self._writer = Writer(lambda: SqliteTx(connect(path)))

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in a transaction; returns when it is durable. See :class:`~keyturn.gate.ports.Store`."""
        result: T = await self._writer.submit(work)
        return result

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` on a snapshot, in the caller's thread: reads here are keyed or paged, and quick."""
        try:
            self._read_tx.begin("DEFERRED")
            try:
                return work(self._read_tx)
            finally:
                self._reader.execute("ROLLBACK")
        except sqlite3.Error as e:
            raise StoreError(f"the database can't be read: {e}", hint="look at its disk") from e

    async def read_journal(self, work: Callable[[JournalRows], T]) -> T:
        """Run ``work`` on a snapshot of the journal."""
        return await self.read(lambda _: work(self._read_tx.journal))

    def defer(self, work: Callable[[Tx], Any]) -> None:
        """Have ``work`` committed soon, with others' writes, without waiting."""
        self._writer.defer(work)

    def close(self) -> None:
        """Commit what is queued and close the file."""
        self._writer.close()
        self._reader.close()
