"""Care for those who turn keys: reading time, a budget against fatigue, drills, and health (``gate.care``)."""

from collections.abc import Iterable

from keyturn.core.execution import State
from keyturn.gate import drills
from keyturn.gate.care_records import Budget, Health
from keyturn.gate.context import Context
from keyturn.gate.grants import OWNERS
from keyturn.gate.ports import Tx
from keyturn.gate.records import DECIDERS, ActionRecord, Person
from keyturn.gate.review import need, need_role
from keyturn.gate.standing import budget

ANSWERABLE = frozenset({State.HELD, State.READY, State.CONFIRMING})


class CareVerbs:
    """Made by the gate from its :class:`Context`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def opened(self, who: Person, action_id: str) -> int:
        """A person was shown a held action, all of it: when they first were. Recorded once a person and action.

        Of an action that waits for nobody nothing is kept, and the answer is now; so for a person who turns no keys.
        """
        ctx = self._ctx

        def first(tx: Tx) -> int | None:
            record = need(tx, action_id)
            if record.state not in ANSWERABLE or DECIDERS.isdisjoint(who.roles):
                return tx.now(ctx.clock.now())
            return tx.care.opened(who.id, (record.id,)).get(record.id)

        def work(tx: Tx) -> int:
            record, now = need(tx, action_id), tx.now(ctx.clock.now())
            person = need_role(tx, who, DECIDERS, "open a hold")
            if tx.care.note_opened(record.id, person.id, now):
                tx.record("opened", now, {"person": person.id}, action=record.id, case=record.case)
            return tx.care.opened(person.id, (record.id,))[record.id]

        found = await ctx.store.read(first)
        return found if found is not None else await ctx.store.write(work)

    async def opened_of(self, who: Person, action_ids: Iterable[str]) -> dict[str, int]:
        """When this person opened each of these actions, where they did."""
        wanted = tuple(action_ids)
        return await self._ctx.store.read(lambda tx: tx.care.opened(who.id, wanted))

    async def budget(self, who: Person) -> Budget:
        """How many keys this person turned in the last hour, of how many."""
        return await self._ctx.store.read(lambda tx: budget(self._ctx, tx, who.id, tx.now(self._ctx.clock.now())))

    async def health(self, who: Person, since: int) -> Health:
        """The checkpoint since the beginning of an hour, in numbers: overload and rubber-stamping show here."""
        return await self._ctx.store.read(lambda tx: tx.care.health(since, tx.now(self._ctx.clock.now())))

    async def drill(self, who: Person) -> ActionRecord:
        """An owner sends a drill now. Raises ``Conflict`` if there was no answered action yet to make one from."""

        def work(tx: Tx) -> ActionRecord:
            return drills.at_once(self._ctx, tx, need_role(tx, who, OWNERS, "send a drill").id)

        return await self._ctx.store.write(work)
