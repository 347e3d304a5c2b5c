"""What is new: the part of a transaction that pages which stay open look at."""

import sqlite3

import msgspec

from keyturn.gate.records import ActionRecord
from keyturn.store.journal_rows import JournalRows

_action = msgspec.msgpack.Decoder(ActionRecord)


class PulseRows:
    """:class:`keyturn.gate.pulse_ports.PulseRows` in SQL."""

    def __init__(self, db: sqlite3.Connection, journal: JournalRows) -> None:
        self._db = db
        self._journal = journal

    def size(self) -> int:
        """How many entries the journal has."""
        return self._journal.size

    def waiting(self) -> int:
        """How many actions are held: kept as they open and move on, since pages ask again and again."""
        row = self._db.execute("SELECT coalesce(sum(count), 0) FROM open_holds").fetchone()
        return int(row[0])

    def unsettled(self) -> int:
        """How many actions ran and are unknown or unconfirmed."""
        # One statement a state: SQLite uses a partial index only for `state = 'unknown'` spelled out.
        unknown = self._db.execute("SELECT count(*) FROM actions WHERE state = 'unknown'").fetchone()
        confirming = self._db.execute("SELECT count(*) FROM actions WHERE state = 'confirming'").fetchone()
        return int(unknown[0]) + int(confirming[0])

    def touched(self, after: int, limit: int) -> list[ActionRecord]:
        """The actions that the journal's entries from index ``after`` on speak of, each once as it is now."""
        rows = self._db.execute(
            "SELECT body FROM actions WHERE id IN (SELECT action FROM journal WHERE seq >= ? AND action <> '') LIMIT ?",
            (after, limit),
        )
        return [_action.decode(row[0]) for row in rows]
