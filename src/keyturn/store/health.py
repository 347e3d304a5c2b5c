"""From counters to the numbers of the checkpoint. Pure."""

from collections.abc import Iterable, Mapping

from keyturn.gate.care_records import Drills, Health, PersonHour

HOUR_MS = 3600 * 1000


def health_of(
    since: int,
    now: int,
    waiting: int,
    counts: Mapping[str, int],
    waits: Mapping[int, int],
    people: Iterable[tuple[int, str, str, int]],
    drills: Drills,
) -> Health:
    """The numbers, from counters by kind, waits by bucket, and rows of (hour, person, kind, number)."""
    by_hour: dict[tuple[int, str], dict[str, int]] = {}
    for hour, person, what, n in people:
        by_hour.setdefault((hour, person), {})[what] = n
    hours = tuple(
        PersonHour(person, hour * HOUR_MS, *(kinds.get(what, 0) for what in ("turned", "refused", "read", "fast")))
        for (hour, person), kinds in by_hour.items()
    )
    return Health(
        since=since // HOUR_MS * HOUR_MS,
        now=now,
        holds=counts.get("opened", 0),
        open=waiting,
        released=counts.get("released", 0),
        refused=counts.get("refused", 0),
        expired=counts.get("expired", 0),
        withdrawn=counts.get("withdrawn", 0),
        denied=counts.get("denied", 0),
        waited_p50_ms=_percentile(waits, 0.5),
        waited_p95_ms=_percentile(waits, 0.95),
        alone_share=_share(counts.get("alone", 0), counts.get("released", 0)),
        fast_share=_share(sum(each.fast for each in hours), sum(each.read for each in hours)),
        tired_keys=sum(kinds.get("tired", 0) for kinds in by_hour.values()),
        hours=hours,
        drills=drills,
    )


def _percentile(waits: Mapping[int, int], share: float) -> int | None:
    """The wait that this share of them does not exceed, from buckets of an eighth of a doubling."""
    left = share * sum(waits.values())
    for bucket in sorted(waits):
        left -= waits[bucket]
        if left <= 0:
            return round(2 ** (bucket / 8))
    return None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
