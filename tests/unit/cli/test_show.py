"""What an analyst reads of an action at 3 a.m."""

from typing import Any

import pytest

from keyturn.cli.show import row, whole
from keyturn.cli.times import clock, left

NOW = 1_790_000_000_000
ACTION: dict[str, Any] = {
    "id": "aexample",
    "digest": "d" * 64,
    "state": "held",
    "oversight": "two_key",
    "tool": "edr/isolate_host",
    "targets": [{"kind": "host", "id": "DC-01"}],
    "arguments": {"hostname": "DC-01"},
    "reversible": "reversible",
    "inverse": "lift_isolation",
    "agent": "bot",
    "case": "C-1",
    "mandate": "m1",
    "reasons": [{"policy": "guardrail-8-crown-jewel", "why": "one of its targets is a crown jewel"}],
    "outside": [],
    "due_at": NOW + 3_600_000,
    "hold": {"expires_at": NOW + 3_600_000, "keys": [], "missing": 2},
    "missing": [{"policy": "x", "why": "nobody has turned a key"}],
}


def test_it_says_what_to_whom_undo_who_why_missing_and_time_left() -> None:
    shown = whole(ACTION, NOW)
    for words in (
        "host:DC-01",
        "yes: lift_isolation",
        "agent bot, case C-1, mandate m1",
        "the agent gave none",
        "one of its targets is a crown jewel [guardrail-8-crown-jewel]",
        "none turned yet",
        "the keys of two people",
        "1 h 0 min left; then it is denied",
        "d" * 64,
    ):
        assert words in shown


def test_after_a_key_the_policy_says_what_it_still_asks_for() -> None:
    keyed = {"expires_at": NOW + 59_000, "keys": [{"person": "ana", "turned_at": NOW}], "missing": 1}
    shown = whole({**ACTION, "hold": keyed, "missing": [{"policy": "x", "why": "it takes two people"}]}, NOW)
    assert "ana at 2026-09-21" in shown and "missing  it takes two people" in shown and "59 s left" in shown


@pytest.mark.parametrize("reversible", ["no_effect", "hard_to_reverse", "irreversible", "odd\u202e"])
def test_every_word_of_reversibility_is_said_and_an_unknown_one_is_shown_as_such(reversible: str) -> None:
    line = next(x for x in whole({**ACTION, "reversible": reversible, "inverse": ""}, NOW).splitlines() if "undo" in x)
    assert {"no_effect": "only reads", "hard_to_reverse": "in part", "irreversible": "NO."}.get(
        reversible, "unknown (odd\\u{202e})"
    ) in line


def test_nothing_is_cut_without_a_count() -> None:
    shown = whole({**ACTION, "arguments": {"script": "x" * 10_000}}, NOW)
    assert "more characters]" in shown


def test_a_row_is_one_line_whatever_stands_in_it() -> None:
    assert "\n" not in row({**ACTION, "targets": [{"kind": "host", "id": "a\nb\u2028c"}], "case": "C\r1"}, NOW)


def test_times_in_the_two_largest_units() -> None:
    shown = [left(NOW + s * 1000, NOW) for s in (-1, 5, 65, 3_700, 90_000)]
    assert shown == ["over", "5 s left", "1 min left", "1 h 1 min left", "1 d 1 h left"]
    assert left(0, NOW) == "no limit"


RAN = {**ACTION, "state": "succeeded", "hold": None, "proposed_at": NOW, "changed_at": NOW + 90_000}


def test_what_ran_says_when_and_what_the_tool_answered_cut_with_a_count() -> None:
    result = {"content": [{"type": "text", "text": "x" * 5_000}]}
    shown = whole({**RAN, "result": result, "ended_because": "the check found it isolated"}, NOW)
    assert f"  asked    {clock(NOW)}" in shown
    assert f"  since    {clock(NOW + 90_000)}: succeeded" in shown
    assert "  ended    the check found it isolated" in shown
    assert "  result   the tool says: " in shown and "more characters]" in shown
    everything = whole({**RAN, "result": result, "is_error": True}, NOW, everything=True)
    assert "the tool says it failed" in everything and "x" * 5_000 in everything


def test_the_columns_of_a_row_stand_apart() -> None:
    assert "  59 min left" in row({**ACTION, "due_at": NOW + 3_599_000}, NOW)
    assert "3 h 59 min left  " in row({**ACTION, "due_at": NOW + 14_399_000}, NOW)
