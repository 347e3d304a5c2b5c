"""HTTP below MCP: reading one request within bounds, and answering it as JSON or, once something comes first, as a
stream of events."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from keyturn.wire import rpc
from keyturn.wire.names import HEADER_MISMATCH, INVALID_REQUEST
from keyturn.wire.origins import Origins
from keyturn.wire.session import RpcError
from keyturn.wire.sse import COMMENT, format_event

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

ROUTING = frozenset({b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id", b"authorization", b"host"})
JSON = (b"content-type", b"application/json")
STREAM = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
WATCH_AFTER_S = 0.2


class Refused(Exception):
    """The request is answered below MCP: an HTTP status, and a JSON-RPC error that says why."""

    def __init__(self, status: int, message: str, code: int = INVALID_REQUEST, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = RpcError(code, message)
        self.headers = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]


def read_headers(scope: Scope, limit: int) -> Headers:
    """The headers by name. One that steers and stands twice is refused: two readers would differ on it."""
    found: Headers = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in found:
            if name in ROUTING or name.startswith(b"mcp-param-"):
                raise Refused(400, f"the header {name.decode('latin-1')} appears more than once", HEADER_MISMATCH)
            value = found[name] + b", " + value
        found[name] = value
    if size > limit:
        raise Refused(431, f"the headers are larger than {limit} bytes")
    return found


def check_origin(origins: Origins, headers: Headers) -> None:
    """Raise :class:`Refused` (421 or 403) for a strange Host or Origin."""
    strange = origins.strange(headers.get(b"host", b""), headers.get(b"origin"))
    if strange is not None:
        raise Refused(strange.status, strange.message)


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises :class:`Refused` (413) as soon as it is known to be too large."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the client went away")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit} bytes")


def accepts(headers: Headers) -> tuple[bool, bool]:
    """Whether the client takes JSON, and event streams."""
    kinds = {part.split(b";")[0].strip().lower() for part in headers.get(b"accept", b"").split(b",")}
    anything = b"*/*" in kinds
    return (
        anything or bool(kinds & {b"application/json", b"application/*"}),
        anything or bool(kinds & {b"text/event-stream", b"text/*"}),
    )


async def respond(send: Send, status: int, body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """One plain response."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [JSON, length, *(headers or ())]})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, refused: Refused, id: rpc.Id | None = None) -> None:
    """The answer to what was refused below MCP."""
    await respond(send, refused.status, rpc.error(id, refused.error), refused.headers)


class Reply:
    """The answer to one POST. JSON if nothing comes before it, else events, the answer last."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self._send = send
        self._headers = headers or []
        self._streaming = False
        self._ended = False

    async def send(self, message: bytes) -> None:
        """A message ahead of the answer."""
        await self._write(format_event(message))

    async def ping(self) -> None:
        """Keep the connection open through proxies; starts the stream."""
        await self._write(COMMENT)

    async def _write(self, event: bytes) -> None:
        if self._ended:
            return
        if not self._streaming:
            self._streaming = True
            await self._send({"type": "http.response.start", "status": 200, "headers": [*STREAM, *self._headers]})
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def end(self, message: bytes, status: int = 200) -> None:
        """The answer itself."""
        self._ended = True
        if self._streaming:
            await self._send({"type": "http.response.body", "body": format_event(message)})
        else:
            await respond(self._send, status, message, self._headers)


class Watch:
    """Beside a request that takes long: pings, and (if ``cancels``) cancels it when its client goes away."""

    def __init__(self, receive: Receive, reply: Reply, ping_s: float, *, cancels: bool) -> None:
        self._receive = receive
        self._reply = reply
        self._ping_s = ping_s
        self._cancels = cancels
        self._task: asyncio.Task[None] | None = None
        self.gone = False

    def __enter__(self) -> "Watch":
        self._watched = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._start)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        coming = asyncio.ensure_future(self._receive())
        try:
            while True:
                done, _ = await asyncio.wait([coming], timeout=self._ping_s)
                if not done:
                    await self._reply.ping()
                elif coming.result()["type"] == "http.disconnect":
                    break
                else:
                    coming = asyncio.ensure_future(self._receive())
        finally:
            coming.cancel()
        self.gone = True
        if self._cancels and self._watched is not None:
            self._watched.cancel("the client went away")
