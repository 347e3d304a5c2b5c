"""One connection to a stdio server: requests of all sessions multiplexed by id over one run of its process."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from keyturn.errors import InvalidInput, ToolLost, ToolNotSent
from keyturn.tools.call import Call, answered, without_subscription
from keyturn.tools.process import ServerProcess, TooLong, answer_id
from keyturn.tools.settings import Limits
from keyturn.wire import rpc
from keyturn.wire.names import META_PROGRESS
from keyturn.wire.session import Link, RpcError, ServerFacts

log = logging.getLogger(__name__)
INBOX = 256
LISTEN = "subscriptions/listen"


class _Pending:
    """A call and what has come for it; the waiting coroutine takes it out, so the reader never waits for a client."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.inbox: asyncio.Queue[rpc.Message | ToolLost] = asyncio.Queue()

    def put(self, message: rpc.Message) -> None:
        if self.inbox.qsize() < INBOX or message.kind in ("result", "error"):
            self.inbox.put_nowait(message)


class Connection:
    """One run of the process, from its greeting to its end; requests are multiplexed by id."""

    def __init__(self, name: str, process: ServerProcess, limits: Limits, tell: Callable[[str, Any], None]) -> None:
        self.name = name
        self.server = ServerFacts("")
        self._process = process
        self._limits = limits
        self._tell = tell
        self._ids = itertools.count(1)
        self._pending: dict[rpc.Id, _Pending] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._end = ""
        self.ended = asyncio.Event()
        self.ended_at = 0.0
        self._reader = asyncio.create_task(self._read())

    @property
    def how(self) -> str:
        """How it ended, in words."""
        return self._end or self._process.ending

    @property
    def alive(self) -> bool:
        """Requests can be sent."""
        return not self._end and self._process.alive

    async def request(
        self, method: str, params: bytes, link: Link | None, own_meta: Mapping[str, Any], within_s: float | None = None
    ) -> bytes:
        """Send one request, see to what comes for it, and return its result."""
        if not self.alive:
            raise ToolNotSent(f"{self.name} {self.how}")
        call = Call(next(self._ids), method, link, self._limits)
        meta = call.meta(own_meta)
        message = rpc.request(call.id, method, rpc.spliced(params, {"_meta": meta}) if meta else params)
        pending = self._pending[call.id] = _Pending(call)
        try:
            async with call.clock:
                if method == LISTEN:
                    call.clock.reschedule(None)
                elif within_s is not None:
                    call.clock.reschedule(asyncio.get_running_loop().time() + within_s)
                return await self._exchange(message, pending)
        except TimeoutError:
            self._cancel(call, "timed out")
            raise ToolLost(f"{self.name} did not answer {method!r} in time") from None
        except asyncio.CancelledError:
            self._cancel(call, "the caller is gone")
            raise
        finally:
            self._pending.pop(call.id, None)
            await call.close()

    async def _exchange(self, message: bytes, pending: _Pending) -> bytes:
        try:
            await self._process.send(message)
        except OSError as e:
            raise ToolLost(f"{self.name} is gone: {e}") from None
        while True:
            answer = await pending.inbox.get()
            if isinstance(answer, ToolLost):
                raise answer
            if answer.result:
                return bytes(answer.result)
            if isinstance(answer.error, rpc.ErrorObject):
                raise rpc.raised(answer.error)
            await pending.call.handle(answer, self._reply)

    def _cancel(self, call: Call, reason: str) -> None:
        if call.method not in ("initialize", "server/discover"):
            self._spawn(self.notify("notifications/cancelled", {"requestId": call.id, "reason": reason}))

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification if the process lives."""
        await self._reply(rpc.notification(method, params))

    async def _reply(self, message: bytes) -> None:
        if self.alive:
            with contextlib.suppress(OSError):
                await self._process.send(message)

    async def _read(self) -> None:
        try:
            while line := await self._next():
                if line.strip():
                    self._take(line)
        except Exception:
            log.exception("%s: reading failed", self.name)
        if not self._end:
            await self._process.wait(0.5)
        self._finish(self.how)

    async def _next(self) -> bytes:
        """The next line; one beyond the limit costs the call that it answers, or all if that can't be told."""
        while True:
            try:
                return await self._process.line()
            except TooLong as e:
                lost = ToolLost(f"{self.name} answered more than {self._limits.answer_bytes} bytes and was cut off")
                pending = self._pending.get(e.id) if e.id is not None else None
                if pending is None:
                    self._end = f"was cut off after more than {self._limits.answer_bytes} bytes in one message"
                    return b""
                pending.inbox.put_nowait(lost)

    def _take(self, line: bytes) -> None:
        try:
            message = rpc.decode(line)
        except InvalidInput as e:
            self._odd(line, str(e))
            return
        if message.kind in ("result", "error"):
            pending = self._pending.get(message.id) if isinstance(message.id, int | str) else None
            if pending is None:
                log.info("%s answers a request that is not open: %.64r", self.name, message.id)
            else:
                pending.put(message)
        elif message.kind in ("request", "notification"):
            self._route(message)
        else:
            self._odd(line, "neither request, notification nor response")

    def _odd(self, line: bytes, why: str) -> None:
        """A line that is no message: servers print banners, so only a call that it seems to answer is lost."""
        log.info("%s: dropped a line: %s", self.name, why)
        pending = self._pending.get(answer_id(line, line) or 0)
        if pending is not None:
            pending.inbox.put_nowait(ToolLost(f"{self.name} answered with what is no JSON-RPC response: {why}"))

    def _route(self, message: rpc.Message) -> None:
        """To the call that it belongs to, if that is certain; questions without one are answered here."""
        method = str(message.method)
        try:
            params = message.params_dict()
        except InvalidInput as e:
            log.info("%s: dropped %.64r: %s", self.name, method, e)
            return
        if method == "notifications/progress":
            token = params.get(META_PROGRESS)
            if isinstance(token, int | str) and (pending := self._pending.get(token)) is not None:
                pending.put(message)
            return
        alone = self._alone()
        if isinstance(message.id, int | str):
            if alone is not None and method != "ping":
                alone.put(message)
            else:
                self._spawn(self._answer(message.id, method, params))
        elif method == "notifications/cancelled":
            for pending in self._pending.values():
                pending.put(message)
        elif method == "notifications/message" and alone is not None:
            alone.put(message)
        else:
            self._tell(method, without_subscription(params))

    def _alone(self) -> _Pending | None:
        """The one open request, if it is the only one and a client waits for it."""
        found = [p for p in self._pending.values() if p.call.method != LISTEN]
        return found[0] if len(found) == 1 and found[0].call.link is not None else None

    async def _answer(self, id: rpc.Id, method: str, params: Mapping[str, Any]) -> None:
        try:
            await self._reply(rpc.result(id, await answered(None, method, params)))
        except RpcError as e:
            await self._reply(rpc.error(id, e))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._answers) < INBOX:
            task = asyncio.create_task(work)
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
        else:
            work.close()

    def _finish(self, how: str) -> None:
        self._end = how
        for pending in self._pending.values():
            pending.inbox.put_nowait(ToolLost(f"{self.name} {how} before it answered {pending.call.method!r}"))
        self.ended_at = asyncio.get_running_loop().time()
        self.ended.set()

    async def close(self) -> None:
        """Stop the process and end what is open."""
        self._finish(self._end or "was stopped")
        await self._process.stop(self._limits.stop_s)
        tasks = [self._reader, *self._answers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
