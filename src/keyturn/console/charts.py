"""From the checkpoint's numbers to what the health page draws: shares of one, and words for what stands out. Pure."""

from collections.abc import Iterable

import msgspec

from keyturn.gate.care_records import Health, PersonHour

HOUR_MS = 3600 * 1000
WINDOWS = {"day": (24, 1, "24 hours"), "week": (28, 6, "7 days"), "month": (30, 24, "30 days")}
"""How many columns, how many hours each, and what that is called."""

FAST = 0.5
ENOUGH = 5
"""From so many answers on, and from such a share, a habit is called one."""


class Part(msgspec.Struct, frozen=True):
    """A piece of a bar, from ``start`` on, both in hundredths of the whole; ``kind`` is its fill."""

    kind: str
    start: float
    size: float
    count: int


class Column(msgspec.Struct, frozen=True):
    """One span of time: from when, and how many keys and refusals there were in it."""

    at: int
    turned: int
    refused: int
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """All answers of the span."""
        return self.turned + self.refused


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """How one person answers: ``careful`` after 3 s or more of reading, ``fast`` under 3 s, ``unopened`` without."""

    person: str
    turned: int
    refused: int
    careful: int
    fast: int
    unopened: int
    peak: int
    peak_at: int
    over: bool
    hasty: bool
    parts: tuple[Part, ...]
    load: tuple[Part, ...]

    @property
    def answers(self) -> int:
        """Keys and refusals."""
        return self.turned + self.refused


class Picture(msgspec.Struct, frozen=True):
    """All that the page draws."""

    columns: tuple[Column, ...]
    most: int
    habits: tuple[Habit, ...]
    ends: tuple[Part, ...]
    budget_at: float


def picture(health: Health, window: str, keys_per_hour: int) -> Picture:
    """What to draw of these numbers."""
    number, hours, _ = WINDOWS[window]
    columns = _columns(health, number, hours)
    most = max((column[1] + column[2] for column in columns), default=0)
    people = sorted({each.person for each in health.hours})
    scale = max([keys_per_hour, *(each.turned for each in health.hours)])
    habits = [_habit(name, [h for h in health.hours if h.person == name], keys_per_hour, scale) for name in people]
    habits.sort(key=lambda habit: (not (habit.hasty or habit.over), -habit.answers, habit.person))
    ends = (
        ("released", health.released),
        ("refused", health.refused),
        ("expired", health.expired),
        ("withdrawn", health.withdrawn),
        ("denied", health.denied),
    )
    return Picture(
        tuple(Column(at, t, r, _stack((("turned", t), ("refused", r)), max(most, 1))) for at, t, r in columns),
        most,
        tuple(habits),
        _stack(ends, max(1, sum(count for _, count in ends))),
        round(100 * keys_per_hour / scale, 2),
    )


def _columns(health: Health, number: int, hours: int) -> list[tuple[int, int, int]]:
    span = hours * HOUR_MS
    first = health.now // HOUR_MS * HOUR_MS + HOUR_MS - number * span
    found = [[first + index * span, 0, 0] for index in range(number)]
    for each in health.hours:
        index = (each.hour - first) // span
        if 0 <= index < number:
            found[index][1] += each.turned
            found[index][2] += each.refused
    return [(at, turned, refused) for at, turned, refused in found]


def _habit(person: str, hours: list[PersonHour], keys_per_hour: int, scale: int) -> Habit:
    turned, refused = sum(h.turned for h in hours), sum(h.refused for h in hours)
    read, fast = sum(h.read for h in hours), sum(h.fast for h in hours)
    answers, unopened = turned + refused, max(0, turned + refused - read)
    careful = max(0, read - fast)
    busiest = max(hours, key=lambda h: (h.turned, h.hour))
    return Habit(
        person=person,
        turned=turned,
        refused=refused,
        careful=careful,
        fast=fast,
        unopened=unopened,
        peak=busiest.turned,
        peak_at=busiest.hour,
        over=busiest.turned >= keys_per_hour,
        hasty=answers >= ENOUGH and (fast + unopened) / answers >= FAST,
        parts=_stack((("careful", careful), ("fast", fast), ("unopened", unopened)), max(1, answers)),
        load=_stack((("over" if busiest.turned >= keys_per_hour else "turned", busiest.turned),), max(1, scale)),
    )


def _stack(counts: Iterable[tuple[str, int]], whole: int) -> tuple[Part, ...]:
    parts, start = [], 0.0
    for kind, count in counts:
        size = 100 * count / whole
        if count:
            parts.append(Part(kind, round(start, 2), round(size, 2), count))
        start += size
    return tuple(parts)
