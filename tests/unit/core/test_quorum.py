"""Threshold sets: matching, escalation, and what is still missing, in words."""

import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from keyturn.core.facts import Facts, Oversight
from keyturn.core.profile import Stage, Touches
from keyturn.core.quorum import DEFAULT_RULES, KeySet, QuorumRule, escalations, helps, sets_for, tally

ANYBODY: Any = ("analyst", "lead", "owner")
TWO = DEFAULT_RULES[1].sets
MakeFacts = Callable[..., Facts]


def met(people: dict[str, tuple[str, ...]], sets: tuple[KeySet, ...] = TWO, held_ms: int = 0) -> bool:
    return tally(sets, people, held_ms).met


def test_two_keys_are_a_lead_or_owner_and_one_other() -> None:
    assert met({"ana": ("analyst",), "lena": ("lead",)})
    assert met({"olga": ("owner",), "lena": ("lead",)})
    assert not met({"ana": ("analyst",), "bob": ("analyst",)})
    assert not met({"lena": ("lead",)}), "one person never fills two places"
    assert not met({"aud": ("auditor",), "lena": ("lead",)})


def test_no_people_and_no_sets_are_never_enough() -> None:
    assert not met({})
    assert not met({"ana": ANYBODY}, sets=())


def test_what_is_missing_is_said_in_words() -> None:
    assert tally(TWO, {}, 0).words == ("one lead or owner", "one other person")
    assert tally(TWO, {"ana": ("analyst",)}, 0).words == ("one lead or owner",)
    assert tally(TWO, {"lena": ("lead",)}, 0).words == ("one other person",)
    assert tally((KeySet(("lead",), 3),), {"lena": ("lead",)}, 0).words == ("two people, each lead",)


def test_a_person_moves_to_the_place_that_only_they_can_fill() -> None:
    """Counting by set would stop here: lena sits in the wide set until the analyst comes."""
    sets = (KeySet(ANYBODY), KeySet(("lead",)))
    for order in itertools.permutations({"lena": ("lead",), "ana": ("analyst",)}.items()):
        found = tally(sets, dict(order), 0)
        assert found.met
        assert found.counted == {"lena": 1, "ana": 0}


@pytest.mark.parametrize("seed", range(40))
def test_the_matching_is_as_large_as_any_assignment(seed: int) -> None:
    """Against every assignment there is, on small random cases."""
    words: Any = [("analyst",), ("lead",), ("owner",), ("analyst", "lead"), ("lead", "owner"), ANYBODY]
    sets: Any = tuple(KeySet(words[(seed * 7 + n * 5) % 6], 1 + (seed + n) % 2) for n in range(3))
    people = {f"p{n}": words[(seed * 3 + n * 4) % 6] for n in range(4)}
    places = [each.roles for each in sets for _ in range(each.count)]
    best = 0
    for chosen in itertools.product([None, *range(len(places))], repeat=len(people)):
        used = [place for place in chosen if place is not None]
        if len(set(used)) == len(used) and all(
            place is None or set(roles) & set(places[place])
            for place, roles in zip(chosen, people.values(), strict=True)
        ):
            best = max(best, len(used))
    assert len(tally(sets, people, 0).counted) == best


def test_further_roles_count_after_a_time() -> None:
    sets = (KeySet(("owner",), escalate_after_s=60, escalate_to=("lead",)),)
    assert not met({"lena": ("lead",)}, sets, 59_999)
    assert met({"lena": ("lead",)}, sets, 60_000)
    assert escalations(sets, 1_000) == (61_000,)
    assert escalations(TWO, 1_000) == ()


def test_who_would_help() -> None:
    assert helps(TWO, {"ana": ("analyst",)}, "lena", ("lead",), 0)
    assert not helps(TWO, {"ana": ("analyst",)}, "bob", ("analyst",), 0)
    assert helps(TWO, {}, "bob", ("analyst",), 0)


def test_the_first_rule_that_fits_decides_and_the_defaults_come_last(make_facts: MakeFacts) -> None:
    secrets = QuorumRule("two_key", (KeySet(("owner",), 2),), touches=(Touches.SECRETS,))
    edr = QuorumRule("one_key", (KeySet(("lead",)),), tools=("edr/*",), stage=Stage.RESPOND)
    rules = (secrets, edr)
    assert sets_for(rules, Oversight.TWO_KEY, make_facts(touches=(Touches.SECRETS,))) == secrets.sets
    assert sets_for(rules, Oversight.TWO_KEY, make_facts()) == TWO
    respond = make_facts(stage=Stage.RESPOND, tool="edr/isolate")
    assert sets_for(rules, Oversight.ONE_KEY, respond) == edr.sets
    assert sets_for(rules, Oversight.ONE_KEY, make_facts(tool="edr/isolate")) == DEFAULT_RULES[0].sets
    assert sets_for(rules, Oversight.FREE, make_facts()) == ()


@pytest.mark.parametrize(
    "given",
    [
        {"oversight": "two_key", "sets": []},
        {"oversight": "two_key", "sets": [{"roles": ["lead"]}]},
        {"oversight": "one_key", "sets": [{"roles": []}]},
        {"oversight": "one_key", "sets": [{"roles": ["lead"], "count": 0}]},
        {"oversight": "one_key", "sets": [{"roles": ["auditor"]}]},
        {"oversight": "free", "sets": [{"roles": ["lead"]}]},
        {"oversight": "one_key", "sets": [{"roles": ["lead"], "escalate_after_s": 5}]},
        {"oversight": "one_key", "sets": [{"roles": ["lead"]}], "tool": "edr/*"},
    ],
)
def test_a_rule_that_would_loosen_by_a_slip_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, QuorumRule)
