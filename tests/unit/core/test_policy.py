"""Loading, deciding, turning and releasing: what the policy promises whatever the pack."""

import itertools
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from keyturn.core.facts import Chain, Credential, Facts, Oversight
from keyturn.core.policy import ERRED, NOTHING_PERMITS, Policy, ReleaseFacts, TurnFacts
from keyturn.core.profile import Basis, Reversible, Stage, Touches
from keyturn.errors import PolicyError
from keyturn.packs import PACKS, load_pack

MakeFacts = Callable[..., Facts]
STANDARD = load_pack("standard")
POLICIES = {
    name: Policy.load(pack.schema, pack.guardrails, pack.sources)
    for name, pack in ((name, load_pack(name)) for name in PACKS)
}
OVERFLOWS = "context.now + 9223372036854775807 > 0"


def load(*sources: str, author: str = "", guardrails: str = STANDARD.guardrails) -> Policy:
    named = {f"{number}.cedar": text for number, text in enumerate(sources)}
    return Policy.load(STANDARD.schema, guardrails, named, author=author)


def rule(name: str, text: str) -> str:
    return f'@id("{name}") @why("a reason") {text}'


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (rule("a", "permit (principal, action, resource"), "0.cedar:1: this is not Cedar"),
        ("\n\n// a comment; with a semicolon\n" + rule("a", "permit (x);"), "0.cedar:4: this is not Cedar"),
        ('@why("y")\npermit (principal, action, resource);', "0.cedar:1: a policy has no @id"),
        ('@id("A B") @why("y") permit (principal, action, resource);', "names no policy"),
        ('@id("a") permit (principal, action, resource);', "a does not say why"),
        ('@id("a") @why(" ") permit (principal, action, resource);', "a does not say why"),
        (rule("a", "permit (principal == ?principal, action, resource);"), "a template"),
        (rule("guardrail-2-mine", "forbid (principal, action, resource);"), "named like a guardrail"),
        (rule("guardrail-2-change-never-free", "forbid (principal, action, resource);"), "named like a guardrail"),
        (rule("a", 'permit (principal, action == Action::"free", resource) when { context.nope };'), "`nope`"),
        (rule("a", 'permit (principal, action == Action::"launch", resource);'), "0.cedar:1: "),
        (
            rule("a", 'permit (principal, action == Action::"free", resource) when { context.stage == 1 };'),
            "0.cedar:1: ",
        ),
    ],
)
def test_a_policy_that_can_not_be_trusted_does_not_load(source: str, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load(source)
    assert says in str(caught.value)
    assert caught.value.hint


def test_duplicate_ids_are_refused_within_and_across_files() -> None:
    one = rule("twice", 'permit (principal, action == Action::"free", resource);')
    for sources in ((one + "\n" + one,), (one, one)):
        with pytest.raises(PolicyError, match=r"@id twice is taken by 0\.cedar:1"):
            load(*sources)


def test_guardrails_are_forbids() -> None:
    permit = rule("guardrail-11-mine", 'permit (principal, action == Action::"free", resource);')
    with pytest.raises(PolicyError, match="guardrail-11-mine permits"):
        load(guardrails=STANDARD.guardrails + permit)


def test_a_broken_schema_is_said_to_be_the_schema() -> None:
    with pytest.raises(PolicyError, match=r"schema\.cedarschema"):
        Policy.load("entity ;", STANDARD.guardrails, STANDARD.sources)


def test_an_empty_set_loads_and_denies_everything(make_facts: MakeFacts) -> None:
    for policy in (load(), Policy.load(STANDARD.schema, "", {})):
        verdict = policy.decide(make_facts())
        assert verdict.denied and verdict.word == "denied"
        assert [reason.policy for reason in verdict.reasons] == [NOTHING_PERMITS]
        assert not policy.may_turn(_turn(make_facts())).allowed
        assert not policy.may_release(_release(make_facts(), "ann", "bob")).allowed


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_a_policy_that_errs_while_deciding_denies(make_facts: MakeFacts, effect: str) -> None:
    errs = rule("errs", f'{effect} (principal, action == Action::"free", resource) when {{ {OVERFLOWS} }};')
    policy = load(STANDARD.sources["standard.cedar"], errs)
    verdict = policy.decide(make_facts())
    assert verdict.denied
    (reason,) = verdict.reasons
    assert reason.policy == "errs" and "overflow" in reason.why


@pytest.mark.parametrize("effect", ["permit", "forbid"])
@pytest.mark.parametrize("action", ["turn_key", "release"])
def test_a_policy_that_errs_on_keys_refuses_them(make_facts: MakeFacts, effect: str, action: str) -> None:
    overflow = OVERFLOWS.replace("context.now", "context.facts.now")
    errs = rule("errs", f'{effect} (principal, action == Action::"{action}", resource) when {{ {overflow} }};')
    policy = load(STANDARD.sources["standard.cedar"], errs)
    asked = {
        "turn_key": policy.may_turn(_turn(make_facts())),
        "release": policy.may_release(_release(make_facts(), "ann", "bob")),
    }
    assert not asked[action].allowed
    assert [reason.policy for reason in asked[action].reasons] == ["errs"]
    assert all(ruling.allowed for name, ruling in asked.items() if name != action)


def test_facts_that_do_not_fit_the_schema_are_denied(make_facts: MakeFacts) -> None:
    verdict = POLICIES["standard"].decide(make_facts(in_mandate="yes"))
    assert verdict.denied
    assert [reason.policy for reason in verdict.reasons] == [ERRED]


def test_facts_without_json_are_refused(make_facts: MakeFacts) -> None:
    with pytest.raises(PolicyError, match="no JSON"):
        POLICIES["standard"].decide(make_facts(stopped="\ud800"))


def test_a_hostile_name_is_a_name_and_no_cedar(make_facts: MakeFacts) -> None:
    named = 'permit (principal == Agent::"boss", action == Action::"free", resource);'
    policy = load(rule("boss-only", named))
    assert policy.decide(make_facts(agent="boss")).word == "free"
    for name in ('boss"', 'x" || true || "', "boss\n", "BOSS", "boss\u200b", ""):
        assert policy.decide(make_facts(agent=name)).denied


def test_the_same_facts_have_the_same_verdict_and_hash(make_facts: MakeFacts) -> None:
    other = Policy.load(STANDARD.schema, STANDARD.guardrails, dict(reversed([*STANDARD.sources.items()])))
    policy = POLICIES["standard"]
    facts = make_facts(stage=Stage.RESPOND, reversible=Reversible.IRREVERSIBLE)
    assert policy.hash == other.hash and len(policy.hash) == 64
    assert policy.decide(facts) == policy.decide(facts) == other.decide(facts)
    assert policy.decide(facts).policy == policy.hash


def test_any_change_of_a_text_changes_the_hash() -> None:
    hashes = {
        POLICIES["standard"].hash,
        POLICIES["small-team"].hash,
        Policy.load(STANDARD.schema + "\n", STANDARD.guardrails, STANDARD.sources).hash,
        Policy.load(STANDARD.schema, STANDARD.guardrails + "\n", STANDARD.sources).hash,
        Policy.load(STANDARD.schema, STANDARD.guardrails, {"other.cedar": STANDARD.sources["standard.cedar"]}).hash,
        load().hash,
    }
    assert len(hashes) == 6


def test_a_held_verdict_says_what_ruled_the_lower_levels_out(make_facts: MakeFacts) -> None:
    verdict = POLICIES["standard"].decide(
        make_facts(stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, chain={"analysed": True})
    )
    assert verdict.word == "two_key"
    assert {reason.policy for reason in verdict.reasons[:-1]} == {
        "guardrail-2-change-never-free",
        "guardrail-2-confirm-is-low-impact",
        "guardrail-4-detect-and-respond",
    }
    assert all(reason.effect == "forbid" and reason.why for reason in verdict.reasons[:-1])
    assert (verdict.reasons[-1].policy, verdict.reasons[-1].effect) == ("standard-two-keys", "permit")


def test_a_rule_that_reads_other_facts_gets_them(make_facts: MakeFacts) -> None:
    """Only the facts that policies read are sent to Cedar: none that they read may be missing."""
    policy = load(
        rule("p", 'permit (principal, action == Action::"free", resource) when { context.case == "case-7" };'),
        rule("q", 'forbid (principal, action, resource) when { context has stage && resource == Tool::"x/y" };'),
    )
    assert policy.decide(make_facts(case="case-7")).word == "free"
    assert policy.decide(make_facts(case="case-8")).denied
    assert policy.decide(make_facts(case="case-7", tool="x/y")).denied


def _turn(facts: Facts, *roles: str) -> TurnFacts:
    return TurnFacts(
        facts=facts,
        action="a1",
        oversight=Oversight.TWO_KEY,
        person="ann",
        roles=roles or ("analyst",),
        already_turned=False,
    )


def _release(facts: Facts, *people: str, minutes: int = 0, two: bool = True) -> ReleaseFacts:
    oversight = Oversight.TWO_KEY if two else Oversight.ONE_KEY
    return ReleaseFacts(
        facts=facts,
        action="a1",
        oversight=oversight,
        people=people,
        roles=("analyst",),
        held_for_ms=minutes * 60_000,
        quorum_met=len(people) > two,
    )


@pytest.mark.parametrize("name", PACKS)
def test_who_has_no_role_turns_no_key(make_facts: MakeFacts, name: str) -> None:
    assert POLICIES[name].may_turn(_turn(make_facts(), "lead", "visitor")).allowed
    refused = POLICIES[name].may_turn(_turn(make_facts(), "visitor"))
    assert not refused.allowed and refused.reasons[0].policy == NOTHING_PERMITS


def test_standard_wants_an_independent_person_among_two(make_facts: MakeFacts) -> None:
    policy = POLICIES["standard"]
    assert policy.may_release(_release(make_facts(), "olga", "ann")).allowed
    assert not policy.may_release(_release(make_facts(), "olga", "ivan")).allowed
    assert not policy.may_release(_release(make_facts(), "ann", minutes=10**6)).allowed
    assert not policy.may_release(_release(make_facts(), "olga", minutes=10**6, two=False)).allowed


def test_nobody_is_independent_of_an_owner_that_is_not_known(make_facts: MakeFacts) -> None:
    for missing in ({"owner": ""}, {"issuer": ""}):
        assert not POLICIES["standard"].may_release(_release(make_facts(**missing), "ann", "bob")).allowed


def test_a_key_of_nobody_releases_nothing(make_facts: MakeFacts) -> None:
    ruling = POLICIES["small-team"].may_release(_release(make_facts(), "", "bob", minutes=60))
    assert not ruling.allowed and ruling.reasons[0].policy == ERRED


@pytest.mark.parametrize(("two", "minutes"), [(True, 15), (False, 2)])
def test_small_team_one_person_waits_and_is_reviewed(make_facts: MakeFacts, two: bool, minutes: int) -> None:
    policy = POLICIES["small-team"]
    alone = policy.may_release(_release(make_facts(), "olga", minutes=minutes, two=two))
    assert alone.allowed and alone.review
    assert not policy.may_release(_release(make_facts(), "olga", minutes=minutes - 1, two=two)).allowed
    together = policy.may_release(_release(make_facts(), "olga", "ivan", two=two))
    assert together.allowed and not together.review


def test_a_pack_that_does_not_declare_a_single_operator_gets_none(make_facts: MakeFacts) -> None:
    alone = rule("alone", 'permit (principal, action == Action::"release", resource);')
    assert not load(alone).may_release(_release(make_facts(), "olga", minutes=10**6)).allowed


# What makes an action worse, from harmless to worst: a step along one of these never lowers the oversight.
LADDERS: dict[str, list[Any]] = {
    "stage": [Stage.ANALYSE, Stage.RECORD, Stage.RESPOND],
    "reversible": [Reversible.REVERSIBLE, Reversible.HARD, Reversible.IRREVERSIBLE],
    "basis": [Basis.REVIEWED, Basis.DERIVED, Basis.UNKNOWN],
    "has_inverse": [True, False],
    "crown_jewel": [False, True],
    "production": [False, True],
    "names_objects": [True, False],
    "in_mandate": [True, False],
    "within_blast_radius": [True, False],
    "quarantined": [False, True],
    "refused_before": [False, True],
    "stopped": ["", "everything"],
    "tools": [0, 2, 3, 9],
    "upstreams": [0, 1, 2, 5],
    "analysed": [False, True],
    "shared": [False, True],
    "long_lived": [False, True],
    "exposed": [False, True],
}


def _climb(rungs: dict[str, int], touches: frozenset[Touches], make: MakeFacts) -> Facts:
    values = {name: LADDERS[name][rung] for name, rung in rungs.items()}
    chain = {name: values.pop(name) for name in Chain.__struct_fields__}
    credential = {name: values.pop(name) for name in Credential.__struct_fields__}
    return make(**values, touches=tuple(sorted(touches)), chain=chain, credential=credential)


RUNGS = st.fixed_dictionaries({name: st.integers(0, len(steps) - 1) for name, steps in LADDERS.items()})
MOSTLY_HARMLESS = st.fixed_dictionaries(
    {name: st.sampled_from([0, 0, 0, *range(len(steps))]) for name, steps in LADDERS.items()}
)


@pytest.mark.parametrize("name", PACKS)
@settings(max_examples=150)
@given(
    low=MOSTLY_HARMLESS,
    high=RUNGS,
    worse=st.sets(st.sampled_from(sorted(LADDERS))),
    touches=st.frozensets(st.sampled_from(Touches), max_size=2),
    more=st.frozensets(st.sampled_from(Touches), max_size=2),
)
def test_worse_facts_never_lower_the_oversight(
    make_facts: MakeFacts,
    name: str,
    low: dict[str, int],
    high: dict[str, int],
    worse: set[str],
    touches: frozenset[Touches],
    more: frozenset[Touches],
) -> None:
    climbed = low | {step: max(low[step], high[step]) for step in worse}
    before = POLICIES[name].decide(_climb(low, touches, make_facts)).oversight
    after = POLICIES[name].decide(_climb(climbed, touches | more, make_facts)).oversight
    assert after is None or (before is not None and after >= before)


def test_every_pair_of_the_worst_facts_is_judged_by_both_packs(make_facts: MakeFacts) -> None:
    """A tool that nobody profiled is the worst case: two keys at the least, whatever else holds."""
    worst = {"stage": Stage.RESPOND, "reversible": Reversible.IRREVERSIBLE, "touches": tuple(sorted(Touches))}
    for policy, inverse, named in itertools.product(POLICIES.values(), (False, True), (False, True)):
        facts = make_facts(**worst, basis=Basis.UNKNOWN, has_inverse=inverse, names_objects=named)
        assert policy.decide(facts).word == "two_key"


def test_the_facts_kept_as_json_decide_the_same_again(make_facts: MakeFacts) -> None:
    facts = make_facts(stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, has_inverse=True)
    again = msgspec.json.decode(msgspec.json.encode(facts), type=Facts)
    assert POLICIES["standard"].decide(again) == POLICIES["standard"].decide(facts)


@pytest.mark.parametrize("name", PACKS)
def test_the_tired_rest_while_others_could_turn_it(make_facts: MakeFacts, name: str) -> None:
    fresh = _turn(make_facts())
    for tired, others, allowed in ((False, 3, True), (True, 1, False), (True, 0, True)):
        asked = msgspec.structs.replace(fresh, tired=tired, others=others)
        ruling = POLICIES[name].may_turn(asked)
        assert ruling.allowed is allowed
        assert (f"{name}-rest-when-tired" in [reason.policy for reason in ruling.reasons]) is not allowed
