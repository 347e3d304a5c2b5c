"""Lists of tools, resources and prompts: as the servers gave them, changed only where a call needs it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from keyturn.core.action import ToolRef
from keyturn.core.profile import Stage
from keyturn.errors import InvalidInput, KeyturnError, ToolNotSent
from keyturn.gate.ports import Definition
from keyturn.mcp_gateway import envelope, own_tools, results
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.settings import GatewaySettings
from keyturn.mcp_gateway.view import View
from keyturn.wire.session import RpcError, Session

log = logging.getLogger("keyturn.mcp_gateway")

KEYS = {
    "tools/list": "tools",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}
MAX_PAGES = 100
Open = Callable[[Exchange, str], Awaitable[Session]]
_item = msgspec.json.Decoder(results.Members)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()


class Listed(NamedTuple):
    """One item of a server's list."""

    name: str
    members: results.Members
    as_it_came: msgspec.Raw


class Lists:
    """The lists of one gateway. ``strict`` collects the tools whose output schema admits no held answer."""

    def __init__(self, gate: GatePort, settings: GatewaySettings, open_session: Open) -> None:
        self._gate = gate
        self._settings = settings
        self._open = open_session
        self.strict: set[ToolRef] = set()

    async def answer(self, x: Exchange, view: View) -> bytes:
        """The result of one list method."""
        if view.only:
            return await self._single(x, view)
        found = await asyncio.gather(*(self._all_of(x, view, name) for name in view.upstreams))
        items = [item for some in found if some is not None for item in some]
        if found and all(some is None for some in found):
            raise ToolNotSent("no server behind this gateway answers", hint="look at the gateway's log")
        if x.method == "tools/list":
            items += self._own()
        return results.complete(results.encode({KEYS[x.method]: items}), x.modern, cacheable=True)

    async def _single(self, x: Exchange, view: View) -> bytes:
        """One page as the server gave it; the gateway's own tools stand on the last one."""
        session = await self._open(x, view.only)
        page = await session.request(x.method, x.forwarded, x)
        if x.method == "tools/list":
            found = results.members(page)
            listed = _listed(x, view.only, found)
            await self._heard(view.only, listed)
            tools = self._shown(x, view, view.only, listed)
            if "nextCursor" not in found or bytes(found["nextCursor"]) == b"null":
                tools += self._own()
            page = results.encode({**found, "tools": tools})
        return results.complete(page, x.modern, cacheable=True)

    async def _all_of(self, x: Exchange, view: View, upstream: str) -> list[msgspec.Raw] | None:
        """Every item of one server; none if it has no such list, ``None`` if it is away."""
        listed: list[Listed] = []
        cursor: str | None = None
        try:
            session = await self._open(x, upstream)
            if x.method.split("/")[0] not in session.server.capabilities:
                return []
            for _ in range(MAX_PAGES):
                params: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
                found = results.members(await session.request(x.method, params, x))
                listed += _listed(x, upstream, found)
                after = _any.decode(found["nextCursor"]) if "nextCursor" in found else None
                if not isinstance(after, str) or after == cursor:
                    break
                cursor = after
        except (KeyturnError, RpcError) as e:
            log.warning("%s of %s failed: %s", x.method, upstream, e)
            return None
        if x.method == "tools/list":
            await self._heard(upstream, listed)
        return self._shown(x, view, upstream, listed)

    async def _heard(self, upstream: str, listed: list[Listed]) -> None:
        """Before a client acts on a list that differs from the one that calls are judged by, ask for that one again."""
        for name, members, _ in listed:
            if not _as_known(self._gate.definition(ToolRef(upstream, name)), members):
                await self._gate.refresh(upstream)
                return

    def _shown(self, x: Exchange, view: View, upstream: str, listed: list[Listed]) -> list[msgspec.Raw]:
        """The items as this client gets them. One that can't be used is left out; the others stand."""
        shown: list[msgspec.Raw] = []
        names = Counter(name for name, _, _ in listed)
        for one in listed:
            try:
                if x.method == "tools/list" and names[one.name] > 1:
                    raise InvalidInput("two are called so, and neither can be trusted")
                if (item := self._item(x.method, view, upstream, one)) is not None:
                    shown.append(item)
            except (InvalidInput, msgspec.MsgspecError, RecursionError) as e:
                log.warning("%s of %s: %.80r is left out: %s", x.method, upstream, one.name, e)
        return shown

    def _item(self, method: str, view: View, upstream: str, listed: Listed) -> msgspec.Raw | None:
        changed: dict[str, Any] = {}
        name, item, as_it_came = listed
        members = len(item)
        if method == "tools/list":
            if self._settings.own_tools and name in own_tools.NAMES:
                log.warning("%s lists a tool named %s, which is the gateway's: left out", upstream, name)
                return None
            changed = self._tool(ToolRef(upstream, name), item)
        if not view.only:
            changed |= _renamed(method, view, upstream, name, item)
        return msgspec.Raw(results.encode({**item, **changed})) if changed or len(item) < members else as_it_came

    def _tool(self, tool: ToolRef, item: results.Members) -> dict[str, Any]:
        """What a change of the world needs: why the model wants it, and room to answer that it is held.

        Where something is withheld of the answer the output schema goes: a client would refuse what does not fit it.
        """
        if self._gate.withholds(tool):
            item.pop("outputSchema", None)
        output = _any.decode(item["outputSchema"]) if "outputSchema" in item else None
        if self._gate.stage_of(tool) is not Stage.RESPOND:
            (self.strict.add if output is not None else self.strict.discard)(tool)
            return {}
        self.strict.discard(tool)
        changed: dict[str, Any] = {"inputSchema": envelope.added(_any.decode(item.get("inputSchema", b"{}")))}
        if output is not None:
            widened = envelope.or_held(output)
            changed["outputSchema"] = msgspec.UNSET if widened is None else widened
        if changed.get("outputSchema") is msgspec.UNSET:
            del changed["outputSchema"], item["outputSchema"]
        return changed

    def _own(self) -> list[msgspec.Raw]:
        if not self._settings.own_tools:
            return []
        return [msgspec.Raw(results.encode(definition)) for definition in own_tools.DEFINITIONS]


def _as_known(known: Definition | None, item: results.Members) -> bool:
    """The server says the same of the tool as when the gate last asked (CVE-2025-54136: it may not)."""
    try:
        said = {
            member: _any.decode(item[member])
            for member in ("inputSchema", "annotations", "description")
            if member in item
        }
    except (msgspec.MsgspecError, RecursionError):
        return False
    return known is not None and (known.input_schema, known.annotations, known.description) == (
        said.get("inputSchema", {}),
        said.get("annotations", {}),
        said.get("description", ""),
    )


def _listed(x: Exchange, upstream: str, page: results.Members) -> list[Listed]:
    """The items of one page. What is no object, and a tool without a name, is left out."""
    raw = page.get(KEYS[x.method], msgspec.Raw(b"[]"))
    found: list[Listed] = []
    try:
        raws = _raws.decode(raw)
    except msgspec.DecodeError as e:
        log.warning("%s of %s can't be read: %s", x.method, upstream, e)
        return found
    for as_it_came in raws:
        try:
            item = _item.decode(as_it_came)
            name = _any.decode(item.get("name", b'""'))
            if x.method == "tools/list" and not (isinstance(name, str) and name):
                raise InvalidInput("a tool needs a name")
            found.append(Listed(str(name), item, as_it_came))
        except (InvalidInput, msgspec.DecodeError, RecursionError) as e:
            log.warning("%s of %s: an item is left out: %s", x.method, upstream, e)
    return found


def _renamed(method: str, view: View, upstream: str, name: str, item: results.Members) -> dict[str, Any]:
    """The members by which clients call the item, as the endpoint for all upstreams names them."""
    if method in ("tools/list", "prompts/list"):
        return {"name": view.shown(upstream, name)}
    key = "uri" if method == "resources/list" else "uriTemplate"
    return {key: view.shown_uri(upstream, str(_any.decode(item[key])))} if key in item else {}
