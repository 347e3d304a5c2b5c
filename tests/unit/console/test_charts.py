"""What the health page draws of the checkpoint's numbers."""

from keyturn.console.charts import HOUR_MS, picture
from keyturn.gate.care_records import Drills, Health, PersonHour

NOW = 500_000 * HOUR_MS + 1234


def health(*hours: PersonHour, **counts: int) -> Health:
    plain = dict.fromkeys(("holds", "open", "released", "refused", "expired", "withdrawn", "denied"), 0)
    return Health(
        since=NOW - 24 * HOUR_MS,
        now=NOW,
        **{**plain, **counts},
        waited_p50_ms=None,
        waited_p95_ms=None,
        alone_share=None,
        fast_share=None,
        tired_keys=0,
        hours=hours,
        drills=Drills(),
    )


def hour(person: str, ago: int, turned: int, refused: int = 0, read: int = 0, fast: int = 0) -> PersonHour:
    return PersonHour(person, (500_000 - ago) * HOUR_MS, turned, refused, read, fast)


def test_answers_stand_in_the_column_of_their_hour() -> None:
    found = picture(health(hour("ana", 0, 3, 1), hour("bob", 23, 2), hour("bob", 24, 50)), "day", 20)
    assert len(found.columns) == 24 and found.most == 4
    assert (found.columns[-1].turned, found.columns[-1].refused) == (3, 1)
    assert found.columns[0].count == 2, "what is older than the first column is in none"
    assert [(part.kind, part.start, part.size) for part in found.columns[-1].parts] == [
        ("turned", 0, 75),
        ("refused", 75, 25),
    ]


def test_who_does_not_read_and_who_carries_too_much_stands_first() -> None:
    found = picture(
        health(hour("ana", 1, 6, 0, 6, 1), hour("bob", 1, 6, 0, 4, 3), hour("cy", 1, 25, 0, 25, 0), hour("dan", 1, 3)),
        "day",
        20,
    )
    assert [(h.person, h.hasty, h.over) for h in found.habits] == [
        ("cy", False, True),
        ("bob", True, False),
        ("ana", False, False),
        ("dan", False, False),
    ]
    assert (found.habits[1].careful, found.habits[1].fast, found.habits[1].unopened) == (1, 3, 2)
    assert found.budget_at == 80


def test_nothing_is_drawn_of_nothing() -> None:
    found = picture(health(), "month", 20)
    assert found.most == 0 and found.habits == () and found.ends == ()
