"""Every request method, the same for both generations and all transports."""

import asyncio
import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from keyturn.core.action import ToolRef
from keyturn.errors import Forbidden, InvalidInput, KeyturnError, NotFound, ToolError, Unauthenticated
from keyturn.gate.ports import Clock
from keyturn.mcp_gateway import results
from keyturn.mcp_gateway.calls import Calls
from keyturn.mcp_gateway.exchange import TASKS, Exchange
from keyturn.mcp_gateway.listen import listen
from keyturn.mcp_gateway.lists import KEYS, Lists
from keyturn.mcp_gateway.messages import text_param
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.settings import GatewaySettings
from keyturn.mcp_gateway.view import View
from keyturn.wire.names import INTERNAL_ERROR, INVALID_PARAMS, META_SERVER_INFO, METHOD_NOT_FOUND
from keyturn.wire.session import MODERN, RpcError, ServerFacts, Session, Upstream

log = logging.getLogger("keyturn.mcp_gateway")
FORBIDDEN = -32003
INFO = {"name": "keyturn", "title": "Keyturn", "version": version("keyturn")}
_TASK_METHODS = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})
_SESSION_METHODS = frozenset({"ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"})
_members = msgspec.json.Decoder(list[results.Members])


class Surface:
    """What clients can ask of one gateway."""

    def __init__(
        self, gate: GatePort, upstreams: Mapping[str, Upstream], clock: Clock, settings: GatewaySettings
    ) -> None:
        self.gate = gate
        self.clock = clock
        self.settings = settings
        self.everything = View(upstreams)
        self.views = {name: View(upstreams, name) for name in upstreams}
        self._lists = Lists(gate, settings, self.session)
        self._calls = Calls(gate, clock, settings, self._lists.strict, self.session)

    async def handle(self, x: Exchange, view: View) -> bytes:
        """The result of one request, as bytes. Every failure is an :class:`RpcError`, but for a missing identity."""
        try:
            return await self._handle(x, view)
        except (RpcError, Unauthenticated):
            raise
        except KeyturnError as e:
            raise _as_rpc(e) from None
        except UnicodeEncodeError:
            raise RpcError(INVALID_PARAMS, "a lone surrogate is no text") from None

    async def _handle(self, x: Exchange, view: View) -> bytes:
        method = x.method
        if method == "tools/call":
            return await self._calls.call(x, view)
        if method in KEYS:
            return await self._lists.answer(x, view)
        if method in ("resources/read", "prompts/get", "completion/complete"):
            return await self._read(x, view)
        if method in _TASK_METHODS and x.modern:
            return await self._calls.held.task_method(x)
        if method == "server/discover" and x.modern:
            return self.described(await self.facts(view), MODERN)
        if method == "subscriptions/listen" and x.modern:
            return await listen(x, view, self.gate, self._calls.held)
        if method in _SESSION_METHODS and not x.modern:
            return await self._in_session(x, view)
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {method}")

    async def session(self, x: Exchange, upstream: str) -> Session:
        """The session to ask an upstream by: the client's own where it has one."""
        return await (x.own(upstream) if x.own is not None else self.everything.upstreams[upstream].shared())

    async def _read(self, x: Exchange, view: View) -> bytes:
        """A read that is no tool's: the gate has recorded it before it leaves."""
        what, subject, upstream, params = _located(x, view)
        await self.gate.may_read(x.agent, ToolRef(upstream, what), subject, x.mandate)
        result = await (await self.session(x, upstream)).request(x.method, params, x)
        if x.method == "resources/read" and not view.only:
            found = results.members(result)
            contents = _members.decode(found.get("contents", b"[]"))
            for content in contents:
                if "uri" in content:
                    own = msgspec.json.decode(content["uri"])
                    content["uri"] = msgspec.Raw(results.encode(view.shown_uri(upstream, str(own))))
            result = results.encode({**found, "contents": contents} if "contents" in found else found)
        return results.complete(result, x.modern, cacheable=x.method == "resources/read" and _is_whole(result))

    async def _in_session(self, x: Exchange, view: View) -> bytes:
        """What only clients with a session have."""
        if x.method == "ping":
            return b"{}"
        if x.method == "logging/setLevel":
            sessions = await asyncio.gather(*(self.session(x, name) for name in view.upstreams))
            able = [s for s in sessions if "logging" in s.server.capabilities]
            if not able:
                raise RpcError(METHOD_NOT_FOUND, "Method not found: no server here logs")
            return (await asyncio.gather(*(s.request(x.method, x.forwarded, x) for s in able)))[0]
        upstream, uri = view.located(text_param(x.params, "uri"))
        if x.method == "resources/subscribe":
            await self.gate.may_read(x.agent, ToolRef(upstream, "resources/read"), uri, x.mandate)
        return await (await self.session(x, upstream)).request(x.method, {**x.forwarded, "uri": uri}, x)

    async def facts(self, view: View) -> list[ServerFacts]:
        """What the servers of a view declared; of several, those that answer in time."""
        limit = self.settings.open_timeout_s

        async def of(upstream: Upstream) -> ServerFacts | None:
            try:
                async with asyncio.timeout(limit):
                    return (await upstream.shared()).server
            except (KeyturnError, TimeoutError) as e:
                if view.only:
                    raise RpcError(INTERNAL_ERROR, f"{upstream.name} does not answer: {e or 'timed out'}") from None
                log.warning("%s does not answer: %s", upstream.name, e or "timed out")
                return None

        found = await asyncio.gather(*(of(upstream) for upstream in view.upstreams.values()))
        return [facts for facts in found if facts is not None]

    def described(self, facts: list[ServerFacts], revision: str) -> bytes:
        """The result of ``server/discover`` or ``initialize``: one server's own facts, or those of all together."""
        capabilities: dict[str, Any] = {"tools": {}}
        for one in facts:
            for name, value in one.capabilities.items():
                if name not in ("tasks", "extensions"):
                    capabilities[name] = {**capabilities.get(name, {}), **(value if isinstance(value, dict) else {})}
        info = facts[0].info if len(facts) == 1 and facts[0].info else INFO
        found: dict[str, Any] = {"capabilities": capabilities}
        if instructions := "\n\n".join(one.instructions for one in facts if one.instructions):
            found["instructions"] = instructions
        if revision != MODERN:
            return results.made({"protocolVersion": revision, "serverInfo": info, **found}, False)
        capabilities["extensions"] = {TASKS: {}}
        found |= {"supportedVersions": [MODERN], "_meta": {META_SERVER_INFO: info}}
        return results.made({"ttlMs": 0, "cacheScope": "private", **found}, True)


def _located(x: Exchange, view: View) -> tuple[str, str, str, dict[str, Any]]:
    """The read that a request is, of what, its upstream, and its params in that upstream's names."""
    params = x.forwarded
    if x.method == "resources/read":
        upstream, uri = view.located(text_param(params, "uri"))
        return "resources/read", uri, upstream, {**params, "uri": uri}
    if x.method == "prompts/get":
        prompt = view.named(text_param(params, "name"), "prompt")
        return "prompts/get", prompt.name, prompt.upstream, {**params, "name": prompt.name}
    ref = params.get("ref")
    if not isinstance(ref, dict):
        raise RpcError(INVALID_PARAMS, "params.ref must be an object")
    if ref.get("type") == "ref/resource":
        upstream, uri = view.located(text_param(ref, "uri"))
        return "resources/read", uri, upstream, {**params, "ref": {**ref, "uri": uri}}
    prompt = view.named(text_param(ref, "name"), "prompt")
    return "prompts/get", prompt.name, prompt.upstream, {**params, "ref": {**ref, "name": prompt.name}}


def _is_whole(result: bytes) -> bool:
    """It is the answer, not a question back to the client (which is never cached)."""
    return b'"input_required"' not in result or b'"contents"' in result


def _as_rpc(e: KeyturnError) -> RpcError:
    code = INTERNAL_ERROR
    if isinstance(e, InvalidInput | NotFound):
        code = INVALID_PARAMS
    elif isinstance(e, Forbidden):
        code = FORBIDDEN
    data: dict[str, Any] = {"keyturn": e.code}
    if isinstance(e, ToolError) and e.action:
        data["action"] = e.action
    if isinstance(e, Forbidden) and e.reasons:
        data["reasons"] = [{"policy": policy, "why": why} for policy, why in e.reasons]
    return RpcError(code, str(e), data)
