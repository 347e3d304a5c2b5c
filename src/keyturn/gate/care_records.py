"""What the gate keeps of the people at the checkpoint, and what it tells of them: one frozen value a row.

Times in milliseconds since 1970, UTC, unless a name ends in ``_s``.
"""

from typing import Literal

import msgspec

from keyturn.core.policy import Ruling
from keyturn.gate.records import ActionRecord

Answer = Literal["turned", "refused"]


class Deputy(msgspec.Struct, frozen=True, kw_only=True):
    """``deputy`` may do what ``absent`` may, until then: the roles, and no more. A person still counts once."""

    id: str
    absent: str
    deputy: str
    since: int
    until: int
    by: str
    ended_at: int | None = None

    @property
    def over_at(self) -> int:
        """When it ended, or will."""
        return self.until if self.ended_at is None else min(self.until, self.ended_at)

    def live(self, now: int) -> bool:
        """In force at this moment."""
        return self.since <= now < self.over_at


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One person's answer to one hold. ``reading_ms`` from opening it to the answer, None if it was never opened."""

    at: int
    person: str
    action: str
    answer: Answer
    reading_ms: int | None
    tired: bool
    drill: bool = False


class TurnRuling(Ruling, frozen=True, kw_only=True):
    """May this person turn a key here, and why. ``helps``: the key would fill an empty place. ``wanted``: what is still
    missing, in words. ``tired``: over the budget of keys an hour; ``others``: how many rested people could turn it."""

    person: str
    roles: tuple[str, ...]
    deputy_for: tuple[str, ...] = ()
    helps: bool
    independent: bool
    wanted: tuple[str, ...]
    tired: bool
    others: int
    opened_at: int | None


class Budget(msgspec.Struct, frozen=True):
    """A person's keys of the last hour against the budget; ``tired`` when it is spent."""

    turned: int
    keys_per_hour: int

    @property
    def tired(self) -> bool:
        """No key is left of the budget."""
        return self.turned >= self.keys_per_hour


class QueueFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which holds of the queue; empty is all of them."""

    case: str = ""
    agent: str = ""
    tool: str = ""
    oversight: str = ""


class QueueRow(msgspec.Struct, frozen=True):
    """A hold as it waits: the row, how weighty it is (0 to 9), and what is still missing, in words."""

    record: ActionRecord
    weight: int
    wanted: tuple[str, ...]
    opened_at: int | None


class Group(msgspec.Struct, frozen=True):
    """Alike holds of one case: the same agent, tool and oversight. ``together``: one touch may do for up to 20 of
    them, once each has been opened, because every one can be taken back."""

    case: str
    agent: str
    tool: str
    oversight: str
    count: int
    first_expires_at: int
    together: bool


class Queue(msgspec.Struct, frozen=True):
    """A page of what waits, the most pressing first. ``next`` goes into ``after`` for the next page, "" at the end.

    ``total`` and ``groups`` are of everything that the filter lets through, not of this page.
    """

    rows: tuple[QueueRow, ...]
    total: int
    groups: tuple[Group, ...]
    next: str


class PersonHour(msgspec.Struct, frozen=True):
    """What one person answered in one hour. ``fast``: under 3 s after opening it; ``read``: how many were opened."""

    person: str
    hour: int
    turned: int
    refused: int
    read: int
    fast: int


class Drills(msgspec.Struct, frozen=True):
    """Drills that ended: how many were refused (as they ought to be), turned a key on, or left to expire."""

    refused: int = 0
    turned: int = 0
    expired: int = 0
    withdrawn: int = 0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint since a moment, in numbers. Shares are from 0 to 1, None where there is nothing to divide by.

    ``waited_p50_ms``, ``waited_p95_ms``: from the opening to the keys or the end, to a tenth, of whole days (UTC).
    ``fast_share``: of the answers to holds that were opened, those under 3 s after. ``alone_share``: of what keys
    released, what one person released.
    """

    since: int
    now: int
    holds: int
    open: int
    released: int
    refused: int
    expired: int
    withdrawn: int
    denied: int
    waited_p50_ms: int | None
    waited_p95_ms: int | None
    alone_share: float | None
    fast_share: float | None
    tired_keys: int
    hours: tuple[PersonHour, ...]
    drills: Drills
