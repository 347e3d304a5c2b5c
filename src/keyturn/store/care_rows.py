"""The rows of the care for people, in SQL: the queue, deputies, who opened what, answers, drills, and the counters.

``waiting`` has a row for each hold that has not run or ended; when it goes, ``tallies`` counts how. Health is a sum
over those few rows, whatever the number of actions.
"""

import math
import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from keyturn.core.execution import State
from keyturn.core.hold import Hold
from keyturn.gate.care_records import Decision, Deputy, Drills, Group, Health, QueueFilter
from keyturn.gate.drill_records import Drill
from keyturn.gate.queue import rank, together
from keyturn.gate.records import ActionRecord
from keyturn.store.health import HOUR_MS, health_of

_pack = msgspec.msgpack.Encoder().encode
_action = msgspec.msgpack.Decoder(ActionRecord)
_deputy = msgspec.msgpack.Decoder(Deputy)
_drill = msgspec.msgpack.Decoder(Drill)

FAST_MS = 3_000
DAY_MS = 24 * HOUR_MS
WAITS = " "
"""Whose tallies are holds' waits, by the day: no person's name begins with a space, and "" has the other counters."""
_ENDS = {State.REFUSED: "refused", State.EXPIRED: "expired", State.WITHDRAWN: "withdrawn", State.DENIED: "denied"}
_FILTERS = {"case": "case_id", "agent": "agent", "tool": "tool", "oversight": "oversight"}


class CareRows:
    """The gate's :class:`~keyturn.gate.care_ports.CareRows` on one connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # Holds as they wait

    def note_hold(self, record: ActionRecord) -> None:
        """Follow a hold: called with every change of an action that has one."""
        hold = record.hold
        if hold is None:
            return
        if record.state is State.HELD:
            self._wait(record, hold)
            return
        if record.state is State.READY:
            self._db.execute("UPDATE waiting SET open = 0 WHERE action = ?", (record.id,))
            return
        gone = self._db.execute("DELETE FROM waiting WHERE action = ?", (record.id,)).rowcount
        if gone and hold.drill:
            self._count(hold.opened_at, "", "opened", -1)  # until it ended it counted, and could not be told
        elif gone:
            self._count_end(record, _ENDS.get(record.state, "released"), record.changed_at - hold.opened_at)

    def _wait(self, record: ActionRecord, hold: Hold) -> None:
        again = self._db.execute(
            "UPDATE waiting SET open = 1, oversight = ?, rank = ?, expires_at = ?, escalates_at = ? WHERE action = ?",
            (record.oversight_word, rank(record), hold.expires_at, hold.escalates_at, record.id),
        ).rowcount
        if again:
            return
        row = (
            record.id, 1, rank(record), hold.expires_at, record.case, record.agent, str(record.tool),
            record.oversight_word, int(together(record)), hold.escalates_at,
        )  # fmt: skip
        self._db.execute("INSERT INTO waiting VALUES (?,?,?,?,?,?,?,?,?,?)", row)
        self._count(hold.opened_at, "", "opened")

    def _count_end(self, record: ActionRecord, how: str, waited: int) -> None:
        at = record.changed_at
        self._count(at, "", how)
        self._count(at // DAY_MS * DAY_MS, WAITS, str(_bucket(waited)))
        if how == "released" and record.hold is not None and len(record.hold.counted()) == 1:
            self._count(at, "", "alone")

    def _count(self, at: int, person: str, what: str, n: int = 1) -> None:
        sql = "INSERT INTO tallies VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
        self._db.execute(sql, (person, at // HOUR_MS, what, n))

    def escalating(self, now: int, limit: int) -> list[ActionRecord]:
        sql = (
            "SELECT body FROM waiting CROSS JOIN actions ON id = action"
            " WHERE open = 1 AND escalates_at > 0 AND escalates_at <= ? ORDER BY escalates_at LIMIT ?"
        )
        return self._records(sql, (now, limit))

    def queue(self, wanted: QueueFilter, after: str, limit: int) -> list[ActionRecord]:
        where, args = _where(wanted)
        if after:
            where += " AND (rank, action) > ((SELECT rank FROM waiting WHERE action = ?), ?)"
            args += [after, after]
        sql = (
            f"SELECT body FROM (SELECT action, rank FROM waiting WHERE open = 1{where} ORDER BY rank, action LIMIT ?)"  # noqa: S608 - column names of ours and ? marks only
            " CROSS JOIN actions ON id = action ORDER BY rank, action"
        )
        return self._records(sql, (*args, limit))

    def queue_total(self, wanted: QueueFilter) -> int:
        where, args = _where(wanted)
        sql = f"SELECT count(*) FROM waiting WHERE open = 1{where}"  # noqa: S608 - column names of ours and ? marks only
        return int(self._db.execute(sql, args).fetchone()[0])

    def queue_groups(self, wanted: QueueFilter, limit: int) -> list[Group]:
        where, args = _where(wanted)
        sql = (
            "SELECT case_id, agent, tool, oversight, count(*) AS n, min(expires_at) AS first, min(together)"  # noqa: S608 - ours
            f" FROM waiting WHERE open = 1{where}"
            " GROUP BY case_id, agent, tool, oversight HAVING n > 1 ORDER BY first LIMIT ?"
        )
        rows = self._db.execute(sql, (*args, limit))
        return [
            Group(case, agent, tool, word, n, first, bool(alike)) for case, agent, tool, word, n, first, alike in rows
        ]

    def unfollowed(self) -> list[ActionRecord]:
        sql = "SELECT body FROM actions WHERE state = 'held' AND id NOT IN (SELECT action FROM waiting)"
        return self._records(sql, ())

    # Deputies

    def put_deputy(self, deputy: Deputy) -> None:
        row = (deputy.id, deputy.until, _pack(deputy))
        self._db.execute("INSERT OR REPLACE INTO deputies VALUES (?,?,?)", row)

    def deputy(self, deputy_id: str) -> Deputy | None:
        row = self._db.execute("SELECT body FROM deputies WHERE id = ?", (deputy_id,)).fetchone()
        return _deputy.decode(row[0]) if row else None

    def deputies(self, since: int) -> list[Deputy]:
        rows = self._db.execute("SELECT body FROM deputies WHERE until > ? ORDER BY until, id", (since,))
        return [found for row in rows if (found := _deputy.decode(row[0])).over_at > since]

    # Opened and answered

    def note_opened(self, action: str, person: str, at: int) -> bool:
        sql = "INSERT OR IGNORE INTO opened VALUES (?,?,?)"
        return self._db.execute(sql, (action, person, at)).rowcount == 1

    def opened(self, person: str, actions: Iterable[str]) -> dict[str, int]:
        sql = "SELECT at FROM opened WHERE action = ? AND person = ?"
        rows = {action: self._db.execute(sql, (action, person)).fetchone() for action in actions}
        return {action: row[0] for action, row in rows.items() if row}

    def note_decision(self, decision: Decision) -> None:
        d = decision
        row = (d.at, d.person, d.action, d.answer, d.reading_ms, int(d.tired), int(d.drill))
        self._db.execute("INSERT INTO decisions VALUES (?,?,?,?,?,?,?)", row)
        kinds = {
            d.answer: True,
            "read": d.reading_ms is not None,
            "fast": d.reading_ms is not None and d.reading_ms < FAST_MS,
            "tired": d.tired and d.answer == "turned",
        }
        for kind, so in kinds.items():
            if so:
                self._count(d.at, d.person, kind)

    def turned_since(self, person: str, since: int) -> int:
        sql = "SELECT count(*) FROM decisions WHERE person = ? AND at > ? AND answer = 'turned'"
        return int(self._db.execute(sql, (person, since)).fetchone()[0])

    def seen_since(self, since: int) -> frozenset[str]:
        sql = "SELECT person FROM decisions WHERE at > ? UNION SELECT person FROM opened WHERE at > ?"
        return frozenset(row[0] for row in self._db.execute(sql, (since, since)))

    # Drills and health

    def put_drill(self, drill: Drill) -> None:
        row = (drill.action, drill.opened_at, drill.result or "", _pack(drill))
        self._db.execute("INSERT OR REPLACE INTO drills VALUES (?,?,?,?)", row)

    def drill(self, action: str) -> Drill | None:
        row = self._db.execute("SELECT body FROM drills WHERE action = ?", (action,)).fetchone()
        return _drill.decode(row[0]) if row else None

    def drills(self, since: int) -> Drills:
        sql = "SELECT result, count(*) FROM drills WHERE opened_at >= ? AND result <> '' GROUP BY result"
        found = dict(self._db.execute(sql, (since,)))
        found.pop("denied", None)
        return Drills(**found)

    def drill_waits(self) -> bool:
        return self._db.execute("SELECT 1 FROM drills WHERE result = '' LIMIT 1").fetchone() is not None

    def recent_holds(self, limit: int) -> list[ActionRecord]:
        sql = (
            "SELECT body FROM (SELECT action, max(at) AS last FROM (SELECT action, at FROM decisions WHERE drill = 0"
            " ORDER BY at DESC LIMIT ?) GROUP BY action) CROSS JOIN actions ON id = action ORDER BY last DESC, action"
        )
        return [record for record in self._records(sql, (limit,)) if record.targets]

    def health(self, since: int, now: int) -> Health:
        sql = "SELECT hour, person, what, n FROM tallies WHERE person > ? AND hour >= ? ORDER BY hour, person"
        people = self._db.execute(sql, (WAITS, since // HOUR_MS)).fetchall()
        counts = self._sums("", since // HOUR_MS)
        waits = {int(bucket): n for bucket, n in self._sums(WAITS, since // DAY_MS * 24).items()}
        waiting = self._db.execute("SELECT count(*) FROM waiting WHERE open = 1").fetchone()[0]
        return health_of(since, now, waiting, counts, waits, people, self.drills(since))

    def _sums(self, whose: str, hour: int) -> dict[str, int]:
        sql = "SELECT what, sum(n) FROM tallies WHERE person = ? AND hour >= ? GROUP BY what"
        return dict(self._db.execute(sql, (whose, hour)))

    def _records(self, sql: str, args: Iterable[Any]) -> list[ActionRecord]:
        return [_action.decode(row[0]) for row in self._db.execute(sql, tuple(args))]


def _where(wanted: QueueFilter) -> tuple[str, list[Any]]:
    named = {column: value for name, column in _FILTERS.items() if (value := getattr(wanted, name))}
    return "".join(f" AND {column} = ?" for column in named), list(named.values())


def _bucket(waited_ms: int) -> int:
    """Eight steps to a doubling: a percentile read from them is right to a tenth."""
    return round(8 * math.log2(max(1, waited_ms)))
