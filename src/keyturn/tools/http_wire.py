"""One HTTP exchange with an MCP server: status and body to one JSON-RPC answer, bounded, with errors told apart."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from keyturn.errors import InvalidInput, ToolLost, ToolNotSent
from keyturn.tools.greeting import Refused
from keyturn.tools.http_client import Answer, HttpClient, NotSent
from keyturn.wire import rpc, sse

JSON = "application/json"
EVENTS = "text/event-stream"
ERROR_BYTES = 65_536
REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 406, 407, 410, 411, 413, 414, 415, 417, 421, 429, 431})
"""Statuses by which an HTTP layer says that it did not take the request; others may come from behind it."""
ELSEWHERE = frozenset({301, 302, 307, 308})
"""Redirects by which it asks to be asked elsewhere. 303 is none: it says where to look for what a POST has done."""
NO_SESSION = frozenset({-32000, -32001})
"""What widespread servers answer with 400 where the specification has them answer 404."""

OnMessage = Callable[[rpc.Message], Awaitable[None]]


class SessionGone(ToolNotSent):
    """The server does not know the session any more: the request was not taken (MCP 2025, 404)."""


class StreamEnded(ToolLost):
    """The event stream ended without the answer; ``last`` is where it can be taken up again."""

    def __init__(self, message: str, last: str | None, retry_ms: int | None) -> None:
        super().__init__(message)
        self.last = last
        self.retry_ms = retry_ms


class Wire:
    """What travels to one URL and back. Nothing is followed, stored or unpacked: no redirect, cookie, compression."""

    def __init__(self, name: str, headers: Mapping[str, str], limit: int, client: HttpClient) -> None:
        self.name = name
        self._headers = {
            **headers,
            "Accept": f"{JSON}, {EVENTS}",
            "Accept-Encoding": "identity",
            "Content-Type": JSON,
        }
        self._limit = limit
        self._client = client
        self._drains: set[asyncio.Task[None]] = set()

    async def send(self, method: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send one HTTP request. Raises :class:`ToolNotSent` if no connection was made, else :class:`ToolLost`."""
        try:
            return await self._client.request(method, self._headers | headers, body)
        except NotSent as e:
            raise ToolNotSent(f"{self.name} can't be reached: {e}") from None
        except OSError as e:
            raise ToolLost(f"{self.name} hung up: {type(e).__name__} {e}") from None

    async def answer(self, r: Answer, id: rpc.Id, on_message: OnMessage, session: str) -> rpc.Message:
        """The response to request ``id`` out of ``r``; other messages on its stream go to ``on_message``.

        Releases ``r`` when it is done, closes it on any error (at 2026-07-28 that cancels the request). Raises
        :class:`RpcError`, :class:`SessionGone`, :class:`Refused`, :class:`ToolLost`.
        """
        try:
            if r.status != 200:
                raise await self.failure(r, session)
            found = await self._found(r, on_message)
            if found.id != id and found.id is not None:  # only an error has none
                raise ToolLost(f"{self.name} answered another request than the one that was sent")
        except OSError as e:
            r.close()
            raise ToolLost(f"{self.name} hung up before it answered: {type(e).__name__}") from None
        except BaseException:
            r.close()
            raise
        self._release(r)
        if isinstance(found.error, rpc.ErrorObject):
            raise rpc.raised(found.error)
        return found

    async def _found(self, r: Answer, on_message: OnMessage) -> rpc.Message:
        if r.content_type == JSON:
            found = self._message(await self.body(r, self._limit))
            if found.kind not in ("result", "error"):
                raise ToolLost(f"{self.name} answered with a {found.kind} message instead of a response")
            return found
        if r.content_type != EVENTS:
            raise ToolLost(f"{self.name} answered with content type {r.content_type[:80]!r}")
        async for message in self.messages(r):
            if message.kind in ("result", "error"):
                return message
            if message.kind in ("request", "notification"):
                await on_message(message)
        raise ToolLost(f"{self.name} ended the stream without an answer")

    async def messages(self, r: Answer) -> AsyncIterator[rpc.Message]:
        """The messages of an event stream; :class:`StreamEnded` at its end."""
        parser, last, retry = sse.Parser(self._limit), None, None
        with contextlib.suppress(OSError):
            while chunk := await r.more():
                for event in self._events(parser, chunk):
                    last, retry = event.id or last, retry if event.retry is None else event.retry
                    if event.data and event.event == "message":
                        yield self._message(event.data)
        raise StreamEnded(f"{self.name} ended the stream without an answer", last, retry)

    def _events(self, parser: sse.Parser, chunk: bytes) -> list[sse.Event]:
        try:
            return parser.feed(chunk)
        except InvalidInput:
            raise ToolLost(self._cut_off()) from None

    def _message(self, raw: bytes) -> rpc.Message:
        try:
            return rpc.decode(raw)
        except InvalidInput as e:
            raise ToolLost(f"{self.name} answered with what is no JSON-RPC message: {e}") from None

    def _cut_off(self) -> str:
        return f"{self.name} answered more than {self._limit} bytes and was cut off"

    async def body(self, r: Answer, limit: int) -> bytes:
        """The whole body; :class:`ToolLost` beyond the limit."""
        if r.headers.get("content-encoding", "identity") != "identity":
            raise ToolLost(f"{self.name} compressed its answer, which it was asked not to")
        if r.content_length is not None and r.content_length > limit:
            raise ToolLost(self._cut_off())
        chunks, size = [], 0
        while chunk := await r.more():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise ToolLost(self._cut_off())
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def failure(self, r: Answer, session: str) -> Exception:
        """What a status other than 200 means: the JSON-RPC error in its body, or who refused."""
        if r.status in ELSEWHERE:
            where = r.headers.get("location", "")[:200]
            return Refused(f"{self.name} redirects to {where!r}", hint="configure that URL if it is the right one")
        if r.status == 404 and session:
            return SessionGone(f"{self.name} does not know the session any more")
        raw = await self.body(r, ERROR_BYTES)
        with contextlib.suppress(InvalidInput):
            message = rpc.decode(raw)
            if isinstance(message.error, rpc.ErrorObject):
                if r.status == 400 and session and message.error.code in NO_SESSION:
                    return Refused(f"{self.name} refused the session: {message.error.message[:200]}")
                return rpc.raised(message.error)
        said = f"{self.name} answered HTTP {r.status}"
        if r.status in REFUSALS:
            hint = "check the upstream's headers in the configuration" if r.status in (401, 403) else ""
            return Refused(said, hint=hint)
        return ToolLost(said)

    def _release(self, r: Answer) -> None:
        """Give the connection back; where the body's end is still on its way, without making anybody wait."""
        if r.complete:
            r.release()
            return
        task = asyncio.create_task(self._drain(r))
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def _drain(self, r: Answer) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self.body(r, ERROR_BYTES)
            r.release()
        except (ToolLost, OSError):
            r.close()
        except BaseException:
            r.close()
            raise

    async def close(self) -> None:
        """End what is still being drained."""
        tasks = list(self._drains)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
