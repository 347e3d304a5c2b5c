"""Policies: the rules in force with their reasons, and what they would say to a call that nobody made."""

from typing import Any

import msgspec
from starlette.responses import Response

from keyturn.console.asking import REFUSALS
from keyturn.console.errors import status_of
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.canonical import parse_json
from keyturn.core.cedar import Rule
from keyturn.errors import InvalidInput, KeyturnError
from keyturn.gate import Supposition

MOST_NAMED = 500


class Supposed(msgspec.Struct, frozen=True):
    """A call as the form supposes it."""

    tool: ToolRef
    arguments: dict[str, Any]
    mandate: str | None
    model_output: ModelOutput


class Sheet(msgspec.Struct, frozen=True):
    """The rules of one file, in order."""

    name: str
    guardrails: bool
    rules: tuple[Rule, ...]


async def policies(visit: Visit) -> Response:
    """The rules, by file, the guardrails first."""
    found = visit.gate.registry.rules(visit.person)
    return await visit.page("policies.html", found=found, sheets=sheets(found.rules), quorum=visit.gate.quorum.rules())


async def what_if(visit: Visit) -> Response:
    """The form; the address may name the tool, the agent or the mandate."""
    form = {name: visit.asked(name) for name in ("tool", "agent", "mandate")}
    return await _page(visit, {"arguments": "{}", **form}, None, None)


async def supposed(visit: Visit) -> Response:
    """What would happen. Nothing is written, and nothing runs."""
    form = dict(visit.form)
    try:
        found = await visit.gate.suppose(visit.person, _call(form), form.get("agent", "").strip())
    except REFUSALS as problem:
        return await _page(visit, form, None, problem)
    return await _page(visit, form, found, None)


def sheets(rules: tuple[Rule, ...]) -> tuple[Sheet, ...]:
    """The rules by the file that they stand in."""
    found: dict[tuple[bool, str], list[Rule]] = {}
    for rule in rules:
        found.setdefault((not rule.guardrail, rule.where.rpartition(":")[0]), []).append(rule)
    return tuple(Sheet(name, not own, tuple(each)) for (own, name), each in found.items())


def _call(form: dict[str, str]) -> Supposed:
    arguments = parse_json(form.get("arguments", "").encode("utf-8", "surrogatepass"))
    if not isinstance(arguments, dict):
        raise InvalidInput("the arguments are no JSON object", hint='write them as {"host": "ws-042"}')
    mandate = form.get("mandate", "").strip() or None
    return Supposed(
        ToolRef.parse(form.get("tool", "").strip()), arguments, mandate, ModelOutput("what would happen if")
    )


async def _page(
    visit: Visit, form: dict[str, str], found: Supposition | None, problem: KeyturnError | None
) -> Response:
    upstreams = await visit.gate.registry.upstreams(visit.person)
    grants = await visit.gate.registry.mandates(visit.person, live=True, limit=MOST_NAMED)
    return await visit.page(
        "what_if.html",
        status_of(problem),
        form=form,
        found=found,
        problem=problem,
        agents=[a.id for a in await visit.gate.agents(visit.person) if a.revoked_at is None],
        mandates=[row.mandate for row in grants.rows],
        tools=[str(t.tool) for u in upstreams for t in u.tools or ()][:MOST_NAMED],
    )


ROUTES = (Page("/policies", policies), Page("/policies/what-if", what_if), Deed("/policies/what-if", supposed))
