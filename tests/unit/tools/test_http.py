"""HTTP servers that misbehave: every call ends, with the truth about what may have happened."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.unit.gate.conftest import build

from keyturn.core.action import ToolRef
from keyturn.core.execution import State
from keyturn.errors import ConfigError, ToolLost, ToolNotSent
from keyturn.gate.ports import ToolCall
from keyturn.tools.settings import HttpSettings, Limits
from keyturn.tools.upstreams import UpstreamTools
from keyturn.wire import rpc
from keyturn.wire.caller import Caller
from keyturn.wire.session import MODERN, ClientFacts, RpcError

MIB = 1024 * 1024
FINE = {"content": [{"type": "text", "text": "fine"}]}


class Client:
    def __init__(self, meta: Mapping[str, Any] | None = None) -> None:
        self.client = ClientFacts("2025-11-25", {}, {"sampling": {}})
        self.meta: Mapping[str, Any] = meta or {}
        self.told: list[Any] = []

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        self.told.append((method, params.get("progressToken")))

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        return {"asked": method}


class Rogue:
    """A server that misbehaves as the called tool's name says, in either generation."""

    def __init__(self, generation: str) -> None:
        self.modern = generation == "modern"
        self.session = 0
        self.seen: list[Mapping[str, str]] = []
        self.deleted: list[str] = []
        self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.ran: list[str] = []
        self.written = 0
        self.hanging = asyncio.Event()
        self.gone = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":  # an event's id says how it is answered when somebody asks for the rest
            broken = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no session"}}
            return web.json_response(broken, status=int(request.headers.get("Last-Event-ID", "405")))
        if request.method == "DELETE":
            self.deleted.append(request.headers["Mcp-Session-Id"])
            return web.Response(status=204)
        message = await request.json()
        self.seen.append(dict(request.headers))
        id, params = message.get("id"), message.get("params", {})
        match message.get("method"):
            case "server/discover" if self.modern:
                return result(id, {"supportedVersions": [MODERN], "capabilities": {"tools": {}}})
            case "server/discover":
                return web.Response(status=400, text="Missing session ID")
            case "initialize":
                self.session += 1
                facts = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {}}
                return result(id, facts, {"Mcp-Session-Id": f"s{self.session}"})
            case None:
                await self.answers.put(message)
                return web.Response(status=202)
            case "tools/list":
                schema = {"type": "object", "properties": {"where": {"type": "string", "x-mcp-header": "Where"}}}
                return result(id, {"tools": [{"name": name, "inputSchema": schema} for name in ("fine", "tag")]})
            case "tools/call":
                if not self.modern and request.headers.get("Mcp-Session-Id") != f"s{self.session}":
                    return web.json_response(
                        {"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "x"}}, status=404
                    )
                return await self.misbehave(request, id, params)
        return web.Response(status=202)

    async def misbehave(self, request: web.Request, id: Any, params: dict[str, Any]) -> web.StreamResponse:
        self.ran.append(params["name"])
        match params["name"]:
            case "fine":
                return result(id, FINE)
            case "hang":
                self.hanging.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.gone.set()
            case "die":
                assert request.transport is not None
                request.transport.abort()
            case "garbage":
                return web.Response(text="}{", content_type="application/json")
            case "no_utf8":
                return web.Response(body=b'{"jsonrpc":"2.0","id":1,"result":"\xff"}', content_type="application/json")
            case "wrong_id":
                return result(4711, FINE)
            case "wrong_type":
                return result(id, "a string")
            case "null_id":
                body = b'{"jsonrpc":"2.0","id":null,"result":%b}' % rpc.encode(FINE)
                return web.Response(body=body, content_type="application/json")
            case "not_an_answer":
                return web.json_response({"jsonrpc": "2.0", "method": "notifications/message"})
            case "html":
                return web.Response(text="<html>", content_type="text/html")
            case "zipped":
                body = gzip.compress(rpc.result(id, FINE))
                return web.Response(body=body, content_type="application/json", headers={"Content-Encoding": "gzip"})
            case "huge_length":
                return web.Response(body=b"x" * 5 * MIB, content_type="application/json")
            case "huge_chunks" | "huge_event" | "empty_stream" | "flood" | "ask" | "tag" | "null_id_event":
                return await self.stream(request, params["name"], id, params)
            case name if name.startswith("resume_"):
                return await self.stream(request, name, id, params)
            case name if name.startswith("status_"):
                headers = {"Location": "http://elsewhere.invalid/"} if "302" in name else {}
                return web.Response(status=int(name[7:]), headers=headers)
        return web.json_response(
            {"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": "Unknown tool"}},
            status=400 if self.modern else 200,
        )

    async def stream(self, request: web.Request, name: str, id: Any, params: dict[str, Any]) -> web.StreamResponse:
        kind = "application/json" if name == "huge_chunks" else "text/event-stream"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)

        async def event(**message: Any) -> None:
            await response.write(b"data: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n\n")

        match name:
            case "tag" | "resume_404" | "resume_401" | "resume_405" | "resume_302" | "resume_400":
                await response.write(b"id: %b\nretry: 1\ndata: \n\n" % (name[7:] or "404").encode())
            case "null_id_event":
                await event(id=None, result=FINE)
            case "huge_chunks" | "huge_event":
                await response.write(b"data: " if name == "huge_event" else b'"')
                while self.written < 50 * MIB:
                    await response.write(b"x" * 65_536)
                    self.written += 65_536
            case "flood":
                token = params.get("_meta", {}).get("progressToken")
                for i in range(2000):
                    await event(method="notifications/progress", params={"progressToken": token, "progress": i})
                    await event(method="notifications/progress", params={"progressToken": "another's", "progress": i})
                    await event(method="notifications/progress", params={"progressToken": [], "progress": i})
                await event(id=id, result=FINE)
            case "ask":
                await event(id="q", method="sampling/createMessage", params={})
                answer = await self.answers.get()
                await event(id=id, result={"content": [{"type": "text", "text": json.dumps(answer)}]})
        return response


def result(id: Any, value: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=rpc.result(id, value), content_type="application/json", headers=headers)


class Opened:
    def __init__(self, tools: UpstreamTools, server: Rogue) -> None:
        self.tools = tools
        self.server = server

    async def call(self, name: str, caller: object = None, arguments: bytes = b"{}") -> str:
        answer = await self.tools.call(ToolCall(tool=ToolRef("up", name), arguments=arguments, action="a"), caller)
        if (error := rpc.error_in_result(answer.result)) is not None:
            raise error
        return str(json.loads(answer.result)["content"][0]["text"])


@asynccontextmanager
async def opened(generation: str = "modern", upstream: str = "up", **limits: Any) -> AsyncIterator[Opened]:
    rogue = Rogue(generation)
    app = web.Application()
    app.router.add_route("*", "/mcp", rogue.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        chosen = Limits(**({"answer_bytes": MIB, "answer_s": 20, "backoff_s": 0.01, "stop_s": 1} | limits))
        headers = {"Authorization": "Bearer hunter2"}
        settings = HttpSettings(url=str(server.make_url("/mcp")), headers=headers, limits=chosen)
        async with UpstreamTools({upstream: settings}) as tools:
            yield Opened(tools, rogue)


both = pytest.mark.parametrize("generation", ["modern", "handshake"])


@both
@pytest.mark.parametrize(
    "name",
    [
        "die",
        "garbage",
        "no_utf8",
        "wrong_id",
        "null_id",
        "null_id_event",
        "wrong_type",
        "not_an_answer",
        "html",
        "zipped",
        "empty_stream",
        "status_202",
        "status_303",
        "status_304",
        "status_500",
        "status_502",
        "status_503",
    ],
)
async def test_no_usable_answer_is_a_lost_call_at_once(generation: str, name: str) -> None:
    async with opened(generation) as up:
        with pytest.raises(ToolLost):
            await up.call(name)
        assert await up.call("fine") == "fine"


@both
@pytest.mark.parametrize("name", ["status_302", "status_401", "status_403", "status_405", "status_413", "status_429"])
async def test_a_refusal_is_a_call_that_nobody_took(generation: str, name: str) -> None:
    async with opened(generation) as up:
        with pytest.raises(ToolNotSent) as caught:
            await up.call(name)
        assert "hunter2" not in str(caught.value)
        assert await up.call("fine") == "fine"


@pytest.mark.parametrize("name", ["resume_404", "resume_401", "resume_405", "resume_302", "resume_400"])
async def test_a_call_that_was_taken_is_lost_and_not_sent_again_when_its_stream_cannot_be_resumed(name: str) -> None:
    async with opened("handshake") as up:
        with pytest.raises(ToolLost):
            await up.call(name)
        assert up.server.ran == [name]
        assert await up.call("fine") == "fine"


async def test_a_server_that_starts_anew_in_a_call_gets_the_change_once(tmp_path: Path) -> None:
    async with opened("handshake", "soc") as up:
        house = await build(tmp_path / "keyturn.db")
        house.ctx.tools = up.tools
        try:
            with pytest.raises(ToolLost) as caught:
                await house.gate.propose(house.agent, house.call("tag", host="ws-1"))
            record = await house.gate.look(house.agent, caught.value.action)
            assert (record.state, up.server.ran) == (State.UNKNOWN, ["tag"])
            assert [e["kind"] for e in await house.entries() if e.get("action") == record.id].count("released") == 1
        finally:
            await house.gate.stop_running()
            house.store.close()


@both
@pytest.mark.parametrize("name", ["huge_length", "huge_chunks", "huge_event"])
async def test_a_huge_answer_is_cut_off_early(generation: str, name: str) -> None:
    async with opened(generation) as up:
        with pytest.raises(ToolLost, match="1048576 bytes"):
            await up.call(name)
        assert up.server.written < 25 * MIB
        assert await up.call("fine") == "fine"


@both
async def test_no_answer_is_a_lost_call_in_time(generation: str) -> None:
    async with opened(generation, answer_s=0.2) as up:
        with pytest.raises(ToolLost, match="in time"):
            await up.call("hang")
        assert await up.call("fine") == "fine"


async def test_a_cancelled_call_hangs_up_on_a_modern_server() -> None:
    async with opened("modern") as up:
        task = asyncio.create_task(up.call("hang"))
        await up.server.hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await up.call("fine") == "fine"


@both
async def test_a_flood_of_notifications_reaches_its_own_client_only(generation: str) -> None:
    async with opened(generation) as up:
        client = Client({"progressToken": "mine"})
        assert await up.call("flood", Caller(None, client)) == "fine"
        assert client.told == [("notifications/progress", "mine")] * 2000
        assert await up.call("flood") == "fine"


async def test_a_question_on_a_calls_stream_is_put_to_its_client() -> None:
    async with opened("handshake") as up:
        answer = json.loads(await up.call("ask", Caller(None, Client())))
        assert (answer["id"], answer["result"]) == ("q", {"asked": "sampling/createMessage"})
        assert json.loads(await up.call("ask"))["error"]["code"] == -32601


async def test_the_servers_own_error_is_no_lost_call() -> None:
    for generation in ("modern", "handshake"):
        async with opened(generation) as up:
            with pytest.raises(RpcError, match="Unknown tool"):
                await up.call("whatever")


async def test_a_forgotten_session_is_opened_again_and_ended_at_the_close() -> None:
    async with opened("handshake") as up:
        assert await up.call("fine") == "fine"
        up.server.session += 10
        assert await asyncio.gather(*(up.call("fine") for _ in range(5))) == ["fine"] * 5
        server, session = up.server, f"s{up.server.session}"
    assert server.session == 12
    assert server.deleted == [session]


async def test_a_modern_call_carries_its_headers() -> None:
    async with opened("modern") as up:
        await up.call("fine", None, '{"where":"Köln","more":1}'.encode())
        headers = up.server.seen[-1]
        assert headers["MCP-Protocol-Version"] == MODERN
        assert (headers["Mcp-Method"], headers["Mcp-Name"]) == ("tools/call", "fine")
        assert headers["Mcp-Param-Where"] == "=?base64?S8O2bG4=?="
        assert headers["Authorization"] == "Bearer hunter2"
        assert "Mcp-Session-Id" not in headers


async def test_secrets_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        async with opened("handshake") as up:
            for name in ("fine", "die", "status_401"):
                await asyncio.gather(up.call(name), return_exceptions=True)
    assert "hunter2" not in caplog.text


async def test_nobody_listening_means_that_nothing_was_sent(unused_tcp_port_factory: Callable[[], int]) -> None:
    settings = HttpSettings(url=f"http://127.0.0.1:{unused_tcp_port_factory()}/mcp")
    nowhere = HttpSettings(url="http://no-such-host.invalid/mcp")
    async with UpstreamTools({"a": settings, "b": nowhere}) as tools:
        for upstream in ("a", "b"):
            with pytest.raises(ToolNotSent, match="can't be reached"):
                await tools.call(ToolCall(tool=ToolRef(upstream, "fine"), arguments=b"{}", action="a"))


@pytest.mark.parametrize("url", ["ftp://host/", "http://", "mcp", "http://user:secret@host/mcp"])
async def test_a_url_that_cannot_be_used_is_said_at_the_start(url: str) -> None:
    with pytest.raises(ConfigError):
        await UpstreamTools({"up": HttpSettings(url=url)}).start()
