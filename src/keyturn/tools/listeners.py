"""Those who want a server's notifications that belong to no request. A slow one loses some; nobody waits for it."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

from keyturn.wire.session import Listener

log = logging.getLogger(__name__)
BACKLOG = 256


class _Queue:
    """One listener's backlog and the task that empties it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._filled = asyncio.Event()
        self.task = asyncio.create_task(self._deliver())

    def put(self, method: str, params: Mapping[str, Any]) -> None:
        if self._waiting and self._waiting[-1] == (method, params) and method.endswith("_changed"):
            return
        if len(self._waiting) >= BACKLOG:
            log.info("dropped %.64r: a listener is too slow", method)
            return
        self._waiting.append((method, params))
        self._filled.set()

    async def _deliver(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                method, params = self._waiting.popleft()
                try:
                    await self._listener(method, params)
                except Exception:
                    log.exception("a listener failed on %.64r", method)


class Listeners:
    """A set of listeners, each with a bounded backlog of its own."""

    def __init__(self) -> None:
        self._queues: dict[Listener, _Queue] = {}

    def add(self, listener: Listener) -> None:
        """Begin to deliver to ``listener``."""
        if listener not in self._queues:
            self._queues[listener] = _Queue(listener)

    async def remove(self, listener: Listener) -> None:
        """Stop delivering to ``listener``."""
        if (queue := self._queues.pop(listener, None)) is not None:
            queue.task.cancel()
            await asyncio.gather(queue.task, return_exceptions=True)

    def tell(self, method: str, params: Mapping[str, Any]) -> None:
        """Queue one notification for all."""
        for queue in self._queues.values():
            queue.put(method, params)

    async def close(self) -> None:
        """Stop delivering to all."""
        for listener in list(self._queues):
            await self.remove(listener)
