"""Tools behind the gate: what each is profiled as, how far it is trusted, what changed, and trusting it again."""

from typing import Annotated

import msgspec
from fastapi import Query, Response

from keyturn.core.action import ToolRef
from keyturn.gate.registry import ToolSeen
from keyturn.rest.requests import TheGate, ThePerson
from keyturn.rest.routes import Route, answer
from keyturn.rest.views import AcceptedView, ProfileView, profile_view

Seen = Annotated[str, Query(max_length=64, description="The fingerprint that was looked at; 409 if it is another now.")]


class ToolRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in a list. ``flags``: what is odd about its definition, in words."""

    tool: str
    quarantined: bool
    stopped: bool
    profile: ProfileView
    flags: tuple[str, ...]


class ToolsView(msgspec.Struct, frozen=True):
    """The tools that servers list now, the quarantined first, and the upstreams that are away."""

    tools: tuple[ToolRow, ...]
    away: tuple[str, ...]


class TrustedView(msgspec.Struct, frozen=True):
    """Since when a definition of the tool is trusted, and by whom."""

    at: int
    by: str


class AlteredView(msgspec.Struct, frozen=True):
    """One value of the definition that is not as it was: no ``before``, it is new; no ``after``, it is gone.

    So many characters at the start of both are the same.
    """

    path: str
    before: str | None
    after: str | None
    same_start: int


class ToolView(ToolRow, frozen=True, kw_only=True):
    """One tool. ``description`` and ``altered`` are its server's words: hostile text.

    ``altered``: what changed since people trusted it; null if it is not quarantined, or if the old definition is
    not kept. ``left_out``: so many more changes. ``relaunched``: its server is launched another way than then.
    """

    fingerprint: str
    description: str
    trusted: TrustedView | None
    relaunched: bool
    altered: tuple[AlteredView, ...] | None
    left_out: int


async def list_tools(gate: TheGate, who: ThePerson, quarantined: bool = False) -> Response:
    """List the tools of every upstream; with ``quarantined`` only those that wait for a person's look."""
    upstreams = await gate.registry.upstreams(who)
    found = [tool for upstream in upstreams for tool in upstream.tools or () if tool.quarantined or not quarantined]
    found.sort(key=lambda tool: (not tool.quarantined, tool.tool))
    away = tuple(upstream.name for upstream in upstreams if upstream.tools is None)
    return answer(ToolsView(tuple(map(_row, found)), away))


async def see_tool(gate: TheGate, who: ThePerson, upstream: str, name: str) -> Response:
    """One tool: its profile, how far it is trusted, and what changed in its definition."""
    return answer(_view(await gate.registry.tool(who, ToolRef(upstream, name))))


async def accept_tool(gate: TheGate, who: ThePerson, upstream: str, name: str, seen: Seen = "") -> Response:
    """Trust a tool's changed definition as it is now, after a look at it. Takes no body."""
    pin = await gate.accept_tool(who, ToolRef(upstream, name), seen)
    return answer(AcceptedView(str(pin.tool), pin.fingerprint, pin.pinned_at, pin.pinned_by))


def _row(tool: ToolSeen) -> ToolRow:
    return ToolRow(
        tool=str(tool.tool),
        quarantined=tool.quarantined,
        stopped=tool.stopped,
        profile=profile_view(tool.profile),
        flags=tuple(flag.why for flag in tool.flags),
    )


def _view(tool: ToolSeen) -> ToolView:
    found, pin = tool.difference, tool.pin
    return ToolView(
        **msgspec.structs.asdict(_row(tool)),
        fingerprint=tool.definition.fingerprint,
        description=tool.definition.description,
        trusted=TrustedView(pin.pinned_at, pin.pinned_by) if pin else None,
        relaunched=tool.relaunched,
        altered=tuple(AlteredView(c.path, c.before, c.after, c.same_start) for c in found.changes) if found else None,
        left_out=found.left_out if found else 0,
    )


ROUTES = (
    Route("GET", "/v1/tools", list_tools, None, {200: ToolsView}),
    Route("GET", "/v1/tools/{upstream}/{name:path}", see_tool, None, {200: ToolView}),
    Route("POST", "/v1/tools/{upstream}/{name:path}/acceptance", accept_tool, None, {200: AcceptedView}),
)
