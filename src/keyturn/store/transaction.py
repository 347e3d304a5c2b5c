"""One transaction on SQLite: the gate's :class:`~keyturn.gate.ports.Tx` in SQL."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from keyturn.core.action import Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Chain
from keyturn.core.mandate import Mandate
from keyturn.gate.records import ActionRecord, Agent, Person, Stop, ToolPin
from keyturn.store.journal_rows import JournalRows

V = TypeVar("V", bound=msgspec.Struct)

_pack = msgspec.msgpack.Encoder().encode
_agent = msgspec.msgpack.Decoder(Agent)
_person = msgspec.msgpack.Decoder(Person)
_mandate = msgspec.msgpack.Decoder(Mandate)
_action = msgspec.msgpack.Decoder(ActionRecord)
_stop = msgspec.msgpack.Decoder(Stop)
_pin = msgspec.msgpack.Decoder(ToolPin)


class SqliteTx:
    """Reads and writes on one connection. The writer begins and commits; nobody else does."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.journal = JournalRows(db)

    def begin(self) -> None:
        """Open the transaction and look at the journal's head."""
        self._db.execute("BEGIN IMMEDIATE")
        self.journal.load()

    def savepoint(self) -> None:
        """Remember this point."""
        self._db.execute("SAVEPOINT job")
        self.journal.save()

    def keep(self) -> None:
        """Forget the savepoint: its work stands."""
        self._db.execute("RELEASE job")

    def undo(self) -> None:
        """Come back to the savepoint, and forget it."""
        self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")
        self.journal.undo()

    def commit(self) -> None:
        """Make all of it durable, the journal's tree included."""
        self.journal.flush()
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Give all of it up."""
        if self._db.in_transaction:
            self._db.rollback()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _one(self, decoder: "msgspec.msgpack.Decoder[V]", sql: str, args: tuple[Any, ...]) -> V | None:
        row = self._db.execute(sql, args).fetchone()
        return decoder.decode(row[0]) if row else None

    def _all(self, decoder: "msgspec.msgpack.Decoder[V]", sql: str, args: Iterable[Any] = ()) -> list[V]:
        return [decoder.decode(row[0]) for row in self._db.execute(sql, tuple(args))]

    # Who

    def agent(self, agent_id: str) -> Agent | None:
        return self._one(_agent, "SELECT body FROM agents WHERE id=?", (agent_id,))

    def agent_by_token(self, token_hash: str) -> Agent | None:
        return self._one(_agent, "SELECT body FROM agents WHERE token_hash=?", (token_hash,))

    def agents(self) -> list[Agent]:
        return self._all(_agent, "SELECT body FROM agents ORDER BY id")

    def put_agent(self, agent: Agent) -> None:
        self._db.execute("INSERT OR REPLACE INTO agents VALUES (?,?,?)", (agent.id, agent.token_hash, _pack(agent)))

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
        return self._one(_mandate, "SELECT body FROM mandates WHERE id=?", (mandate_id,))

    def mandates(self, *, agent: str | None = None, live_at: int | None = None) -> list[Mandate]:
        sql = (
            "SELECT body FROM mandates WHERE (?1 IS NULL OR agent = ?1) AND (?2 IS NULL OR expires_at > ?2) ORDER BY id"
        )
        if agent is not None and live_at is not None:
            sql = "SELECT body FROM mandates WHERE agent = ?1 AND expires_at > ?2"
        found = self._all(_mandate, sql, (agent, live_at))
        return [m for m in found if live_at is None or m.live(live_at)]

    def put_mandate(self, mandate: Mandate) -> None:
        self._db.execute(
            "INSERT INTO mandates (id, agent, expires_at, body) VALUES (?,?,?,?)"
            " ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body",
            (mandate.id, mandate.agent, mandate.expires_at, _pack(mandate)),
        )

    def spend(self, mandate_id: str, *, actions: int, responds: int, targets: Iterable[Target]) -> None:
        self._db.execute(
            "UPDATE mandates SET spent_actions = spent_actions + ?, spent_responds = spent_responds + ? WHERE id = ?",
            (actions, responds, mandate_id),
        )
        rows = [(mandate_id, t.kind, t.id) for t in targets]
        if rows:
            self._db.executemany("INSERT OR IGNORE INTO mandate_targets VALUES (?,?,?)", rows)

    def spent(self, mandate_id: str) -> tuple[int, int, frozenset[Target]]:
        row = self._db.execute(
            "SELECT spent_actions, spent_responds FROM mandates WHERE id=?", (mandate_id,)
        ).fetchone()
        actions, responds = row or (0, 0)
        if not responds:
            return actions, 0, frozenset()
        rows = self._db.execute("SELECT kind, id FROM mandate_targets WHERE mandate=?", (mandate_id,))
        return actions, responds, frozenset(Target(kind, name) for kind, name in rows)

    def open_holds(self, agent: str, case: str) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM actions WHERE state = 'held' AND agent = ? AND case_id = ?", (agent, case)
        ).fetchone()
        return int(row[0])

    def chain(self, agent: str, case: str) -> Chain:
        row = self._db.execute(
            "SELECT count(*), count(DISTINCT upstream), coalesce(max(analysed), 0) FROM chains"
            " WHERE agent=? AND case_id=?",
            (agent, case),
        ).fetchone()
        return Chain(tools=row[0], upstreams=row[1], analysed=bool(row[2]))

    def note_chain(self, agent: str, case: str, tool: ToolRef, *, analysed: bool) -> None:
        self._db.execute(
            "INSERT INTO chains VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET analysed = excluded.analysed"
            " WHERE excluded.analysed > analysed",
            (agent, case, tool.upstream, tool.name, int(analysed)),
        )

    # Actions

    def action(self, action_id: str) -> ActionRecord | None:
        return self._one(_action, "SELECT body FROM actions WHERE id=?", (action_id,))

    def put_action(self, record: ActionRecord) -> None:
        r = record
        keyed = int(r.hold is not None and bool(r.hold.keys))
        self._db.execute(
            "INSERT OR REPLACE INTO actions VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                r.id, r.state.value, r.agent, r.mandate, r.case, r.tool.upstream, r.fingerprint, r.due_at, keyed,
                _pack(r),
            ),
        )  # fmt: skip

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

    def actions_like(self, start: str, limit: int) -> list[ActionRecord]:
        return self._all(
            _action, "SELECT body FROM actions WHERE id >= ? AND id < ? LIMIT ?", (start, start + "\uffff", limit)
        )

    def held_twin(self, agent: str, fingerprint: str) -> ActionRecord | None:
        sql = "SELECT body FROM actions WHERE state = 'held' AND agent = ? AND fingerprint = ?"
        return self._one(_action, sql, (agent, fingerprint))

    def refused_before(self, case: str, fingerprint: str) -> bool:
        sql = "SELECT 1 FROM actions WHERE state = 'refused' AND case_id = ? AND fingerprint = ?"
        return self._db.execute(sql, (case, fingerprint)).fetchone() is not None

    # Stops and pins

    def stops(self) -> list[Stop]:
        return self._all(_stop, "SELECT body FROM stops WHERE lifted = 0 ORDER BY id")

    def put_stop(self, stop: Stop) -> None:
        lifted = int(stop.lifted_at is not None)
        self._db.execute("INSERT OR REPLACE INTO stops VALUES (?,?,?)", (stop.id, lifted, _pack(stop)))

    def stop(self, stop_id: str) -> Stop | None:
        return self._one(_stop, "SELECT body FROM stops WHERE id=?", (stop_id,))

    def pin(self, tool: ToolRef) -> ToolPin | None:
        return self._one(_pin, "SELECT body FROM pins WHERE upstream=? AND tool=?", (tool.upstream, tool.name))

    def put_pin(self, pin: ToolPin) -> None:
        self._db.execute("INSERT OR REPLACE INTO pins VALUES (?,?,?)", (pin.tool.upstream, pin.tool.name, _pack(pin)))

    # Journal

    def now(self, wall: int) -> int:
        return max(wall, self.journal.at)

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
        sql = "SELECT body FROM payloads WHERE action=? AND name=? ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(sql, (action, name)).fetchone()
        return bytes(row[0]) if row else None

    def setting(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM settings WHERE name=?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def put_setting(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?,?)", (name, value))
