"""An MCP server over streamable HTTP: one connection pool, stateless at 2026-07-28, one session a client before."""

import asyncio
from collections.abc import Callable, Mapping

from yarl import URL

from keyturn.errors import ConfigError
from keyturn.tools.http_client import HttpClient
from keyturn.tools.http_session import HttpSession, ParamHeaders
from keyturn.tools.http_wire import Wire
from keyturn.tools.launch import HttpLaunch
from keyturn.tools.pace import Pace
from keyturn.tools.settings import HttpSettings
from keyturn.wire.session import ClientFacts, Listener, Session


class HttpUpstream:
    """The server, its connections, and who talks over them. ``changed`` is called when its lists may be others now.

    ``param_headers``: for tools that want arguments repeated as ``Mcp-Param-*``, which ones (2026-07-28).
    """

    def __init__(self, name: str, settings: HttpSettings, *, jitter: Callable[[], float]) -> None:
        url = URL(settings.url)
        if url.scheme not in ("http", "https") or not url.host or url.user or url.password:
            raise ConfigError(f"upstream {name}: the url must be http(s) without credentials in it")
        self.name = name
        self.settings = settings
        self.launch = HttpLaunch(settings)
        self.changed: Callable[[], None] = lambda: None
        self.param_headers: Mapping[str, ParamHeaders] = {}
        self.sessions: set[HttpSession] = set()
        self._jitter = jitter
        self._client: HttpClient | None = None
        self._wire: Wire | None = None
        self._shared: HttpSession | None = None

    def pace(self) -> Pace:
        """How soon a broken stream is opened again."""
        return Pace(self.settings.limits.backoff_s, self.settings.limits.backoff_max_s, self._jitter)

    @property
    def wire(self) -> Wire:
        """The connection pool, opened on first use."""
        if self._wire is None:
            s = self.settings
            self._client = HttpClient(URL(s.url), connect_s=s.limits.connect_s, keep_alive_s=s.keep_alive_s)
            self._wire = Wire(self.name, s.headers, s.limits.answer_bytes, self._client)
        return self._wire

    async def shared(self) -> Session:
        """The gateway's own session."""
        if self._shared is None:
            self._shared = HttpSession(self, None, None)
        await self._shared._ready()
        return self._shared

    async def session_for(self, client: ClientFacts, on_notification: Listener) -> Session:
        """A session of the client's own, with its abilities."""
        session = HttpSession(self, client, on_notification)
        await session._ready()
        self.sessions.add(session)
        return session

    async def close(self) -> None:
        """End all sessions and connections."""
        sessions = [*self.sessions, *([self._shared] if self._shared is not None else [])]
        await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)
        if self._wire is not None and self._client is not None:
            await self._wire.close()
            await self._client.close()
        self._wire = self._client = self._shared = None
