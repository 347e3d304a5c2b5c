"""An action in one plain sentence, for real profiles and for tools that nobody knows."""

from typing import Any

import msgspec
import pytest
from tests.hostile import corpus

from keyturn.catalogue import Catalogue
from keyturn.core.action import Action, ModelOutput, ToolRef
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, Step, TargetRule, named_targets
from keyturn.core.sentence import MOST_SHOWN, Piece, happens, holes, spoken, takes_back

CATALOGUE = Catalogue.load()


def action(tool: str, profile: Profile, arguments: dict[str, Any]) -> Action:
    return Action(
        id="a1",
        agent="bot",
        mandate="m1",
        case="INC-1",
        tool=ToolRef("soc", tool),
        definition="d",
        arguments=arguments,
        targets=named_targets(profile.targets, arguments),
        model_output=ModelOutput(),
        proposed_at=1,
        nonce="00",
    )


def say(server: str, tool: str, **arguments: Any) -> tuple[str, str]:
    profile = CATALOGUE.profile(server, tool, arguments)
    call = action(tool, profile, arguments)
    return spoken(happens(call, profile)), spoken(takes_back(call, profile).words)


def test_an_unknown_tool_may_do_anything() -> None:
    call = action("launch", WORST, {"host": "h1"})
    assert spoken(happens(call, WORST)) == (
        "Call “soc/launch”. Nobody has profiled this tool: it may do anything, to anything."
    )
    assert spoken(takes_back(call, WORST).words) == "It can't be taken back: nothing can undo it."


BARE = Profile(
    tool="x",
    stage=Stage.RESPOND,
    reversible=Reversible.REVERSIBLE,
    targets=(TargetRule("hosts", "host"), TargetRule("policy", "policy")),
    inverse=Step("lift", {"hosts": "$arguments.hosts"}),
    basis=Basis.REVIEWED,
    openc2="contain device",
)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        (["h1"], "Contain the host “h1” with “soc/x”."),
        (["h1", "h2"], "Contain 2 hosts “h1” and “h2” with “soc/x”."),
        ([f"h{n:03}" for n in range(500)], "Contain 500 hosts “h000”, “h001”, “h002” and 497 more with “soc/x”."),
        ([], "Contain a device that the call does not name with “soc/x”."),
    ],
)
def test_a_profile_without_a_phrase_speaks_by_its_openc2_verb_and_targets(hosts: list[str], said: str) -> None:
    assert spoken(happens(action("x", BARE, {"hosts": hosts}), BARE)) == said


def test_several_kinds_of_targets_are_named_apart() -> None:
    said = spoken(happens(action("x", BARE, {"hosts": ["h1", "h2"], "policy": "p1"}), BARE))
    assert said == "Contain 2 hosts “h1” and “h2” and the policy “p1” with “soc/x”."


@pytest.mark.parametrize(
    ("stage", "said"), [("analyse", "Read with “soc/x”."), ("record", "Write a note with “soc/x”."),
                        ("respond", "Change something with “soc/x”.")],
)  # fmt: skip
def test_a_profile_with_nothing_but_a_stage_still_says_what_it_is(stage: str, said: str) -> None:
    profile = msgspec.structs.replace(BARE, stage=Stage(stage), openc2="", targets=())
    assert spoken(happens(action("x", profile, {}), profile)) == said


def test_a_phrase_takes_the_values_of_the_call_and_says_what_is_left_out() -> None:
    profile = msgspec.structs.replace(BARE, does="move {source} to {to.path}")
    assert holes(profile.does) == ("source", "to.path")
    call = action("x", profile, {"source": "a", "to": {"path": "b"}})
    assert spoken(happens(call, profile)) == "Move “a” to “b”."
    assert spoken(happens(action("x", profile, {"source": "a"}), profile)) == "Move “a” to (no to.path given)."


def test_how_it_is_taken_back() -> None:
    call = action("x", BARE, {"hosts": ["h1"]})
    back = takes_back(call, BARE)
    assert (back.tool, back.arguments) == ("lift", {"hosts": ["h1"]})
    assert spoken(back.words) == "It can be taken back by calling “lift”."
    later = msgspec.structs.replace(BARE, inverse=Step("lift", {"id": "$result.id"}))
    assert takes_back(call, later).arguments is None
    assert spoken(takes_back(call, later).words).endswith("with what is saved first or what the call returns.")
    by_hand = msgspec.structs.replace(BARE, inverse=None, by_hand="ask the service desk")
    assert spoken(takes_back(call, by_hand).words) == "It can be taken back by hand only: ask the service desk."


@pytest.mark.parametrize("hostile", corpus(20_000), ids=lambda hostile: str(hostile.name))
def test_hostile_values_stay_data_and_are_cut_with_a_count(hostile: Any) -> None:
    phrase = msgspec.structs.replace(BARE, does="isolate {hosts} from the network")
    for profile in (BARE, phrase, WORST):
        call = action("x", profile, {"hosts": [hostile.text]})
        sentence = happens(call, profile)
        ours = "".join(piece.text for piece in sentence if not piece.data)
        assert hostile.text.strip() == "" or hostile.text not in ours
        for piece in (piece for piece in sentence if piece.data):
            assert len(piece.text) <= MOST_SHOWN
            assert piece.left_out in (0, len(hostile.text) - MOST_SHOWN)
    assert (
        Piece(hostile.text[:MOST_SHOWN], True, max(0, len(hostile.text) - MOST_SHOWN)) in sentence or not call.targets
    )
