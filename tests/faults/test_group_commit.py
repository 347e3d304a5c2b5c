"""Several callers share a commit: nobody's failure is another's, and nobody is told what is not durable."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.findings import verified
from tests.faults.soc import DATABASE, copy_seed

from keyturn.errors import Conflict, KeyturnError, StoreError
from keyturn.gate.ports import Tx
from keyturn.store import SqliteStore

Work = Callable[[Tx], object]
LATER = 1_900_000_000_000
"""A clock that is not behind the seeded journal."""


@pytest.fixture
async def store(seeded: Path, folder: Path) -> AsyncIterator[SqliteStore]:
    """A store on a fresh database."""
    copy_seed(seeded, folder)
    made = SqliteStore(folder / DATABASE)
    yield made
    made.close()


async def as_a_group(store: SqliteStore, works: list[Work]) -> list[Any]:
    """Run all in one commit: the writer is kept busy until all are queued."""
    go = threading.Event()
    first = asyncio.ensure_future(store.write(lambda _: go.wait(20)))
    rest = [asyncio.ensure_future(store.write(work)) for work in works]
    await asyncio.sleep(0)
    go.set()
    assert await first
    async with asyncio.timeout(20):
        return await asyncio.gather(*rest, return_exceptions=True)


def note(name: str) -> Work:
    """Work that leaves a row and an entry."""

    def work(tx: Tx) -> str:
        tx.put_setting(name, b"1")
        tx.record("noted", tx.now(LATER), {"name": name})
        return name

    return work


def spoil(name: str, failure: Callable[[Tx], object]) -> Work:
    """Work that leaves a row and an entry, and then fails."""

    def work(tx: Tx) -> None:
        note(name)(tx)
        failure(tx)

    return work


def raise_conflict(_: Tx) -> None:
    raise Conflict("not now")


def raise_value_error(_: Tx) -> None:
    raise ValueError("a defect of the caller")


def take_anothers_token(tx: Tx) -> None:
    agent = tx.agent("responder")
    assert agent is not None
    store_as: Any = tx
    store_as._db.execute("INSERT INTO agents VALUES ('thief', ?, x'00')", (agent.token_hash,))


def bind_what_no_row_holds(tx: Tx) -> None:
    odd: Any = object()
    tx.put_setting("odd", odd)


def append_an_entry_too_large(tx: Tx) -> None:
    tx.record("noted", tx.now(LATER), {"text": "x" * 70_000})


FAILURES = [
    raise_conflict,
    raise_value_error,
    take_anothers_token,
    bind_what_no_row_holds,
    append_an_entry_too_large,
]


async def settings(store: SqliteStore, names: list[str]) -> list[str]:
    """Which of these rows a connection of its own finds."""
    other = SqliteStore(store.path)
    found = await other.read(lambda tx: [name for name in names if tx.setting(name) is not None])
    other.close()
    return found


async def noted(store: SqliteStore) -> list[bytes]:
    return await store.read_journal(
        lambda rows: [raw for raw in rows.entries(0, rows.frontier().size) if b'"kind":"noted"' in raw]
    )


@pytest.mark.parametrize("failure", FAILURES)
async def test_one_callers_failure_takes_nobody_along(
    store: SqliteStore, folder: Path, failure: Callable[[Tx], object]
) -> None:
    ends = await as_a_group(store, [note("before"), spoil("bad", failure), note("after")])
    assert ends[0] == "before"
    assert isinstance(ends[1], Exception)
    assert ends[2] == "after"
    assert await settings(store, ["before", "bad", "odd", "after"]) == ["before", "after"]
    assert len(await noted(store)) == 2
    frontier = await store.read_journal(lambda rows: rows.frontier())
    entries = await store.read_journal(lambda rows: list(rows.entries(0, frontier.size)))
    assert verified(folder / "published", entries, frontier).ok


async def test_what_is_acknowledged_is_seen_by_every_connection(store: SqliteStore) -> None:
    async def acknowledged(name: str) -> bool:
        await store.write(note(name))
        return await settings(store, [name]) == [name]

    assert all(await asyncio.gather(*(acknowledged(f"n{i}") for i in range(40))))


async def test_a_commit_that_fails_is_nobodys(store: SqliteStore) -> None:
    names = [f"n{i}" for i in range(5)]
    await store.write(note("first"))
    size = store.path.with_name(DATABASE + "-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        ends = await asyncio.gather(*(store.write(note(name)) for name in names), return_exceptions=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert all(isinstance(end, StoreError) for end in ends), ends
    assert await settings(store, names) == []
    assert await as_a_group(store, [note(name) for name in names]) == names
    assert await settings(store, names) == names
    assert len(await noted(store)) == 1 + len(names)


async def test_deferred_work_is_durable_when_the_store_is_closed(seeded: Path, folder: Path) -> None:
    copy_seed(seeded, folder)
    store = SqliteStore(folder / DATABASE)
    for number in range(300):
        store.defer(note(f"n{number}"))
    store.close()
    again = SqliteStore(folder / DATABASE)
    assert len(await noted(again)) == 300
    again.close()


async def test_a_journal_whose_head_is_damaged_refuses_all_and_hangs_nobody(store: SqliteStore) -> None:
    with sqlite3.connect(store.path) as db:
        head = db.execute("SELECT frontier FROM journal_head").fetchone()[0]
        db.execute("UPDATE journal_head SET frontier = x'00'")
    async with asyncio.timeout(10):
        with pytest.raises(KeyturnError):
            await store.write(note("a"))
        with sqlite3.connect(store.path) as db:
            db.execute("UPDATE journal_head SET frontier = ?", (head,))
        db.close()
        assert await store.write(note("b")) == "b"
    assert await settings(store, ["a", "b"]) == ["b"]
