"""What is in the digest is what runs: content, digest, bounds."""

import hashlib
from typing import Any

import msgspec
import pytest

from keyturn.core.action import MAX_EVIDENCE, MAX_RATIONALE, Action, ModelOutput, Narrowing, Target, ToolRef, digest_of
from keyturn.errors import InvalidInput, InvalidJson

ACTION = Action(
    id="a1",
    agent="responder",
    mandate="m1",
    case="INC-1",
    tool=ToolRef("edr", "isolate_host"),
    definition="d" * 64,
    arguments={"host": "h1", "minutes": 30, "ratio": 0.5, "tags": ["a", "ü"], "deep": {"x": None}},
    targets=(Target("host", "h1"),),
    model_output=ModelOutput("beacon seen twice", ("alert-7",), 0.8),
    proposed_at=1_790_000_000_000,
    nonce="0" * 32,
)
CHANGES: dict[str, Any] = {
    "id": "a2",
    "agent": "other",
    "mandate": "m2",
    "case": "INC-2",
    "tool": ToolRef("edr", "lift_host"),
    "definition": "e" * 64,
    "arguments": {"host": "h2"},
    "targets": (Target("host", "h2"),),
    "model_output": ModelOutput("beacon seen thrice"),
    "proposed_at": 1,
    "nonce": "1" * 32,
    "narrowed": Narrowing("a0", ("ana",)),
}


def test_content_comes_back_as_the_same_action() -> None:
    narrowed = msgspec.structs.replace(ACTION, narrowed=Narrowing("a0", ("ana",)))
    assert Action.from_content(narrowed.content()) == narrowed
    assert Action.from_content(ACTION.content()) == ACTION
    assert Action.from_content(ACTION.content()).content() == ACTION.content()


def test_the_digest_is_plain_sha_256_over_the_content() -> None:
    assert digest_of(ACTION.content()) == hashlib.sha256(ACTION.content()).hexdigest()


def test_every_field_is_in_the_digest() -> None:
    assert set(CHANGES) == set(Action.__struct_fields__)
    digests = {digest_of(msgspec.structs.replace(ACTION, **{name: value}).content()) for name, value in CHANGES.items()}
    assert len(digests | {digest_of(ACTION.content())}) == len(CHANGES) + 1


def test_arguments_that_differ_only_to_the_eye_have_different_digests() -> None:
    spellings = ("h1", "h1 ", "H1", "h1\u200b", "h\u0661", "\u202eh1", "ｈ1")
    digests = {digest_of(msgspec.structs.replace(ACTION, arguments={"host": s}).content()) for s in spellings}
    assert len(digests) == len(spellings)


def test_an_argument_without_one_meaning_has_no_digest() -> None:
    with pytest.raises(InvalidJson):
        msgspec.structs.replace(ACTION, arguments={"host": "\ud800"}).content()


@pytest.mark.parametrize("text", ["", "edr", "edr/", "/isolate", "/"])
def test_a_tool_needs_an_upstream_and_a_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="names no tool"):
        ToolRef.parse(text)


def test_a_tools_own_name_may_hold_slashes() -> None:
    ref = ToolRef.parse("edr/hosts/isolate")
    assert (ref.upstream, ref.name, str(ref)) == ("edr", "hosts/isolate", "edr/hosts/isolate")


@pytest.mark.parametrize(
    "said",
    [
        {"rationale": "x" * (MAX_RATIONALE + 1)},
        {"evidence": ("ref",) * (MAX_EVIDENCE + 1)},
        {"evidence": ("x" * 1001,)},
        {"confidence": 1.01},
        {"confidence": -0.01},
        {"confidence": float("nan")},
    ],
    ids=["rationale", "references", "reference", "above", "below", "nan"],
)
def test_what_a_model_says_is_bounded(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ModelOutput(**said)
