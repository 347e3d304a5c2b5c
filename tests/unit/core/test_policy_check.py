"""What ``policy check`` finds, and that it claims no more than it can prove."""

import re

import pytest

from keyturn.core.cedar import Problem
from keyturn.core.policy_check import check
from keyturn.packs import PACKS, load_pack

STANDARD = load_pack("standard")


def found(*policies: str) -> list[Problem]:
    source = "\n".join(f'@id("p{number}") @why("a reason") {text}' for number, text in enumerate(policies, start=1))
    return check(
        STANDARD.schema,
        STANDARD.guardrails,
        {**STANDARD.sources, "team.cedar": source},
        shipped=STANDARD.guardrails,
    )


@pytest.mark.parametrize("name", PACKS)
def test_the_shipped_packs_have_no_errors_or_warnings(name: str) -> None:
    pack = load_pack(name)
    problems = check(pack.schema, pack.guardrails, pack.sources, shipped=pack.guardrails)
    assert {problem.severity for problem in problems} <= {"note"}
    assert any("alone" in problem.what for problem in problems) == (name == "small-team")


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ('permit (principal, action == Action::"free", resource) when { context.stage == "analyze" };', "always false"),
        (
            'permit (principal, action == Action::"free", resource)'
            " when { context.quarantined && !context.quarantined };",
            "always false",
        ),
        (
            'forbid (principal, action == Action::"free", resource)'
            " when { context.chain.tools > 5 && context.chain.tools < 3 };",
            "always false",
        ),
        (
            'permit (principal, action == Action::"free", resource) when { context.stage == "respond" };',
            "a forbid rules",
        ),
        (
            'permit (principal, action == Action::"confirm", resource) when { context.touches.contains("identity") };',
            "a forbid rules",
        ),
        (
            'permit (principal, action == Action::"two_key", resource) unless { context.in_mandate };',
            "a forbid rules",
        ),
        ('permit (principal is Agent, action == Action::"turn_key", resource);', "a forbid rules"),
        ('permit (principal, action == Action::"release", resource) when { context.keys == 0 };', "a forbid rules"),
    ],
)
def test_a_policy_that_never_applies_is_found(policy: str, says: str) -> None:
    (problem,) = found(policy)
    assert problem.severity == "warning" and says in problem.what
    assert problem.where == "team.cedar:1" and problem.hint


@pytest.mark.parametrize(
    "policy",
    [
        'permit (principal, action == Action::"free", resource) when { context.touches.contains("secrets") };',
        'permit (principal == Agent::"a", action == Action::"free", resource == Tool::"x/y");',
        'permit (principal, action == Action::"one_key", resource) when { context.touches == ["secrets"] && true };',
        'forbid (principal, action == Action::"two_key", resource) when { "analyse" == context.stage };',
        'permit (principal, action == Action::"one_key", resource) when { ["record"].contains(context.stage) };',
        'permit (principal, action == Action::"read_while_stopped", resource == Tool::"edr/get_host");',
    ],
)
def test_a_policy_that_can_apply_is_not_called_unreachable(policy: str) -> None:
    assert [problem for problem in found(policy) if problem.severity != "note"] == []


def test_what_can_not_be_judged_is_said() -> None:
    (problem,) = found('permit (principal, action == Action::"free", resource) when { context.tool like "edr/*" };')
    assert problem.severity == "note" and "can't be judged" in problem.what


def test_all_errors_come_at_once_with_their_places() -> None:
    plain = "permit (principal, action, resource);"
    source = f'@id("a") @why("y") permit (;\n{plain}\n@id("b") {plain}'
    problems = check(STANDARD.schema, STANDARD.guardrails, {"team.cedar": source})
    assert [problem.where for problem in problems] == ["team.cedar:1", "team.cedar:2", "team.cedar:3"]
    assert {problem.severity for problem in problems} == {"error"}


def test_an_action_that_nothing_permits_is_found() -> None:
    problems = check(STANDARD.schema, STANDARD.guardrails, {})
    assert {re.sub(r",.*", "", problem.what) for problem in problems if problem.severity == "warning"} == {
        f"nothing permits {action}" for action in ("free", "confirm", "one_key", "two_key", "turn_key", "release")
    }
