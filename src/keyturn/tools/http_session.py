"""One conversation over streamable HTTP: requests as POSTs, what belongs to no request on one long stream."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from keyturn.errors import InvalidInput, KeyturnError, ToolLost, ToolNotSent
from keyturn.tools.call import Call, answered, without_subscription
from keyturn.tools.conversation import Conversation, stream_filter
from keyturn.tools.greeting import GATEWAY, Refused, greet, modern_meta
from keyturn.tools.http_client import Answer
from keyturn.tools.http_wire import SessionGone, StreamEnded
from keyturn.tools.listeners import Listeners
from keyturn.wire import rpc
from keyturn.wire.names import (
    LAST_EVENT_HEADER,
    META_PROGRESS,
    METHOD_HEADER,
    NAME_BEARING,
    NAME_HEADER,
    PARAM_HEADER_PREFIX,
    SESSION_HEADER,
    VERSION_HEADER,
    encode_header,
)
from keyturn.wire.session import MODERN, ClientFacts, Link, Listener, RpcError, ServerFacts

if TYPE_CHECKING:
    from keyturn.tools.http import HttpUpstream

log = logging.getLogger(__name__)

ParamHeaders: TypeAlias = Mapping[tuple[str, ...], str]
RESUMES = 5
STREAM_S = 0.5
CHANGES = frozenset(
    {f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")}
    | {"notifications/resources/updated"}
)
"""Notifications that concern all who listen, wherever they come."""
QUIET = frozenset({"initialize", "server/discover"})
"""Requests that the specification forbids to cancel."""


class _Named(msgspec.Struct):
    name: str = ""
    uri: str = ""
    arguments: msgspec.Raw = rpc.EMPTY


_named = msgspec.json.Decoder(_Named)


class HttpSession(Conversation):
    """A client's session, or the gateway's own. ``listener`` gets what belongs to no request."""

    def __init__(self, upstream: "HttpUpstream", client: ClientFacts | None, listener: Listener | None) -> None:
        super().__init__(client)
        self.server = ServerFacts("")
        self._upstream = upstream
        self._listener = listener
        self._listeners = Listeners()
        self._ids = itertools.count(1)
        self._calls: dict[rpc.Id, Call] = {}
        self._session = ""
        self._greeted = False
        self._lock = asyncio.Lock()
        self._stream: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def _ready(self) -> None:
        if self._greeted:
            return
        async with self._lock:
            if self._greeted:
                return
            self._session = ""
            self.server = ServerFacts("")
            server = await greet(self._greeting, self._upstream.settings.generation, self._client or GATEWAY)
            self.server = server
            if server.revision != MODERN:
                await self._post_message(rpc.notification("notifications/initialized"))
            self._greeted = True
            if self._listener is not None:
                self._listeners.add(self._listener)
            self._open_stream()
            if self._stream is not None:  # what the server says before the stream is open, it says to nobody
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STREAM_S):
                        await self._opened.wait()

    async def _greeting(self, method: str, params: Mapping[str, Any], revision: str) -> bytes:
        headers = {VERSION_HEADER: revision, METHOD_HEADER: method} if revision == MODERN else {}
        limits = self._upstream.settings.limits
        within = limits.probe_s if method == "server/discover" else limits.start_s
        return await self._send(method, rpc.encode(params), None, {}, headers, within)

    async def _once(self, method: str, params: bytes, link: Link | None) -> bytes:
        meta, session = self._own_meta(link), self._session
        try:
            return await self._send(method, params, link, meta, self._headers(method, params))
        except SessionGone:  # it was not taken: shake hands again, and send it for the first time that counts
            self._forget(session)
            await self._ready()
            return await self._send(method, params, link, meta, self._headers(method, params))
        except Refused:
            self._forget(session)
            raise

    def _forget(self, session: str) -> None:
        """Shake hands anew before the next request, if the session still is the one that failed."""
        if session and session == self._session:
            self._greeted = False

    def _headers(self, method: str, params: bytes) -> dict[str, str]:
        if self.server.revision != MODERN:
            return self._session_headers()
        headers = {VERSION_HEADER: MODERN, METHOD_HEADER: method}
        if (key := NAME_BEARING.get(method)) is not None:
            try:
                named = _named.decode(params)
            except msgspec.MsgspecError as e:
                raise InvalidInput(f"the params of {method} can't be read: {e}") from None
            headers[NAME_HEADER] = encode_header(named.name if key == "name" else named.uri)
            wanted = self._upstream.param_headers.get(named.name) if method == "tools/call" else None
            if wanted and named.arguments:
                headers.update(param_headers(wanted, msgspec.json.decode(named.arguments)))
        return headers

    def _session_headers(self) -> dict[str, str]:
        headers = {VERSION_HEADER: self.server.revision}
        if self._session:
            headers[SESSION_HEADER] = self._session
        return headers

    async def _send(
        self,
        method: str,
        params: bytes,
        link: Link | None,
        own_meta: Mapping[str, Any],
        headers: dict[str, str],
        within_s: float | None = None,
    ) -> bytes:
        call = Call(next(self._ids), method, link, self._upstream.settings.limits)
        meta = call.meta(own_meta)
        body = rpc.request(call.id, method, rpc.spliced(params, {"_meta": meta}) if meta else params)
        self._calls[call.id] = call
        try:
            async with call.clock:
                if within_s is not None:
                    call.clock.reschedule(asyncio.get_running_loop().time() + within_s)
                return await self._answer(call, body, headers)
        except TimeoutError:
            self._cancel(call, "timed out")
            raise ToolLost(f"{self._upstream.name} did not answer {method!r} in time") from None
        except asyncio.CancelledError:
            self._cancel(call, "the caller is gone")
            raise
        finally:
            del self._calls[call.id]
            await call.close()

    async def _answer(self, call: Call, body: bytes, headers: dict[str, str]) -> bytes:
        wire, session = self._upstream.wire, self._session

        async def on_message(message: rpc.Message) -> None:
            if message.kind == "notification" and message.method in CHANGES:
                await self._from_stream(message)
            else:
                await call.handle(message, self._post_message)

        r = await wire.send("POST", headers, body)
        for _ in range(RESUMES):
            try:
                message = await wire.answer(r, call.id, on_message, session)
            except StreamEnded as e:
                if e.last is None or not session:
                    raise
                await asyncio.sleep(min((1000 if e.retry_ms is None else e.retry_ms) / 1000, 30))
                r = await self._resumed(e.last, session)
            else:
                if call.method == "initialize":
                    self._session = r.headers.get(SESSION_HEADER.lower(), "")
                return bytes(message.result)
        raise ToolLost(f"{self._upstream.name} broke off {RESUMES} times before it answered {call.method!r}")

    async def _resumed(self, last: str, session: str) -> Answer:
        """The rest of a stream after event ``last``. The request was taken, so whatever stands in the way of it, a
        server that was started anew among that, is a lost answer and never a call that was not sent."""
        wire = self._upstream.wire
        try:
            r = await wire.send("GET", {**self._session_headers(), LAST_EVENT_HEADER: last})
            if r.status == 200:
                return r
            try:
                raise await wire.failure(r, session)
            finally:
                r.close()
        except (ToolNotSent, RpcError) as e:
            self._forget(session)
            raise ToolLost(f"{self._upstream.name} broke off, and its answer can't be fetched: {e}") from None
        except OSError as e:
            raise ToolLost(f"{self._upstream.name} hung up before it answered: {type(e).__name__}") from None

    def _cancel(self, call: Call, reason: str) -> None:
        """Before 2026-07-28 a notification says so; since, the closed response is the word for it."""
        if self.server.revision != MODERN and self._greeted and call.method not in QUIET:
            self._spawn(self.notify("notifications/cancelled", {"requestId": call.id, "reason": reason}))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification; 2026-07-28 knows none over HTTP."""
        if self._greeted and self.server.revision != MODERN:
            await self._post_message(rpc.notification(method, params))

    async def _post_message(self, message: bytes) -> None:
        """Send a notification or a response, which nobody answers."""
        try:
            async with asyncio.timeout(self._upstream.settings.limits.connect_s):
                r = await self._upstream.wire.send("POST", self._session_headers(), message)
                r.release()
        except (TimeoutError, ToolLost, ToolNotSent) as e:
            log.info("%s: a message was lost: %s", self._upstream.name, e)

    async def _resources_changed(self) -> None:
        self._open_stream()

    def _open_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
        if self.server.revision != MODERN:
            wanted: dict[str, Any] | None = None
        elif not (wanted := stream_filter(self.server, self.resources)):
            return
        self._opened.clear()
        self._stream = asyncio.create_task(self._keep_stream(wanted))
        self._stream.add_done_callback(lambda _: self._opened.set())

    async def _keep_stream(self, wanted: Mapping[str, Any] | None) -> None:
        """What belongs to no request: a GET before 2026-07-28, ``subscriptions/listen`` since; opened again."""
        pace, last, session = self._upstream.pace(), None, self._session
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._stream_once(wanted, last)
            except StreamEnded as e:
                last = e.last or last
            except SessionGone:
                self._forget(session)
                self._upstream.changed()
                return
            except RpcError as e:
                log.info("%s: no stream: %s", self._upstream.name, e)
                return
            except KeyturnError as e:
                log.info("%s: its stream broke: %s", self._upstream.name, e)
                self._upstream.changed()
            else:
                return
            await asyncio.sleep(pace.failed(loop.time(), loop.time() - began))

    async def _stream_once(self, wanted: Mapping[str, Any] | None, last: str | None) -> None:
        wire = self._upstream.wire
        if wanted is None:
            more = {LAST_EVENT_HEADER: last} if last is not None else {}
            r = await wire.send("GET", {**self._session_headers(), **more})
        else:
            headers = {VERSION_HEADER: MODERN, METHOD_HEADER: "subscriptions/listen"}
            params = {"_meta": modern_meta(self._client or GATEWAY), "notifications": wanted}
            r = await wire.send(
                "POST", headers, rpc.request(f"listen-{next(self._ids)}", "subscriptions/listen", params)
            )
        try:
            if r.status == 405:
                return
            if r.status != 200:
                raise await wire.failure(r, self._session)
            self._opened.set()
            async for message in wire.messages(r):
                if message.kind in ("result", "error"):
                    raise StreamEnded(f"{self._upstream.name} ended the stream", None, None)
                await self._from_stream(message)
        except OSError as e:
            raise ToolLost(f"{self._upstream.name} hung up: {type(e).__name__}") from None
        finally:
            r.close()

    async def _from_stream(self, message: rpc.Message) -> None:
        method = str(message.method)
        try:
            params = message.params_dict()
        except InvalidInput as e:
            log.info("%s: dropped %.64r: %s", self._upstream.name, method, e)
            return
        if message.kind == "request":
            alone = next(iter(self._calls.values())) if len(self._calls) == 1 else None
            if alone is not None and alone.link is not None and method != "ping":
                await alone.handle(message, self._post_message)
            elif isinstance(message.id, int | str) and len(self._tasks) < 64:
                self._spawn(self._reply(message.id, method, params))
        elif method == "notifications/progress":
            token = params.get(META_PROGRESS)
            if isinstance(token, int | str) and (call := self._calls.get(token)) is not None:
                await call.handle(message, self._post_message)
        elif method == "notifications/cancelled":
            for call in self._calls.values():
                await call.handle(message, self._post_message)
        elif message.kind == "notification" and method != "notifications/subscriptions/acknowledged":
            if method == "notifications/tools/list_changed":
                self._upstream.changed()
            self._listeners.tell(method, without_subscription(params))

    async def _reply(self, id: rpc.Id, method: str, params: Mapping[str, Any]) -> None:
        try:
            answer = rpc.result(id, await answered(None, method, params))
        except RpcError as e:
            answer = rpc.error(id, e)
        await self._post_message(answer)

    async def close(self) -> None:
        """End the stream and tell the server that the session is over."""
        self._upstream.sessions.discard(self)
        tasks = [*self._tasks, *([self._stream] if self._stream is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._listeners.close()
        if self._session:
            with contextlib.suppress(TimeoutError, ToolLost, ToolNotSent):
                async with asyncio.timeout(self._upstream.settings.limits.stop_s):
                    (await self._upstream.wire.send("DELETE", self._session_headers())).release()
        self._session, self._greeted = "", False


def param_headers(wanted: ParamHeaders, arguments: Any) -> dict[str, str]:
    """The ``Mcp-Param-*`` headers of one call: strings, integers and booleans, as their JSON says them."""
    headers = {}
    for path, name in wanted.items():
        value = arguments
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, str | int | float):
            headers[PARAM_HEADER_PREFIX + name] = encode_header(str(value))
    return headers
