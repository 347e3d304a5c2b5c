"""A case's story in SQL: the gate's :class:`~keyturn.gate.case_ports.CaseRows`."""

import sqlite3
from collections.abc import Iterator

import msgspec

from keyturn.gate.case_ports import CaseSeen, Kept
from keyturn.gate.records import ActionRecord
from keyturn.journal import Frontier
from keyturn.store.journal_rows import JournalRows

_action = msgspec.msgpack.Decoder(ActionRecord)


class _At(msgspec.Struct):
    at: int


_at = msgspec.json.Decoder(_At)

# A case is one jump in the index to the next: as many steps as there are cases, not as there are entries.
_CASES = """
WITH RECURSIVE found (case_id) AS (
    SELECT min(case_id) FROM journal WHERE case_id <> ''
    UNION ALL
    SELECT (SELECT min(case_id) FROM journal WHERE case_id > found.case_id AND case_id <> '')
    FROM found WHERE found.case_id IS NOT NULL
)
SELECT case_id,
    (SELECT min(seq) FROM journal j WHERE j.case_id = found.case_id AND j.case_id <> ''),
    (SELECT max(seq) FROM journal j WHERE j.case_id = found.case_id AND j.case_id <> '') AS last
FROM found WHERE case_id IS NOT NULL ORDER BY last DESC LIMIT ? OFFSET ?
"""


class CaseRows:
    """Reads within a transaction; it writes nothing."""

    def __init__(self, db: sqlite3.Connection, journal: JournalRows) -> None:
        self._db = db
        self._journal = journal

    def first_entry(self, action: str) -> int | None:
        """The index of an action's first entry."""
        sql = "SELECT min(seq) FROM journal WHERE action = ? AND action <> ''"
        row = self._db.execute(sql, (action,)).fetchone()
        return int(row[0]) if row and row[0] is not None else None

    def kept_before(self, case: str, seq: int, names: tuple[str, ...]) -> Iterator[Kept]:
        """What is kept of a case before an index under these names, the newest first; read as it is iterated."""
        sql = (
            "SELECT p.seq, p.action, p.name, p.body FROM journal j CROSS JOIN payloads p ON p.seq = j.seq"  # noqa: S608 - ? marks only
            f" WHERE j.case_id = ? AND j.case_id <> '' AND j.seq < ? AND +p.name IN ({','.join('?' * len(names))})"
            " ORDER BY j.seq DESC"
        )
        return (Kept(at, action, name, body) for at, action, name, body in self._db.execute(sql, (case, seq, *names)))

    def steps_before(self, case: str, agent: str, seq: int, limit: int) -> tuple[int, list[tuple[int, ActionRecord]]]:
        """How many actions an agent proposed in a case before an index, and the newest of them, newest first."""
        rest = (
            "FROM journal j CROSS JOIN actions a ON a.id = j.action WHERE j.case_id = ? AND j.case_id <> ''"
            " AND j.seq < ? AND j.kind = 'proposed' AND a.agent = ?"
        )
        (total,) = self._db.execute(f"SELECT count(*) {rest}", (case, seq, agent)).fetchone()
        sql = f"SELECT j.seq, a.body {rest} ORDER BY j.seq DESC LIMIT ?"
        rows = self._db.execute(sql, (case, seq, agent, limit))
        return int(total), [(at, _action.decode(body)) for at, body in rows]

    def cases(self, limit: int, skip: int) -> list[CaseSeen]:
        """The cases, the one with the newest entry first."""
        held = dict(self._db.execute("SELECT case_id, sum(count) FROM open_holds WHERE count > 0 GROUP BY case_id"))
        return [
            CaseSeen(
                case=case,
                first=first,
                last=last,
                began_at=self._when(first),
                last_at=self._when(last),
                open_holds=held.get(case, 0),
            )
            for case, first, last in self._db.execute(_CASES, (limit, skip)).fetchall()
        ]

    def _when(self, seq: int) -> int:
        (entry,) = self._db.execute("SELECT entry FROM journal WHERE seq = ?", (seq,)).fetchone()
        return _at.decode(entry).at

    def of_case(self, case: str, after: int, limit: int) -> list[tuple[int, bytes, list[tuple[str, bytes, bytes]]]]:
        """A case's entries past an index: index, entry, and name, salt and body of what is kept of it."""
        return self._journal.of_case(case, after, limit)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The first ``width`` hashes of a tile (``TileReader``)."""
        return self._journal.tile(level, index, width)

    def frontier(self) -> Frontier:
        """The tree as committed."""
        return self._journal.frontier()
