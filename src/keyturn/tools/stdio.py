"""An MCP server over stdio: one process for all sessions, started again when it dies."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from keyturn.errors import KeyturnError, ToolLost, ToolNotSent
from keyturn.tools.connection import LISTEN, Connection
from keyturn.tools.conversation import Conversation, stream_filter
from keyturn.tools.greeting import GATEWAY, greet, modern_meta
from keyturn.tools.launch import StdioLaunch
from keyturn.tools.listeners import Listeners
from keyturn.tools.pace import Pace
from keyturn.tools.process import ServerProcess
from keyturn.tools.settings import StdioSettings
from keyturn.wire import rpc
from keyturn.wire.session import MODERN, ClientFacts, Link, Listener, RpcError, ServerFacts, Session

log = logging.getLogger(__name__)


class StdioUpstream:
    """The server, its process, and who talks over it. ``changed`` is called when its lists may be others now."""

    def __init__(self, name: str, settings: StdioSettings, *, jitter: Callable[[], float]) -> None:
        self.name = name
        self.launch = StdioLaunch(settings)
        self.changed: Callable[[], None] = lambda: None
        self.sessions: set[StdioSession] = set()
        self._settings = settings
        self._generation = settings.generation
        self._client: ClientFacts | None = None
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._pace = Pace(settings.limits.backoff_s, settings.limits.backoff_max_s, jitter)
        self._began = 0.0
        self._stream: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._closed = False
        self._shared = StdioSession(self, None, None)

    async def shared(self) -> Session:
        """The gateway's own session; the process is started if it does not run."""
        await self._shared._ready()
        return self._shared

    async def session_for(self, client: ClientFacts, on_notification: Listener) -> Session:
        """A session over the same process. The only client of an ``exclusive`` server is the one it shakes hands
        with: it is started again if it was told of other abilities."""
        if self._settings.exclusive and self._client != client:
            async with self._lock:
                self._client = client
                if self._connection is not None and self._connection.server.revision != MODERN:
                    await self._end()
        session = StdioSession(self, client, on_notification)
        await session._ready()
        self.sessions.add(session)
        return session

    async def connection(self) -> Connection:
        """The open connection, opened if need be; :class:`ToolNotSent` while the server keeps failing."""
        found = self._connection
        if found is not None and found.alive:
            return found
        async with self._lock:
            if self._connection is not None and self._connection.alive:
                return self._connection
            if self._closed:
                raise ToolNotSent(f"{self.name} is closed")
            await self._end()
            now = asyncio.get_running_loop().time()
            wait = self._pace.wait(now)
            if wait > self._settings.limits.connect_s:
                raise ToolNotSent(f"{self.name} keeps failing; it is tried again in {wait:.0f} s")
            await asyncio.sleep(wait)
            return await self._open()

    async def _open(self) -> Connection:
        now = asyncio.get_running_loop().time
        try:
            connection = await self._greeted()
        except (KeyturnError, RpcError) as e:
            self._pace.failed(now())
            raise ToolNotSent(f"{self.name} can't be opened: {_said(e)}") from None
        self._connection, self._began = connection, now()
        self._watch = asyncio.create_task(self._watched(connection))
        if connection.server.revision == MODERN:
            self.listen()
        return connection

    async def _greeted(self) -> Connection:
        """Start the process and greet it; once more if it could not bear the probe."""
        for last in (self._generation != "auto", True):
            process = await ServerProcess.start(self.name, self._settings, self.launch.program)
            connection = Connection(self.name, process, self._settings.limits, self._tell)
            try:
                await self._greet(connection)
            except BaseException as e:
                died = not connection.alive
                await connection.close()
                if last or not died or not isinstance(e, KeyturnError):
                    raise
                self._generation = "handshake"
            else:
                return connection
        raise AssertionError("unreachable")

    async def _greet(self, connection: Connection) -> None:
        limits = self._settings.limits

        async def send(method: str, params: Mapping[str, Any], revision: str) -> bytes:
            timeout = limits.probe_s if method == "server/discover" else limits.start_s
            return await connection.request(method, rpc.encode(params), None, {}, timeout)

        connection.server = await greet(send, self._generation, self._client or GATEWAY)
        if connection.server.revision != MODERN:
            await connection.notify("notifications/initialized", {})

    async def _watched(self, connection: Connection) -> None:
        await connection.ended.wait()
        log.warning("upstream %s %s", self.name, connection.how)
        self.changed()

    def _tell(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "notifications/tools/list_changed":
            self.changed()
        for session in self.sessions:
            session.tell(method, params)

    def listen(self) -> None:
        """Ask a modern server to tell of changes; anew when the sessions' subscriptions are others now."""
        if self._stream is not None:
            self._stream.cancel()
        if (connection := self._connection) is None:
            return
        resources = {uri for session in self.sessions for uri in session.resources}
        wanted = stream_filter(connection.server, resources)
        if wanted:
            self._stream = asyncio.create_task(self._listen(connection, rpc.encode({"notifications": wanted})))

    async def _listen(self, connection: Connection, params: bytes) -> None:
        with contextlib.suppress(RpcError, ToolLost, ToolNotSent):
            await connection.request(LISTEN, params, None, modern_meta(GATEWAY))

    async def _end(self) -> None:
        connection, self._connection = self._connection, None
        tasks = [task for task in (self._stream, self._watch) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if connection is not None:
            if connection.ended.is_set():
                self._pace.failed(connection.ended_at, connection.ended_at - self._began)
            await connection.close()

    async def close(self) -> None:
        """Stop the process; open requests fail."""
        self._closed = True
        async with self._lock:
            for session in [*self.sessions, self._shared]:
                await session.close()
            await self._end()


class StdioSession(Conversation):
    """One client's view of the shared process, or the gateway's own."""

    def __init__(self, upstream: StdioUpstream, client: ClientFacts | None, listener: Listener | None) -> None:
        super().__init__(client)
        self.server = ServerFacts("")
        self._upstream = upstream
        self._listener = listener
        self._listeners = Listeners()

    async def _ready(self) -> None:
        self.server = (await self._upstream.connection()).server
        if self._listener is not None:
            self._listeners.add(self._listener)

    async def _once(self, method: str, params: bytes, link: Link | None) -> bytes:
        connection = await self._upstream.connection()
        return await connection.request(method, params, link, self._own_meta(link))

    def _others_want(self, uri: str) -> bool:
        return any(uri in session.resources for session in self._upstream.sessions if session is not self)

    async def _resources_changed(self) -> None:
        self._upstream.listen()

    def tell(self, method: str, params: Mapping[str, Any]) -> None:
        """Pass on a notification, unless it is of a resource and this session subscribed to none."""
        if method != "notifications/resources/updated" or self.resources:
            self._listeners.tell(method, params)

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification if the process runs."""
        if (connection := self._upstream._connection) is not None:
            await connection.notify(method, params)

    async def close(self) -> None:
        """Stop listening; the process stays for the others."""
        self._upstream.sessions.discard(self)
        await self._listeners.close()


def _said(e: KeyturnError | RpcError) -> str:
    return str(e)[:300]
