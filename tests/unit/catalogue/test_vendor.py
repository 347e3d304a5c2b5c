"""A vendor's file is taken whole or refused whole, and the refusal names the file, the tool and what is wrong."""

from pathlib import Path

import pytest

from keyturn.catalogue import Catalogue, catalogue, read_vendor
from keyturn.catalogue.vendor import pack, unpack
from keyturn.core.profile import Basis, Reversible, Stage, TargetRule, Touches
from keyturn.errors import ProfileError

HEAD = "vendor: V\nservers: [v]\ntools:\n"
READ = "  look: {stage: analyse}\n"
CHANGE = """\
  change:
    stage: respond
    reversible: reversible
    touches: [production]
    targets: {host: host}
    why: It does.
    inverse: {tool: change, arguments: {host: $arguments.host, on: false}}
    check: {tool: look, arguments: {}, expect: [{at: on, equals: true}]}
"""


def test_a_profile_is_read_with_all_its_fields() -> None:
    tool = read_vendor(HEAD + READ + CHANGE, "v.yaml").tools["change"].base
    assert (tool.stage, tool.reversible, tool.basis) == (Stage.RESPOND, Reversible.REVERSIBLE, Basis.REVIEWED)
    assert tool.touches == {Touches.PRODUCTION}
    assert tool.targets == (TargetRule("host", "host"),)
    assert tool.inverse is not None
    assert tool.inverse.arguments == {"host": "$arguments.host", "on": False}


def variant(text: str) -> str:
    return HEAD + READ + CHANGE + "    variants:\n      - " + text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vendor: V\nservers: [v]", "v.yaml: .*tools"),
        ("vendor: V\nservers: []\ntools:\n" + READ, "must not be empty"),
        ("vendor: V\nservers: [v]\ntools: {}", "must not be empty"),
        (HEAD + READ + "extra: 1", "v.yaml: .*unknown field `extra`"),
        (HEAD + "  look: {stage: analyse, colour: red}", "v.yaml: tool 'look': .*unknown field `colour`"),
        (HEAD + "  look: {stage: read}", "v.yaml: tool 'look': .*'read'"),
        (HEAD + "  look: 3", "v.yaml: tool 'look'"),
        (HEAD + "  look: {stage: analyse, touches: [everything]}", "tool 'look': .*'everything'"),
        (HEAD + "  look: {stage: analyse, reversible: reversible}", "tool 'look': no_effect and .*analyse"),
        (HEAD + "  change: {stage: respond, why: w}", "tool 'change': stage respond needs reversible"),
        (HEAD + "  change: {stage: respond, reversible: no_effect, why: w}", "belong together"),
        (HEAD + "  change: {stage: respond, reversible: reversible, why: w}", "needs an inverse, or by_hand"),
        (HEAD + "  change: {stage: respond, reversible: irreversible}", "says why"),
        (HEAD + "  look: {stage: analyse, touches: [secrets]}", "says why"),
        (HEAD + "  look: {stage: analyse, withholds: [client_secret]}", "withholds something says why"),
        (HEAD + "  look: {stage: analyse, withholds: ['_id_'], why: w}", "at least 3 letters or digits"),
        (HEAD + READ + CHANGE + "    withholds: [client_secret]", "only a tool that reads withholds"),
        (
            HEAD + "  resources/read: {stage: analyse, withholds: [client_secret], why: w}",
            "only a tool that reads withholds",
        ),
        (variant("{when: {dry: true}, withholds: [client_secret]}"), "unknown field `withholds`"),
        (HEAD + "  look: {stage: analyse, basis: unknown}", "reviewed or derived"),
        (HEAD + "  look: {stage: analyse, by_hand: x}", "nothing to take back"),
        ((HEAD + READ + CHANGE).replace("tool: change, a", "tool: gone, a"), "step 'gone' is no tool of this file"),
        ((HEAD + READ + CHANGE).replace("tool: look", "tool: change"), "'change' changes things, so it can't look"),
        ((HEAD + READ + CHANGE).replace("reversible: rev", "reversible: irrev"), "has an inverse is not irreversible"),
        ((HEAD + READ + CHANGE).replace("[{at: on, equals: true}]", "[]"), "tool 'change': .*expects nothing"),
        ((HEAD + READ + CHANGE).replace("equals: true", "one_of: []"), "tool 'change': .*not clear"),
        ((HEAD + READ + CHANGE).replace("equals: true", "equals: 1, includes: 1"), "tool 'change': .*not clear"),
        (HEAD + READ + CHANGE + "    preserve: {was: {tool: change}}", "'change' responds, so it preserves nothing"),
        (variant("{when: {}, stage: analyse}"), "names the arguments and values"),
        (variant("{when: {dry: []}, stage: analyse}"), "names the arguments and values"),
        (variant("{when: {dry: true}, touches: [secrets], by_hand: x}"), "variant for dry is graver"),
        (variant("{when: {dry: true}, reversible: irreversible}"), "variant for dry is graver"),
        (variant("{when: {dry: true}, stage: analyse, targets: {}}"), "names fewer targets"),
        (variant("{when: {dry: true}, stage: analyse, colour: red}"), "tool 'change': .*unknown field `colour`"),
        (variant("{when: {dry: true}}"), "needs an inverse, or by_hand"),
        (HEAD + READ + READ, "the key 'look' is there twice"),
    ],
)
def test_a_file_that_is_wrong_is_refused(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message) as refused:
        read_vendor(text, "v.yaml")
    assert refused.value.message.startswith("v.yaml")


@pytest.mark.parametrize(
    ("arguments", "stage"),
    [
        ({"dry": True}, Stage.ANALYSE),
        ({"dry": 1}, Stage.RESPOND),
        ({"dry": "true"}, Stage.RESPOND),
        ({"dry": [True]}, Stage.RESPOND),
        ({"Dry": True}, Stage.RESPOND),
        ({}, Stage.RESPOND),
        (None, Stage.RESPOND),
        ([], Stage.RESPOND),
        ({"dry": True, "deep": {"also": "on"}}, Stage.RESPOND),
    ],
)
def test_a_variant_needs_exactly_its_value(arguments: object, stage: Stage) -> None:
    text = variant("{when: {dry: true, deep.also: [null, off]}, stage: analyse, why: It only shows.}")
    assert read_vendor(text, "v.yaml").tools["change"].profile(arguments).stage is stage


def test_two_variants_that_match_leave_the_base() -> None:
    text = variant("{when: {a: 1}, stage: analyse}\n      - {when: {b: 1}, stage: analyse}")
    tool = read_vendor(text, "v.yaml").tools["change"]
    assert tool.profile({"a": 1}).stage is Stage.ANALYSE
    assert tool.profile({"a": 1, "b": 1}) is tool.base


def test_a_variant_inherits_the_class_and_never_the_steps() -> None:
    text = variant("{when: {a: 1}, by_hand: turn the knob}")
    profile = read_vendor(text, "v.yaml").tools["change"].profile({"a": 1})
    assert (profile.stage, profile.why) == (Stage.RESPOND, "It does.")
    assert profile.touches == {Touches.PRODUCTION}
    assert (profile.inverse, profile.check, profile.preserve) == (None, None, {})


def test_a_variant_and_a_rule_withhold_what_their_tool_does() -> None:
    look = "  look:\n    stage: analyse\n    touches: [privileged_data]\n    why: w\n    withholds: [client_secret]\n"
    for narrower in (
        "    variants: [{when: {id: 1}, touches: []}]",
        "    rule: {http: {method: GET, url: $arguments.id}}",
    ):
        tool = read_vendor(HEAD + look + narrower, "v.yaml").tools["look"]
        assert (
            tool.profile({"id": 1}).withholds
            == tool.profile({"id": "https://a.example/x"}).withholds
            == ("client_secret",)
        )


def test_who_accepted_a_profile_stands_with_it_and_with_its_variants() -> None:
    by = f"    reviewed: {{by: olga, at: '2026-01-31T12:00:00Z', definition: {'ab' * 32}}}\n"
    found = read_vendor(variant("{when: {on: false}, stage: analyse, reversible: no_effect}\n") + by, "v.yaml").tools[
        "change"
    ]
    assert found.base.reviewed is not None
    assert (found.base.reviewed.by, found.base.reviewed.definition) == ("olga", "ab" * 32)
    assert found.variants[0].profile.reviewed == found.base.reviewed
    assert read_vendor(HEAD + READ, "v.yaml").tools["look"].base.reviewed is None


@pytest.mark.parametrize(
    ("reviewed", "message"),
    [
        ("by: ' ', at: '2026-01-31T12:00:00Z', definition: FP", "names nobody"),
        ("by: olga, at: yesterday, definition: FP", "no moment in UTC"),
        ("by: olga, at: '2026-01-31T12:00:00Z', definition: sha", "no fingerprint"),
        ("by: olga, at: '2026-01-31T12:00:00Z'", "definition"),
        ("by: olga, at: '2026-01-31T12:00:00Z', definition: FP}, basis: derived, targets: {a: b", "belong together"),
    ],
)
def test_a_review_that_names_no_person_moment_or_definition_is_refused(reviewed: str, message: str) -> None:
    written = reviewed.replace("FP", "ab" * 32)
    with pytest.raises(ProfileError, match=message):
        read_vendor(HEAD + f"  look: {{stage: analyse, reviewed: {{{written}}}}}\n", "v.yaml")


@pytest.mark.parametrize("damage", [b"", b"[", b"{}", b'[{"vendor": 1}]', b"\xff"])
def test_a_damaged_package_is_refused_whole(damage: bytes) -> None:
    with pytest.raises(ProfileError, match="packaged catalogue"):
        unpack(damage)
    with pytest.raises(ProfileError):
        unpack(pack({"v.yaml": HEAD + READ}).replace(b'"V"', b'"\xff"'))


@pytest.mark.parametrize("damage", [b'"read"', b"3", b'"\xff"'])
def test_a_packed_tool_that_cannot_be_read_is_an_error_each_time_and_never_unknown(damage: bytes) -> None:
    (vendor,) = unpack(pack({"v.yaml": HEAD + READ}).replace(b'"analyse"', damage))
    found = Catalogue.of([vendor])
    assert found.knows("v", "look")
    for _ in range(2):
        with pytest.raises(ProfileError, match=r"v\.yaml: tool 'look'"):
            found.profile("v", "look", {}, {})


def test_a_package_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalogue, "PACKAGED", tmp_path / "packaged.json")
    with pytest.raises(ProfileError, match="packaged catalogue can't be read"):
        Catalogue.load()
