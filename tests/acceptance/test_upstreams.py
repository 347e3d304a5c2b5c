"""The upstream side against servers on the official SDK: both generations, stdio and streamable HTTP."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from keyturn.core.action import ToolRef
from keyturn.errors import ToolNotSent
from keyturn.gate.ports import ToolAnswer, ToolCall
from keyturn.tools.settings import HttpSettings, Limits, StdioSettings
from keyturn.tools.upstreams import UpstreamTools
from keyturn.wire import rpc
from keyturn.wire.caller import Caller
from keyturn.wire.session import MODERN, ClientFacts, RpcError

SERVER = str(Path(__file__).parent / "sdk_server.py")
LIMITS = Limits(answer_s=20, backoff_s=0.01, stop_s=1)
ABILITIES: dict[str, Any] = {"elicitation": {}, "roots": {}, "sampling": {}}
OLD = ClientFacts("2025-11-25", {"name": "old", "version": "1"}, ABILITIES)
NEW = ClientFacts(MODERN, {"name": "new", "version": "1"}, ABILITIES)
Settings = StdioSettings | HttpSettings
everywhere = pytest.mark.parametrize("up", ["stdio-modern", "stdio-handshake", "http-modern", "http-handshake"])
modern = pytest.mark.parametrize("up", ["stdio-modern", "http-modern"])
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Client:
    """A live client's open request, written down."""

    def __init__(self, facts: ClientFacts, meta: Mapping[str, Any] | None = None, name: str = "Ada") -> None:
        self.client = facts
        self.meta: Mapping[str, Any] = meta or {}
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.asked: list[str] = []
        self._name = name

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        self.told.append((method, params))

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        self.asked.append(method)
        return {"action": "accept", "content": {"name": self._name}}


@asynccontextmanager
async def http_server(port: int = 0) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, SERVER, "http", *([str(port)] if port else []), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def stdio(generation: Any = "auto", *, exclusive: bool = False) -> StdioSettings:
    return StdioSettings(
        command=sys.executable,
        args=(SERVER, "stdio"),
        env={"MINE": "1"},
        generation=generation,
        exclusive=exclusive,
        limits=LIMITS,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools() -> AsyncIterator[UpstreamTools]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KEYTURN_SECRET", "hunter2")
        async with http_server() as port:
            url = f"http://127.0.0.1:{port}/mcp"
            settings: dict[str, Settings] = {
                "stdio-modern": stdio(),
                "stdio-handshake": stdio("handshake", exclusive=True),
                "http-modern": HttpSettings(url=url, limits=LIMITS),
                "http-handshake": HttpSettings(url=url, generation="handshake", limits=LIMITS),
            }
            async with UpstreamTools(settings) as opened:
                yield opened


def call(up: str, name: str, arguments: bytes = b"{}") -> ToolCall:
    return ToolCall(tool=ToolRef(up, name), arguments=arguments, action="a1")


def said(answer: ToolAnswer | bytes) -> str:
    result = answer.result if isinstance(answer, ToolAnswer) else answer
    return str(json.loads(result)["content"][0]["text"])


@everywhere
async def test_a_server_is_greeted_listed_and_called(tools: UpstreamTools, up: str) -> None:
    session = await tools.upstream(up).shared()
    assert (session.server.revision == MODERN) == up.endswith("modern")
    assert session.server.info["name"] == "sdk-server"
    assert session.server.instructions == "be kind"
    names = [d["name"] for d in tools.definitions(up)]
    assert names[:7] == ["echo", "count", "name", "sleep", "fail", "grow", "environment"]
    answer = await tools.call(call(up, "echo", '{"n":1e2,"text":"hä \\n"}'.encode()))
    assert json.loads(said(answer))["arguments"] == {"n": 100, "text": "hä \n"}
    assert not answer.is_error
    assert (await tools.call(call(up, "fail"))).is_error
    definition = tools.definition(ToolRef(up, "echo"))
    assert definition is not None
    assert definition.description == "does echo"
    assert definition.input_schema["type"] == "object"
    assert tools.definition(ToolRef(up, "nothing")) is None
    assert tools.definition(ToolRef("elsewhere", "echo")) is None


@everywhere
async def test_an_error_of_the_server_comes_back_as_its_own(tools: UpstreamTools, up: str) -> None:
    session = await tools.upstream(up).shared()
    with pytest.raises(RpcError) as caught:
        await session.request("no/such", {})
    assert caught.value.code == -32601


@everywhere
async def test_progress_finds_its_client_under_its_own_token(tools: UpstreamTools, up: str) -> None:
    clients = [Client(NEW, {"progressToken": token}) for token in ("mine", 7, "mine")]
    session = await tools.upstream(up).shared()
    answers = await asyncio.gather(*(tools.call(call(up, "count"), Caller(session, c)) for c in clients))
    assert [said(a) for a in answers] == ["counted"] * 3
    for client in clients:
        assert [m for m, _ in client.told] == ["notifications/progress"] * 3
        assert [p["progress"] for _, p in client.told] == [0, 1, 2]
        assert {p["progressToken"] for _, p in client.told} == {client.meta["progressToken"]}


@everywhere
async def test_a_2025_client_is_asked_whatever_the_server_speaks(tools: UpstreamTools, up: str) -> None:
    client = Client(OLD, name="Grace")
    own = await tools.upstream(up).session_for(OLD, _nobody)
    assert said(await tools.call(call(up, "name"), Caller(own, client))) == "hello Grace"
    assert client.asked == ["elicitation/create"]
    await own.close()


async def _nobody(method: str, params: Mapping[str, Any]) -> None:
    return None


@modern
async def test_a_modern_client_gets_the_question_and_answers_on_its_own(tools: UpstreamTools, up: str) -> None:
    client = Client(NEW)
    first = json.loads((await tools.call(call(up, "name"), Caller(None, client))).result)
    assert first["resultType"] == "input_required"
    answers = {"who": {"action": "accept", "content": {"name": "Ida"}}}
    extra = {"inputResponses": answers, "requestState": first["requestState"]}
    assert said(await tools.call(call(up, "name"), Caller(None, client, extra))) == "hello Ida"
    assert client.asked == []


@modern
async def test_a_modern_server_that_asks_nobody_gets_a_clear_error(tools: UpstreamTools, up: str) -> None:
    answer = await tools.call(call(up, "name"))
    assert answer.is_error
    error = rpc.error_in_result(answer.result)
    assert error is not None


@everywhere
async def test_a_cancelled_call_is_cancelled_at_the_server(tools: UpstreamTools, up: str) -> None:
    mark = up
    task = asyncio.create_task(tools.call(call(up, "sleep", b'{"text":"%b"}' % mark.encode())))
    await tools.call(call(up, "echo"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while mark not in json.loads(said(await tools.call(call(up, "echo"))))["cancelled"]:
            pass


@everywhere
async def test_a_grown_list_is_told_and_listed_again(tools: UpstreamTools, up: str) -> None:
    told = asyncio.Event()

    async def listener(method: str, params: Mapping[str, Any]) -> None:
        assert "_meta" not in params
        if method == "notifications/tools/list_changed":
            told.set()

    own = await tools.upstream(up).session_for(NEW, listener)
    new = f"{up}-tool"
    async with asyncio.timeout(10):
        while not told.is_set():  # the stream may open after the first change
            await tools.call(call(up, "grow", b'{"text":"%b"}' % new.encode()), Caller(own, None))
        await tools.refresh(up)
    assert new in {d["name"] for d in tools.definitions(up)}


@modern
async def test_the_client_meta_travels_and_the_hops_own_is_replaced(tools: UpstreamTools, up: str) -> None:
    meta = {"traceparent": "00-1", "progressToken": "p", "io.modelcontextprotocol/protocolVersion": "1999"}
    seen = json.loads(said(await tools.call(call(up, "echo"), Caller(None, Client(NEW, meta)))))["meta"]
    assert seen["traceparent"] == "00-1"
    assert seen["io.modelcontextprotocol/protocolVersion"] == MODERN
    assert seen["io.modelcontextprotocol/clientInfo"] == NEW.info
    assert seen["io.modelcontextprotocol/clientCapabilities"] == ABILITIES


@pytest.mark.parametrize("up", ["stdio-modern"])
async def test_a_stdio_server_sees_only_what_it_may_inherit(tools: UpstreamTools, up: str) -> None:
    seen = json.loads(said(await tools.call(call(up, "environment"))))
    assert seen["MINE"] == "1"
    assert "KEYTURN_SECRET" not in seen
    assert "MINE='1'" not in repr(stdio())


@pytest.mark.parametrize("generation", ["modern", "handshake"])
async def test_an_http_server_that_comes_back_is_used_again(generation: str) -> None:
    up = "up"
    chosen: Any = "auto" if generation == "modern" else generation
    async with http_server() as port:
        settings = HttpSettings(url=f"http://127.0.0.1:{port}/mcp", generation=chosen, limits=LIMITS)
        tools = UpstreamTools({"up": settings})
        await tools.start()
        await tools.call(call(up, "echo"))
    try:
        with pytest.raises(ToolNotSent):
            await tools.call(call(up, "echo"))
        async with http_server(port):
            assert json.loads(said(await tools.call(call(up, "echo", b'{"text":"again"}'))))["arguments"] == {
                "text": "again"
            }
            await tools.refresh(up)
            assert tools.definition(ToolRef(up, "echo")) is not None
        await tools.refresh(up)
        assert tools.definition(ToolRef(up, "echo")) is None
    finally:
        await tools.close()


@pytest.mark.parametrize("up", ["everything"])
async def test_the_reference_server_of_the_other_sdk_answers(peer_npm: Callable[[str], Path], up: str) -> None:
    program = str(peer_npm("@modelcontextprotocol/server-everything@2026.8.31") / "mcp-server-everything")
    settings = StdioSettings(command=program, args=("stdio",), exclusive=True, limits=LIMITS)
    async with UpstreamTools({up: settings}) as tools:
        session = await tools.upstream(up).session_for(OLD, _nobody)
        assert session.server.revision == "2025-11-25"
        client = Client(OLD, {"progressToken": "p"})
        echo = await tools.call(call(up, "echo", b'{"message":"hi"}'), Caller(session, client))
        assert said(echo) == "Echo: hi"
        slow = call(up, "trigger-long-running-operation", b'{"duration":1,"steps":2}')
        await tools.call(slow, Caller(session, client))
        assert [p["progressToken"] for m, p in client.told if m == "notifications/progress"] == ["p", "p"]
        listed = json.loads(await session.request("resources/list", {}))
        uri = listed["resources"][0]["uri"]
        read = json.loads(await session.request("resources/read", {"uri": uri}, client))
        assert read["contents"][0]["uri"] == uri
        assert json.loads(await session.request("prompts/list", {}))["prompts"]
