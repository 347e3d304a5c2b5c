"""The ten guardrails: each shown on both packs, and each with a loosened copy that is caught."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from keyturn.core.facts import Facts, Oversight
from keyturn.core.policy import Policy, ReleaseFacts, TurnFacts
from keyturn.core.policy_check import check, loosened
from keyturn.core.profile import Basis, Reversible, Stage, Touches
from keyturn.packs import PACKS, load_pack

MakeFacts = Callable[..., Facts]

CHANGE: dict[str, Any] = {"stage": Stage.RESPOND, "reversible": Reversible.REVERSIBLE, "has_inverse": True}
LOOSE_PACK = "\n".join(
    f'@id("loose-{action}") @why("an operator allows everything") '
    f'permit (principal, action == Action::"{action}", resource);'
    for action in ("free", "confirm", "one_key", "two_key", "turn_key", "release", "read_while_stopped")
)
GUARDRAIL_IDS = re.findall(r'@id\("(guardrail-[^"]+)"\)', load_pack("standard").guardrails)


@pytest.fixture(scope="module", params=[*PACKS, "everything-permitted"])
def policy(request: pytest.FixtureRequest) -> Policy:
    """Each shipped pack, and an operator's that permits everything: the guardrails must hold in all three."""
    pack = load_pack("standard" if request.param not in PACKS else request.param)
    sources = pack.sources if request.param in PACKS else {"loose.cedar": LOOSE_PACK}
    return Policy.load(pack.schema, pack.guardrails, sources, author="paula")


def release(
    facts: Facts, *people: str, oversight: Oversight = Oversight.ONE_KEY, held: int = 0, quorum: bool = True
) -> ReleaseFacts:
    return ReleaseFacts(
        facts=facts,
        action="a1",
        oversight=oversight,
        people=people,
        roles=("analyst",),
        held_for_ms=held,
        quorum_met=quorum,
    )


@pytest.mark.parametrize("stage", [Stage.ANALYSE, Stage.RECORD])
def test_guardrail_1_analysis_and_notes_run_free(policy: Policy, make_facts: MakeFacts, stage: Stage) -> None:
    assert policy.decide(make_facts(stage=stage)).word == "free"
    assert policy.decide(make_facts(chain={"tools": 9, "upstreams": 4, "analysed": True})).word == "free"
    assert policy.decide(make_facts(stage=stage, crown_jewel=True, within_blast_radius=False)).word == "free"


@pytest.mark.parametrize("thing", [Touches.SECRETS, Touches.PRIVILEGED_DATA, Touches.EVIDENCE])
def test_guardrail_1_and_3_sensitive_reads_need_a_key_unless_named(
    policy: Policy, make_facts: MakeFacts, thing: Touches
) -> None:
    verdict = policy.decide(make_facts(touches=(thing,)))
    assert verdict.word == "one_key"
    assert "guardrail-1-sensitive-read" in [reason.policy for reason in verdict.reasons]
    assert policy.decide(make_facts(touches=(thing,), names_objects=True)).word == "free"


def test_guardrail_1_a_note_that_changes_more_than_the_case_needs_a_key(policy: Policy, make_facts: MakeFacts) -> None:
    note = make_facts(stage=Stage.RECORD, touches=(Touches.DETECTION_CONTROLS,), names_objects=True)
    assert policy.decide(note).word == "one_key"
    assert policy.decide(make_facts(touches=(Touches.IDENTITY,))).word == "free"


@pytest.mark.parametrize("stage", Stage)
def test_guardrail_2_irreversible_is_never_unattended(policy: Policy, make_facts: MakeFacts, stage: Stage) -> None:
    verdict = policy.decide(make_facts(stage=stage, reversible=Reversible.IRREVERSIBLE))
    assert verdict.oversight is not None and verdict.oversight >= Oversight.ONE_KEY


def test_guardrail_2_confirm_is_for_small_changes_that_revert(policy: Policy, make_facts: MakeFacts) -> None:
    assert policy.decide(make_facts(**CHANGE)).word == "confirm"
    for worse in (
        {"has_inverse": False},
        {"reversible": Reversible.HARD},
        {"targets": ()},
        {"basis": Basis.DERIVED},
        {"touches": (Touches.IDENTITY,)},
        {"crown_jewel": True},
        {"within_blast_radius": False},
    ):
        verdict = policy.decide(make_facts(**(CHANGE | worse)))
        assert verdict.oversight is not None and verdict.oversight >= Oversight.ONE_KEY, worse


@pytest.mark.parametrize("thing", [Touches.SECRETS, Touches.EVIDENCE])
def test_guardrail_3_changing_secrets_or_evidence_needs_a_key_even_if_named(
    policy: Policy, make_facts: MakeFacts, thing: Touches
) -> None:
    verdict = policy.decide(make_facts(**CHANGE, touches=(thing,), names_objects=True))
    assert verdict.word == "one_key"
    assert "guardrail-3-sensitive-change" in [reason.policy for reason in verdict.reasons]


def test_guardrail_4_who_detected_does_not_respond_alone(policy: Policy, make_facts: MakeFacts) -> None:
    assert policy.decide(make_facts(**CHANGE, chain={"analysed": True})).word == "two_key"


@pytest.mark.parametrize("flaw", ["shared", "long_lived", "exposed"])
def test_guardrail_5_a_weak_credential_does_not_respond(policy: Policy, make_facts: MakeFacts, flaw: str) -> None:
    verdict = policy.decide(make_facts(**CHANGE, credential={flaw: True}))
    assert verdict.denied
    assert [reason.policy for reason in verdict.reasons] == ["guardrail-5-weak-credential"]
    assert policy.decide(make_facts(credential={flaw: True})).word == "free"


@pytest.mark.parametrize(
    ("different", "guardrail"),
    [
        ({"in_mandate": False, "outside": ("expired",)}, "guardrail-6-outside-mandate"),
        ({"quarantined": True}, "guardrail-6-quarantined"),
        ({"refused_before": True}, "guardrail-6-refused-before"),
    ],
)
@pytest.mark.parametrize("stage", Stage)
def test_guardrail_6_outside_the_mandate_nothing_runs(
    policy: Policy, make_facts: MakeFacts, stage: Stage, different: dict[str, Any], guardrail: str
) -> None:
    verdict = policy.decide(make_facts(stage=stage, **different))
    assert verdict.denied
    assert [reason.policy for reason in verdict.reasons] == [guardrail]
    assert policy.decide(make_facts(stage=stage, stopped="everything", **different)).denied


def test_guardrail_7_a_long_chain_that_ends_in_a_change_takes_two_keys(policy: Policy, make_facts: MakeFacts) -> None:
    assert policy.decide(make_facts(**CHANGE, chain={"tools": 3, "upstreams": 2})).word == "two_key"
    assert policy.decide(make_facts(**CHANGE, chain={"tools": 2, "upstreams": 2})).word == "confirm"
    assert policy.decide(make_facts(**CHANGE, chain={"tools": 3, "upstreams": 1})).word == "confirm"


@pytest.mark.parametrize("different", [{"crown_jewel": True}, {"within_blast_radius": False}])
def test_guardrail_8_crown_jewels_and_many_targets_take_two_keys(
    policy: Policy, make_facts: MakeFacts, different: dict[str, Any]
) -> None:
    assert policy.decide(make_facts(**CHANGE, **different)).word == "two_key"


@pytest.mark.parametrize("oversight", [Oversight.ONE_KEY, Oversight.TWO_KEY])
def test_guardrail_9_no_key_is_never_enough(policy: Policy, make_facts: MakeFacts, oversight: Oversight) -> None:
    assert not policy.may_release(release(make_facts(**CHANGE), oversight=oversight, held=10**9)).allowed


@pytest.mark.parametrize("person", ["olga", "ivan", "paula", "OLGA ", "Ｉvan"])
def test_guardrail_9_owner_issuer_or_author_alone_is_not_enough_at_once(
    policy: Policy, make_facts: MakeFacts, person: str
) -> None:
    ruling = policy.may_release(release(make_facts(**CHANGE), person))
    assert not ruling.allowed
    assert "guardrail-9-nobody-alone" in [reason.policy for reason in ruling.reasons]
    assert policy.may_release(release(make_facts(**CHANGE), "ann")).allowed


def test_guardrail_9_one_person_counts_once(policy: Policy, make_facts: MakeFacts) -> None:
    facts = make_facts(**CHANGE)
    assert not policy.may_release(release(facts, "ann", "ANN ", oversight=Oversight.TWO_KEY)).allowed
    assert policy.may_release(release(facts, "ann", "bob", oversight=Oversight.TWO_KEY)).allowed


@pytest.mark.parametrize("oversight", [Oversight.ONE_KEY, Oversight.TWO_KEY])
def test_guardrail_9_people_who_do_not_make_up_the_sets_are_not_enough(
    policy: Policy, make_facts: MakeFacts, oversight: Oversight
) -> None:
    facts = make_facts(**CHANGE)
    ruling = policy.may_release(release(facts, "ann", "bob", oversight=oversight, quorum=False))
    assert not ruling.allowed
    assert "guardrail-9-quorum" in [reason.policy for reason in ruling.reasons]
    assert policy.may_release(release(facts, "ann", "bob", oversight=oversight)).allowed


@pytest.mark.parametrize(("oversight", "minutes"), [(Oversight.ONE_KEY, 2), (Oversight.TWO_KEY, 15)])
def test_guardrail_9_only_the_cooling_off_time_of_a_single_operator_stands_in_for_the_sets(
    make_facts: MakeFacts, oversight: Oversight, minutes: int
) -> None:
    for name in PACKS:
        pack = load_pack(name)
        policy = Policy.load(pack.schema, pack.guardrails, pack.sources, author="paula")
        for held, enough in ((minutes * 60_000 - 1, False), (minutes * 60_000, name == "small-team")):
            alone = release(make_facts(**CHANGE), "ann", oversight=oversight, held=held, quorum=False)
            assert policy.may_release(alone).allowed is enough, (name, held)


def test_guardrail_9_a_deputy_of_somebody_involved_is_involved(policy: Policy, make_facts: MakeFacts) -> None:
    facts = make_facts(**CHANGE)
    for absent, allowed in (("olga", False), ("IVAN", False), ("paula", False), ("zoe", True)):
        asked = msgspec.structs.replace(release(facts, "ann"), deputies=(("ann", absent),))
        assert policy.may_release(asked).allowed is allowed, absent
    assert not policy.may_release(msgspec.structs.replace(release(facts, "ann"), co_authors=("ann",))).allowed


def test_guardrail_9_agents_and_repeaters_turn_no_key(policy: Policy, make_facts: MakeFacts) -> None:
    def turn(person: str = "ann", *, agent: bool = False, turned: bool = False, **how: Any) -> bool:
        facts = TurnFacts(
            facts=make_facts(**CHANGE),
            action="a1",
            oversight=Oversight.ONE_KEY,
            person=person,
            roles=("analyst",),
            already_turned=turned,
            is_agent=agent,
            **how,
        )
        return policy.may_turn(facts).allowed

    assert turn()
    assert not turn(agent=True)
    assert not turn("triage-bot")
    assert not turn(turned=True)
    assert turn(has_passkey=True, method="passkey")
    assert not turn(has_passkey=True), "a token alone turns nothing for who has a passkey"


@pytest.mark.parametrize("stage", [Stage.RECORD, Stage.RESPOND])
def test_guardrail_10_while_stopped_nothing_changes(policy: Policy, make_facts: MakeFacts, stage: Stage) -> None:
    facts = make_facts(stage=stage, stopped="everything")
    assert policy.decide(facts).denied
    assert not policy.may_release(release(facts, "ann", "bob", oversight=Oversight.TWO_KEY)).allowed


def test_guardrail_10_only_reads_that_the_policy_names_run_while_stopped(make_facts: MakeFacts) -> None:
    pack = load_pack("standard")
    named = (
        '@id("look-while-stopped") @why("a host can be looked at while stopped") '
        'permit (principal, action == Action::"read_while_stopped", resource == Tool::"edr/get_host");'
    )
    policy = Policy.load(pack.schema, pack.guardrails, {**pack.sources, "stop.cedar": named})
    assert policy.decide(make_facts(stopped="everything")).word == "free"
    assert policy.decide(make_facts(stopped="everything", tool="edr/list_hosts")).denied
    assert policy.decide(make_facts(stopped="everything", touches=(Touches.SECRETS,), names_objects=True)).denied
    shipped = Policy.load(pack.schema, pack.guardrails, pack.sources)
    assert shipped.decide(make_facts(stopped="everything")).denied


def without(guardrails: str, rule: str) -> str:
    copy = re.sub(rf'@id\("{rule}"\).*?;\n', "", guardrails, flags=re.DOTALL)
    assert f'@id("{rule}")' not in copy
    return copy


@pytest.mark.parametrize("guardrail", [name for name in GUARDRAIL_IDS if name != "guardrail-3-sensitive-change"])
def test_a_copy_without_a_guardrail_is_caught(guardrail: str) -> None:
    shipped = load_pack("standard").guardrails
    problems = loosened(without(shipped, guardrail), shipped)
    assert any(problem.what.startswith(f"{guardrail} no longer holds") for problem in problems)


def test_guardrail_3_is_kept_twice_and_a_copy_that_loses_both_is_caught() -> None:
    shipped = load_pack("standard").guardrails
    copy = without(shipped, "guardrail-3-sensitive-change")
    assert loosened(copy, shipped) == []
    looser = copy.replace("  context.touches.isEmpty() &&\n", "")
    assert looser != copy
    assert any("guardrail-3-sensitive-change no longer" in problem.what for problem in loosened(looser, shipped))


@pytest.mark.parametrize(
    ("text", "looser", "guardrail"),
    [
        ("!context.names_objects", 'context.owner != "olga" && !context.names_objects', "guardrail-1"),
        ('context.basis == "reviewed"', 'context.basis != "unknown"', "guardrail-2"),
        ("context.chain.analysed", "context.chain.analysed && context.production", "guardrail-4"),
        ("context.credential.shared || ", "", "guardrail-5"),
        ("unless { context.in_mandate }", 'unless { context.in_mandate || context.agent == "x" }', "guardrail-6"),
        ("context.chain.tools >= 3", "context.chain.tools > 3", "guardrail-7"),
        ("&& context.crown_jewel }", "&& context.crown_jewel && context.production }", "guardrail-8"),
        ("context.keys < 2 && context.independent < 1", "context.keys < 1", "guardrail-9"),
        ('context.method != "passkey"', 'context.method == "none"', "guardrail-9"),
        ("context.has_passkey && ", "context.has_passkey && context.already_turned && ", "guardrail-9"),
        ("context.held_for_ms >= 900000", "context.held_for_ms >= 60000", "guardrail-9"),
        ("context.quorum_met ||", "context.quorum_met || context.keys >= 2 ||", "guardrail-9"),
        ('context.oversight == "one_key" && context.held', "context.held", "guardrail-9"),
        ('context.stopped != ""', 'context.stopped == "everything"', "guardrail-10"),
    ],
)
def test_a_loosened_copy_is_caught_with_facts_that_slip_through(text: str, looser: str, guardrail: str) -> None:
    pack = load_pack("standard")
    copy = pack.guardrails.replace(text, looser)
    assert copy != pack.guardrails
    errors = [p for p in check(pack.schema, copy, pack.sources, shipped=pack.guardrails) if p.severity == "error"]
    assert errors and all(f"{guardrail}-" in problem.what for problem in errors)
    assert "is not ruled out when" in errors[0].what


def test_a_copy_that_says_the_same_in_other_words_is_fine() -> None:
    pack = load_pack("standard")
    copy = pack.guardrails.replace("context.chain.tools >= 3", "context.chain.tools > 2")
    copy = copy.replace('context.stage != "respond"', '(context.stage == "analyse" || context.stage == "record")')
    assert copy != pack.guardrails
    assert loosened(copy, pack.guardrails) == []
