"""Sessions of clients that speak a 2025 revision: bounded, bound to the agent that opened them, and mortal."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from keyturn.errors import KeyturnError
from keyturn.gate.records import Agent
from keyturn.mcp_gateway.view import View
from keyturn.wire import rpc
from keyturn.wire.names import INTERNAL_ERROR
from keyturn.wire.session import ClientFacts, RpcError, Session

log = logging.getLogger("keyturn.mcp_gateway")
MAX_QUEUED = 1_000
ASK_TIMEOUT_S = 600.0


class ClientSession:
    """One client's conversation: its sessions upstream, the questions it was asked, its requests in flight."""

    def __init__(self, agent: Agent, client: ClientFacts, view: View, now: int) -> None:
        self.id = secrets.token_urlsafe(24)
        self.agent_id = agent.id
        self.client = client
        self.view = view
        self.used_at = now
        self.running: dict[rpc.Id, asyncio.Task[Any]] = {}
        self.outbox: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED)
        self.streaming = False
        self._upstream: dict[str, Session] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._count = 0

    @property
    def busy(self) -> bool:
        """A request or a stream is open."""
        return self.streaming or bool(self.running)

    async def upstream(self, name: str) -> Session:
        """This client's own session with an upstream, opened on first use."""
        if name in self._upstream:
            return self._upstream[name]
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._upstream:

                async def heard(method: str, params: Mapping[str, Any]) -> None:
                    self.post(rpc.notification(method, self.view.notification(name, method, params)))

                self._upstream[name] = await self.view.upstreams[name].session_for(self.client, heard)
        return self._upstream[name]

    async def open_all(self, timeout_s: float) -> None:
        """Open every upstream, so that the client hears of changes; one of several that is away is tried later."""

        async def opened(name: str) -> None:
            try:
                async with asyncio.timeout(timeout_s):
                    await self.upstream(name)
            except (KeyturnError, RpcError, TimeoutError) as e:
                if self.view.only:
                    raise RpcError(INTERNAL_ERROR, f"{name} does not answer: {e or 'timed out'}") from None
                log.warning("%s does not answer: %s", name, e or "timed out")

        await asyncio.gather(*(opened(name) for name in self.view.upstreams))

    def facts(self) -> list[Any]:
        """What the open upstreams declared."""
        return [session.server for session in self._upstream.values()]

    def post(self, message: bytes) -> None:
        """Queue a message that belongs to no request; the oldest is dropped when the client does not fetch."""
        if self.outbox.full():
            self.outbox.get_nowait()
        self.outbox.put_nowait(message)

    async def ask(self, send: Callable[[bytes], Awaitable[None]], method: str, params: Mapping[str, Any]) -> Any:
        """Ask the client over an open stream, and return its result."""
        self._count += 1
        id = f"keyturn-{self._count}"
        future = self._asked[id] = asyncio.get_running_loop().create_future()
        try:
            await send(rpc.request(id, method, params))
            async with asyncio.timeout(ASK_TIMEOUT_S):
                outcome = await future
        except TimeoutError:
            raise RpcError(INTERNAL_ERROR, "the client did not answer") from None
        finally:
            del self._asked[id]
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome

    def answered(self, id: rpc.Id | None, outcome: Any) -> None:
        """The client's answer to a question; one that nobody asked is dropped."""
        future = self._asked.get(str(id))
        if future is not None and not future.done():
            future.set_result(outcome)

    def cancel(self, id: Any) -> None:
        """The client cancels one of its requests."""
        task = self.running.get(id) if isinstance(id, int | str) else None
        if task is not None:
            task.cancel("cancelled by the client")

    async def tell(self, method: str, params: Mapping[str, Any]) -> None:
        """Pass a client's notification on to the upstreams that this session opened."""
        for session in list(self._upstream.values()):
            with contextlib.suppress(KeyturnError, RpcError):
                await session.notify(method, params)

    async def close(self) -> None:
        """End it: requests are cancelled, questions fail, upstream sessions close."""
        for task in list(self.running.values()):
            task.cancel("the session ended")
        for future in self._asked.values():
            if not future.done():
                future.set_result(RpcError(INTERNAL_ERROR, "the session ended"))
        with contextlib.suppress(asyncio.QueueFull):
            self.outbox.put_nowait(None)
        for session in self._upstream.values():
            with contextlib.suppress(KeyturnError, RpcError, OSError):
                await session.close()
        self._upstream.clear()


class Sessions:
    """The sessions of one gateway."""

    def __init__(self, per_agent: int, idle_s: float) -> None:
        self._per_agent = per_agent
        self._idle_ms = int(idle_s * 1_000)
        self._open: dict[str, ClientSession] = {}

    async def add(self, session: ClientSession, now: int) -> None:
        """Keep a new session; the agent's longest idle one makes room. ``-32603`` if none is idle."""
        await self.sweep(now)
        own = [s for s in self._open.values() if s.agent_id == session.agent_id]
        if len(own) >= self._per_agent:
            idle = sorted((s for s in own if not s.busy), key=lambda s: s.used_at)
            if not idle:
                raise RpcError(INTERNAL_ERROR, f"{self._per_agent} sessions of this agent are open and in use")
            await self.end(idle[0])
        self._open[session.id] = session

    def find(self, id: str, agent: Agent, now: int) -> ClientSession | None:
        """The agent's own session; another agent's is as unknown as none."""
        session = self._open.get(id)
        if session is None or session.agent_id != agent.id:
            return None
        session.used_at = now
        return session

    async def end(self, session: ClientSession) -> None:
        """Forget and close a session."""
        self._open.pop(session.id, None)
        await session.close()

    async def sweep(self, now: int) -> None:
        """End the sessions that have been idle for too long at ``now``."""
        for session in list(self._open.values()):
            if not session.busy and now - session.used_at > self._idle_ms:
                await self.end(session)

    async def close(self) -> None:
        """End all of them."""
        for session in list(self._open.values()):
            await self.end(session)

    def __len__(self) -> int:
        return len(self._open)
