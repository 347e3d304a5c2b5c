"""The gateway over streamable HTTP: one lean ASGI application for ``/mcp`` and ``/mcp/<upstream>``."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from keyturn.errors import KeyturnError, Unauthenticated
from keyturn.gate.ports import Clock
from keyturn.gate.records import Agent
from keyturn.mcp_gateway.handshake import Handshake
from keyturn.mcp_gateway.messages import BadMessage, read_json
from keyturn.mcp_gateway.modern import answer_modern, is_modern
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.settings import GatewaySettings, is_loopback
from keyturn.mcp_gateway.surface import Surface
from keyturn.mcp_gateway.view import View
from keyturn.mcp_gateway.web import (
    Headers,
    Receive,
    Refused,
    Scope,
    Send,
    accepts,
    check_origin,
    read_body,
    read_headers,
    refuse,
    respond,
)
from keyturn.wire import rpc
from keyturn.wire.names import INTERNAL_ERROR
from keyturn.wire.origins import Origins
from keyturn.wire.session import Upstream

log = logging.getLogger("keyturn.mcp_gateway")
MAX_TOKEN = 512


class Gateway:
    """The ASGI application. Mount it at ``/mcp``; call :meth:`sweep` now and then, and :meth:`close` at the end."""

    def __init__(
        self,
        gate: GatePort,
        upstreams: Mapping[str, Upstream],
        clock: Clock,
        settings: GatewaySettings = GatewaySettings(),  # noqa: B008 -- frozen
    ) -> None:
        self._surface = Surface(gate, upstreams, clock, settings)
        self._gate = gate
        self._clock = clock
        self._settings = settings
        self._origins = Origins(settings.allowed_hosts)
        self._handshake = Handshake(self._surface)
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        if scope["type"] != "http":
            return
        try:
            headers = read_headers(scope, self._settings.max_header_bytes)
            check_origin(self._origins, headers)
            view = self._view(scope)
            agent = await self._who(scope, headers)
            self._open[agent.id] += 1
            try:
                if self._open[agent.id] > self._settings.streams_per_agent:
                    raise Refused(429, "too many requests of this agent are open", INTERNAL_ERROR, retry_after="1")
                await self._serve(scope["method"], agent, view, headers, receive, send)
            finally:
                self._open[agent.id] -= 1
                if not self._open[agent.id]:
                    del self._open[agent.id]
        except Refused as e:
            await refuse(send, e)
        except BadMessage as e:
            await respond(send, 400, rpc.error(e.id, e))

    async def sweep(self, now: int) -> None:
        """End the sessions that are idle at ``now`` (milliseconds)."""
        await self._handshake.sessions.sweep(now)

    async def close(self) -> None:
        """End every session."""
        await self._handshake.sessions.close()

    def _view(self, scope: Scope) -> View:
        path, root = scope["path"], scope.get("root_path", "")
        name = (path[len(root) :] if root and path.startswith(root) else path).strip("/")
        if not name:
            return self._surface.everything
        view = self._surface.views.get(name)
        if view is None:
            raise Refused(404, "no such upstream is behind this gateway")
        return view

    async def _who(self, scope: Scope, headers: Headers) -> Agent:
        """The agent whose token came. Wrong, revoked and expired tokens get one answer."""
        try:
            given = headers.get(b"authorization")
            if given is None and self._settings.open_agent:
                if not is_loopback((scope.get("client") or ("",))[0]):
                    raise Unauthenticated("only this machine may come without a token")
                return await self._gate.agent_named(self._settings.open_agent)
            scheme, _, token = (given or b"").partition(b" ")
            if scheme.lower() != b"bearer" or not 0 < len(token) <= MAX_TOKEN:
                raise Unauthenticated("no bearer token")
            return await self._gate.agent_for(token.strip().decode("latin-1"))
        except Unauthenticated:
            raise Refused(
                401,
                "Unauthenticated: send the agent's own token as 'Authorization: Bearer <token>'. A token that is "
                "wrong, revoked or expired gets this same answer; a person issues a new one: keyturn agent token NAME.",
                www_authenticate='Bearer realm="keyturn", error="invalid_token"',
            ) from None
        except KeyturnError as e:
            log.error("a token could not be looked up: %s", e)
            raise Refused(503, "the gateway can't look tokens up now", INTERNAL_ERROR) from None

    async def _serve(self, verb: str, agent: Agent, view: View, headers: Headers, receive: Receive, send: Send) -> None:
        if verb == "POST":
            if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
                raise Refused(415, "Content-Type must be application/json")
            takes_json, takes_stream = accepts(headers)
            if not (takes_json and takes_stream):
                raise Refused(406, "Accept must name application/json and text/event-stream")
            value: Any = read_json(await read_body(headers, receive, self._settings.max_body))
            if is_modern(headers, value):
                await answer_modern(self._surface, agent, view, headers, value, receive, send)
            else:
                await self._handshake.post(agent, view, headers, value, receive, send)
        elif verb == "GET":
            await self._handshake.stream(agent, view, headers, receive, send)
        elif verb == "DELETE":
            await self._handshake.delete(agent, view, headers, send)
        else:
            raise Refused(405, f"{verb[:20]} is not served here", allow="POST, GET, DELETE")
