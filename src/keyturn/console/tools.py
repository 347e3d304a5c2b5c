"""Tools: each with its profile and why, and how far it is trusted; a changed definition beside the one it had."""

from urllib.parse import quote

from starlette.responses import Response

from keyturn.console.asking import REFUSALS, can
from keyturn.console.errors import status_of
from keyturn.console.listing import listed
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.core.action import ToolRef
from keyturn.errors import KeyturnError
from keyturn.gate.registry import ToolSeen, UpstreamSeen


async def tools(visit: Visit) -> Response:
    """Every upstream's tools; those that wait for a look stand first."""
    upstreams = await visit.gate.registry.upstreams(visit.person)
    wanted, stage = visit.asked("q").strip().casefold(), visit.asked("stage")
    every = [tool for upstream in upstreams for tool in upstream.tools or ()]
    found = [tool for tool in every if wanted in str(tool.tool).casefold() and stage in ("", tool.profile.stage.value)]
    found.sort(key=lambda t: (not t.quarantined, t.tool))
    return await visit.page(
        "tools.html",
        found=listed(visit, found),
        upstreams=upstreams,
        counts={upstream.name: _count(upstream) for upstream in upstreams},
        quarantined=[tool for tool in every if tool.quarantined],
        stage=stage,
        path_of=path_of,
    )


async def tool(visit: Visit) -> Response:
    """One tool."""
    return await _one(visit, await visit.gate.registry.tool(visit.person, _ref(visit)), None)


async def accept(visit: Visit) -> Response:
    """Trust the definition that the page showed, if it is still that one."""
    ref = _ref(visit)
    try:
        await visit.gate.accept_tool(visit.person, ref, visit.form.get("seen", "") or "none")
    except REFUSALS as problem:
        return await _one(visit, await visit.gate.registry.tool(visit.person, ref), problem)
    return visit.go(path_of(ref), "accepted")


def path_of(ref: ToolRef) -> str:
    """Where one tool's page is."""
    return f"/console/tools/{quote(str(ref), safe='/', errors='replace')}"


def _ref(visit: Visit) -> ToolRef:
    return ToolRef.parse(visit.request.path_params["tool"][:1000])


def _count(upstream: UpstreamSeen) -> dict[str, int]:
    found = dict.fromkeys(("reviewed", "derived", "unknown"), 0)
    for each in upstream.tools or ():
        found[each.profile.basis.value] += 1
    return found


async def _one(visit: Visit, found: ToolSeen, problem: KeyturnError | None) -> Response:
    return await visit.page(
        "tool.html",
        status_of(problem),
        t=found,
        can=can(visit.person),
        problem=problem,
        path=path_of(found.tool),
    )


ROUTES = (Page("/tools", tools), Page("/tools/{tool:path}", tool), Deed("/tools/{tool:path}", accept))
