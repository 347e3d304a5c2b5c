"""A question is put to few policies with few facts: what is left out changes no answer, and hides no error."""

from collections.abc import Callable

import cedarpy
import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from keyturn.core.cedar import RUNS, Engine, read_rules
from keyturn.core.facts import Facts
from keyturn.core.profile import Reversible, Stage
from keyturn.packs import load_pack

STANDARD = load_pack("standard")
OVERFLOW = "context.now + 9223372036854775807 > 0"
ODD = (
    'permit (principal == Agent::"ada", action, resource) when { context.stage == "analyse" };',
    'forbid (principal == Agent::"bot", action == Action::"free", resource == Tool::"edr/x");',
    f'forbid (principal, action, resource) when {{ context.stage == "respond" && {OVERFLOW} }};',
    f'forbid (principal, action, resource) when {{ {OVERFLOW} && context.stage == "respond" }};',
    f'forbid (principal, action, resource) when {{ context.stage != "record" && {OVERFLOW} }};',
    f'forbid (principal, action, resource) unless {{ context.stage == "respond" && {OVERFLOW} }};',
    f'permit (principal, action, resource == Tool::"edr/x") when {{ "record" == context.stage || {OVERFLOW} }};',
    f"forbid (principal, action, resource) when {{ context.crown_jewel }} when {{ context.production && {OVERFLOW} }};",
    f'forbid (principal == Agent::"bot", action, resource) when {{ !(context.stage == "record") && {OVERFLOW} }};',
    'permit (principal in Agent::"ada", action, resource in Tool::"edr/x");',
    'permit (principal is Agent, action, resource is Tool) when { context has stage && context.stage == "record" };',
)
TEXTS = [f'@id("odd-{n}") @why("odd") {text}' for n, text in enumerate(ODD)]


@pytest.mark.parametrize("action", RUNS)
@settings(max_examples=25)
@given(
    picked=st.sets(st.sampled_from(TEXTS), min_size=1),
    agent=st.sampled_from(["ada", "bot", "Agent"]),
    tool=st.sampled_from(["edr/x", "edr/y"]),
    stage=st.sampled_from(Stage),
    reversible=st.sampled_from(Reversible),
    crown_jewel=st.booleans(),
)
def test_what_is_left_out_of_a_question_changes_no_answer(
    make_facts: Callable[..., Facts],
    action: str,
    picked: set[str],
    agent: str,
    tool: str,
    stage: Stage,
    reversible: Reversible,
    crown_jewel: bool,
) -> None:
    rules, problems = read_rules(STANDARD.guardrails, {**STANDARD.sources, "odd.cedar": "\n".join(sorted(picked))})
    assert not problems
    facts = make_facts(
        agent=agent, tool=tool, stage=stage, reversible=reversible, crown_jewel=crown_jewel, now=2**53 - 1
    )
    answer = Engine(STANDARD.schema, rules).ask(("Agent", agent), action, ("Tool", tool), facts)

    schema = cedarpy.Schema.from_str(STANDARD.schema)
    whole = cedarpy.is_authorized(
        {
            "principal": {"type": "Agent", "id": agent},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Tool", "id": tool},
            "context": msgspec.json.encode(facts).decode(),
        },
        "\n".join(rule.text for rule in rules),
        "[]",
        schema,
    )
    names = {f"policy{number}": rule.id for number, rule in enumerate(rules)}
    errors = whole.diagnostics.errors
    assert answer.allowed == (whole.allowed and not errors)
    assert sorted(answer.reasons) == sorted(names.get(name, name) for name in whole.diagnostics.reasons)
    assert len(answer.errors) == len(errors)
