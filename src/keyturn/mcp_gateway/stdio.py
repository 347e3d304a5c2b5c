"""The gateway for one stdio client (``keyturn wrap``): the same methods, both generations, one JSON message a line."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from keyturn.gate.ports import Clock
from keyturn.gate.records import Agent
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.handshake import answer, hear, read_client
from keyturn.mcp_gateway.messages import BadMessage, Inbound, read_json, read_message
from keyturn.mcp_gateway.modern import is_modern, read_envelope
from keyturn.mcp_gateway.oversized import KEPT, id_of
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.sessions import ClientSession
from keyturn.mcp_gateway.settings import GatewaySettings
from keyturn.mcp_gateway.surface import Surface
from keyturn.wire import rpc
from keyturn.wire.names import INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND
from keyturn.wire.session import RpcError, Upstream

log = logging.getLogger("keyturn.mcp_gateway")
Write = Callable[[bytes], Awaitable[None]]


class StdioGateway:
    """One client on a pipe, in front of one upstream, acting as one agent (and under ``mandate``, if it is given)."""

    def __init__(
        self,
        gate: GatePort,
        upstream: Upstream,
        agent: Agent,
        clock: Clock,
        settings: GatewaySettings = GatewaySettings(),  # noqa: B008 -- frozen
        *,
        mandate: str | None = None,
    ) -> None:
        self._surface = Surface(gate, {upstream.name: upstream}, clock, settings)
        self._view = self._surface.views[upstream.name]
        self._agent = agent
        self._mandate = mandate
        self._session: ClientSession | None = None
        self._tasks: dict[asyncio.Task[None], rpc.Id] = {}

    async def serve(self, lines: asyncio.StreamReader, write: Write) -> None:
        """Until the client closes its end. ``write`` gets whole messages without the line's end, one at a time."""
        lock = asyncio.Lock()

        async def out(message: bytes) -> None:
            async with lock:
                await write(message)

        pump: asyncio.Task[None] | None = None
        try:
            while (line := await self._line(lines, out)) is not None:
                await self._message(line, out)
                if pump is None and self._session is not None:
                    pump = asyncio.create_task(self._pump(self._session, out))
        finally:
            for task in [*self._tasks, *([pump] if pump else [])]:
                task.cancel()
            if self._session is not None:
                await self._session.close()

    async def _line(self, lines: asyncio.StreamReader, out: Write) -> bytes | None:
        """The next line that is not too long; too long a one is answered with an error and skipped."""
        limit = self._surface.settings.max_body
        first = last = b""
        while True:
            try:
                line = await lines.readuntil(b"\n")
            except asyncio.IncompleteReadError as e:
                line = e.partial
                if not line and not first:
                    return None
            except asyncio.LimitOverrunError as e:
                piece = await lines.readexactly(max(1, e.consumed))
                first, last = first or piece[:KEPT], (last + piece)[-KEPT:]
                continue
            if first or len(line) > limit:
                id = id_of(first or line, last + line)
                first = last = b""
                await out(rpc.error(id, RpcError(INVALID_REQUEST, f"the message is larger than {limit} bytes")))
            elif line.strip():
                return line

    async def _message(self, line: bytes, out: Write) -> None:
        try:
            value = read_json(line)
            message = read_message(value)
            if message.kind == "response":
                if self._session is not None:
                    self._session.answered(message.id, message.outcome)
            elif message.kind == "notification":
                await self._heard(message)
            else:
                assert message.id is not None  # noqa: S101 -- a request has one
                task = asyncio.create_task(self._request(message, is_modern({}, value), out))
                self._tasks[task] = message.id
                task.add_done_callback(lambda done: self._tasks.pop(done, None))
        except BadMessage as e:
            await out(rpc.error(e.id, e))

    async def _heard(self, message: Inbound) -> None:
        if message.method == "notifications/cancelled":
            wanted = message.params.get("requestId")
            for task in [task for task, id in self._tasks.items() if id == wanted]:
                task.cancel("cancelled by the client")
        elif self._session is not None:
            await hear(self._session, message)

    async def _request(self, message: Inbound, modern: bool, out: Write) -> None:
        assert message.id is not None  # noqa: S101 -- a request has one
        try:
            if modern:
                body = await self._modern(message, out)
            elif message.method == "initialize":
                body = await self._initialize(message)
            elif self._session is None:
                raise RpcError(INVALID_REQUEST, "send initialize first, or the 2026-07-28 envelope in params._meta")
            else:
                channel = _Channel(out, self._session)
                body = await answer(self._surface, self._agent, self._session, message, channel, self._mandate)
        except RpcError as e:
            body = rpc.error(message.id, e)
        except asyncio.CancelledError as e:
            if not e.args:
                raise
            return
        except Exception:
            log.exception("%s failed", message.method[:64])
            body = rpc.error(message.id, RpcError(INTERNAL_ERROR, "internal error; nothing more is known to be done"))
        await out(body)

    async def _modern(self, message: Inbound, out: Write) -> bytes:
        assert message.id is not None  # noqa: S101 -- a request has one
        client = read_envelope(message, None)
        channel = _Channel(out, None)
        x = Exchange(self._agent, client, message.method, message.params, channel, id=message.id, mandate=self._mandate)
        return rpc.result(message.id, await self._surface.handle(x, self._view))

    async def _initialize(self, message: Inbound) -> bytes:
        if self._session is not None:
            raise RpcError(INVALID_REQUEST, "this connection is initialized already")
        session = ClientSession(self._agent, read_client(message), self._view, self._surface.clock.now())
        await session.open_all(self._surface.settings.open_timeout_s)
        self._session = session
        assert message.id is not None  # noqa: S101 -- a request has one
        return rpc.result(message.id, self._surface.described(session.facts(), session.client.revision))

    async def _pump(self, session: ClientSession, out: Write) -> None:
        while (message := await session.outbox.get()) is not None:
            await out(message)


class _Channel:
    """The way back on the pipe."""

    def __init__(self, out: Write, session: ClientSession | None) -> None:
        self._out = out
        self._session = session

    async def send(self, message: bytes) -> None:
        await self._out(message)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        if self._session is None:
            raise RpcError(METHOD_NOT_FOUND, f"a 2026-07-28 client can't be asked {method[:64]}")
        return await self._session.ask(self.send, method, params)
