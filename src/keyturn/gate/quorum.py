"""Who must turn: people's verbs about threshold sets, deputies, and the queue (``gate.quorum``)."""

from keyturn.core.quorum import DEFAULT_RULES, QuorumRule
from keyturn.gate.care_records import Deputy, Queue, QueueFilter, TurnRuling
from keyturn.gate.context import Context
from keyturn.gate.records import Person


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
        raise NotImplementedError

    async def wanted(self, who: Person, action_id: str) -> tuple[str, ...]:
        """What a hold still lacks, in words ("one lead or owner"); empty if nothing, or if it is no hold."""
        raise NotImplementedError

    async def queue(self, who: Person, wanted: QueueFilter | None = None, *, after: str = "", limit: int = 50) -> Queue:
        """What waits, the most pressing first: by expiry, and a weighty one as if it expired earlier."""
        raise NotImplementedError

    async def deputise(self, who: Person, deputy: str, until: int, absent: str = "") -> Deputy:
        """Let ``deputy`` stand in for ``who`` (or for ``absent``, said by an owner) until then: roles, no more.

        Raises ``NotFound``, ``InvalidInput``, ``Forbidden``.
        """
        raise NotImplementedError

    async def recall(self, who: Person, deputy_id: str) -> Deputy:
        """End a deputy's time now: the absent one, the deputy, or an owner says so."""
        raise NotImplementedError

    async def deputies(self, who: Person) -> list[Deputy]:
        """Who stands in for whom now, and will."""
        raise NotImplementedError
