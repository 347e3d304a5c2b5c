"""One stdio client of either generation."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from keyturn.core.execution import State
from keyturn.mcp_gateway import GatewaySettings, StdioGateway

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t"}}


class Pipe:
    """Both ends of a stdio connection."""

    def __init__(self) -> None:
        self.lines = asyncio.StreamReader(limit=1_024)
        self.out: asyncio.Queue[Any] = asyncio.Queue()

    def send(self, message: Any) -> None:
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.lines.feed_data(raw + b"\n")

    async def ask(self, method: str, params: Any, id: int = 1) -> Any:
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        return await self.next()

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return await self.out.get()

    async def write(self, message: bytes) -> None:
        self.out.put_nowait(json.loads(message))


@pytest.fixture
async def pipe(site: Any) -> AsyncIterator[Pipe]:
    pipe = Pipe()
    settings = GatewaySettings(max_body=4_096)
    gateway = StdioGateway(site.gate, site.desks["desk"], site.gate.agents["token-ada"], site.clock, settings)
    task = asyncio.create_task(gateway.serve(pipe.lines, pipe.write))
    yield pipe
    pipe.lines.feed_eof()
    await task


async def test_a_modern_client(pipe: Pipe, site: Any) -> None:
    assert (await pipe.ask("server/discover", {"_meta": META}))["result"]["supportedVersions"] == ["2026-07-28"]
    params = {"name": "get_host", "arguments": {}, "_meta": META}
    assert (await pipe.ask("tools/call", params))["result"]["resultType"] == "complete"
    unknown = {"_meta": {**META, "io.modelcontextprotocol/protocolVersion": "2030-01-01"}}
    assert (await pipe.ask("tools/list", unknown))["error"]["code"] == -32022


async def test_a_handshake_client(pipe: Pipe, site: Any) -> None:
    assert (await pipe.ask("tools/list", {}))["error"]["code"] == -32600
    assert (await pipe.ask("initialize", HELLO))["result"]["protocolVersion"] == "2025-06-18"
    pipe.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    isolate = {"name": "isolate_host", "arguments": {"_keyturn": {"rationale": "seen"}}}
    held = (await pipe.ask("tools/call", isolate))["result"]["structuredContent"]["keyturn"]
    assert held["state"] == "held"
    site.gate.move(held["action"], State.SUCCEEDED, b'{"content":[{"type":"text","text":"done"}]}')
    look = {"name": "keyturn_action", "arguments": {"action": held["action"]}}
    assert (await pipe.ask("tools/call", look))["result"]["content"][1]["text"] == "done"
    await site.desks["desk"].opened[0].listener("notifications/tools/list_changed", {})
    assert (await pipe.next())["method"] == "notifications/tools/list_changed"


async def test_bad_lines_are_answered_and_the_next_one_is_read(pipe: Pipe) -> None:
    pipe.send(b"{nonsense")
    assert (await pipe.next())["error"]["code"] == -32700
    pipe.send(b"x" * 9_000)
    assert "larger than 4096" in (await pipe.next())["error"]["message"]
    assert (await pipe.ask("initialize", HELLO))["result"]["serverInfo"]["name"] == "desk"


BIG = b'"%b"' % (b"x" * 9_000)


@pytest.mark.parametrize(
    ("line", "id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":%b}' % BIG, 7),
        (b'{"method":"tools/call","params":{"id":1,"a":%b},"jsonrpc":"2.0","id":"seven"}' % BIG, "seven"),
        (b'{ "id" : 7 , "params" : {"id": 1, "a": %b}, "method" : "tools/call" } ' % BIG, 7),
        (b'{"jsonrpc":"2.0","method":"tools/call","params":{"a":%b,"id":1}}' % BIG, None),
        (b'{"jsonrpc":"2.0","id":7,"result":%b}' % BIG, None),
        (b'[{"jsonrpc":"2.0","id":7,"method":"tools/call","params":%b}]' % BIG, None),
        (b'{"jsonrpc":"2.0","id":"%b","method":"tools/call"}' % (b"x" * 9_000), None),
    ],
)
async def test_who_sent_too_much_is_answered_by_the_requests_id(pipe: Pipe, line: bytes, id: Any) -> None:
    pipe.send(line)
    got = await pipe.next()
    assert (got["id"], got["error"]["code"]) == (id, -32600)
    assert (await pipe.ask("initialize", HELLO))["result"]


async def test_too_much_without_an_end_is_answered_at_the_end_of_input(pipe: Pipe) -> None:
    pipe.lines.feed_data(b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":%b' % BIG)
    pipe.lines.feed_eof()
    assert (await pipe.next())["id"] == 7


async def test_cancelling_reaches_the_server_and_is_not_answered(pipe: Pipe, site: Any) -> None:
    pipe.send({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "get_slow", "_meta": META}})
    await site.gate.proposed.wait()
    pipe.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 4}})
    async with asyncio.timeout(5):
        await site.desks["desk"].session.cancelled.wait()
    assert (await pipe.ask("server/discover", {"_meta": META}, 5))["id"] == 5
