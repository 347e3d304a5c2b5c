"""The 2025 revisions over HTTP: ``initialize`` opens a session, bound to its agent; a GET streams what belongs to
no request; DELETE ends it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from keyturn.gate.records import Agent
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.messages import Inbound, read_message, text_param
from keyturn.mcp_gateway.modern import MANDATE_HEADER
from keyturn.mcp_gateway.sessions import ClientSession, Sessions
from keyturn.mcp_gateway.surface import Surface
from keyturn.mcp_gateway.view import View
from keyturn.mcp_gateway.web import STREAM, Headers, Receive, Refused, Reply, Send, Watch, accepts, respond
from keyturn.wire import rpc
from keyturn.wire.names import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST
from keyturn.wire.session import HANDSHAKE, ClientFacts, RpcError
from keyturn.wire.sse import COMMENT, format_event

log = logging.getLogger("keyturn.mcp_gateway")
CANCELLED = -32000
LATEST = HANDSHAKE[0]


class _Channel:
    """The way back on one POST of a session."""

    def __init__(self, reply: Reply, session: ClientSession) -> None:
        self.send = reply.send
        self._session = session

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        return await self._session.ask(self.send, method, params)


class Handshake:
    """Serves the clients that speak a 2025 revision."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._settings = surface.settings
        self.sessions = Sessions(surface.settings.sessions_per_agent, surface.settings.idle_s)

    async def post(self, agent: Agent, view: View, headers: Headers, value: Any, receive: Receive, send: Send) -> None:
        """One message, or (2025-06-18 and later have none) a batch, which is refused."""
        message = read_message(value)
        if message.kind == "request" and message.method == "initialize":
            await self._initialize(agent, view, message, send)
            return
        session = self._session(agent, view, headers)
        if message.kind == "request":
            await self._request(agent, session, message, headers, receive, send)
            return
        if message.kind == "response":
            session.answered(message.id, message.outcome)
        else:
            await hear(session, message)
        await respond(send, 202)

    async def stream(self, agent: Agent, view: View, headers: Headers, receive: Receive, send: Send) -> None:
        """The session's stream of what belongs to no request; one at a time."""
        if not accepts(headers)[1]:
            raise Refused(406, "Accept must name text/event-stream")
        if b"mcp-session-id" not in headers:
            raise Refused(405, "GET needs a session (Mcp-Session-Id)", allow="POST")
        session = self._session(agent, view, headers)
        if session.streaming:
            raise Refused(409, "this session's stream is open already")
        session.streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": [*STREAM, _named(session)]})
        pump = asyncio.create_task(self._pump(session, send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait([pump, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            pump.cancel()
            gone.cancel()
            session.streaming = False
            session.used_at = self._surface.clock.now()

    async def _pump(self, session: ClientSession, send: Send) -> None:
        await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        while True:
            try:
                async with asyncio.timeout(self._settings.ping_s):
                    message = await session.outbox.get()
            except TimeoutError:
                event = COMMENT
            else:
                if message is None:
                    await send({"type": "http.response.body", "body": b""})
                    return
                event = format_event(message)
            await send({"type": "http.response.body", "body": event, "more_body": True})

    async def delete(self, agent: Agent, view: View, headers: Headers, send: Send) -> None:
        """End the session."""
        await self.sessions.end(self._session(agent, view, headers))
        await respond(send, 200)

    def _session(self, agent: Agent, view: View, headers: Headers) -> ClientSession:
        id = headers.get(b"mcp-session-id")
        if id is None:
            raise Refused(400, "send initialize first, then its Mcp-Session-Id with every request")
        session = self.sessions.find(id.decode("latin-1"), agent, self._surface.clock.now())
        if session is None or session.view is not view:
            raise Refused(404, "no such session: send initialize again")
        said = headers.get(b"mcp-protocol-version")
        if said is not None and said.decode("latin-1") not in HANDSHAKE:
            raise Refused(400, "this session speaks another protocol version")
        return session

    async def _initialize(self, agent: Agent, view: View, message: Inbound, send: Send) -> None:
        assert message.id is not None  # noqa: S101 -- a request has one
        try:
            session = ClientSession(agent, read_client(message), view, self._surface.clock.now())
            await session.open_all(self._settings.open_timeout_s)
            await self.sessions.add(session, self._surface.clock.now())
        except RpcError as e:
            await respond(send, 200, rpc.error(message.id, e))
            return
        described = self._surface.described(session.facts(), session.client.revision)
        await respond(send, 200, rpc.result(message.id, described), [_named(session)])

    async def _request(
        self, agent: Agent, session: ClientSession, message: Inbound, headers: Headers, receive: Receive, send: Send
    ) -> None:
        """One request of a session. A client that goes away has not cancelled: it says so, or it may come back."""
        reply = Reply(send, [_named(session)])
        mandate = headers.get(MANDATE_HEADER)
        with Watch(receive, reply, self._settings.ping_s, cancels=False):
            body = await answer(
                self._surface,
                agent,
                session,
                message,
                _Channel(reply, session),
                mandate.decode("latin-1") if mandate else None,
            )
        session.used_at = self._surface.clock.now()
        await reply.end(body)


def read_client(message: Inbound) -> ClientFacts:
    """What ``initialize`` says; the revision is the one that is answered with."""
    asked = text_param(message.params, "protocolVersion", 64)
    info, capabilities = message.params.get("clientInfo"), message.params.get("capabilities")
    if not isinstance(info, dict) or not isinstance(capabilities, dict):
        raise RpcError(INVALID_PARAMS, "initialize needs the objects clientInfo and capabilities")
    return ClientFacts(asked if asked in HANDSHAKE else LATEST, info, capabilities)


async def hear(session: ClientSession, message: Inbound) -> None:
    """A notification of a session's client."""
    if message.method == "notifications/cancelled":
        session.cancel(message.params.get("requestId"))
    elif message.method == "notifications/roots/list_changed":
        await session.tell(message.method, {})


async def answer(
    surface: Surface, agent: Agent, session: ClientSession, message: Inbound, channel: Any, mandate: str | None
) -> bytes:
    """The whole response to one request of a session, whatever comes of it."""
    assert message.id is not None  # noqa: S101 -- a request has one
    id = message.id
    if id in session.running:
        return rpc.error(id, RpcError(INVALID_REQUEST, "a request with this id is in flight"))
    if len(session.running) >= surface.settings.requests_per_session:
        return rpc.error(id, RpcError(INTERNAL_ERROR, "too many requests of this session are open"))
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 -- we run in one
    session.running[id] = task
    try:
        x = Exchange(
            agent, session.client, message.method, message.params, channel,
            id=id, mandate=mandate, own=session.upstream,
        )  # fmt: skip
        return rpc.result(id, await surface.handle(x, session.view))
    except RpcError as e:
        return rpc.error(id, e)
    except asyncio.CancelledError as e:
        if not e.args:
            raise
        task.uncancel()
        return rpc.error(id, RpcError(CANCELLED, f"Request cancelled: {e.args[0]}"))
    except Exception:
        log.exception("%s failed", message.method[:64])
        return rpc.error(id, RpcError(INTERNAL_ERROR, "internal error; nothing more is known to be done"))
    finally:
        del session.running[id]


def _named(session: ClientSession) -> tuple[bytes, bytes]:
    return (b"mcp-session-id", session.id.encode())


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
