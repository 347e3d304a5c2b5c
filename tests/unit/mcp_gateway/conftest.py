"""Real clients over a real HTTP server in front of a desk server and a gate of few rules, both kept in memory.

The gate here stands in for the port only: what it decides is written in the names of the tools (``get_…`` runs,
``isolate_…`` is held, ``wipe_…`` is denied). The whole gate is tried in the acceptance tests.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from typing import Any

import aiohttp
import msgspec
import pytest
import uvicorn

from keyturn.core.action import ToolRef
from keyturn.core.canonical import canonical_json
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.hold import Hold
from keyturn.core.policy import Reason
from keyturn.core.profile import Reversible, Stage
from keyturn.errors import Conflict, Forbidden, InvalidArguments, NotFound, Unauthenticated
from keyturn.gate.ports import Definition, ToolAnswer
from keyturn.gate.records import ActionRecord, Agent
from keyturn.mcp_gateway import Gateway, GatewaySettings
from keyturn.mcp_gateway.ports import Proposal
from keyturn.wire import rpc
from keyturn.wire.caller import Caller
from keyturn.wire.session import ClientFacts, Link, Listener, RpcError, ServerFacts

HOLD_MS = 3_600_000
NONE: Mapping[str, Any] = {}


class Clock:
    def __init__(self) -> None:
        self.at = 1_790_000_000_000

    def now(self) -> int:
        return self.at


def tool(name: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"host": {"type": "string"}}, "additionalProperties": False}
    return {"name": name, "description": f"{name} of the desk", "inputSchema": schema, **more}


class DeskSession:
    """A server's side of the wire: canned, and it remembers what it got."""

    def __init__(self, listener: Listener | None = None, client: ClientFacts | None = None) -> None:
        capabilities = {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "prompts": {}, "logging": {}}
        self.server = ServerFacts("2025-11-25", {"name": "desk", "version": "1"}, capabilities, "The desk.")
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.listener = listener
        self.client = client
        self.closed = False
        self.subscribed = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.tools = [
            tool("get_host", annotations={"readOnlyHint": True}, outputSchema={"type": "object"}),
            tool("isolate_host", outputSchema={"type": "object", "properties": {"ok": {"type": "boolean"}}}),
            tool("wipe_host"),
            tool("get_slow"),
            tool("get_asked"),
        ]

    async def request(self, method: str, params: Mapping[str, Any] | bytes, link: Link | None = None) -> bytes:
        value = json.loads(params) if isinstance(params, bytes) else dict(params)
        self.calls.append((method, value))
        if method == "tools/list":
            return msgspec.json.encode({"tools": self.tools})
        if method == "resources/list":
            return b'{"resources":[{"uri":"desk://a","name":"a"}]}'
        if method == "resources/templates/list":
            return b'{"resourceTemplates":[]}'
        if method == "prompts/list":
            return b'{"prompts":[{"name":"brief"}]}'
        if method == "prompts/get":
            return b'{"messages":[]}'
        if method == "resources/read":
            if value["uri"] != "desk://a":
                raise RpcError(-32002, "Resource not found", {"uri": value["uri"]})
            return b'{"contents":[{"uri":"desk://a","text":"alpha"}]}'
        if method == "resources/subscribe":
            self.subscribed.set()
        if method in ("resources/subscribe", "resources/unsubscribe", "logging/setLevel"):
            return b"{}"
        if method == "tools/call":
            return await self.call(value, link)
        raise RpcError(-32601, "Method not found")

    async def call(self, value: dict[str, Any], link: Link | None) -> bytes:
        name = value["name"]
        if name == "get_slow":
            assert link is not None
            await link.notify("notifications/progress", {"progressToken": "other", "progress": 1, "message": "begun"})
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if name == "get_asked":
            assert link is not None
            answer = await link.ask("elicitation/create", {"message": "who?", "requestedSchema": {"type": "object"}})
            return msgspec.json.encode({"content": [{"type": "text", "text": json.dumps(answer)}]})
        return b'{"content":[{"type":"text","text":"1.50 ok"}],"structuredContent":{"ok":true,"n":1.50}}'

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        self.calls.append((method, dict(params)))

    async def close(self) -> None:
        self.closed = True


class Desk:
    """An upstream over canned sessions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.session = DeskSession()
        self.opened: list[DeskSession] = []
        self.joined = asyncio.Event()

    async def shared(self) -> DeskSession:
        return self.session

    async def session_for(self, client: ClientFacts, on_notification: Listener) -> DeskSession:
        self.opened.append(DeskSession(on_notification, client))
        self.joined.set()
        return self.opened[-1]


class Outcome(msgspec.Struct, frozen=True):
    record: ActionRecord
    answer: ToolAnswer | None = None


class NamedGate:
    """Decides by the tool's name, on the gate's own values."""

    def __init__(self, desks: Mapping[str, Desk], clock: Clock) -> None:
        self.desks = desks
        self.clock = clock
        self.agents = {"token-ada": agent("ada"), "token-bob": agent("bob")}
        self.records: dict[str, ActionRecord] = {}
        self.proposals: list[Proposal] = []
        self.kept: dict[str, bytes] = {}
        self.changed = asyncio.Event()
        self.proposed = asyncio.Event()
        self.readable = True
        self.withheld = frozenset[ToolRef]()
        self.asked_again: list[str] = []
        self.listed: dict[str, list[Any]] = {name: deepcopy(desk.session.tools) for name, desk in desks.items()}

    async def agent_for(self, token: str) -> Agent:
        if token not in self.agents:
            raise Unauthenticated("no such token")
        return self.agents[token]

    async def agent_named(self, agent_id: str) -> Agent:
        return next(a for a in self.agents.values() if a.id == agent_id)

    async def propose(self, agent: Agent, proposal: Proposal, caller: object | None = None) -> Outcome:
        if self.definition(proposal.tool) is None:
            raise NotFound(f"{proposal.tool} is not listed")
        self.proposals.append(proposal)
        stage = self.stage_of(proposal.tool)
        if stage is Stage.RESPOND and not proposal.model_output.rationale:
            raise InvalidArguments("a change needs a rationale", hint="send _keyturn.rationale")
        if stage is Stage.ANALYSE:
            assert isinstance(caller, Caller)
            record = self.put(agent, proposal, State.SUCCEEDED)
            session = caller.session or await self.desks[proposal.tool.upstream].shared()
            params = {"name": proposal.tool.name, "arguments": proposal.arguments}
            try:
                return Outcome(record, ToolAnswer(await session.request("tools/call", params, caller.link), False))
            except RpcError as e:
                return Outcome(record, ToolAnswer(rpc.error_as_result(e), True))
        if proposal.tool.name.startswith("wipe"):
            return Outcome(self.put(agent, proposal, State.DENIED))
        fingerprint = hashlib.sha256(canonical_json([str(proposal.tool), proposal.arguments])).hexdigest()
        twins = [r for r in self.records.values() if r.fingerprint == fingerprint and r.state is State.HELD]
        return Outcome(twins[0] if twins else self.put(agent, proposal, State.HELD, fingerprint))

    def put(self, agent: Agent, proposal: Proposal, state: State, fingerprint: str = "") -> ActionRecord:
        id = f"act{len(self.records)}"
        now = self.clock.now()
        hold = Hold(
            action=id,
            digest="d" * 64,
            policy="p",
            definition="f",
            oversight=Oversight.ONE_KEY,
            opened_at=now,
            expires_at=now + HOLD_MS,
        )
        self.records[id] = ActionRecord(
            id=id,
            digest="d" * 64,
            fingerprint=fingerprint,
            agent=agent.id,
            mandate=proposal.mandate or "only",
            case="case-1",
            tool=proposal.tool,
            targets=(),
            definition="f",
            stage=self.stage_of(proposal.tool),
            reversible=Reversible.HARD,
            oversight=None if state is State.DENIED else Oversight.ONE_KEY,
            policy="p",
            reasons=(Reason("changes-need-a-key", "a person must agree", "forbid"),),
            state=state,
            proposed_at=now,
            changed_at=now,
            hold=hold if state is State.HELD else None,
        )
        self.proposed.set()
        return self.records[id]

    def move(self, id: str, state: State, kept: bytes | None = None) -> None:
        """What people, or time, did to an action."""
        self.records[id] = msgspec.structs.replace(self.records[id], state=state)
        if kept is not None:
            self.kept[id] = kept
        self.changed.set()

    async def look(self, who: Agent, action_id: str) -> ActionRecord:
        record = self.records.get(action_id)
        if record is None or record.agent != who.id:
            raise NotFound("there is no such action")
        return record

    async def wait(self, who: Agent, action_id: str, timeout_s: float) -> ActionRecord:
        try:
            async with asyncio.timeout(timeout_s):
                while (await self.look(who, action_id)).state is State.HELD:
                    await self.changed.wait()
                    self.changed.clear()
        except TimeoutError:
            pass
        return await self.look(who, action_id)

    async def withdraw(self, who: Agent, action_id: str, reason: str) -> ActionRecord:
        if (await self.look(who, action_id)).state is not State.HELD:
            raise Conflict("it is not held any more")
        self.move(action_id, State.WITHDRAWN)
        return self.records[action_id]

    async def result(self, who: Agent, action_id: str) -> bytes | None:
        return self.kept.get(action_id)

    def definition(self, tool: ToolRef) -> Definition | None:
        found = [t for t in self.listed.get(tool.upstream, ()) if isinstance(t, dict) and t.get("name") == tool.name]
        if not found:
            return None
        said = found[0]
        return Definition(
            tool, "f", said.get("inputSchema", {}), said.get("annotations", {}), said.get("description", "")
        )

    async def refresh(self, upstream: str) -> None:
        self.asked_again.append(upstream)
        self.listed[upstream] = deepcopy(self.desks[upstream].session.tools)

    def stage_of(self, tool: ToolRef) -> Stage:
        return Stage.ANALYSE if tool.name.startswith("get_") else Stage.RESPOND

    def withholds(self, tool: ToolRef) -> bool:
        return tool in self.withheld

    async def may_read(self, agent: Agent, tool: ToolRef, subject: str, mandate: str | None) -> None:
        if not self.readable:
            raise Forbidden(f"no mandate covers {tool}")


def agent(name: str) -> Agent:
    return Agent(
        id=name,
        owner="olga",
        purpose="triage",
        token_hash="h",
        token_issued_at=0,
        token_expires_at=None,
        created_at=0,
    )


class Site:
    """A running gateway, and the ways to it."""

    def __init__(self, gateway: Gateway, gate: NamedGate, desks: Mapping[str, Desk], clock: Clock, port: int) -> None:
        self.gateway = gateway
        self.gate = gate
        self.desks = desks
        self.clock = clock
        self.url = f"http://127.0.0.1:{port}/mcp"
        self.http: aiohttp.ClientSession

    async def post(
        self, body: Any, *, path: str = "", headers: Mapping[str, str] = {}, token: str = "token-ada"
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of one POST; of a stream, the list of its messages."""
        sent = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.url + path, data=data, headers={**sent, **headers}) as got:
            found = {k.lower(): v for k, v in got.headers.items()}
            text = await got.text()
            if found.get("content-type") == "text/event-stream":
                lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
                return got.status, found, [json.loads(line) for line in lines]
            return got.status, found, json.loads(text) if text else None

    async def modern(
        self,
        method: str,
        params: dict[str, Any],
        *,
        capabilities: Mapping[str, Any] = NONE,
        meta: Mapping[str, Any] = NONE,
        path: str = "/desk",
    ) -> Any:
        """The response (or messages) to one 2026-07-28 request."""
        envelope = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
            **meta,
        }
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        named = params.get("name") or params.get("uri") or params.get("taskId")
        if named:
            headers["Mcp-Name"] = named
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": envelope}}
        return (await self.post(body, path=path, headers=headers))[2]

    async def open(
        self, capabilities: Mapping[str, Any] = NONE, *, path: str = "/desk", token: str = "token-ada"
    ) -> dict[str, str]:
        """The headers of a fresh 2025 session."""
        params = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "t"}}
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        _, headers, _ = await self.post(body, path=path, token=token)
        return {"Mcp-Session-Id": headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings(hold_wait_s=0.3, progress_every_s=0.05, ping_s=0.2, max_body=65_536, sessions_per_agent=3)


@pytest.fixture
async def site(settings: GatewaySettings) -> AsyncIterator[Site]:
    clock = Clock()
    desks = {"desk": Desk("desk"), "lab": Desk("lab")}
    gate = NamedGate(desks, clock)
    gateway = Gateway(gate, desks, clock, settings)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, "root_path": "/mcp"}, receive, send)

    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    sock = config.bind_socket()
    task = asyncio.create_task(server.serve([sock]))
    running = Site(gateway, gate, desks, clock, sock.getsockname()[1])
    async with aiohttp.ClientSession() as running.http:
        yield running
    await gateway.close()
    server.should_exit = True
    server.force_exit = True
    await task
