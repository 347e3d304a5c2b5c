"""What is the same over any transport: generations translated, questions of modern servers put to older clients."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import msgspec

from keyturn.errors import ToolLost
from keyturn.tools.greeting import GATEWAY, modern_meta
from keyturn.wire import rpc
from keyturn.wire.names import INPUT_REQUIRED_METHODS, INTERNAL_ERROR, INVALID_PARAMS, META_LOG_LEVEL
from keyturn.wire.session import MODERN, ClientFacts, Link, RpcError, ServerFacts

MAX_ROUNDS = 10
_SUBSCRIBING = frozenset({"resources/subscribe", "resources/unsubscribe"})


class _Input(msgspec.Struct, rename="camel"):
    """An ``input_required`` result, as far as it is read here."""

    result_type: str = "complete"
    input_requests: dict[str, "_Question"] = {}
    request_state: str | None = None


class _Question(msgspec.Struct):
    method: str
    params: dict[str, Any] = {}


_input = msgspec.json.Decoder(_Input)
_params = msgspec.json.Decoder(dict[str, Any])


class Conversation(ABC):
    """A :class:`~keyturn.wire.session.Session` over one transport, which fills in how a request travels.

    ``client`` is whose session it is, or ``None`` for the gateway's own.
    """

    server: ServerFacts

    def __init__(self, client: ClientFacts | None) -> None:
        self._client = client
        self._log_level: str | None = None
        self.resources: set[str] = set()
        """The resources that this session subscribed to."""

    @abstractmethod
    async def _ready(self) -> None:
        """Be connected, with ``server`` filled in."""

    @abstractmethod
    async def _once(self, method: str, params: bytes, link: Link | None) -> bytes:
        """Send one request and return its result."""

    @abstractmethod
    async def _resources_changed(self) -> None:
        """Tell the server that ``resources`` is no longer what it was."""

    async def request(self, method: str, params: Mapping[str, Any] | bytes, link: Link | None = None) -> bytes:
        """See :meth:`keyturn.wire.session.Session.request`."""
        await self._ready()
        if method in _SUBSCRIBING:
            return await self._subscribe(method, _given(params).get("uri"), link)
        if self.server.revision != MODERN:
            return await self._once(method, _body(params), link)
        if method == "ping":
            return b"{}"
        if method == "logging/setLevel":
            self._log_level = str(_given(params).get("level", "info"))
            return b"{}"
        body = _body(params)
        result = await self._once(method, body, link)
        if method not in INPUT_REQUIRED_METHODS or b'"input_required"' not in result:
            return result
        return await self._with_input(method, body, link, result)

    async def _subscribe(self, method: str, uri: Any, link: Link | None) -> bytes:
        """A 2025 client's subscription: to an older server as it is, to a modern one as part of its stream."""
        if not isinstance(uri, str):
            raise RpcError(INVALID_PARAMS, f"{method} needs a uri")
        ends = method == "resources/unsubscribe"
        if self.server.revision == MODERN:
            (self.resources.discard if ends else self.resources.add)(uri)
            await self._resources_changed()
            return b"{}"
        if ends:
            self.resources.discard(uri)
            return b"{}" if self._others_want(uri) else await self._once(method, rpc.encode({"uri": uri}), link)
        result = await self._once(method, rpc.encode({"uri": uri}), link)
        self.resources.add(uri)
        return result

    def _others_want(self, uri: str) -> bool:
        """Another session on the same connection subscribed to it."""
        return False

    def _facts(self, link: Link | None) -> ClientFacts:
        return link.client if link is not None else self._client or GATEWAY

    def _own_meta(self, link: Link | None) -> dict[str, Any]:
        """The gateway's part of a request's ``_meta``."""
        if self.server.revision != MODERN:
            return {}
        meta = modern_meta(self._facts(link) if link is not None else GATEWAY)
        if self._log_level is not None and link is not None:
            meta[META_LOG_LEVEL] = self._log_level
        return meta

    async def _with_input(self, method: str, params: bytes, link: Link | None, result: bytes) -> bytes:
        """Ask the client what the server asks for, and send the request again with its answers."""
        for attempt in range(MAX_ROUNDS):
            try:
                wanted = _input.decode(result)
            except (msgspec.MsgspecError, RecursionError) as e:
                raise ToolLost(f"its input_required result can't be read: {str(e)[:200]}") from None
            if wanted.result_type != "input_required":
                return result
            if link is not None and link.client.revision == MODERN:
                return result
            if link is None:
                raise RpcError(INTERNAL_ERROR, "the server asks for input, and no client is there to give it")
            more: dict[str, Any] = {}
            if wanted.input_requests:
                more["inputResponses"] = await _ask_all(link, wanted.input_requests)
            else:  # the server only wants to be asked again, later
                await asyncio.sleep(min(0.05 * 2**attempt, 0.25))
            if wanted.request_state is not None:
                more["requestState"] = wanted.request_state
            result = await self._once(method, rpc.spliced(params, more), link)
        raise RpcError(INTERNAL_ERROR, f"the server asked for input {MAX_ROUNDS} times and never finished")


async def _ask_all(link: Link, questions: Mapping[str, _Question]) -> dict[str, Any]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(_asked(link, q)) for key, q in questions.items()}
    except ExceptionGroup as e:
        raise e.exceptions[0] from None
    return {key: task.result() for key, task in tasks.items()}


async def _asked(link: Link, question: _Question) -> Any:
    return await link.ask(question.method, question.params)


def _body(params: Mapping[str, Any] | bytes) -> bytes:
    """The params without ``_meta``, which each hop writes itself."""
    if isinstance(params, bytes):
        return params
    return rpc.encode({key: value for key, value in params.items() if key != "_meta"} if "_meta" in params else params)


def _given(params: Mapping[str, Any] | bytes) -> Mapping[str, Any]:
    return _params.decode(params) if isinstance(params, bytes) else params


def stream_filter(server: ServerFacts, resources: set[str]) -> dict[str, Any]:
    """What to ask of ``subscriptions/listen``: the changes that the server says it tells of. Empty: nothing."""
    wanted: dict[str, Any] = {}
    for kind in ("tools", "prompts", "resources"):
        declared = server.capabilities.get(kind)
        if isinstance(declared, Mapping) and declared.get("listChanged") is True:
            wanted[f"{kind}ListChanged"] = True
    if resources:
        wanted["resourceSubscriptions"] = sorted(resources)
    return wanted
