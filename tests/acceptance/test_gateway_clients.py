"""The official client of each generation works an incident through the whole gate: real store, policy, journal, server.

The agent reads freely, its change is held, a person turns the key, it runs once, and the client gets its result.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from keyturn.core.action import Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Asset
from keyturn.core.policy import Policy
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, TargetRule
from keyturn.gate import Context, Gate, GateSettings, MandateDraft
from keyturn.gate.ports import Definition
from keyturn.gate.records import Person, Role
from keyturn.mcp_gateway import Gateway, GatewaySettings
from keyturn.packs import load_pack
from keyturn.store import SqliteStore
from keyturn.tools.settings import StdioSettings
from keyturn.tools.upstreams import UpstreamTools

SERVER = """
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("edr")


@server.tool()
def get_host(host: str) -> dict[str, str]:
    "Look at a host."
    return {"host": host, "state": "up"}


@server.tool()
def isolate_host(host: str) -> dict[str, str]:
    "Cut a host off."
    with open(sys.argv[1], "a") as f:
        f.write(host + "\\n")
    return {"isolated": host}


@server.resource("edr://policy")
def policy() -> str:
    return "the policy"


server.run("stdio")
"""
OLD_CLIENT = """
import asyncio, json, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

async def main():
    url, token = sys.argv[1:]
    async with streamablehttp_client(url, headers={"Authorization": "Bearer " + token}) as (r, w, _):
        async with ClientSession(r, w) as s:
            began = await s.initialize()
            tools = [t.name for t in (await s.list_tools()).tools]
            read = await s.call_tool("get_host", {"host": "ws-1"})
            why = {"rationale": "beacon seen twice"}
            held = await s.call_tool("isolate_host", {"host": "ws-1", "_keyturn": why})
            action = held.structuredContent["keyturn"]["action"]
            print(json.dumps([began.protocolVersion, tools, read.structuredContent, held.isError, action]), flush=True)
            sys.stdin.readline()
            done = await s.call_tool("keyturn_action", {"action": action, "wait_s": 20})
            print(json.dumps(done.structuredContent["keyturn"]), flush=True)

asyncio.run(main())
"""
HOST = (TargetRule("host", "host"),)
PROFILES = {
    "get_host": Profile(tool="get_host", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED),
    "isolate_host": Profile(
        tool="isolate_host", stage=Stage.RESPOND, reversible=Reversible.HARD, targets=HOST, basis=Basis.REVIEWED
    ),
}


class Knowledge:
    """The operator's profiles."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        return PROFILES.get(definition.tool.name, WORST)

    def profile_named(self, tool: ToolRef) -> Profile | None:
        return PROFILES.get(tool.name)

    def asset(self, target: Target) -> Asset | None:
        return None

    def exposed(self, upstream: str) -> bool:
        return False


class Machine:
    """A clock that a test moves, and processes that all live."""

    def __init__(self) -> None:
        self.at = 1_790_000_000_000

    def now(self) -> int:
        self.at += 1
        return self.at

    def alive(self, runner: str) -> bool:
        return True


@dataclass
class Site:
    """The running gateway, its gate, and who is who."""

    url: str
    token: str
    gate: Gate
    people: dict[str, Person]
    effects: Path
    store: SqliteStore

    async def kinds(self) -> list[str]:
        """The kinds of the journal's entries, in order."""
        entries = await self.store.read_journal(lambda log: list(log.entries(0, 10**6)))
        return [json.loads(entry)["kind"] for entry in entries]

    def isolated(self) -> list[str]:
        """The hosts that the server really cut off."""
        return self.effects.read_text().split() if self.effects.exists() else []

    async def turn_all(self) -> None:
        """Two people turn their keys on everything that is held."""
        for held in await self.gate.holds(self.people["lena"]):
            for name in ("lena", "ana"):
                record = await self.gate.look(self.people[name], held.id)
                if record.state is State.HELD:
                    await self.gate.turn(self.people[name], held.id, record.digest)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    program, effects, machine = tmp_path / "edr.py", tmp_path / "effects", Machine()
    program.write_text(SERVER)
    texts = load_pack("standard")
    store = SqliteStore(tmp_path / "keyturn.db")
    settings = {"edr": StdioSettings(command=sys.executable, args=(str(program), str(effects)))}
    async with UpstreamTools(settings) as tools:
        gate = Gate(
            Context(
                store=store,
                tools=tools,
                knowledge=Knowledge(),
                policy=Policy.load(texts.schema, texts.guardrails, texts.sources, author="pavel"),
                clock=machine,
                runners=machine,
                runner="test",
                settings=GateSettings(sweep_s=3600),
            )
        )
        await gate.start()
        people, token = await staff(gate, store)
        gateway = Gateway(
            gate, {"edr": tools.upstream("edr")}, machine, GatewaySettings(hold_wait_s=20, progress_every_s=0.1)
        )

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await gateway({**scope, "root_path": "/mcp"}, receive, send)

        config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="error")
        sock = config.bind_socket()
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([sock]))
        yield Site(f"http://127.0.0.1:{sock.getsockname()[1]}/mcp", token, gate, people, effects, store)
        await gateway.close()
        server.should_exit = server.force_exit = True
        await task
        await gate.stop_running()
    store.close()


async def staff(gate: Gate, store: SqliteStore) -> tuple[dict[str, Person], str]:
    """The people, an agent with a mandate, and its token."""
    await gate.add_person(None, "olga", (Role.OWNER,))
    olga = await store.read(lambda tx: tx.person("olga"))
    assert olga is not None
    for name, role in (("lena", Role.LEAD), ("ana", Role.ANALYST), ("bob", Role.ANALYST)):
        await gate.add_person(olga, name, (role,))
    people = {p.id: p for p in await store.read(lambda tx: tx.people())}
    issued = await gate.add_agent(people["lena"], "responder", "olga", "contains hosts")
    draft = MandateDraft(
        agent="responder",
        case="INC-1",
        purpose="contain",
        tools=("edr/*",),
        targets=("host:ws-*",),
        lifetime_s=3600,
    )
    await gate.grant(people["lena"], draft)
    return people, issued.token


def modern(site: Site, path: str = "/edr", **options: Any) -> Client:
    """The official client, as it comes."""
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {site.token}"}, timeout=30)
    return Client(streamable_http_client(site.url + path, http_client=http), **options)


WHY = {"rationale": "beacon seen twice", "evidence": ["alert-7"], "confidence": 0.9}
ISOLATE = {"host": "ws-1", "_keyturn": WHY}


async def test_a_modern_client_reads_is_held_and_gets_its_result_once(site: Site) -> None:
    async with modern(site) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"get_host", "isolate_host", "keyturn_action", "keyturn_withdraw"}
        read = await client.call_tool("get_host", {"host": "ws-1"})
        assert read.structured_content == {"host": "ws-1", "state": "up"}
        held = await client.call_tool("isolate_host", ISOLATE)
        assert held.structured_content is not None
        assert held.is_error is False
        assert held.structured_content["keyturn"]["state"] == "held"
        assert site.isolated() == []
        await site.turn_all()
        action = held.structured_content["keyturn"]["action"]
        done = await client.call_tool("keyturn_action", {"action": action, "wait_s": 20})
        assert done.structured_content is not None
        assert done.structured_content["keyturn"]["result"]["structuredContent"] == {"isolated": "ws-1"}
    assert site.isolated() == ["ws-1"]


async def test_a_waiting_client_sees_progress_and_the_result(site: Site) -> None:
    waiting = asyncio.Event()

    async def report(progress: float, total: float | None, message: str | None) -> None:
        assert "is held" in (message or "")
        waiting.set()

    async with modern(site) as client:
        call = asyncio.create_task(client.call_tool("isolate_host", ISOLATE, progress_callback=report))
        await waiting.wait()
        await site.turn_all()
        assert (await call).structured_content == {"isolated": "ws-1"}
    assert site.isolated() == ["ws-1"]


async def test_outside_the_mandate_is_denied_with_the_reason(site: Site) -> None:
    async with modern(site) as client:
        denied = await client.call_tool("isolate_host", {"host": "dc-1", "_keyturn": WHY})
    assert denied.is_error is True
    assert "host:dc-1" in str(denied.content[0])
    assert site.isolated() == []


async def test_the_endpoint_for_all_prefixes_names_and_reads_resources(site: Site) -> None:
    async with modern(site, "") as client:
        read = await client.call_tool("edr__get_host", {"host": "ws-1"})
        assert read.structured_content == {"host": "ws-1", "state": "up"}
        uri = (await client.list_resources()).resources[0].uri
        assert uri == "keyturn://edr/edr://policy"
        assert "read" not in await site.kinds()
        assert (await client.read_resource(uri)).contents[0].uri == uri
        assert (await site.kinds())[-1] == "read"


async def test_a_2025_client_does_the_same(site: Site, peer_python: Callable[[str], Path], tmp_path: Path) -> None:
    program = tmp_path / "client.py"
    program.write_text(OLD_CLIENT)
    python = await asyncio.to_thread(peer_python, "mcp==1.30.0")
    client = await asyncio.create_subprocess_exec(
        str(python / "python"),
        str(program),
        site.url + "/edr",
        site.token,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    revision, tools, read, is_error, action = json.loads(await client.stdout.readline())
    assert revision == "2025-11-25"
    assert "keyturn_withdraw" in tools
    assert read == {"host": "ws-1", "state": "up"}
    assert is_error is False
    assert site.isolated() == []
    await site.turn_all()
    client.stdin.write(b"\n")
    await client.stdin.drain()
    done = json.loads(await client.stdout.readline())
    assert (done["action"], done["state"]) == (action, "succeeded")
    assert await client.wait() == 0
    assert site.isolated() == ["ws-1"]
