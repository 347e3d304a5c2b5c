"""The task that sends: claims what is due, sends it, and says how it went. It never holds the gate up.

Each target has its own few sendings at a time, so one that hangs delays nobody else's. A failure is tried again after a
time that doubles, with chance in it, until the gate gives the notice up.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from keyturn.errors import KeyturnError, NotDelivered
from keyturn.gate.notices import Notice
from keyturn.gate.outbox import Outbox
from keyturn.gate.outbox_ports import Delivery

log = logging.getLogger("keyturn.notify")
_chance = random.SystemRandom()


class Target(Protocol):
    """Where notices go. It takes ``width`` sendings at a time, of up to ``batch`` notices each."""

    @property
    def name(self) -> str: ...  # noqa: D102 - a field
    @property
    def width(self) -> int: ...  # noqa: D102 - a field
    @property
    def batch(self) -> int: ...  # noqa: D102 - a field
    @property
    def timeout_s(self) -> float: ...  # noqa: D102 - a field

    async def send(self, notices: Sequence[Notice]) -> None:
        """Deliver all of them, or raise :class:`NotDelivered`."""

    async def close(self) -> None:
        """End what is open."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: between looks, after a first failure, at most between attempts, between tidyings."""

    poll_s: float = 0.5
    backoff_s: float = 5.0
    backoff_max_s: float = 900.0
    tidy_s: float = 600.0
    patience_s: float = 3.0


PACE = Pace()


class Sender:
    """Sends for one process. ``start`` and ``stop`` it; :meth:`round` is one look, for who has no time to wait."""

    def __init__(self, outbox: Outbox, targets: Sequence[Target], pace: Pace = PACE) -> None:
        self._outbox = outbox
        self._targets: Mapping[str, Target] = {target.name: target for target in targets}
        self._pace = pace
        self._busy: Counter[str] = Counter()
        self._sending: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. With no target too: what waits for one that is gone must be given up."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End. What is being sent gets a moment; what stays claimed is sent again when its lease is over."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._pace.patience_s)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        for target in self._targets.values():
            await target.close()

    async def round(self) -> None:
        """Look once, and wait for what that began."""
        await self._begin()
        if self._sending:
            await asyncio.wait(self._sending)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tidy_at = loop.time()
        while True:
            self._freed.clear()
            try:
                if loop.time() >= tidy_at:
                    tidy_at = loop.time() + self._pace.tidy_s
                    await self._outbox.tidy()
                await self._begin()
            except KeyturnError as e:
                log.error("notices could not be looked up: %s", e)
            except Exception:
                log.exception("looking up notices failed")
            try:
                async with asyncio.timeout(self._pace.poll_s):
                    await self._freed.wait()
            except TimeoutError:
                pass

    async def _begin(self) -> None:
        await self._outbox.warn()
        free = {name: (t.width - self._busy[name]) * t.batch for name, t in self._targets.items()}
        free = {name: count for name, count in free.items() if count > 0}
        lease_s = 2 * max((t.timeout_s for t in self._targets.values()), default=0.0) + 30
        claimed: dict[str, list[Delivery]] = {}
        for delivery in await self._outbox.claim(free, lease_s):
            claimed.setdefault(delivery.target, []).append(delivery)
        for name, deliveries in claimed.items():
            batch = self._targets[name].batch
            for start in range(0, len(deliveries), batch):
                self._spawn(self._targets[name], deliveries[start : start + batch])

    def _spawn(self, target: Target, deliveries: list[Delivery]) -> None:
        self._busy[target.name] += 1
        task = asyncio.create_task(self._send(target, deliveries))
        self._sending.add(task)

        def ended(_: "asyncio.Task[None]") -> None:
            self._sending.discard(task)
            self._busy[target.name] -= 1
            self._freed.set()

        task.add_done_callback(ended)

    async def _send(self, target: Target, deliveries: list[Delivery]) -> None:
        try:
            failure = await attempt(target, [delivery.notice for delivery in deliveries])
            if failure is None:
                await self._outbox.sent(deliveries)
                return
            log.warning("%s: %d notices not delivered: %s", target.name, len(deliveries), failure.message)
            await self._outbox.failed(deliveries, failure.message, self._again(deliveries, failure))
        except KeyturnError as e:
            log.error("%s: how its notices went could not be recorded: %s", target.name, e)

    def _again(self, deliveries: list[Delivery], failure: NotDelivered) -> float | None:
        """After how long to try again: doubled with each attempt, and somewhere in the upper half of that."""
        if failure.final:
            return None
        tries = max(delivery.attempts for delivery in deliveries)
        longest = min(self._pace.backoff_s * 2.0 ** min(tries - 1, 30), self._pace.backoff_max_s)
        return max(longest * _chance.uniform(0.5, 1.0), failure.retry_after_s)


async def attempt(target: Target, notices: Sequence[Notice]) -> NotDelivered | None:
    """Send once, within the target's time; what went wrong, or None."""
    try:
        async with asyncio.timeout(target.timeout_s):
            await target.send(notices)
    except TimeoutError:
        return NotDelivered(f"no answer within {target.timeout_s:g} s")
    except NotDelivered as failure:
        return failure
    except Exception as e:  # its text may hold the target's address
        return NotDelivered(f"an error of the kind {type(e).__name__}")
    return None
