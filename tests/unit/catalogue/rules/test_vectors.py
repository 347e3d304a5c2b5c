"""Every rule against its vectors (``tests/vectors/rules``), and what must hold for any text at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.catalogue.rules import RULES, Applied
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, narrowed
from keyturn.core.profile import WORST, Stage, no_graver

VECTORS = Path(__file__).parents[3] / "vectors/rules"
CASES = [(path.stem, case) for path in sorted(VECTORS.glob("*.json")) for case in json.loads(path.read_text())]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def read(rule: str, parts: dict[str, Any]) -> Reading:
    return Applied(RULES[rule], {part: f"$arguments.{part}" for part in parts}).read(parts)


def told(found: Reading) -> dict[str, Any]:
    assert isinstance(found, Operation), found
    return {
        "stage": found.stage.value,
        "reversible": found.reversible.value,
        "touches": sorted(found.touches),
        "targets": [f"{target.kind}:{target.id}" for target in found.targets],
        "reach": found.reach,
    }


@pytest.mark.parametrize(("rule", "case"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_call_is_read_as_what_it_does(rule: str, case: dict[str, Any]) -> None:
    found = read(rule, case["parts"])
    if case.get("unread"):
        assert isinstance(found, Unread), found
        assert found.why
    else:
        expected = {key: value for key, value in case.items() if key != "parts"}
        assert {key: value for key, value in told(found).items() if key in expected} == expected


@pytest.mark.parametrize("rule", sorted({name for name, _ in CASES}))
def test_every_rule_has_vectors(rule: str) -> None:
    assert {bool(case.get("unread")) for name, case in CASES if name == rule} == {True, False}


@pytest.mark.parametrize("rule", sorted(RULES))
@given(data=st.data())
def test_no_value_breaks_a_rule_or_goes_beyond_the_worst_case(rule: str, data: st.DataObject) -> None:
    parts = {part: data.draw(JSON) for part in sorted(RULES[rule].needs | RULES[rule].may)}
    found = read(rule, parts)
    assert isinstance(found, Operation | Unread)
    assert no_graver(narrowed(WORST, found), WORST)


@pytest.mark.parametrize(
    ("rule", "part", "joint"), [("spl", "query", " | "), ("sql", "query", "; "), ("kql", "query", "; ")]
)
@given(data=st.data())
def test_what_is_appended_never_makes_a_text_milder(rule: str, part: str, joint: str, data: st.DataObject) -> None:
    texts = [case["parts"][part] for name, case in CASES if name == rule and isinstance(case["parts"][part], str)]
    one, other = data.draw(st.sampled_from(texts)), data.draw(st.sampled_from(texts))
    before, after = read(rule, {part: one}), read(rule, {part: one + joint + other})
    if isinstance(before, Operation) and before.stage is Stage.RESPOND:
        assert isinstance(after, Unread) or after.reversible.rank >= before.reversible.rank


def test_a_text_beyond_the_bound_is_the_worst_case() -> None:
    assert isinstance(read("spl", {"query": "index=a " + "x" * 70_000}), Unread)


@pytest.mark.parametrize(("rule", "stage"), [("spl", "| head 5"), ("kql", "| take 5")])
def test_a_text_of_more_stages_than_anybody_writes_is_the_worst_case(rule: str, stage: str) -> None:
    assert isinstance(read(rule, {"query": "index=a" + stage * 3_000}), Unread)


def test_a_change_that_names_no_target_meets_everything() -> None:
    change = read("spl", {"query": "| makeresults | dump basefilename=x"})
    assert isinstance(change, Operation)
    assert not change.targets
    assert narrowed(WORST, change).reach == EVERYTHING
