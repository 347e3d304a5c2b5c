"""What the care for people needs of the store, within a transaction (see :class:`keyturn.gate.ports.Tx`)."""

from collections.abc import Iterable
from typing import Protocol

from keyturn.gate.care_records import Decision, Deputy, Drills, Group, Health, QueueFilter
from keyturn.gate.drill_records import Drill
from keyturn.gate.records import ActionRecord


class CareRows(Protocol):
    """Deputies, who opened what, answers, drills, and the queue in order."""

    def put_deputy(self, deputy: Deputy) -> None: ...
    def deputy(self, deputy_id: str) -> Deputy | None: ...
    def deputies(self, since: int) -> list[Deputy]:
        """Those whose time reaches past ``since``; ended early ones included."""
        ...

    def note_opened(self, action: str, person: str, at: int) -> bool:
        """Keep that a person opened an action; False if that is kept already."""
        ...

    def opened(self, person: str, actions: Iterable[str]) -> dict[str, int]:
        """When the person opened each of these, where they did."""
        ...

    def note_decision(self, decision: Decision) -> None: ...
    def turned_since(self, person: str, since: int) -> int:
        """How many keys the person turned after that moment."""
        ...

    def seen_since(self, since: int) -> frozenset[str]:
        """Who opened or answered anything after that moment."""
        ...

    def escalating(self, now: int, limit: int) -> list[ActionRecord]:
        """The open holds for which further roles have begun to count, and that is not recorded yet."""
        ...

    def queue(self, wanted: QueueFilter, after: str, limit: int) -> list[ActionRecord]:
        """Open holds, the most pressing first, past the one of the id ``after``."""
        ...

    def unfollowed(self) -> list[ActionRecord]:
        """Held actions that an earlier version left out of the queue."""
        ...

    def queue_total(self, wanted: QueueFilter) -> int: ...
    def queue_groups(self, wanted: QueueFilter, limit: int) -> list[Group]:
        """Two or more alike open holds of one case, the first to expire first."""
        ...

    def put_drill(self, drill: Drill) -> None: ...
    def drill(self, action: str) -> Drill | None: ...
    def drill_waits(self) -> bool:
        """A drill is open now: for the gate's own planning, and nobody's eyes."""
        ...

    def drills(self, since: int) -> Drills: ...
    def recent_holds(self, limit: int) -> list[ActionRecord]:
        """The actions that were held last, drills left out."""
        ...

    def health(self, since: int, now: int) -> Health: ...
