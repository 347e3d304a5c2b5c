"""Where the gateway's two sides meet: the surface speaks to clients, the upstream side to servers.

Both sides speak in JSON-RPC methods and results; revisions and transports stay with the side that owns them. So
any client (2026-07-28 or 2025, HTTP or stdio) can meet any server, and results pass through as the bytes they were.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

MODERN = "2026-07-28"
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26")


class RpcError(Exception):
    """A JSON-RPC error object: the server's own, passed on as it came, or the gateway's."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class ClientFacts(msgspec.Struct, frozen=True):
    """What a client declared of itself: its revision, its ``clientInfo`` and ``capabilities`` as they came."""

    revision: str
    info: Mapping[str, Any] = {}
    capabilities: Mapping[str, Any] = {}


class ServerFacts(msgspec.Struct, frozen=True):
    """What a server declared of itself."""

    revision: str
    info: Mapping[str, Any] = {}
    capabilities: Mapping[str, Any] = {}
    instructions: str = ""


class Link(Protocol):
    """One open request of a live client: the way back to it while the request runs."""

    client: ClientFacts
    meta: Mapping[str, Any]
    """The request's ``_meta`` as the client sent it (progress token, trace context …), without the gateway's keys."""

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send the client a notification that belongs to this request (progress, a log message)."""
        ...

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Ask the client something on the server's behalf (sampling, elicitation, roots) and return its result.

        Raises :class:`RpcError` with the client's error, or -32601 where the client has not declared the ability.
        """
        ...


class Session(Protocol):
    """One conversation with one server, open for as long as it is used."""

    server: ServerFacts

    async def request(self, method: str, params: Mapping[str, Any] | bytes, link: Link | None = None) -> bytes:
        """Send one request and return the ``result`` as the JSON bytes that came.

        ``params`` as bytes is JSON that must reach the server unchanged (``_meta`` is still added). Cancelling the
        awaiting task sends ``notifications/cancelled`` (or closes the stream). Raises :class:`RpcError` for the
        server's error, :class:`~keyturn.errors.ToolNotSent` if the request surely never left, and
        :class:`~keyturn.errors.ToolLost` if it may have and no usable answer came.
        """
        ...

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send one notification; it is dropped if the server is away."""
        ...

    async def close(self) -> None:
        """End the conversation; open requests fail with :class:`~keyturn.errors.ToolLost`."""
        ...


Listener = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class Upstream(Protocol):
    """One server behind the gate."""

    name: str

    async def shared(self) -> Session:
        """The gateway's own session, kept open and reconnected with backoff; for held actions, lists and
        stateless clients."""
        ...

    async def session_for(self, client: ClientFacts, on_notification: Listener) -> Session:
        """A session for one client's session, with that client's capabilities where the transport allows it
        (streamable HTTP, or the only client of a stdio server), else one that shares the process. Notifications
        that belong to no request (list_changed, resources/updated) go to ``on_notification``."""
        ...
