"""The stream of open pages: what it says when, to whom, and what it costs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.unit.console.conftest import Browser, Desk

from keyturn.console import live


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and look after sessions at once, so that no test waits."""
    monkeypatch.setattr(live, "LOOK_S", 0.01)
    monkeypatch.setattr(live, "CHECK_S", 0.05)


def parsed(event: bytes) -> tuple[str, Any]:
    fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return fields["event"], msgspec.json.decode(fields["data"])


async def until(stream: AsyncIterator[bytes], name: str) -> Any:
    """What the next event of that name says."""
    async with asyncio.timeout(10):
        async for event in stream:
            found, data = parsed(event)
            if found == name:
                return data
    raise AssertionError(f"the stream ended before {name}")


async def opened(desk: Desk, name: str) -> AsyncIterator[bytes]:
    """A page of this person, past its first event."""
    stream = desk.console.live.stream((await desk.browser(name)).token)
    assert (await until(stream, "pulse"))["stops"] == []
    return stream


async def test_a_page_hears_of_holds_keys_ends_and_stops(desk: Desk) -> None:
    ana = await opened(desk, "ana")
    record = await desk.hold("wipe", host="dc01<b>")
    said = await until(ana, "action")
    assert (said["id"], said["held"], said["case"]) == (record.id, True, "INC-1")
    assert "dc01&lt;b&gt;" in said["row"] and "waits for keys" in said["standing"]
    assert (await until(ana, "pulse"))["waiting"] == 1
    await desk.house.gate.turn(desk.house.people["bob"], record.id, record.digest)
    said = await until(ana, "action")
    assert "bob" in said["standing"] and "still needs one lead or owner" in said["row"]
    await desk.house.gate.reject(desk.house.people["lena"], record.id, "not <i>now</i>")
    said = await until(ana, "action")
    assert (said["state"], said["held"], said["row"]) == ("refused", False, "")
    assert "not &lt;i&gt;now" in said["standing"]
    assert (await until(ana, "pulse"))["waiting"] == 0


async def test_what_runs_free_is_no_news_to_pages(desk: Desk) -> None:
    ana = await opened(desk, "ana")
    for _ in range(3):
        await desk.house.gate.propose(desk.house.agent, desk.house.call("search", query="x"))
    record = await desk.hold(host="ws1")
    assert (await until(ana, "action"))["id"] == record.id


async def test_all_pages_are_handed_the_same_bytes(desk: Desk) -> None:
    pages = [await opened(desk, name) for name in ("ana", "bob", "lena", "ana")]
    assert desk.console.live.pages == 4
    await desk.hold(host="ws1")
    events = []
    for page in pages:
        async with asyncio.timeout(10):
            events.append(await anext(event async for event in page if parsed(event)[0] == "action"))
    assert all(event is events[0] for event in events), "one rendering, and one copy in memory"
    for page in pages:
        await page.aclose()  # type: ignore[attr-defined]
    assert desk.console.live.pages == 0


async def test_a_page_that_reads_too_slowly_is_told_to_load_afresh(desk: Desk) -> None:
    slow, quick = await opened(desk, "ana"), await opened(desk, "bob")
    for n in range(live.BACKLOG + 8):
        record = await desk.hold(host=f"ws{n}")
        assert (await until(quick, "action"))["id"] == record.id
        await desk.house.gate.withdraw(desk.house.people["bob"], record.id, "no")
        await until(quick, "action")
    await until(slow, "resync")


async def test_a_revoked_session_hears_no_more(desk: Desk) -> None:
    ana = await opened(desk, "ana")
    await desk.house.gate.access.revoke_session(desk.house.people["olga"], desk.opened["ana"].session.id)
    await until(ana, "signed-out")
    with pytest.raises(StopAsyncIteration):
        await anext(ana)


async def test_a_server_that_ends_ends_the_streams(desk: Desk) -> None:
    ana = await opened(desk, "ana")
    desk.console.end()
    await until(ana, "bye")
    later = desk.console.live.stream((await desk.browser("bob")).token)
    assert parsed(await anext(later))[0] == "bye"


async def test_an_open_page_is_no_use_of_its_session(desk: Desk) -> None:
    ana, idle_ms = await opened(desk, "ana"), desk.house.ctx.access.session_idle_s * 1000
    browser = Browser(desk.console, desk.opened["ana"].token)
    for _ in range(3):
        desk.house.clock.ms += idle_ms // 4
        await until(ana, "ping")
        for path in ("/console/", "/console/stops"):
            assert (await browser.get(path, hx_request="true")).status_code == 200
    (session,) = await desk.house.gate.access.sessions(desk.house.people["ana"])
    assert session.seen_at == session.created_at, "nobody is there"
    assert (await browser.get("/console/")).status_code == 200
    desk.house.clock.ms += idle_ms // 2
    await until(ana, "ping")
    desk.house.clock.ms += idle_ms
    await until(ana, "signed-out")


async def test_one_session_can_not_take_all_the_streams(desk: Desk) -> None:
    token = (await desk.browser("ana")).token
    streams = [desk.console.live.stream(token) for _ in range(live.MOST_OF_SESSION + 1)]
    first = [parsed(await anext(stream))[0] for stream in streams]
    assert first == ["pulse"] * live.MOST_OF_SESSION + ["full"]
    assert (await until(desk.console.live.stream((await desk.browser("bob")).token), "pulse"))["waiting"] == 0
