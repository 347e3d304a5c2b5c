"""The gate's small SOC behind each surface: the verbs (``house``), REST (``api``), MCP (``mcp``)."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.unit.gate.conftest import House, build
from tests.unit.rest.conftest import Api

from keyturn.core.action import ToolRef
from keyturn.core.execution import State
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall
from keyturn.gate.records import Role
from keyturn.journal import Signer
from keyturn.mcp_gateway import Gateway, GatewaySettings
from keyturn.rest import Journal, create_app
from keyturn.wire.session import ClientFacts, Link, Listener, RpcError, ServerFacts

NONE: Mapping[str, Any] = {}


class Watched:
    """The house's tools, with what a test wants to see or to change: the calls, the definitions, the upstreams."""

    def __init__(self, tools: Any) -> None:
        self._tools = tools
        self.calls: list[ToolCall] = []
        self.changed: dict[str, str] = {}
        self.unheard: dict[str, str] = {}
        self.away = False

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        self.calls.append(call)
        answer: ToolAnswer = await self._tools.call(call, caller)
        return answer

    def definition(self, tool: ToolRef) -> Definition | None:
        found: Definition | None = self._tools.definition(tool)
        if found is None or tool.name not in self.changed:
            return found
        return msgspec.structs.replace(found, fingerprint=self.changed[tool.name])

    def upstreams(self) -> frozenset[str]:
        return frozenset() if self.away else self._tools.upstreams()

    def names(self, upstream: str) -> frozenset[str] | None:
        names: frozenset[str] | None = self._tools.names(upstream)
        return None if self.away else names

    async def refresh(self, upstream: str) -> None:
        """Changes that the server told nobody of come to light when it is asked."""
        self.changed |= self.unheard


class SocSession:
    """The small SOC as a server that can be listed; calls go through the gate."""

    server = ServerFacts("2025-11-25", {"name": "soc"}, {"tools": {}})

    async def request(self, method: str, params: Mapping[str, Any] | bytes, link: Link | None = None) -> bytes:
        if method == "tools/list":
            return b'{"tools":[]}'
        raise RpcError(-32601, "Method not found")

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Nothing is told."""

    async def close(self) -> None:
        """Nothing is open."""


class Soc:
    name = "soc"

    async def shared(self) -> SocSession:
        return SocSession()

    async def session_for(self, client: ClientFacts, on_notification: Listener) -> SocSession:
        return SocSession()


@dataclass
class Mcp:
    """An MCP client of the gateway in front of a house. ``token`` is the agent's."""

    house: House
    gateway: Gateway
    token: str

    async def post(
        self, body: bytes, headers: Mapping[str, str] = NONE, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of one POST to the gateway."""
        token = self.token if token is None else token
        sent = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx2.ASGITransport(app=self.gateway, raise_app_exceptions=True)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            got = await client.post("/soc", content=body, headers={**sent, **headers})
        return got.status_code, got.json()

    async def request(self, method: str, params: Mapping[str, Any], token: str | None = None) -> dict[str, Any]:
        """The response to one request of revision 2026-07-28, from a client that declares no ability."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        headers |= {"Mcp-Name": params["name"]} if "name" in params else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        return (await self.post(msgspec.json.encode(body), headers, token))[1]

    async def call(self, name: str, arguments: Mapping[str, Any], why: str = "because of alert 17") -> dict[str, Any]:
        """The result of one tool call."""
        said = {"_keyturn": {"rationale": why}} if why else {}
        answer = await self.request("tools/call", {"name": name, "arguments": {**arguments, **said}})
        result: dict[str, Any] = answer["result"]
        return result


async def hold(house: Any, name: str = "isolate", host: str = "h1", **more: Any) -> Any:
    record = (await house.gate.propose(house.agent, house.call(name, host=host, **more))).record
    assert record.state is State.HELD, record
    return record


async def turn(house: Any, person: str, record: Any) -> Any:
    return await house.gate.turn(house.people[person], record.id, record.digest)


async def kinds(house: Any, action: str) -> list[str]:
    return [entry["kind"] for entry in await house.entries() if entry.get("action") == action]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """lena (lead) issued the mandate, olga owns the agent, pavel wrote the policy; ana and bob are analysts."""
    made = await build(tmp_path / "keyturn.db")
    made.ctx.tools = Watched(made.ctx.tools)
    yield made
    await made.gate.stop_running()
    made.store.close()


@pytest.fixture
def build_house() -> Callable[..., Any]:
    """Make a house on a path of the test's own: a restart, or a second node."""
    return build


@pytest.fixture
async def api(house: House) -> Api:
    """REST. People: kim and max (analysts), aud (auditor), una (owner) with the alias una.b; agent: responder."""
    olga, tokens = house.people["olga"], {}
    for name, role in (("kim", Role.ANALYST), ("max", Role.ANALYST), ("aud", Role.AUDITOR), ("una", Role.OWNER)):
        tokens[name] = (await house.gate.add_person(olga, name, (role,), (f"{name}.b",))).token
    tokens["responder"] = (await house.gate.renew_token(olga, "responder")).token
    signer = Signer("test.example/log", b"k" * 32)
    return Api(house, create_app(house.gate, Journal(house.store, signer)), signer, tokens)


@pytest.fixture
async def mcp(api: Api) -> AsyncIterator[Mcp]:
    """MCP, on the house of ``api``."""
    settings = GatewaySettings(hold_wait_s=0.1, progress_every_s=0.05)
    gateway = Gateway(api.house.gate, {"soc": Soc()}, api.house.clock, settings)
    yield Mcp(api.house, gateway, api.tokens["responder"])
    await gateway.close()
