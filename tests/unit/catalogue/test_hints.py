"""A server's own hints raise a profile and never lower it, whatever they say and however they say it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.catalogue import raised
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, Touches, no_graver

HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint", "title")
ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.booleans(), max_size=2)
PROFILES = st.builds(
    Profile,
    tool=st.just("t"),
    stage=st.sampled_from(Stage),
    reversible=st.sampled_from(Reversible),
    touches=st.frozensets(st.sampled_from(Touches)),
    idempotent=st.booleans(),
    basis=st.sampled_from(Basis),
)
READ = Profile(tool="t", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED)
CHANGE = Profile(tool="t", stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, idempotent=True, basis=Basis.REVIEWED)


@given(PROFILES, st.dictionaries(st.sampled_from(HINTS), ODD) | ODD)
def test_hints_never_lower(profile: Profile, annotations: Any) -> None:
    after = raised(profile, annotations)
    assert no_graver(profile, after)
    assert no_graver(after, WORST)
    assert raised(after, annotations) == after or after.why != profile.why


@pytest.mark.parametrize("harmless", [{}, {"readOnlyHint": True}, {"destructiveHint": False}, None, [], "x"])
def test_a_harmless_hint_changes_nothing(harmless: Any) -> None:
    for profile in (READ, CHANGE, WORST):
        assert raised(profile, harmless) is profile


@pytest.mark.parametrize(
    ("hints", "reversible"),
    [
        ({"readOnlyHint": False}, Reversible.IRREVERSIBLE),
        ({"readOnlyHint": False, "destructiveHint": True}, Reversible.IRREVERSIBLE),
        ({"destructiveHint": True}, Reversible.IRREVERSIBLE),
        ({"readOnlyHint": True, "destructiveHint": True}, Reversible.IRREVERSIBLE),
        ({"readOnlyHint": False, "destructiveHint": False}, Reversible.HARD),
        ({"readOnlyHint": "no"}, Reversible.IRREVERSIBLE),
    ],
)
def test_a_read_whose_server_says_that_it_writes_is_a_change(hints: Any, reversible: Reversible) -> None:
    after = raised(READ, hints)
    assert (after.stage, after.reversible) == (Stage.RESPOND, reversible)
    assert "hints" in after.why


def test_a_reviewed_change_keeps_its_review_and_a_derived_one_does_not() -> None:
    assert raised(CHANGE, {"destructiveHint": True}) is CHANGE
    derived = Profile(tool="t", stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, basis=Basis.DERIVED)
    assert raised(derived, {"destructiveHint": True}).reversible is Reversible.HARD
    assert not raised(CHANGE, {"idempotentHint": False}).idempotent
