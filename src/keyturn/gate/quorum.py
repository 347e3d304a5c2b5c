"""Who must turn: people's verbs about threshold sets, deputies, and the queue (``gate.quorum``)."""

from collections.abc import Callable

import msgspec

from keyturn.core.execution import State
from keyturn.core.hold import person_id
from keyturn.core.quorum import DEFAULT_RULES, QuorumRule
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound
from keyturn.gate import queue
from keyturn.gate.care_records import Deputy, Queue, QueueFilter, QueueRow, TurnRuling
from keyturn.gate.context import Context, new_id
from keyturn.gate.ports import Tx
from keyturn.gate.records import DECIDERS, ActionRecord, Person, Role
from keyturn.gate.review import need, need_role
from keyturn.gate.situation import read_facts
from keyturn.gate.standing import place, wanted
from keyturn.gate.submit import action_of

MAX_GROUPS = 50
MAX_PAGE = 500
MAX_DEPUTY_MS = 60 * 24 * 3600 * 1000


class QuorumVerbs:
    """Made by the gate from its :class:`Context`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def rules(self) -> tuple[QuorumRule, ...]:
        """The threshold sets in force, in order: the first that fits an action decides. The defaults come last."""
        return (*self._ctx.quorum, *DEFAULT_RULES)

    async def explain_turn(self, who: Person, action_id: str, person: str = "") -> TurnRuling:
        """May this person turn a key on it, by which policies, and would it help? ``person``: another one than ``who``.

        Raises ``NotFound``; ``Conflict`` if the action is not held.
        """
        return await self._ctx.store.read(lambda tx: _explain(self._ctx, tx, need(tx, action_id), person or who.id))

    async def wanted(self, who: Person, action_id: str) -> tuple[str, ...]:
        """What a hold still lacks, in words ("one lead or owner"); empty if nothing, or if it is no hold."""

        return await self._ctx.store.read(lambda tx: self.lacking(tx, need(tx, action_id)))

    def lacking(self, tx: Tx, record: ActionRecord) -> tuple[str, ...]:
        """:meth:`wanted` within a transaction of the gate."""
        return wanted(self._ctx, tx, record, tx.now(self._ctx.clock.now())) if record.state is State.HELD else ()

    async def queue(self, who: Person, wanted: QueueFilter | None = None, *, after: str = "", limit: int = 50) -> Queue:
        """What waits, the most pressing first: by expiry, and a weighty one as if it expired earlier."""
        chosen, limit = wanted or QueueFilter(), max(1, min(limit, MAX_PAGE))
        return await self._ctx.store.read(lambda tx: _queue(self._ctx, tx, who, chosen, after, limit))

    async def deputise(self, who: Person, deputy: str, until: int, absent: str = "") -> Deputy:
        """Let ``deputy`` stand in for ``who`` (or for ``absent``, said by an owner) until then: roles, no more.

        Raises ``NotFound``, ``InvalidInput``, ``Forbidden``.
        """
        return await self._ctx.store.write(_deputise(self._ctx, who, deputy, until, absent))

    async def recall(self, who: Person, deputy_id: str) -> Deputy:
        """End a deputy's time now: the absent one, the deputy, or an owner says so."""
        return await self._ctx.store.write(_recall(self._ctx, who, deputy_id))

    async def deputies(self, who: Person) -> list[Deputy]:
        """Who stands in for whom now, and will."""
        return await self._ctx.store.read(lambda tx: tx.care.deputies(tx.now(self._ctx.clock.now())))


def _explain(ctx: Context, tx: Tx, record: ActionRecord, name: str) -> TurnRuling:
    person, hold = tx.person(person_id(name)), record.hold
    if person is None or person.revoked_at is not None:
        raise NotFound(f"there is no person {name[:80]!r}", hint="list them: keyturn person list")
    if record.state is not State.HELD or hold is None:
        raise Conflict(f"{record.id} is {record.state.value}, not held", hint="only a hold takes keys")
    definition = ctx.tools.definition(record.tool)
    action = action_of(tx, record)
    facts, _ = read_facts(ctx, tx, action, definition, record.fingerprint, held=True)
    if definition is not None:
        hold = hold.renewed(hold.oversight, ctx.policy.hash, definition.fingerprint)
    found = place(ctx, tx, action, hold, facts, person)
    ruling = ctx.policy.may_turn(found.turn)
    return TurnRuling(
        **msgspec.structs.asdict(ruling),
        person=person.id,
        roles=found.standing.roles,
        deputy_for=found.standing.deputy_for,
        helps=found.helps,
        independent=found.independent,
        wanted=wanted(ctx, tx, record, facts.now),
        tired=found.turn.tired,
        others=found.turn.others,
        opened_at=tx.care.opened(person.id, (record.id,)).get(record.id),
    )


def _queue(ctx: Context, tx: Tx, who: Person, chosen: QueueFilter, after: str, limit: int) -> Queue:
    now = tx.now(ctx.clock.now())
    records = tx.care.queue(chosen, after, limit)
    opened = tx.care.opened(who.id, (record.id for record in records))
    rows = tuple(
        QueueRow(record, queue.weight(record), wanted(ctx, tx, record, now), opened.get(record.id))
        for record in records
    )
    return Queue(
        rows,
        tx.care.queue_total(chosen),
        tuple(tx.care.queue_groups(chosen, MAX_GROUPS)),
        records[-1].id if len(records) == limit else "",
    )


def _deputise(ctx: Context, who: Person, deputy: str, until: int, absent: str) -> Callable[[Tx], Deputy]:
    def work(tx: Tx) -> Deputy:
        now = tx.now(ctx.clock.now())
        by = need_role(tx, who, DECIDERS, "name a deputy")
        away = _live(tx, absent or by.id)
        if away.id != by.id and Role.OWNER not in by.roles:
            raise Forbidden(f"{by.id} may not name a deputy for {away.id}", hint="they do, or an owner does")
        stand_in = _live(tx, deputy)
        if stand_in.id == away.id or DECIDERS.isdisjoint(stand_in.roles):
            hint = "somebody else, who may turn keys themselves"
            raise InvalidInput(f"{stand_in.id} can't be the deputy of {away.id}", hint=hint)
        if not now < until <= now + MAX_DEPUTY_MS:
            raise InvalidInput("a deputy's time ends within 60 days from now")
        made = Deputy(id=new_id("d", now), absent=away.id, deputy=stand_in.id, since=now, until=until, by=by.id)
        tx.care.put_deputy(made)
        body = {"id": made.id, "absent": made.absent, "deputy": made.deputy, "until": until, "by": by.id}
        tx.record("deputised", now, body)
        return made

    return work


def _recall(ctx: Context, who: Person, deputy_id: str) -> Callable[[Tx], Deputy]:
    def work(tx: Tx) -> Deputy:
        now, found = tx.now(ctx.clock.now()), tx.care.deputy(deputy_id)
        by = need_role(tx, who, DECIDERS, "recall a deputy")
        if found is None:
            raise NotFound(f"there is no deputy {deputy_id[:40]!r}")
        if by.id not in (found.absent, found.deputy) and Role.OWNER not in by.roles:
            raise Forbidden(f"{by.id} may not recall {found.deputy}", hint=f"{found.absent} or an owner does")
        if not found.live(now):
            raise Conflict(f"{found.id} is over already")
        ended = msgspec.structs.replace(found, ended_at=now)
        tx.care.put_deputy(ended)
        tx.record("deputy_recalled", now, {"id": found.id, "absent": found.absent, "by": by.id})
        return ended

    return work


def _live(tx: Tx, name: str) -> Person:
    found = tx.person(person_id(name))
    if found is None or found.revoked_at is not None:
        raise NotFound(f"there is no live person {name[:80]!r}", hint="list them: keyturn person list")
    return found
