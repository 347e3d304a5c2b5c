"""The gateway's JSON-RPC entry against hostile messages: an answer below 500, and no change in the world."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.acceptance.conftest import Mcp, Soc
from tests.unit.gate.conftest import build

from keyturn.mcp_gateway import Gateway, GatewaySettings

NAMES = ["isolate", "search", "wipe", "status", "keyturn_action", "keyturn_withdraw", "soc__isolate", ""]
METHODS = [
    *("tools/call", "tools/list", "initialize", "ping", "server/discover", "resources/read", "prompts/get"),
    *("completion/complete", "tasks/get", "tasks/cancel", "notifications/cancelled", "subscriptions/listen"),
]
METHODS.remove("subscriptions/listen")  # it stays open by design
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
arguments = st.fixed_dictionaries(
    {},
    optional={
        "host": st.text(max_size=12) | any_json,
        "query": any_json,
        "action": any_json,
        "_keyturn": st.fixed_dictionaries({"rationale": st.text(max_size=9)}) | any_json,
    },
)
meta = st.just(
    {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
)
params = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES) | any_json,
        "arguments": arguments | any_json,
        "_meta": meta | any_json,
        "uri": any_json,
        "ref": any_json,
        "taskId": any_json,
        "cursor": any_json,
        "requestState": any_json,
        "inputResponses": any_json,
    },
)
messages = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | any_json, "method": st.sampled_from(METHODS) | any_json},
    optional={"id": st.integers(0, 9) | any_json, "params": params | any_json},
)


@dataclass
class Running:
    """A gateway on an event loop that outlives the examples."""

    loop: asyncio.AbstractEventLoop
    mcp: Mcp

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        """Status and JSON; a notification has no JSON."""

        async def sent() -> tuple[int, Any]:
            try:
                return await asyncio.wait_for(self.mcp.post(body, headers), 20)
            except json.JSONDecodeError:
                return 202, None

        return self.loop.run_until_complete(sent())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        house = loop.run_until_complete(build(Path(folder) / "k.db"))
        gateway = Gateway(house.gate, {"soc": Soc()}, house.clock, GatewaySettings(hold_wait_s=0.01))
        token = loop.run_until_complete(house.gate.renew_token(house.people["lena"], "responder")).token
        yield Running(loop, Mcp(house, gateway, token))
        loop.run_until_complete(gateway.close())
        loop.run_until_complete(house.gate.stop_running())
        house.store.close()
    loop.close()


def answered(running: Running, body: bytes, headers: dict[str, str]) -> None:
    status, answer = running.post(body, headers)
    assert status < 500, (status, answer)
    if isinstance(answer, dict):
        assert "error" in answer or "result" in answer
        assert answer.get("error", {}).get("code") != -32603, answer
    assert running.mcp.house.fleet.changes == []


@settings(max_examples=600)
@given(message=messages, named=st.booleans())
def test_modern_messages(running: Running, message: dict[str, Any], named: bool) -> None:
    headers = {"MCP-Protocol-Version": "2026-07-28"}
    method, inner = message.get("method"), message.get("params")
    if isinstance(method, str) and method in METHODS:
        headers["Mcp-Method"] = method
    name = inner.get("name") if isinstance(inner, dict) else None
    if named and isinstance(name, str) and name in NAMES:
        headers["Mcp-Name"] = name
    answered(running, json.dumps(message).encode(), headers)


@settings(max_examples=400)
@given(given_arguments=arguments | any_json, name=st.sampled_from(NAMES))
def test_calls(running: Running, given_arguments: Any, name: str) -> None:
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": name}
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    inner = {"name": name, "arguments": given_arguments, "_meta": envelope}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": inner}
    answered(running, json.dumps(message).encode(), headers)


@settings(max_examples=400)
@given(message=messages | any_json)
def test_messages_of_2025(running: Running, message: Any) -> None:
    answered(running, json.dumps(message).encode(), {})


@settings(max_examples=400)
@given(body=st.binary(max_size=80))
def test_octets(running: Running, body: bytes) -> None:
    answered(running, body, {})
