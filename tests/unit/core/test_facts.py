"""Facts: every way to be outside a mandate is told, and what is not known is outside."""

from typing import Any

import pytest
from msgspec.structs import replace

from keyturn.core.action import Action, ModelOutput, Target, ToolRef
from keyturn.core.facts import Asset, Chain, Credential, Oversight, Situation, facts_of
from keyturn.core.mandate import Budgets, Mandate, Spent
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, TargetRule, Touches

NOW = 5_000
MANDATE = Mandate(
    id="m1",
    agent="responder",
    case="INC-1",
    purpose="contain",
    tools=("edr/*",),
    targets=("host:ws-*",),
    objects=("host:vault",),
    budgets=Budgets(actions=10, responds=3, targets=2, open_holds=2),
    issued_by="lena",
    issued_at=1_000,
    expires_at=10_000,
)
ACTION = Action(
    id="a1",
    agent="responder",
    mandate="m1",
    case="INC-1",
    tool=ToolRef("edr", "isolate"),
    definition="d",
    arguments={"host": "ws-1"},
    targets=(Target("host", "ws-1"),),
    model_output=ModelOutput("why"),
    proposed_at=NOW,
    nonce="0" * 32,
)
RESPOND = Profile(tool="isolate", stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, basis=Basis.REVIEWED)
READ = Profile(tool="get", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED)
SITUATION = Situation(
    now=NOW,
    owner="olga",
    agent_live=True,
    mandate=MANDATE,
    spent=Spent(),
    chain=Chain(),
    credential=Credential(),
    profile=RESPOND,
    quarantined=False,
    refused_before=False,
    stopped="",
    assets=(),
)


def facts(action: Action = ACTION, **different: Any) -> Any:
    return facts_of(action, replace(SITUATION, **different))


def test_a_plain_action_is_inside() -> None:
    found = facts()
    assert (found.in_mandate, found.outside, found.within_blast_radius) == (True, (), True)
    assert (found.owner, found.issuer, found.tool) == ("olga", "lena", "edr/isolate")


@pytest.mark.parametrize(
    ("different", "why"),
    [
        ({"mandate": None}, "no mandate"),
        ({"mandate": replace(MANDATE, agent="other")}, "the mandate is another agent's"),
        ({"agent_live": False}, "the agent is revoked"),
        ({"mandate": replace(MANDATE, revoked_at=2_000)}, "the mandate is revoked"),
        ({"now": 999}, "the mandate has not begun"),
        ({"now": 10_000}, "the mandate has expired"),
        ({"mandate": replace(MANDATE, tools=("idp/*",))}, "the mandate does not name the tool edr/isolate"),
        ({"mandate": replace(MANDATE, targets=())}, "the mandate does not name the target host:ws-1"),
        ({"spent": Spent(actions=10)}, "the budget of 10 actions is spent"),
        ({"spent": Spent(responds=3)}, "the budget of 3 changes is spent"),
        ({"spent": Spent(open_holds=2)}, "2 holds are open already"),
        ({"outside": ("its server lists no such tool",)}, "its server lists no such tool"),
    ],
)
def test_every_way_to_be_outside_is_told(different: dict[str, Any], why: str) -> None:
    found = facts(**different)
    assert not found.in_mandate
    assert why in found.outside


BOUND = replace(RESPOND, targets=(TargetRule("host", "host"), TargetRule("users", "user")))
NOBODY = replace(ACTION, arguments={}, targets=())


@pytest.mark.parametrize(
    ("targets", "inside"),
    [
        ((), False),
        (("host:ws-*",), False),
        (("host:*",), False),
        (("host:*", "user:a*"), False),
        (("*:", "host", "host:?"), False),
        (("host:*", "user:*"), True),
        (("*:*",), True),
        (("*",), True),
        (("[hu]*",), True),
    ],
)
def test_a_change_that_names_no_target_needs_a_mandate_for_all_that_it_could_mean(
    targets: tuple[str, ...], inside: bool
) -> None:
    found = facts(NOBODY, profile=BOUND, mandate=replace(MANDATE, targets=targets))
    why = ("it names no target, and the mandate does not cover every target",)
    assert found.outside == (() if inside else why)


def test_a_tool_without_target_rules_and_a_read_name_nothing_that_is_missed() -> None:
    assert facts(NOBODY, profile=WORST).in_mandate
    assert facts(NOBODY, profile=replace(READ, targets=BOUND.targets)).in_mandate


PARENT = replace(MANDATE, id="m0", expires_at=9_000)


@pytest.mark.parametrize(
    ("parent", "spent", "why"),
    [
        (replace(PARENT, expires_at=NOW), Spent(), "the mandate m0 that it was narrowed from is over"),
        (replace(PARENT, revoked_at=NOW), Spent(), "the mandate m0 that it was narrowed from is over"),
        (PARENT, Spent(actions=10), "the budget of the mandate m0 that it was narrowed from is spent"),
        (PARENT, Spent(responds=3), "the budget of the mandate m0 that it was narrowed from is spent"),
    ],
)
def test_a_parent_that_is_over_or_spent_ends_what_was_narrowed_from_it(parent: Mandate, spent: Spent, why: str) -> None:
    grandparent = (replace(PARENT, id="m-1"), Spent())
    assert facts(parents=((PARENT, Spent()), grandparent)).in_mandate
    assert facts(parents=((parent, spent), grandparent)).outside == (why,)
    assert facts(parents=(grandparent, (parent, spent))).outside == (why,)


def test_a_parents_spent_changes_leave_reads_inside() -> None:
    assert facts(parents=((PARENT, Spent(responds=3)),), profile=READ).in_mandate


def test_a_parents_targets_count_towards_the_blast_radius() -> None:
    used = frozenset({Target("host", "ws-2"), Target("host", "ws-3")})
    assert not facts(parents=((PARENT, Spent(targets=used)),)).within_blast_radius


def test_a_read_needs_its_tool_named_and_not_each_target() -> None:
    assert facts(mandate=replace(MANDATE, targets=()), profile=READ).in_mandate
    assert facts(spent=Spent(responds=3), profile=READ).in_mandate


def test_the_blast_radius_counts_distinct_targets_over_the_mandates_life() -> None:
    used = frozenset({Target("host", "ws-2")})
    assert facts(spent=Spent(targets=used)).within_blast_radius
    assert facts(spent=Spent(targets=used | {Target("host", "ws-1")})).within_blast_radius
    assert not facts(spent=Spent(targets=used | {Target("host", "ws-3")})).within_blast_radius
    assert not facts(mandate=None).within_blast_radius


def test_objects_are_named_only_exactly_and_never_vacuously() -> None:
    vault = replace(ACTION, targets=(Target("host", "vault"),))
    assert facts(vault).names_objects
    assert not facts(replace(vault, targets=(*vault.targets, *ACTION.targets))).names_objects
    assert not facts(replace(ACTION, targets=())).names_objects
    assert not facts(vault, mandate=None).names_objects
    assert facts(replace(ACTION, targets=()), mandate=replace(MANDATE, objects=("edr/isolate",))).names_objects


def test_one_crown_jewel_or_production_asset_among_the_targets_is_enough() -> None:
    plain, jewel = Asset("host", "ws-1"), Asset("host", "dc", environment="production", crown_jewel=True)
    assert (facts(assets=(plain,)).crown_jewel, facts(assets=(plain,)).production) == (False, False)
    assert (facts(assets=(plain, jewel)).crown_jewel, facts(assets=(plain, jewel)).production) == (True, True)


def test_a_tool_that_nobody_profiled_is_judged_by_the_worst_case() -> None:
    found = facts(profile=WORST)
    assert (found.stage, found.reversible) == (Stage.RESPOND, Reversible.IRREVERSIBLE)
    assert set(found.touches) == set(Touches)
    assert found.basis is Basis.UNKNOWN


def test_oversight_is_ordered_from_least_to_most() -> None:
    assert [o.word for o in sorted(Oversight)] == ["free", "confirm", "one_key", "two_key"]


def test_a_list_in_one_text_is_as_many_targets_as_it_names() -> None:
    many = replace(ACTION, targets=(Target("host", ",".join(f"ws-{number}" for number in range(9))),))
    one = replace(ACTION, targets=(Target("user", "cn=a,ou=b,ou=c,ou=d,dc=e,dc=f,dc=g"),))
    assert not facts(many).within_blast_radius
    assert facts(one).within_blast_radius
