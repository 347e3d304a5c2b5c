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
        targets=named_targets(profile, arguments),
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


def test_a_part_in_brackets_stands_only_with_its_values() -> None:
    profile = msgspec.structs.replace(BARE, does="release quarantined files[, {ids}][, all that match {filter}]")
    for arguments, said in (
        ({"ids": ["f1"]}, "Release quarantined files, “f1”."),
        ({"filter": "*"}, "Release quarantined files, all that match “*”."),
        ({"ids": [], "filter": ""}, "Release quarantined files."),
        ({"ids": "[x]{filter}"}, "Release quarantined files, “[x]{filter}”."),
    ):
        assert spoken(happens(action("x", profile, arguments), profile)) == said


@pytest.mark.parametrize(
    ("server", "tool", "arguments", "said", "back"),
    [
        (
            "keyturn-range",
            "edr_isolate_host",
            {"hostname": "WS-0142"},
            "Cut the host “WS-0142” off from the network.",
            "It can be taken back by calling “edr_lift_isolation”.",
        ),
        (
            "keyturn-range",
            "edr_kill_process",
            {"hostname": "WS-0142", "pid": 4120},
            "Kill the process “4120” on the host “WS-0142”.",
            "It can't be taken back: nothing can undo it.",
        ),
        (
            "keyturn-range",
            "edr_run_script",
            {"hostname": "WS-0142", "script": "rm -rf /"},
            "Run a script on the host “WS-0142” as its system account: “rm -rf /”.",
            "It can't be taken back: nothing can undo it.",
        ),
        (
            "keyturn-range",
            "mail_delete_rule",
            {"rule_id": "r1"},
            "Delete the mail rule “r1”.",
            "It can be taken back by calling “mail_create_rule”, with what is saved first or what the call returns.",
        ),
        (
            "keyturn-range",
            "idp_reset_password",
            {"username": "jdoe"},
            "Reset the password of the user “jdoe”.",
            "It can be taken back in part, and side effects stay, by hand only: the person chooses a new password over"
            " the service desk's link.",
        ),
        (
            "falcon-mcp",
            "falcon_update_detections",
            {"ids": [f"a{n}" for n in range(500)], "status": "closed"},
            "Change the alerts “a0”, “a1”, “a2” and 497 more, their status to “closed”.",
            "It can be taken back in part, and side effects stay, by hand only: set the preserved status, tags and"
            " visibility again.",
        ),
        (
            "falcon-mcp",
            "falcon_delete_quarantined_files",
            {"filter": "*"},
            "Delete quarantined files for good, all that match “*”.",
            "It can't be taken back: nothing can undo it.",
        ),
        (
            "mcp-server-git",
            "git_commit",
            {"repo_path": "/srv/app", "message": "fix"},
            "Commit what is staged in the repository “/srv/app”, with the message “fix”.",
            "It can be taken back in part, and side effects stay, by hand only: git reset --soft HEAD~1, while nobody"
            " has fetched it.",
        ),
        (
            "mcp-server-filesystem",
            "move_file",
            {"source": "/a", "destination": "/b"},
            "Move “/a” to “/b”.",
            "It can be taken back by calling “move_file”.",
        ),
        (
            "mcp-server-filesystem",
            "edit_file",
            {"path": "/a", "edits": [], "dryRun": True},
            "Show what would change in the file “/a”, and write nothing.",
            "It changes nothing, so there is nothing to take back.",
        ),
        (
            "keyturn-range",
            "edr_get_host",
            {"hostname": "WS-0142"},
            "Read with “soc/edr_get_host”: the host “WS-0142”.",
            "It changes nothing, so there is nothing to take back.",
        ),
    ],
)
def test_what_real_tools_do_reads_well(server: str, tool: str, arguments: dict[str, Any], said: str, back: str) -> None:
    assert say(server, tool, **arguments) == (said, back)


def test_an_argument_whose_name_has_spaces_is_named_like_any_other() -> None:
    assert holes("disable {User Name}[ in {Domain}]") == ("User Name", "Domain")
    assert holes("a { b } {c  d}") == ()
