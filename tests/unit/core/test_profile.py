"""Templates, expectations, results and targets: what a profile says about one call."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.core.action import Target
from keyturn.core.profile import (
    WORST,
    Check,
    Expectation,
    Profile,
    Reversible,
    Stage,
    TargetRule,
    Touches,
    named_targets,
    no_graver,
    readable,
    resolve,
    same,
    unmet,
)
from keyturn.errors import ProfileError

SCOPE: dict[str, Any] = {
    "arguments": {"host": "h1", "ids": ["a", "b"], "$odd": 1, "text": "$arguments.host"},
    "preserved": {"was": {"name": None, "size": 0}},
    "result": [{"id": 7}],
}
PROFILES = st.builds(
    Profile,
    tool=st.just("t"),
    stage=st.sampled_from(Stage),
    reversible=st.sampled_from(Reversible),
    touches=st.frozensets(st.sampled_from(Touches)),
    idempotent=st.booleans(),
    targets=st.lists(st.builds(TargetRule, st.sampled_from("abc"), st.just("host")), max_size=3).map(tuple),
)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("$arguments.host", "h1"),
        ("$arguments.ids.1", "b"),
        ("$result.0.id", 7),
        ("$preserved.was.name", None),
        ("$$arguments.host", "$arguments.host"),
        ("plain", "plain"),
        ({"a": ["$arguments.host", {"b": "$result.0.id"}]}, {"a": ["h1", {"b": 7}]}),
        ({"a": "$?preserved.was.name", "b": "$?preserved.was.size", "c": "$?arguments.no"}, {"b": 0}),
        ({"a": "$arguments.text"}, {"a": "$arguments.host"}),
        (3, 3),
    ],
)
def test_a_template_is_filled_once_from_its_scope(template: Any, value: Any) -> None:
    assert resolve(template, SCOPE) == value


@pytest.mark.parametrize(
    "template", ["$arguments.no", "$result.1.id", "$nothing", "$arguments.host.x", "$?arguments.no"]
)
def test_a_reference_that_leads_nowhere_is_refused(template: str) -> None:
    with pytest.raises(ProfileError, match="leads nowhere"):
        resolve([template], SCOPE)


@pytest.mark.parametrize(
    ("expectation", "holds"),
    [
        (Expectation("state", equals="on"), True),
        (Expectation("state", equals=True), False),
        (Expectation("missing", equals=None), False),
        (Expectation("state", one_of=("off", "$arguments.word")), True),
        (Expectation("state", one_of=("off",)), False),
        (Expectation("items", includes={"id": 1}), True),
        (Expectation("items", includes={"id": True}), False),
        (Expectation("items", includes={"id": 3}), False),
        (Expectation("items", excludes={"id": 3}), True),
        (Expectation("items", excludes={"id": 2, "n": "b"}), False),
        (Expectation("state", includes="o"), False),
        (Expectation("state", excludes="x"), False),
        (Expectation("words", excludes="x"), True),
    ],
)
def test_a_check_holds_only_on_what_stands_there(expectation: Expectation, holds: bool) -> None:
    result = {"state": "on", "items": [{"id": 1, "n": "a"}, {"id": 2, "n": "b"}], "words": ["y"]}
    reasons = unmet(Check("look", {}, (expectation,)), result, {"arguments": {"word": "on"}})
    assert (reasons == ()) is holds
    assert all("look" in reason for reason in reasons)


def test_a_check_that_expects_nothing_is_refused() -> None:
    with pytest.raises(ProfileError, match="expects nothing"):
        Check("look", {}, ())
    with pytest.raises(ProfileError, match="not clear"):
        Expectation("x")
    with pytest.raises(ProfileError, match="not clear"):
        Expectation("x", equals=1, excludes=2)


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({"structuredContent": {"a": 1}, "content": [{"type": "text", "text": "no"}]}, {"a": 1}),
        ({"content": [{"type": "text", "text": '{"a": 1}'}]}, {"a": 1}),
        ({"structuredContent": {"result": '{"a": [1]}'}}, {"result": {"a": [1]}}),
        ({"structuredContent": {"result": '{"a": 1, "a": 2}'}}, {"result": '{"a": 1, "a": 2}'}),
        ({"structuredContent": {"result": "7"}}, {"result": "7"}),
        ({"structuredContent": {"result": '{"a": 1}', "b": 1}}, {"result": '{"a": 1}', "b": 1}),
        (
            {"content": [{"type": "text", "text": '{"a": 1}'}, {"type": "text", "text": '{"a": 2}'}]},
            [{"a": 1}, {"a": 2}],
        ),
        ({"content": []}, []),
        ({"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}, {"text": "one\ntwo"}),
        ({"content": [{"type": "text", "text": '{"a": 1, "a": 2}'}]}, {"text": '{"a": 1, "a": 2}'}),
        ({"content": [{"type": "text", "text": '"\\ud800"'}]}, {"text": '"\\ud800"'}),
        ({"content": [{"type": "image", "data": "x"}]}, []),
        ({"content": "text"}, {}),
        ({}, {}),
        (None, {}),
        ("text", {}),
    ],
)
def test_a_result_reads_one_way(result: Any, value: Any) -> None:
    assert readable(result) == value


def test_targets_are_named_by_their_arguments_each_once() -> None:
    rules = (TargetRule("host", "host"), TargetRule("deep.ids", "host"), TargetRule("none", "host"))
    arguments = {"host": "b", "deep": {"ids": ["a", "b", None, 7]}}
    profile = msgspec.structs.replace(WORST, targets=rules)
    assert named_targets(profile, arguments) == (Target("host", "7"), Target("host", "a"), Target("host", "b"))
    assert named_targets(profile, {"deep": "no"}) == ()
    through = msgspec.structs.replace(
        WORST, targets=(TargetRule("entities.name", "user"), TargetRule("entities.0.id", "id"))
    )
    entities = [{"name": "bob", "id": 4}, {"name": None}, "eve", None, {"name": ["x", "y"]}]
    names = ("bob", '{"name":null}', "eve", "x", "y")
    expected = {Target("id", "4"), *(Target("user", name) for name in names)}
    assert set(named_targets(through, {"entities": entities})) == expected
    read = msgspec.structs.replace(profile, named=(Target("file", "x"), Target("host", "b")))
    assert named_targets(read, {"host": "b"}) == (Target("file", "x"), Target("host", "b"))


@given(PROFILES, PROFILES, PROFILES)
def test_graver_is_an_order_and_the_worst_case_is_above_all(a: Profile, b: Profile, c: Profile) -> None:
    assert no_graver(a, a)
    assert no_graver(a, WORST)
    assert not (no_graver(a, b) and no_graver(b, c)) or no_graver(a, c)


def test_json_values_are_equal_without_coercion() -> None:
    assert same({"a": [1, None]}, {"a": [1, None]})
    assert same(1, 1.0)
    for one, other in (
        (1, True),
        (0, False),
        ("1", 1),
        ([], {}),
        ({"a": 1}, {"a": True}),
        ([1], [1, 2]),
        (None, False),
    ):
        assert not same(one, other)
        assert not same(other, one)
