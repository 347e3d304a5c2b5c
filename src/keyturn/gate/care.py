"""Care for those who turn keys: reading time, a budget against fatigue, drills, and health (``gate.care``)."""

from collections.abc import Iterable

from keyturn.gate.care_records import Budget, Health
from keyturn.gate.context import Context
from keyturn.gate.records import ActionRecord, Person


class CareVerbs:
    """Made by the gate from its :class:`Context`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def opened(self, who: Person, action_id: str) -> int:
        """A person opened a held action on a page: when they first did. Recorded once a person and action.

        Of an action that waits for nobody nothing is kept, and the answer is now.
        """
        raise NotImplementedError

    async def opened_of(self, who: Person, action_ids: Iterable[str]) -> dict[str, int]:
        """When this person opened each of these actions, where they did."""
        raise NotImplementedError

    async def budget(self, who: Person) -> Budget:
        """How many keys this person turned in the last hour, of how many."""
        raise NotImplementedError

    async def health(self, who: Person, since: int) -> Health:
        """The checkpoint since a moment, in numbers: overload and rubber-stamping show here."""
        raise NotImplementedError

    async def drill(self, who: Person) -> ActionRecord:
        """An owner sends a drill now. Raises ``Conflict`` if there was no held action yet to make one from."""
        raise NotImplementedError
