"""Threshold sets: which people together are enough, by their roles (design, section 4; OpenBao control groups).

A rule names sets, such as *one lead or owner* and *one other*. Each set needs its number of people, and a person counts
once over all sets: who counts where is a matching, so a lead never fills two places, and never blocks one that only a
lead can fill. No set at all is never met (0 == 0 passed elsewhere).
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from keyturn.core.facts import Facts, Oversight
from keyturn.core.profile import Stage, Touches

RoleWord = Literal["analyst", "lead", "owner"]
Count = Annotated[int, msgspec.Meta(ge=1, le=9)]
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class KeySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``count`` people, each with one of ``roles``. After ``escalate_after_s`` those of ``escalate_to`` count, too."""

    roles: Annotated[tuple[RoleWord, ...], msgspec.Meta(min_length=1)]
    count: Count = 1
    escalate_after_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    escalate_to: tuple[RoleWord, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.escalate_to) != bool(self.escalate_after_s):
            raise ValueError("escalate_to and escalate_after_s belong together")

    def escalated(self, held_for_ms: int) -> bool:
        """True once the further roles count."""
        return bool(self.escalate_to) and held_for_ms >= self.escalate_after_s * 1000

    def roles_after(self, held_for_ms: int) -> tuple[str, ...]:
        """The roles that count when a hold has stood for so long."""
        further = self.escalate_to if self.escalated(held_for_ms) else ()
        return tuple(dict.fromkeys((*self.roles, *further)))


class QuorumRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose keys it takes for one oversight, and for which actions: any of ``touches``, one of the ``tools`` patterns,
    the ``stage``. What is left empty fits every action."""

    oversight: Literal["one_key", "two_key"]
    sets: Annotated[tuple[KeySet, ...], msgspec.Meta(min_length=1, max_length=9)]
    touches: tuple[Touches, ...] = ()
    tools: tuple[str, ...] = ()
    stage: Stage | None = None

    def __post_init__(self) -> None:
        if self.oversight == "two_key" and sum(each.count for each in self.sets) < 2:
            raise ValueError("two_key takes at least two people")

    def fits(self, oversight: Oversight, touches: Iterable[str], tool: str, stage: str) -> bool:
        """True if the rule is about such an action."""
        return (
            self.oversight == oversight.word
            and (not self.touches or not set(self.touches).isdisjoint(touches))
            and (not self.tools or any(fnmatch.fnmatchcase(tool, pattern) for pattern in self.tools))
            and (self.stage is None or self.stage == stage)
        )


_ANYBODY: tuple[RoleWord, ...] = ("analyst", "lead", "owner")
DEFAULT_RULES = (
    QuorumRule("one_key", (KeySet(_ANYBODY),)),
    QuorumRule("two_key", (KeySet(("lead", "owner")), KeySet(_ANYBODY))),
)
"""What holds where no rule of the operator's fits: one person; or a lead or owner and one other."""


class Lack(msgspec.Struct, frozen=True):
    """How many people of which roles are still missing from one set."""

    count: int
    roles: tuple[str, ...]

    def said(self, other: bool) -> str:
        """Such as ``one lead or owner``; ``one other person`` where any role does and somebody is named ``other``."""
        if set(_ANYBODY) <= set(self.roles):
            return f"{_NUMBERS[self.count]} {'other ' if other else ''}{'person' if self.count == 1 else 'people'}"
        *first, last = self.roles
        names = f"{', '.join(first)} or {last}" if first else last
        return f"{_NUMBERS[self.count]} {names}" if self.count == 1 else f"{_NUMBERS[self.count]} people, each {names}"


class Tally(msgspec.Struct, frozen=True):
    """Who counts in which set (by its place in the rule), and what is missing; ``met`` if nothing is."""

    counted: Mapping[str, int]
    missing: tuple[Lack, ...]
    met: bool

    @property
    def words(self) -> tuple[str, ...]:
        """What is missing, in words."""
        return tuple(lack.said(bool(self.counted) or place > 0) for place, lack in enumerate(self.missing))


def sets_for(rules: Sequence[QuorumRule], oversight: Oversight, facts: Facts) -> tuple[KeySet, ...]:
    """The sets of the first rule that fits, else the defaults'; none for an oversight that no keys satisfy."""
    return sets_of(rules, oversight, facts.touches, facts.tool, facts.stage)


def sets_of(
    rules: Sequence[QuorumRule], oversight: Oversight, touches: Iterable[str], tool: str, stage: str
) -> tuple[KeySet, ...]:
    """:func:`sets_for`, from the facts that the rules look at."""
    found = (rule.sets for rule in (*rules, *DEFAULT_RULES) if rule.fits(oversight, touches, tool, stage))
    return next(found, ())


def tally(sets: Sequence[KeySet], people: Mapping[str, Iterable[str]], held_for_ms: int) -> Tally:
    """Match people (id to roles) with places, the places for the fewest roles first. Pure."""
    places = [
        (roles, number) for number, each in enumerate(sets) for roles in [each.roles_after(held_for_ms)] * each.count
    ]
    places.sort(key=lambda place: len(place[0]))
    roles_of = {person: frozenset(roles) for person, roles in people.items()}
    taken: dict[str, int] = {}

    def seat(place: int, tried: set[str]) -> bool:
        """Seat somebody at the place; whoever sits elsewhere may move on (an augmenting path)."""
        for person, roles in roles_of.items():
            if person not in tried and not roles.isdisjoint(places[place][0]):
                tried.add(person)
                if person not in taken or seat(taken[person], tried):
                    taken[person] = place
                    return True
        return False

    empty = [place for place in range(len(places)) if not seat(place, set())]
    lacks: dict[tuple[int, tuple[str, ...]], int] = {}
    for place in empty:
        roles, number = places[place]
        lacks[number, roles] = lacks.get((number, roles), 0) + 1
    counted = {person: places[place][1] for person, place in taken.items()}
    return Tally(counted, tuple(Lack(count, roles) for (_, roles), count in lacks.items()), bool(places) and not empty)


def helps(
    sets: Sequence[KeySet], people: Mapping[str, Iterable[str]], one: str, roles: Iterable[str], held: int
) -> bool:
    """True if this person's key would fill a place that is empty now."""
    return len(tally(sets, {**people, one: roles}, held).counted) > len(tally(sets, people, held).counted)


def escalations(sets: Sequence[KeySet], opened_at: int) -> tuple[int, ...]:
    """When further roles begin to count, for a hold opened then; in order."""
    return tuple(sorted({opened_at + each.escalate_after_s * 1000 for each in sets if each.escalate_to}))
