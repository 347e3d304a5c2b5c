"""One transaction on SQLite: the gate's :class:`~keyturn.gate.ports.Tx` in SQL."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from keyturn.core.action import Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Chain, Oversight
from keyturn.core.mandate import Mandate
from keyturn.errors import StoreError
from keyturn.gate.records import ActionRecord, Agent, Person, Stop, ToolPin
from keyturn.store.access_rows import AccessRows
from keyturn.store.care_rows import CareRows
from keyturn.store.case_rows import CaseRows
from keyturn.store.journal_rows import JournalRows
from keyturn.store.oidc_rows import OidcRows
from keyturn.store.outbox_rows import OutboxRows
from keyturn.store.pulse_rows import PulseRows
from keyturn.store.remembered import Remembered

V = TypeVar("V", bound=msgspec.Struct)

_pack = msgspec.msgpack.Encoder().encode
_agent = msgspec.msgpack.Decoder(Agent)
_person = msgspec.msgpack.Decoder(Person)
_mandate = msgspec.msgpack.Decoder(Mandate)
_action = msgspec.msgpack.Decoder(ActionRecord)
_stop = msgspec.msgpack.Decoder(Stop)
_pin = msgspec.msgpack.Decoder(ToolPin)


_Row = tuple[Any, ...]
_PUT_ACTION = (
    "INSERT INTO actions VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
    " due_at = excluded.due_at, keyed = excluded.keyed, body = excluded.body, review_due = excluded.review_due"
)
SKEW_MS = 5 * 60 * 1000
"""How far a clock may be behind the newest entry: machines on one database differ by a little."""


class SqliteTx:
    """Reads and writes on one connection. The writer begins and commits; nobody else does."""

    def __init__(self, db: sqlite3.Connection, *, writes: bool = True) -> None:
        self._db, self._writes = db, writes
        self.journal = JournalRows(db)
        self.access = AccessRows(db)
        self.pulse = PulseRows(db, self.journal)
        self.cases = CaseRows(db, self.journal)
        self.outbox = OutboxRows(db)
        self.oidc = OidcRows(db)
        self._care = CareRows(db)
        self._seldom = Remembered(db)
        self._unwritten: dict[str, tuple[ActionRecord, _Row]] = {}
        self._spent: dict[str, tuple[int, int]] = {}
        self._spending: dict[str, tuple[int, int]] = {}
        self._saved: dict[str, tuple[int, int]] = {}

    def begin(self, how: str = "IMMEDIATE") -> None:
        """Open the transaction and look at the journal's head, and at what is remembered."""
        self._db.execute(f"BEGIN {how}")
        self._spent, self._spending, self._unwritten = {}, {}, {}
        self.journal.load()
        self._seldom.look()

    def savepoint(self) -> None:
        """Remember this point."""
        self.flush()
        self._db.execute("SAVEPOINT job")
        self._saved = dict(self._spending)
        self.journal.save()

    def keep(self) -> None:
        """Forget the savepoint: its work stands."""
        self.flush()
        self._db.execute("RELEASE job")

    def undo(self) -> None:
        """Come back to the savepoint, and forget it."""
        self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")
        self._spending, self._unwritten = self._saved, {}
        self._seldom.forget()
        self.journal.undo()

    def flush(self) -> None:
        """Write the actions that were put off: whoever asks SQL for actions, or counts them, does so first."""
        if self._unwritten:
            rows = [row for _, row in self._unwritten.values()]
            self._unwritten = {}
            self._db.executemany(_PUT_ACTION, rows)

    def commit(self) -> None:
        """Make all of it durable: what mandates have spent, the journal and its tree included."""
        self.flush()
        self._db.executemany(
            "UPDATE mandates SET spent_actions = spent_actions + ?, spent_responds = spent_responds + ? WHERE id = ?",
            [(*spent, mandate) for mandate, spent in self._spending.items()],
        )
        self.journal.flush()
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Give all of it up."""
        self._seldom.forget()
        if self._db.in_transaction:
            self._db.rollback()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _one(self, decoder: "msgspec.msgpack.Decoder[V]", sql: str, args: tuple[Any, ...]) -> V | None:
        self.flush()
        row = self._db.execute(sql, args).fetchone()
        return decoder.decode(row[0]) if row else None

    def _all(self, decoder: "msgspec.msgpack.Decoder[V]", sql: str, args: Iterable[Any] = ()) -> list[V]:
        self.flush()
        return [decoder.decode(row[0]) for row in self._db.execute(sql, tuple(args))]

    # Who

    def agent(self, agent_id: str) -> Agent | None:
        sql = "SELECT body FROM agents WHERE id=?"
        return self._seldom.get(("agent", agent_id), lambda: self._one(_agent, sql, (agent_id,)))

    def agent_by_token(self, token_hash: str) -> Agent | None:
        sql = "SELECT body FROM agents WHERE token_hash=?"
        return self._seldom.get(("token", token_hash), lambda: self._one(_agent, sql, (token_hash,)))

    def agents(self) -> list[Agent]:
        return self._all(_agent, "SELECT body FROM agents ORDER BY id")

    def put_agent(self, agent: Agent) -> None:
        self._db.execute("INSERT OR REPLACE INTO agents VALUES (?,?,?)", (agent.id, agent.token_hash, _pack(agent)))
        self._seldom.changed()

    def person(self, person_id: str) -> Person | None:
        sql = "SELECT body FROM people WHERE id = ? OR id = (SELECT person FROM aliases WHERE alias = ?)"
        return self._one(_person, sql, (person_id, person_id))

    def person_by_token(self, token_hash: str) -> Person | None:
        return self._one(_person, "SELECT body FROM people WHERE token_hash=? AND token_hash<>''", (token_hash,))

    def people(self) -> list[Person]:
        return self._all(_person, "SELECT body FROM people ORDER BY id")

    def put_person(self, person: Person) -> None:
        self._db.execute("INSERT OR REPLACE INTO people VALUES (?,?,?)", (person.id, person.token_hash, _pack(person)))
        self._db.execute("DELETE FROM aliases WHERE person=?", (person.id,))
        self._db.executemany("INSERT INTO aliases VALUES (?,?)", [(alias, person.id) for alias in person.aliases])

    # Mandates

    def mandate(self, mandate_id: str) -> Mandate | None:
        sql = "SELECT body FROM mandates WHERE id=?"
        return self._seldom.get(("mandate", mandate_id), lambda: self._one(_mandate, sql, (mandate_id,)))

    def mandates(self, *, agent: str | None = None, live_at: int | None = None) -> list[Mandate]:
        if agent is None:
            found = self._all(_mandate, "SELECT body FROM mandates ORDER BY id")
        else:
            sql = "SELECT body FROM mandates WHERE agent = ? ORDER BY id"
            found = self._seldom.get(("mandates", agent), lambda: self._all(_mandate, sql, (agent,)))
        return [m for m in found if live_at is None or m.live(live_at)]

    def put_mandate(self, mandate: Mandate) -> None:
        self._db.execute(
            "INSERT INTO mandates (id, agent, expires_at, body) VALUES (?,?,?,?)"
            " ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body",
            (mandate.id, mandate.agent, mandate.expires_at, _pack(mandate)),
        )
        self._seldom.changed()

    def spend(self, mandate_id: str, *, actions: int, responds: int, targets: Iterable[Target]) -> None:
        more = self._spending.get(mandate_id, (0, 0))
        self._spending[mandate_id] = (more[0] + actions, more[1] + responds)
        rows = [(mandate_id, t.kind, t.id) for t in targets]
        if rows:
            self._db.executemany("INSERT OR IGNORE INTO mandate_targets VALUES (?,?,?)", rows)

    def spent(self, mandate_id: str) -> tuple[int, int, frozenset[Target]]:
        if (before := self._spent.get(mandate_id)) is None:
            sql = "SELECT spent_actions, spent_responds FROM mandates WHERE id=?"
            before = self._spent[mandate_id] = self._db.execute(sql, (mandate_id,)).fetchone() or (0, 0)
        more = self._spending.get(mandate_id, (0, 0))
        actions, responds = before[0] + more[0], before[1] + more[1]
        if not responds:
            return actions, 0, frozenset()
        rows = self._db.execute("SELECT kind, id FROM mandate_targets WHERE mandate=?", (mandate_id,))
        return actions, responds, frozenset(Target(kind, name) for kind, name in rows)

    def open_holds(self, agent: str, case: str) -> int:
        self.flush()
        sql = "SELECT count FROM open_holds WHERE agent = ? AND case_id = ?"
        row = self._db.execute(sql, (agent, case)).fetchone()
        return int(row[0]) if row else 0

    def chain(self, agents: Iterable[str], case: str) -> Chain:
        steps: dict[ToolRef, bool] = {}
        for agent in agents:
            for tool, analysed in self._steps(agent, case).items():
                steps[tool] = analysed or steps.get(tool, False)
        return Chain(tools=len(steps), upstreams=len({tool.upstream for tool in steps}), analysed=any(steps.values()))

    def note_chain(self, agent: str, case: str, tool: ToolRef, *, analysed: bool) -> None:
        known = self._steps(agent, case).get(tool)
        if known is None or analysed > known:
            row = (agent, case, tool.upstream, tool.name, int(analysed))
            self._db.execute("INSERT OR REPLACE INTO chains VALUES (?,?,?,?,?)", row)
            self._seldom.changed()

    def _steps(self, agent: str, case: str) -> Mapping[ToolRef, bool]:
        """The tools that the agent has used in the case, and whether it analysed with each."""
        sql = "SELECT upstream, tool, analysed FROM chains WHERE agent=? AND case_id=?"
        return self._seldom.get(
            ("chain", agent, case),
            lambda: {ToolRef(up, name): bool(a) for up, name, a in self._db.execute(sql, (agent, case))},
        )

    # Actions

    @property
    def care(self) -> CareRows:
        self.flush()
        return self._care

    def action(self, action_id: str) -> ActionRecord | None:
        if (unwritten := self._unwritten.get(action_id)) is not None:
            return unwritten[0]
        return self._one(_action, "SELECT body FROM actions WHERE id=?", (action_id,))

    def put_action(self, record: ActionRecord) -> None:
        r = record
        keyed = int(r.hold is not None and bool(r.hold.keys))
        row = (
            r.id, r.state.value, r.agent, r.mandate, r.case, r.tool.upstream, r.fingerprint, r.due_at, keyed,
            _pack(r), int(r.review_due),
        )  # fmt: skip
        self._unwritten[r.id] = (r, row)
        if r.hold is not None:
            self.care.note_hold(r)
        if r.state is State.REFUSED:
            self._seldom.changed()

    def actions(
        self,
        *,
        states: Iterable[State],
        upstreams: Iterable[str] | None = None,
        due_by: int | None = None,
        after: tuple[int, str] = (0, ""),
        limit: int = 100,
    ) -> list[ActionRecord]:
        # One statement a state: SQLite uses a partial index only for `state = 'held'` spelled out.
        found: list[ActionRecord] = []
        names = sorted(upstreams) if upstreams is not None else None
        where = "AND (due_at, id) > (?, ?)" + (" AND due_at <= ?" if due_by is not None else "")
        args: list[Any] = [*after, *([due_by] if due_by is not None else [])]
        if names is not None:
            where += f" AND upstream IN ({','.join('?' * len(names))})"
            args += names
        for state in states:
            sql = f"SELECT body FROM actions WHERE state = '{state.value}' {where} ORDER BY due_at, id LIMIT ?"  # noqa: S608 - enum values and ? marks only
            found += self._all(_action, sql, [*args, limit])
        return sorted(found, key=lambda r: (r.due_at, r.id))[:limit]

    def keyed_holds(self) -> list[ActionRecord]:
        return self._all(_action, "SELECT body FROM actions WHERE state = 'held' AND keyed = 1 ORDER BY id")

    def reviews_due(self, limit: int) -> list[ActionRecord]:
        found = self._all(_action, "SELECT body FROM actions WHERE review_due = 1 ORDER BY id LIMIT ?", (limit,))
        return [record for record in found if record.review_due]

    def actions_like(self, start: str, limit: int) -> list[ActionRecord]:
        return self._all(
            _action, "SELECT body FROM actions WHERE id >= ? AND id < ? LIMIT ?", (start, start + "\uffff", limit)
        )

    def held_twin(self, agent: str, fingerprint: str) -> ActionRecord | None:
        sql = "SELECT body FROM actions WHERE state = 'held' AND agent = ? AND fingerprint = ?"
        return self._one(_action, sql, (agent, fingerprint))

    def unconfirmed_twin(self, agent: str, fingerprint: str) -> ActionRecord | None:
        # Few are executing or reverting at a time, so only the confirming ones have an index for this.
        for state in (State.CONFIRMING, State.EXECUTING, State.REVERTING):
            sql = f"SELECT body FROM actions WHERE state = '{state.value}' AND agent = ? AND fingerprint = ?"  # noqa: S608 - an enum value
            for record in self._all(_action, sql, (agent, fingerprint)):
                if record.oversight is Oversight.CONFIRM:
                    return record
        return None

    def refused_before(self, case: str, fingerprint: str) -> bool:
        return fingerprint in self._seldom.get(("refused", case), lambda: self._refused(case))

    def _refused(self, case: str) -> set[str]:
        self.flush()
        sql = "SELECT fingerprint FROM actions WHERE state = 'refused' AND case_id = ?"
        return {row[0] for row in self._db.execute(sql, (case,))}

    # Stops and pins

    def stops(self) -> list[Stop]:
        sql = "SELECT body FROM stops WHERE lifted = 0 ORDER BY id"
        return list(self._seldom.get("stops", lambda: self._all(_stop, sql)))

    def put_stop(self, stop: Stop) -> None:
        lifted = int(stop.lifted_at is not None)
        self._db.execute("INSERT OR REPLACE INTO stops VALUES (?,?,?)", (stop.id, lifted, _pack(stop)))
        self._seldom.changed()

    def stop(self, stop_id: str) -> Stop | None:
        return self._one(_stop, "SELECT body FROM stops WHERE id=?", (stop_id,))

    def pin(self, tool: ToolRef) -> ToolPin | None:
        sql = "SELECT body FROM pins WHERE upstream=? AND tool=?"
        return self._seldom.get(("pin", tool), lambda: self._one(_pin, sql, (tool.upstream, tool.name)))

    def put_pin(self, pin: ToolPin) -> None:
        self._db.execute("INSERT OR REPLACE INTO pins VALUES (?,?,?)", (pin.tool.upstream, pin.tool.name, _pack(pin)))
        self._seldom.changed()

    # Journal

    def now(self, wall: int) -> int:
        if self._writes and (behind := self.behind(wall)):
            raise StoreError(
                f"this machine's clock is {_long(behind)} behind the journal's newest entry, so nothing runs",
                hint="set the clock right, or wait; if it is right, an owner says so: keyturn journal accept-clock",
            )
        return self.latest(wall)

    def latest(self, wall: int) -> int:
        return max(wall + self.journal.ahead, self.journal.at)

    def behind(self, wall: int) -> int:
        behind = self.journal.at - wall - self.journal.ahead
        return behind if behind > SKEW_MS else 0

    def accept_clock(self, behind: int) -> None:
        self.journal.ahead += behind

    def record(
        self,
        kind: str,
        at: int,
        body: Mapping[str, Any],
        payloads: Mapping[str, bytes] = {},
        *,
        action: str = "",
        case: str = "",
    ) -> int:
        return self.journal.append(kind, at, body, payloads, action, case)

    def payload(self, action: str, name: str) -> bytes | None:
        return self.journal.payload(action, name)

    def setting(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM settings WHERE name=?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def put_setting(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?,?)", (name, value))


def _long(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    return (
        f"{minutes} minutes"
        if minutes < 120
        else f"{minutes // 60} hours"
        if minutes < 2880
        else f"{minutes // 1440} days"
    )
