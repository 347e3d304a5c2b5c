"""Open pages follow the gate: one task looks at its pulse, renders what changed once, and hands the same bytes to all.

Memory stays flat: a page's queue is bounded, holds references only, and a page that reads too slowly is told to load
afresh instead of being caught up.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from keyturn.errors import KeyturnError, Unauthenticated
from keyturn.gate import Gate
from keyturn.gate.pulse import Changed, Changes, Pulse

log = logging.getLogger("keyturn.console")
LOOK_S = 0.15
PING_S = 10.0
CHECK_S = 5.0
BACKLOG = 32
MOST_PAGES = 2_000
MOST_OF_SESSION = 20
BYE = b"event: bye\ndata: {}\n\n"

Render = Callable[[Changed, int], dict[str, Any]]


class Live:
    """The stream. ``render`` makes of a changed action what a page puts in place, the same for everybody."""

    def __init__(self, gate: Gate, render: Render) -> None:
        self._gate = gate
        self._render = render
        self._pages: dict[asyncio.Queue[bytes], str] = {}
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self._told = (-1, -1, -1, frozenset[str]())

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    def end(self) -> None:
        """End every stream, and begin none."""
        self._ending = True
        for queue in self._pages:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(BYE)

    async def close(self) -> None:
        """End the task, and every stream."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def stream(self, token: str) -> AsyncIterator[bytes]:
        """Events for one page, as long as its session lives. The first says how things stand."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG)
        own = sum(each == token for each in self._pages.values())
        if self._ending or len(self._pages) >= MOST_PAGES or own >= MOST_OF_SESSION:
            yield BYE if self._ending else _event("full", {})
            return
        self._pages[queue] = token
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            yield b"retry: 1500\n" + _pulse_event(await self._gate.pulse.now())
            async for event in self._events(queue, token):
                yield event
        finally:
            self._pages.pop(queue, None)

    async def _events(self, queue: asyncio.Queue[bytes], token: str) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            try:
                async with asyncio.timeout(CHECK_S):
                    event = await queue.get()
            except TimeoutError:
                event = b"event: ping\ndata: {}\n\n"
            if loop.time() - checked >= CHECK_S:
                checked = loop.time()
                if not await self._signed_in(token):
                    yield _event("signed-out", {})
                    return
            yield event
            if event is BYE:
                return

    async def _signed_in(self, token: str) -> bool:
        try:
            await self._gate.access.session_for(token, here=False)
        except Unauthenticated:
            return False
        return True

    async def _follow(self) -> None:
        """While pages are open: look, render, tell."""
        seq = (await self._gate.pulse.now()).seq
        while self._pages:
            await asyncio.sleep(LOOK_S)
            try:
                changes = await self._gate.pulse.since(seq)
            except KeyturnError as e:
                log.error("the gate's pulse can't be read: %s", e)
                continue
            if changes.pulse.seq != seq:
                seq = changes.pulse.seq
                self._spread(changes)

    def _spread(self, changes: Changes) -> None:
        pulse = changes.pulse
        if changes.more:
            self._tell(_event("resync", {}))
        for changed in changes.actions:
            self._tell(_event("action", self._render(changed, pulse.at)))
        said = (pulse.waiting, pulse.unsettled, len(pulse.stops), frozenset(stop.id for stop in pulse.stops))
        if said != self._told or changes.actions:
            self._told = said
            self._tell(_pulse_event(pulse))

    def _tell(self, event: bytes) -> None:
        for queue in self._pages:
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(_event("resync", {}))


def _pulse_event(pulse: Pulse) -> bytes:
    stops = sorted(f"{stop.scope.value} {stop.subject}".strip() for stop in pulse.stops)
    said = {"seq": pulse.seq, "waiting": pulse.waiting, "unsettled": pulse.unsettled, "stops": stops}
    return _event("pulse", said)


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))
