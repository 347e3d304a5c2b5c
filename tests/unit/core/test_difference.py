"""What differs between two definitions of a tool."""

import json

from keyturn.core.difference import MOST, Change, differences


def test_each_changed_value_is_named_with_what_both_have_in_common() -> None:
    before = {"description": "Search the logs.", "inputSchema": {"a": 1, "b": "1"}, "gone": []}
    after = {"description": "Search all the logs.", "inputSchema": {"a": 1, "b": 1}, "new": None}
    found = differences(json.dumps(before), after)
    assert found.left_out == 0
    assert set(found.changes) == {
        Change("description", "Search the logs.", "Search all the logs.", 7, 9),
        Change("inputSchema.b", "1", "1", 1, 0),
        Change("new", None, "null"),
        Change("gone", "[]", None),
    }


def test_the_same_definition_has_no_difference_whatever_its_order() -> None:
    assert differences('{"b": [1, {"c": 2}], "a": "x"}', {"a": "x", "b": [1, {"c": 2}]}).changes == ()


def test_what_is_not_shown_is_counted() -> None:
    found = differences('{"same": 1}', {"same": 1, **{str(number): number for number in range(MOST + 7)}})
    assert len(found.changes) == MOST and found.left_out == 7
