"""Those who listen: nobody waits for a slow one, nothing of a failing one spreads."""

import asyncio
from collections.abc import Mapping
from typing import Any

from keyturn.tools.listeners import BACKLOG, Listeners

CHANGED = "notifications/tools/list_changed"


async def test_everyone_hears_in_order_and_a_failing_one_disturbs_nobody() -> None:
    listeners, heard, done = Listeners(), [], asyncio.Event()

    async def failing(method: str, params: Mapping[str, Any]) -> None:
        raise RuntimeError("broken")

    async def good(method: str, params: Mapping[str, Any]) -> None:
        heard.append(params["n"])
        if params["n"] == 2:
            done.set()

    listeners.add(failing)
    listeners.add(good)
    for n in range(3):
        listeners.tell("notifications/message", {"n": n})
    async with asyncio.timeout(5):
        await done.wait()
    assert heard == [0, 1, 2]
    await listeners.close()


async def test_a_slow_one_keeps_a_bounded_backlog() -> None:
    listeners, heard, go, done = Listeners(), [], asyncio.Event(), asyncio.Event()

    async def slow(method: str, params: Mapping[str, Any]) -> None:
        await go.wait()
        heard.append(params["n"])
        if len(heard) == BACKLOG:
            done.set()

    listeners.add(slow)
    for n in range(10 * BACKLOG):
        listeners.tell("notifications/message", {"n": n})
    go.set()
    async with asyncio.timeout(5):
        await done.wait()
    listeners.tell("notifications/message", {"n": -1})
    await listeners.close()
    assert heard == list(range(BACKLOG))


async def test_the_same_change_told_twice_is_one_change() -> None:
    listeners, heard, done = Listeners(), [], asyncio.Event()

    async def listener(method: str, params: Mapping[str, Any]) -> None:
        heard.append(method)
        if method != CHANGED:
            done.set()

    listeners.add(listener)
    for _ in range(1000):
        listeners.tell(CHANGED, {})
    listeners.tell("notifications/message", {})
    async with asyncio.timeout(5):
        await done.wait()
    assert heard == [CHANGED, "notifications/message"]
    await listeners.remove(listener)
    listeners.tell(CHANGED, {})
    await listeners.close()
    assert len(heard) == 2
