"""Entries in words: who did what, and nothing of the data passes for our own words."""

from typing import Any

import pytest
from tests.hostile import corpus

from keyturn.core.sentence import spoken
from keyturn.core.told import _TELLERS, told

SAID: dict[str, dict[str, Any]] = {
    "“bot” proposed to call “edr/isolate”": {"kind": "proposed", "agent": "bot", "tool": "edr/isolate"},
    "“ana” narrowed “a1” of “bot” to this smaller call of “edr/isolate”": {
        "kind": "proposed", "agent": "bot", "tool": "edr/isolate", "narrowed": {"of": "a1", "by": ["ana"]},
    },
    "The policy: it waits for the keys of two people, because “nobody can undo it” (“guardrail-2”)": {
        "kind": "decided", "verdict": "two_key",
        "reasons": [{"policy": "p", "why": "permitted", "effect": "permit"},
                    {"policy": "guardrail-2", "why": "nobody can undo it", "effect": "forbid"}],
    },
    "“ana” turned a key": {"kind": "key_turned", "person": "ana"},
    "“ana” turned a key with a passkey": {"kind": "key_turned", "person": "ana", "how": "passkey"},
    "Released by the keys of “ana, bob”": {"kind": "released", "keys": [{"person": "ana"}, {"person": "bob"}]},
    "Released: it needed no key": {"kind": "released", "keys": [], "oversight": "free"},
    "Released without a key": {"kind": "released", "keys": [], "oversight": "two_key"},
    "It failed: “no answer”": {"kind": "outcome", "state": "failed", "because": "no answer"},
    "It succeeded: “the tool says so”; credentials taken out of the answer: 2": {
        "kind": "outcome", "state": "succeeded", "because": "the tool says so", "withheld": 2,
    },
    "“ana” refused it: “wrong host”": {"kind": "refused", "by": "ana", "because": "wrong host"},
    "It expired before enough keys were turned": {"kind": "expired", "by": ""},
    "“ana” exported this case": {"kind": "case_exported", "by": "ana"},
    "Something new, person “ana”": {"kind": "something_new", "person": "ana", "x": 1},
}  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_an_entry_in_words(said: str) -> None:
    assert spoken(told(SAID[said])) == said


@pytest.mark.parametrize("kind", [*_TELLERS, "unheard_of", ""])
def test_any_entry_can_be_told_and_its_data_stays_data(kind: str) -> None:
    fields = ("agent", "tool", "by", "person", "because", "mandate", "note", "steps", "verdict", "state", "subject")
    for hostile in corpus(5_000):
        entry: dict[str, Any] = {"kind": kind, **dict.fromkeys(fields, hostile.text)}
        entry["reasons"] = [{"policy": hostile.text, "why": hostile.text, "effect": "forbid"}]
        entry["keys"] = [{"person": hostile.text}]
        ours = "".join(piece.text for piece in told(entry) if not piece.data)
        assert not hostile.text.strip() or hostile.text not in ours, hostile.name
    assert told({"kind": kind})
    assert told({"kind": kind, **dict.fromkeys((*fields, "reasons", "keys", "narrowed"))})
