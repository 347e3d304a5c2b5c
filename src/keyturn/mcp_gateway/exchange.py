"""One open request of one client: who asks, what, and the way back while it runs."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from keyturn.gate.records import Agent
from keyturn.wire import rpc
from keyturn.wire.names import ENVELOPE_META, INVALID_PARAMS, META_LOG_LEVEL, META_PROGRESS, METHOD_NOT_FOUND
from keyturn.wire.session import MODERN, ClientFacts, RpcError, Session

MANDATE_META = "keyturn/mandate"
TASKS = "io.modelcontextprotocol/tasks"
ABILITY = {"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}
"""What a client must have declared before it is asked."""


class Channel(Protocol):
    """The transport's way back to the client, for one request."""

    async def send(self, message: bytes) -> None:
        """Send one JSON-RPC message ahead of the answer."""
        ...

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request to the client and return its result; :class:`RpcError` where that can't be done."""
        ...


class Exchange:
    """A request, and the :class:`~keyturn.wire.session.Link` that servers behind the gate get to its client.

    ``own``: opens this client's own session with an upstream, ``None`` for clients without sessions. ``headers``:
    the HTTP headers, ``None`` on other transports.
    """

    def __init__(
        self,
        agent: Agent,
        client: ClientFacts,
        method: str,
        params: dict[str, Any],
        channel: Channel,
        *,
        id: rpc.Id,
        mandate: str | None = None,
        own: Callable[[str], Awaitable[Session]] | None = None,
        headers: Mapping[bytes, bytes] | None = None,
    ) -> None:
        meta = params.get("_meta") or {}
        named = meta.get(MANDATE_META)
        if named is not None and (not isinstance(named, str) or mandate not in (None, named)):
            raise RpcError(INVALID_PARAMS, f"_meta[{MANDATE_META!r}] is no mandate's id, or not the header's")
        self.agent = agent
        self.mandate: str | None = named or mandate
        self.method = method
        self.params = params
        self.id = id
        self.own = own
        self.headers = headers
        self.declared: Mapping[str, Any] = client.capabilities
        self.client = _without_tasks(client)
        self.meta: Mapping[str, Any] = {k: v for k, v in meta.items() if k not in ENVELOPE_META and k != MANDATE_META}
        self._channel = channel

    @property
    def modern(self) -> bool:
        """The client speaks 2026-07-28."""
        return self.client.revision == MODERN

    @property
    def forwarded(self) -> dict[str, Any]:
        """The params as they go on to a server, which gets a ``_meta`` of its own."""
        return {k: v for k, v in self.params.items() if k != "_meta"}

    @property
    def takes_tasks(self) -> bool:
        """The client declared the tasks extension on this request."""
        extensions = self.declared.get("extensions")
        return self.modern and isinstance(extensions, Mapping) and TASKS in extensions

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification that belongs to this request; one that the client did not ask for is dropped."""
        if method == "notifications/progress":
            if META_PROGRESS not in self.meta:
                return
            params = {**params, META_PROGRESS: self.meta[META_PROGRESS]}
        elif method == "notifications/message" and self.modern and META_LOG_LEVEL not in self.meta:
            return
        await self._channel.send(rpc.notification(method, params))

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Ask the client something, if it declared that it can be asked."""
        if method != "ping" and ABILITY.get(method) not in self.declared:
            raise RpcError(METHOD_NOT_FOUND, f"the client has not declared that it answers {method[:64]}")
        return await self._channel.ask(method, params)


def _without_tasks(client: ClientFacts) -> ClientFacts:
    """What servers are told: tasks are the gateway's own here, so no server may open one with this client."""
    extensions = client.capabilities.get("extensions")
    if not isinstance(extensions, Mapping) or TASKS not in extensions:
        return client
    rest = {k: v for k, v in extensions.items() if k != TASKS}
    return ClientFacts(client.revision, client.info, {**client.capabilities, "extensions": rest})


__all__ = ["MANDATE_META", "TASKS", "Channel", "Exchange"]
