"""Clients that speak 2026-07-28."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from keyturn.core.execution import State
from keyturn.mcp_gateway import GatewaySettings

WHY = {"rationale": "beacon seen twice", "evidence": ["alert-7"], "confidence": 0.8}
ISOLATE = {"name": "isolate_host", "arguments": {"host": "ws-1", "_keyturn": WHY}}
TASKS: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
RESULT = b'{"content":[{"type":"text","text":"done"}],"isError":false}'


async def test_a_free_call_passes_the_servers_bytes_on(site: Any) -> None:
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "get_host"}
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "get_host", "arguments": {"host": "ws-1"}, "_meta": meta}
    sent = {
        **headers,
        "Authorization": "Bearer token-ada",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    body = json.dumps({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params})
    async with site.http.post(site.url + "/desk", data=body, headers=sent) as got:
        raw = await got.read()
    assert raw == (
        b'{"jsonrpc":"2.0","id":"a","result":{"resultType":"complete",'
        b'"content":[{"type":"text","text":"1.50 ok"}],"structuredContent":{"ok":true,"n":1.50}}}'
    )
    assert site.gate.proposals[0].arguments == {"host": "ws-1"}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Mcp-Method", "tools/list"),
        ("Mcp-Name", "isolate_host"),
        ("MCP-Protocol-Version", "2026-01-01"),
        ("Mcp-Name", "=?base64?!!?="),
    ],
)
async def test_headers_must_say_what_the_body_says(site: Any, header: str, value: str) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    right = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "get_host"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_host", "_meta": meta}}
    status, _, got = await site.post(body, headers={**right, header: value})
    assert (status, got["error"]["code"]) == (400, -32020)
    assert site.gate.proposals == []


async def test_an_unknown_revision_is_told_what_is_spoken(site: Any) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2030-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    headers = {"MCP-Protocol-Version": "2030-01-01", "Mcp-Method": "tools/list"}
    status, _, got = await site.post(body, headers=headers)
    assert (status, got["error"]["code"], got["error"]["data"]["supported"]) == (400, -32022, ["2026-07-28"])


async def test_a_missing_envelope_is_named(site: Any) -> None:
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    status, _, got = await site.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
    assert (status, got["error"]["code"]) == (400, -32602)


async def test_discover_says_what_the_server_said(site: Any) -> None:
    found = (await site.modern("server/discover", {}))["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    assert found["capabilities"]["resources"] == {"subscribe": True}
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "desk"
    assert found["cacheScope"] == "private"


async def test_a_servers_own_error_comes_as_it_was(site: Any) -> None:
    got = await site.modern("resources/read", {"uri": "desk://b"})
    assert got["error"] == {"code": -32002, "message": "Resource not found", "data": {"uri": "desk://b"}}


async def test_a_read_needs_a_mandate_that_covers_it(site: Any) -> None:
    site.gate.readable = False
    for method, params in (
        ("resources/read", {"uri": "desk://a"}),
        ("prompts/get", {"name": "brief"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "brief"}}),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["desk://a"]}}),
    ):
        assert (await site.modern(method, params))["error"]["code"] == -32003
    assert site.desks["desk"].session.calls == []


async def test_an_unknown_tool_and_method(site: Any) -> None:
    assert (await site.modern("tools/call", {"name": "get_nothing"}))["error"]["code"] == -32602
    assert (await site.modern("initialize", {}))["error"]["code"] == -32601


async def test_a_change_without_a_rationale_is_an_answer_that_a_model_can_read(site: Any) -> None:
    for arguments in ({"host": "a"}, {"host": "a", "_keyturn": {"rationale": " "}}, {"_keyturn": {"other": 1}}):
        got = (await site.modern("tools/call", {"name": "isolate_host", "arguments": arguments}))["result"]
        assert got["isError"] is True
        assert got["structuredContent"]["keyturn"]["error"] == "invalid_arguments"
    assert site.gate.records == {}


async def test_a_denied_call_says_which_policy_and_why(site: Any) -> None:
    arguments = {"host": "a", "_keyturn": WHY}
    got = (await site.modern("tools/call", {"name": "wipe_host", "arguments": arguments}))["result"]
    assert got["isError"] is True
    assert "changes-need-a-key: a person must agree" in got["content"][0]["text"]
    assert got["structuredContent"]["keyturn"]["state"] == "denied"


async def test_a_held_call_without_abilities_says_held_and_a_retry_finds_the_same_hold(site: Any) -> None:
    first = (await site.modern("tools/call", ISOLATE))["result"]
    again = (await site.modern("tools/call", ISOLATE))["result"]
    held = first["structuredContent"]["keyturn"]
    assert (first["isError"], held["state"], held["keys"]["missing"]) == (False, "held", 1)
    assert again["structuredContent"]["keyturn"]["action"] == held["action"]
    assert site.gate.proposals[0].arguments == {"host": "ws-1"}
    assert site.gate.proposals[0].model_output.evidence == ("alert-7",)
    looked = await site.modern("tools/call", {"name": "keyturn_action", "arguments": {"action": held["action"]}})
    assert looked["result"]["structuredContent"]["keyturn"]["state"] == "held"
    site.gate.move(held["action"], State.SUCCEEDED, RESULT)
    looked = await site.modern("tools/call", {"name": "keyturn_action", "arguments": {"action": held["action"]}})
    assert looked["result"]["structuredContent"]["keyturn"]["result"] == json.loads(RESULT)
    assert looked["result"]["content"][1]["text"] == "done"


async def test_an_agent_withdraws_its_own_action_only(site: Any) -> None:
    held = (await site.modern("tools/call", ISOLATE))["result"]["structuredContent"]["keyturn"]
    site.gate.records[held["action"]] = msgspec.structs.replace(site.gate.records[held["action"]], agent="bob")
    withdraw = {"name": "keyturn_withdraw", "arguments": {"action": held["action"]}}
    assert (await site.modern("tools/call", withdraw))["error"]["code"] == -32602
    site.gate.records[held["action"]] = msgspec.structs.replace(site.gate.records[held["action"]], agent="ada")
    assert (await site.modern("tools/call", withdraw))["result"]["structuredContent"]["keyturn"]["state"] == "withdrawn"
    assert (await site.modern("tools/call", withdraw))["result"]["isError"] is True


async def test_a_held_call_is_a_task_for_those_who_take_tasks(site: Any) -> None:
    made = (await site.modern("tools/call", ISOLATE, capabilities=TASKS))["result"]
    assert (made["resultType"], made["status"]) == ("task", "working")
    get = {"taskId": made["taskId"]}
    assert (await site.modern("tasks/get", get))["error"]["code"] == -32021
    assert (await site.modern("tasks/get", get, capabilities=TASKS))["result"]["status"] == "working"
    assert (await site.modern("tasks/update", get, capabilities=TASKS))["result"] == {"resultType": "complete"}
    site.gate.move(made["taskId"], State.SUCCEEDED, RESULT)
    done = (await site.modern("tasks/get", get, capabilities=TASKS))["result"]
    assert (done["status"], done["result"]["content"][0]["text"]) == ("completed", "done")
    assert (await site.modern("tasks/get", {"taskId": "x"}, capabilities=TASKS))["error"]["code"] == -32602


async def test_cancelling_a_task_withdraws_the_action(site: Any) -> None:
    made = (await site.modern("tools/call", ISOLATE, capabilities=TASKS))["result"]
    await site.modern("tasks/cancel", {"taskId": made["taskId"]}, capabilities=TASKS)
    assert site.gate.records[made["taskId"]].state is State.WITHDRAWN
    got = (await site.modern("tasks/get", {"taskId": made["taskId"]}, capabilities=TASKS))["result"]
    assert got["status"] == "cancelled"


@pytest.mark.parametrize(
    ("state", "error"), [(State.REFUSED, True), (State.EXPIRED, True), (State.UNKNOWN, True), (State.SUCCEEDED, False)]
)
async def test_how_a_hold_ended_is_said(site: Any, state: State, error: bool) -> None:
    made = (await site.modern("tools/call", ISOLATE, capabilities=TASKS))["result"]
    site.gate.move(made["taskId"], state)
    got = (await site.modern("tasks/get", {"taskId": made["taskId"]}, capabilities=TASKS))["result"]
    assert got["status"] == "completed"
    assert got["result"]["isError"] is error
    assert got["result"]["structuredContent"]["keyturn"]["state"] == state.value


@pytest.mark.parametrize("arguments", [[], 0, False, "", ["a"], 7])
async def test_arguments_that_are_no_object_are_refused(site: Any, arguments: Any) -> None:
    got = await site.modern("tools/call", {"name": "get_host", "arguments": arguments})
    assert got["error"]["code"] == -32602
    assert site.gate.proposals == []


@pytest.mark.parametrize("params", [{}, {"arguments": None}])
async def test_arguments_may_be_left_out(site: Any, params: dict[str, Any]) -> None:
    assert (await site.modern("tools/call", {"name": "get_host", **params}))["result"]
    assert site.gate.proposals[0].arguments == {}


@pytest.mark.parametrize("state", [{"a": 1}, 7, False, "", "\x00", "of-a-server"])
async def test_a_state_that_nobody_here_gave_is_refused(site: Any, state: Any) -> None:
    got = await site.modern("tools/call", {**ISOLATE, "requestState": state})
    assert got["error"]["code"] == -32602
    assert site.gate.proposals == []


async def test_a_servers_own_state_goes_back_to_it(site: Any) -> None:
    session = site.desks["desk"].session
    session.server = msgspec.structs.replace(session.server, revision="2026-07-28")
    assert (await site.modern("tools/call", {"name": "get_host", "requestState": "of-a-server"}))["result"]


ASKED: dict[str, Any] = {"elicitation": {}}


class TestElicitation:
    async def ask(self, site: Any) -> Any:
        return (await site.modern("tools/call", ISOLATE, capabilities=ASKED))["result"]

    async def retry(self, site: Any, state: str, action: str = "accept", **content: str) -> Any:
        answer = {"action": action, "content": content}
        params = {**ISOLATE, "requestState": state, "inputResponses": {"keyturn": answer}}
        return await site.modern("tools/call", params, capabilities=ASKED)

    async def test_those_who_declared_it_are_asked_and_come_back_for_the_result(self, site: Any) -> None:
        asked = await self.ask(site)
        assert asked["resultType"] == "input_required"
        assert asked["inputRequests"]["keyturn"]["params"]["mode"] == "form"
        site.gate.move("act0", State.SUCCEEDED, RESULT)
        got = await self.retry(site, asked["requestState"])
        assert got["result"]["content"][0]["text"] == "done"

    async def test_a_state_opens_once(self, site: Any) -> None:
        asked = await self.ask(site)
        site.gate.move("act0", State.SUCCEEDED, RESULT)
        await self.retry(site, asked["requestState"])
        assert (await self.retry(site, asked["requestState"]))["error"]["code"] == -32602

    async def test_a_state_is_for_one_agent_one_call_and_a_time(self, site: Any) -> None:
        state = (await self.ask(site))["requestState"]
        flipped = state[:-2] + ("A" if state[-2] != "A" else "B") + state[-1]
        assert (await self.retry(site, flipped))["error"]["code"] == -32602
        other = {**ISOLATE, "arguments": {"host": "ws-2", "_keyturn": WHY}, "requestState": state}
        got = await site.modern("tools/call", other, capabilities=ASKED)
        assert got["error"]["code"] == -32602
        site.gate.agents["token-ada"] = msgspec.structs.replace(site.gate.agents["token-ada"], id="eve")
        assert (await self.retry(site, state))["error"]["code"] == -32602
        site.gate.agents["token-ada"] = msgspec.structs.replace(site.gate.agents["token-ada"], id="ada")
        site.clock.at += 3_600_000
        assert (await self.retry(site, state))["error"]["code"] == -32602

    async def test_declining_ends_the_asking_and_leaves_the_hold(self, site: Any) -> None:
        asked = await self.ask(site)
        got = (await self.retry(site, asked["requestState"], action="decline"))["result"]
        assert got["structuredContent"]["keyturn"]["state"] == "held"
        assert site.gate.records["act0"].state is State.HELD

    async def test_the_asking_ends_after_some_rounds(self, site: Any) -> None:
        got = await self.ask(site)
        rounds = 0
        while got["resultType"] == "input_required":
            got = (await self.retry(site, got["requestState"]))["result"]
            rounds += 1
        assert rounds == 3
        assert got["structuredContent"]["keyturn"]["state"] == "held"

    async def test_the_client_may_withdraw(self, site: Any) -> None:
        asked = await self.ask(site)
        await self.retry(site, asked["requestState"], next="withdraw")
        assert site.gate.records["act0"].state is State.WITHDRAWN


class TestReviewPage:
    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings(review_url="https://gate.example/actions/{action}")

    async def test_is_where_the_person_is_sent(self, site: Any) -> None:
        got = (await site.modern("tools/call", ISOLATE, capabilities={"elicitation": {"url": {}}}))["result"]
        params = got["inputRequests"]["keyturn"]["params"]
        assert (params["mode"], params["url"]) == ("url", "https://gate.example/actions/act0")


async def test_progress_is_the_clients_own_and_a_silent_client_hears_none(site: Any) -> None:
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 9,
    }
    headers = {
        "Authorization": "Bearer token-ada",
        "Content-Type": "application/json",
        "Accept": "*/*",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "get_slow",
    }
    params = {"name": "get_slow", "arguments": {}, "_meta": envelope}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    async with site.http.post(site.url + "/desk", data=body, headers=headers) as got:
        while not (line := await got.content.readline()).startswith(b"data: "):
            pass
        said = json.loads(line[6:])
        assert said["params"] == {"progressToken": 9, "progress": 1, "message": "begun"}
        got.close()
    async with asyncio.timeout(5):
        await site.desks["desk"].session.cancelled.wait()


async def test_a_waiting_call_with_a_progress_token_sees_the_keys_turn(site: Any) -> None:
    calling = asyncio.create_task(site.modern("tools/call", ISOLATE, meta={"progressToken": "p"}))
    await site.gate.proposed.wait()
    site.gate.move("act0", State.SUCCEEDED, RESULT)
    messages = await calling
    assert isinstance(messages, list)
    assert messages[0]["method"] == "notifications/progress"
    assert messages[-1]["result"]["content"][0]["text"] == "done"


async def test_a_listener_hears_what_it_asked_for(site: Any) -> None:
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    wanted = {"toolsListChanged": True, "resourceSubscriptions": ["desk://a"]}
    headers = {
        "Authorization": "Bearer token-ada",
        "Content-Type": "application/json",
        "Accept": "*/*",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "subscriptions/listen",
    }
    params = {"notifications": wanted, "_meta": envelope}
    body = json.dumps({"jsonrpc": "2.0", "id": "s", "method": "subscriptions/listen", "params": params})
    heard: list[Any] = []
    async with site.http.post(site.url + "/desk", data=body, headers=headers) as got, asyncio.timeout(5):
        async for line in got.content:
            if not line.startswith(b"data: "):
                continue
            heard.append(json.loads(line[6:]))
            if len(heard) == 1:
                await site.desks["desk"].joined.wait()
                await site.desks["desk"].opened[0].subscribed.wait()
                tell = site.desks["desk"].opened[0].listener
                await tell("notifications/prompts/list_changed", {})
                await tell("notifications/resources/updated", {"uri": "desk://other"})
                await tell("notifications/resources/updated", {"uri": "desk://a"})
                await tell("notifications/tools/list_changed", {})
            if len(heard) == 3:
                break
    stamp = {"_meta": {"io.modelcontextprotocol/subscriptionId": "s"}}
    assert heard[0]["params"] == {"notifications": wanted, **stamp}
    assert heard[1]["params"] == {"uri": "desk://a", **stamp}
    assert (heard[2]["method"], heard[2]["params"]) == ("notifications/tools/list_changed", stamp)
