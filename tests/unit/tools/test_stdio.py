"""Stdio servers that misbehave: every call ends, with the truth about what may have happened."""

import asyncio
import json
import logging
import os
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from keyturn.core.action import ToolRef
from keyturn.core.withholding import WITHHELD
from keyturn.errors import ToolLost, ToolNotSent
from keyturn.gate.ports import ToolCall
from keyturn.tools.settings import Limits, StdioSettings
from keyturn.tools.upstreams import UpstreamTools
from keyturn.wire import rpc
from keyturn.wire.caller import Caller
from keyturn.wire.session import MODERN, ClientFacts, RpcError

ROGUE = str(Path(__file__).parent / "rogue.py")
MIB = 1024 * 1024


class Rogue:
    """The misbehaving server behind the gateway's upstream side."""

    def __init__(self, tools: UpstreamTools, starts: Path) -> None:
        self.tools = tools
        self._starts = starts

    @property
    def starts(self) -> int:
        return len(self._starts.read_text().splitlines()) if self._starts.exists() else 0

    async def call(self, name: str, caller: object = None) -> str:
        call = ToolCall(tool=ToolRef("up", name), arguments=b"{}", action="a")
        answer = await self.tools.call(call, caller)
        if (error := rpc.error_in_result(answer.result)) is not None:
            raise error
        return str(json.loads(answer.result)["content"][0]["text"])


Open = Callable[..., Any]


@pytest.fixture
def rogue(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(probe: str = "error", **limits: Any) -> AsyncIterator[Rogue]:
        starts = tmp_path / "starts"
        chosen = Limits(**({"answer_bytes": MIB, "answer_s": 20, "backoff_s": 0.01, "stop_s": 0.2} | limits))
        settings = StdioSettings(command=sys.executable, args=(ROGUE, str(starts), probe), limits=chosen)
        async with UpstreamTools({"up": settings}) as tools:
            yield Rogue(tools, starts)

    return opened


class Client:
    def __init__(self, meta: Mapping[str, Any] | None = None) -> None:
        self.client = ClientFacts(MODERN)
        self.meta: Mapping[str, Any] = meta or {}
        self.told: list[str] = []
        self.heard: list[Mapping[str, Any]] = []

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        self.told.append(method)
        self.heard.append(params)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        self.heard.append(params)
        return {"asked": method}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.to_thread(os.sched_yield)


@pytest.mark.parametrize(("probe", "starts"), [("error", 1), ("die", 2), ("silent", 1)])
async def test_an_old_server_is_greeted_however_it_takes_the_probe(rogue: Open, probe: str, starts: int) -> None:
    async with rogue(probe, probe_s=0.2) as up:
        assert await up.call("fine") == "fine"
        assert up.starts == starts


@pytest.mark.parametrize(("name", "how"), [("die", "status 3"), ("killed", "signal 9")])
async def test_a_server_that_dies_mid_call_loses_every_open_call_and_comes_back(
    rogue: Open, name: str, how: str
) -> None:
    async with rogue() as up:
        other = asyncio.create_task(up.call("never"))
        await up.call("fine")
        with pytest.raises(ToolLost, match=how):
            await up.call(name)
        with pytest.raises(ToolLost, match=how):
            await other
        assert await up.call("fine") == "fine"
        assert up.starts == 2


@pytest.mark.parametrize("name", ["broken", "both", "wrong_type", "wrong_error", "wrong_flag"])
async def test_garbage_for_an_answer_is_a_lost_call_at_once(rogue: Open, name: str) -> None:
    async with rogue() as up:
        with pytest.raises(ToolLost):
            await up.call(name)
        assert await up.call("fine") == "fine"
        assert up.starts == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("banner", "after the banner"), ("wrong_id", "the right one"), ("odd", "odd"), ("talk", "talked")],
)
async def test_noise_beside_an_answer_does_no_harm(rogue: Open, name: str, text: str) -> None:
    async with rogue() as up:
        assert await up.call(name) == text


async def test_no_answer_is_a_lost_call_in_time(rogue: Open) -> None:
    async with rogue(answer_s=0.2) as up:
        with pytest.raises(ToolLost, match="in time"):
            await up.call("never")
        assert await up.call("fine") == "fine"
        assert up.starts == 1


@pytest.mark.parametrize("name", ["huge_head", "huge_tail"])
async def test_a_huge_answer_is_cut_off_and_costs_only_its_own_call(rogue: Open, name: str) -> None:
    async with rogue(answer_bytes=4 * MIB) as up:
        other = asyncio.create_task(up.call("never"))
        tracemalloc.start()
        try:
            with pytest.raises(ToolLost, match="4194304 bytes"):
                await up.call(name)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 24 * MIB
        assert await up.call("fine") == "fine"
        assert not other.done()
        other.cancel()


@pytest.mark.parametrize("name", ["huge_flat", "endless"])
async def test_a_flood_that_answers_nobody_ends_the_process(rogue: Open, name: str) -> None:
    async with rogue() as up:
        with pytest.raises(ToolLost, match="cut off"):
            await up.call(name)
        assert await up.call("fine") == "fine"
        assert up.starts == 2


async def test_what_is_withheld_of_an_answer_is_told_on_no_way_there(rogue: Open) -> None:
    client = Client({"progressToken": "p"})
    async with rogue() as up:
        call = ToolCall(tool=ToolRef("up", "tell"), arguments=b"{}", action="a", withholds=("routing_key",))
        answer = await up.tools.call(call, Caller(None, client))
    assert b"elicitation/create" in answer.result
    assert client.told == ["notifications/progress", "notifications/message"]
    assert client.heard == [
        {"progressToken": "p", "progress": 1, "message": WITHHELD},
        {"level": "debug", "data": {"a": 1, "routing_key": WITHHELD}},
        {"message": WITHHELD},
    ]


async def test_a_flood_of_notifications_neither_blocks_nor_reaches_strangers(rogue: Open) -> None:
    async with rogue() as up:
        client = Client({"progressToken": "mine"})
        assert await up.call("flood", Caller(None, client)) == "flooded"
        assert 0 < len(client.told) <= 10_000
        assert await up.call("flood") == "flooded"


async def test_a_question_reaches_the_client_of_the_only_open_call(rogue: Open) -> None:
    async with rogue() as up:
        found = json.loads(await up.call("ask", Caller(None, Client())))
        assert found["result"] == {"asked": "sampling/createMessage"}


async def test_a_question_that_might_be_anybodys_is_refused(rogue: Open) -> None:
    async with rogue() as up:
        other = asyncio.create_task(up.call("never", Caller(None, Client())))
        await up.call("fine")
        assert json.loads(await up.call("ask", Caller(None, Client())))["error"]["code"] == -32601
        other.cancel()
        assert json.loads(await up.call("ask"))["error"]["code"] == -32601


async def test_a_ping_is_answered_by_the_gateway(rogue: Open) -> None:
    async with rogue() as up:
        assert json.loads(await up.call("ping"))["result"] == {}
        assert json.loads(await up.call("ping", Caller(None, Client())))["result"] == {}


async def test_the_servers_own_error_is_no_lost_call(rogue: Open) -> None:
    async with rogue() as up:
        with pytest.raises(RpcError, match="Unknown tool"):
            await up.call("whatever")


@pytest.mark.parametrize("name", ["children", "stubborn"])
async def test_nothing_of_the_process_group_stays(rogue: Open, name: str) -> None:
    async with rogue() as up:
        pid = int(await up.call(name))
        os.kill(pid, 0)
    await until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def test_what_a_server_says_on_stderr_is_cut_and_escaped(rogue: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "keyturn.tools"):
        async with rogue() as up:
            await up.call("talk")
            await until(lambda: "says:" in caplog.text)
    said = [r.getMessage() for r in caplog.records if "says:" in r.getMessage()]
    assert "\\x1b[31mred" in said[0]
    assert "\\u202e" in said[0]
    assert all(len(line) < 700 and line.isprintable() for line in said)


@pytest.mark.parametrize("command", ["no-such-program-anywhere", "/no/such/file", ROGUE])
async def test_a_server_that_cannot_start_gets_no_call(command: str) -> None:
    limits = Limits(backoff_s=0.01)
    async with UpstreamTools({"up": StdioSettings(command=command, limits=limits)}) as tools:
        with pytest.raises(ToolNotSent):
            await Rogue(tools, Path("none")).call("fine")
        assert tools.definitions("up") == []


async def test_a_server_that_keeps_dying_is_started_ever_less_often(rogue: Open) -> None:
    async with rogue(backoff_s=30.0, connect_s=1.0, backoff_max_s=60.0) as up:
        with pytest.raises(ToolLost):
            await up.call("die")
        with pytest.raises(ToolNotSent, match="keeps failing"):
            await up.call("fine")
        assert up.starts == 1


async def test_of_two_tools_by_one_name_neither_is_offered(rogue: Open) -> None:
    async with rogue("twice") as up:
        assert [d["name"] for d in up.tools.definitions("up")] == ["other"]


async def test_an_endless_list_ends(rogue: Open) -> None:
    async with rogue("pages", list_pages=7) as up:
        assert [d["name"] for d in up.tools.definitions("up")] == [f"t{i}" for i in range(7)]


async def test_closing_ends_open_calls(rogue: Open) -> None:
    async with rogue() as up:
        open_call = asyncio.create_task(up.call("never"))
        await up.call("fine")
    with pytest.raises(ToolLost, match="was stopped"):
        await open_call
