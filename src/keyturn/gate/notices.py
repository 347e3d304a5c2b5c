"""What people are told: notices, written with the event that they tell of, in its own transaction.

A notice holds ids, words of our own and counts; no argument, no result, no rationale, no reason that anybody wrote. Who
hears of it is configured (:class:`Listener`); sending is somebody else's work (``gate.outbox``, ``notify``), so nothing
here can hold an action up, and what runs free is never told.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.gate.records import ActionRecord, Stop

if TYPE_CHECKING:
    from keyturn.gate.context import Context
    from keyturn.gate.ports import Tx


class Event(StrEnum):
    """What a notice can tell of."""

    HELD = "held"
    CONFIRMING = "confirming"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    ESCALATED = "escalated"
    UNKNOWN = "unknown"
    REVERTED = "reverted"
    STOPPED = "stopped"
    RESUMED = "resumed"
    DRILL_ENDED = "drill_ended"
    TEST = "test"


STATES = {
    State.HELD: Event.HELD,
    State.CONFIRMING: Event.CONFIRMING,
    State.EXPIRED: Event.EXPIRED,
    State.UNKNOWN: Event.UNKNOWN,
    State.REVERTED: Event.REVERTED,
}


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as people hear of it. ``id`` is the same for the same event, however often it is announced.

    ``entry`` is the index of the event's journal entry, -1 if it has none. ``targets`` counts them by kind.
    ``roles``: whom it concerns, empty for everybody. ``scope``, ``subject`` and ``by`` are those of a stop.
    """

    id: str
    event: Event
    at: int
    entry: int = -1
    action: str = ""
    case: str = ""
    tool: str = ""
    agent: str = ""
    oversight: str = ""
    reversible: str = ""
    targets: dict[str, int] = {}
    due_at: int = 0
    roles: tuple[str, ...] = ()
    scope: str = ""
    subject: str = ""
    by: str = ""


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to hear of what: a target's name, its events (empty: all) and roles (empty: all), and for how long
    sending is tried."""

    name: str
    events: frozenset[Event] = frozenset()
    roles: frozenset[str] = frozenset()
    give_up_s: int = 6 * 3600

    def wants(self, event: Event, roles: Iterable[str] = ()) -> bool:
        """Whether this is for it."""
        concerned = frozenset(roles)
        return (not self.events or event in self.events) and not (
            self.roles and concerned and not self.roles & concerned
        )


def announce(ctx: "Context", tx: "Tx", notice: Notice) -> None:
    """Put the notice into the outbox for each listener that wants it; once, however often it is announced."""
    for listener in ctx.listeners:
        if listener.wants(notice.event, notice.roles):
            tx.outbox.put(notice, listener.name, notice.at, notice.at + listener.give_up_s * 1000)


def of_action(event: Event, record: ActionRecord, at: int, entry: int = -1, roles: tuple[str, ...] = ()) -> Notice:
    """What to tell of an action. The id tells this event from the next of its kind: by its entry, or when it is due."""
    return Notice(
        id=f"{event.value}-{record.id}-{entry if entry >= 0 else record.due_at}",
        event=event,
        at=at,
        entry=entry,
        action=record.id,
        case=record.case,
        tool=str(record.tool),
        agent=record.agent,
        oversight=(record.oversight or Oversight.FREE).word,
        reversible=record.reversible.value,
        targets=dict(Counter(target.kind for target in record.targets)),
        due_at=record.due_at,
        roles=roles,
    )


def moved(ctx: "Context", tx: "Tx", record: ActionRecord, entry: int) -> None:
    """An action came into its present state, by the journal's ``entry``: tell those who want to hear of it."""
    event = STATES.get(record.state)
    if event is not None and ctx.listeners:
        announce(ctx, tx, of_action(event, record, record.changed_at, entry))


def stop_changed(ctx: "Context", tx: "Tx", stop: Stop, at: int, entry: int) -> None:
    """A stop was pressed or lifted."""
    event, by = (Event.STOPPED, stop.by) if stop.lifted_at is None else (Event.RESUMED, stop.lifted_by)
    notice = Notice(
        id=f"{event.value}-{stop.id}",
        event=event,
        at=at,
        entry=entry,
        scope=stop.scope.value,
        subject=stop.subject,
        by=by,
    )
    announce(ctx, tx, notice)
