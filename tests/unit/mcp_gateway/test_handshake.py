"""Clients that speak a 2025 revision."""

import asyncio
import json
from typing import Any

import pytest

from keyturn.core.execution import State

WHY = {"rationale": "beacon seen twice"}
ISOLATE = {"name": "isolate_host", "arguments": {"host": "ws-1", "_keyturn": WHY}}
RESULT = b'{"content":[{"type":"text","text":"done"}]}'


def rpc(method: str, params: Any = None, id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}


@pytest.mark.parametrize(
    ("asked", "spoken"), [("2025-11-25", "2025-11-25"), ("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25")]
)
async def test_initialize_opens_a_session_and_settles_the_revision(site: Any, asked: str, spoken: str) -> None:
    params = {"protocolVersion": asked, "capabilities": {"roots": {}}, "clientInfo": {"name": "t", "version": "1"}}
    status, headers, body = await site.post(rpc("initialize", params), path="/desk")
    assert status == 200
    assert len(headers["mcp-session-id"]) >= 32
    assert body["result"]["protocolVersion"] == spoken
    assert body["result"]["serverInfo"]["name"] == "desk"
    assert site.desks["desk"].opened[0].client.capabilities == {"roots": {}}


async def test_a_session_answers_and_its_server_is_its_own(site: Any) -> None:
    headers = await site.open()
    assert (await site.post(rpc("ping"), path="/desk", headers=headers))[2]["result"] == {}
    called = rpc("tools/call", {"name": "get_host", "arguments": {}})
    got = (await site.post(called, path="/desk", headers=headers))[2]["result"]
    assert "resultType" not in got
    assert site.desks["desk"].session.calls == []
    assert site.desks["desk"].opened[0].calls[-1][0] == "tools/call"


async def test_another_agent_can_not_see_a_session(site: Any) -> None:
    headers = await site.open()
    assert (await site.post(rpc("ping"), path="/desk", headers=headers, token="token-bob"))[0] == 404
    assert (await site.post(rpc("ping"), path="/lab", headers=headers))[0] == 404
    assert (await site.post(rpc("ping"), path="/desk", headers={"Mcp-Session-Id": "made-up"}))[0] == 404
    assert (await site.post(rpc("ping"), path="/desk"))[0] == 400


async def test_delete_ends_a_session(site: Any) -> None:
    headers = await site.open()
    async with site.http.delete(site.url + "/desk", headers={**headers, "Authorization": "Bearer token-ada"}) as got:
        assert got.status == 200
    assert (await site.post(rpc("ping"), path="/desk", headers=headers))[0] == 404
    assert site.desks["desk"].opened[0].closed


async def test_idle_sessions_end_and_one_agents_sessions_are_bounded(site: Any) -> None:
    first = await site.open()
    await site.gateway.sweep(site.clock.at + 1_700_000)
    assert (await site.post(rpc("ping"), path="/desk", headers=first))[0] == 200
    await site.gateway.sweep(site.clock.at + 1_900_000)
    assert (await site.post(rpc("ping"), path="/desk", headers=first))[0] == 404
    opened = []
    for _ in range(4):
        site.clock.at += 1
        opened.append(await site.open())
    statuses = [(await site.post(rpc("ping"), path="/desk", headers=h))[0] for h in opened]
    assert statuses == [404, 200, 200, 200]


async def test_a_held_call_without_a_progress_token_says_held_at_once(site: Any) -> None:
    headers = await site.open({"elicitation": {}})
    got = (await site.post(rpc("tools/call", ISOLATE), path="/desk", headers=headers))[2]["result"]
    assert got["isError"] is False
    assert got["structuredContent"]["keyturn"]["state"] == "held"


async def test_a_held_call_with_one_sees_progress_and_the_result(site: Any) -> None:
    headers = await site.open()
    call = rpc("tools/call", {**ISOLATE, "_meta": {"progressToken": 5}})
    calling = asyncio.create_task(site.post(call, path="/desk", headers=headers))
    await site.gate.proposed.wait()
    site.gate.move("act0", State.SUCCEEDED, RESULT)
    messages = (await calling)[2]
    assert messages[0]["params"]["progressToken"] == 5
    assert messages[-1]["result"]["content"][0]["text"] == "done"


async def test_the_wait_ends_and_the_hold_stays(site: Any) -> None:
    headers = await site.open()
    call = rpc("tools/call", {**ISOLATE, "_meta": {"progressToken": 5}})
    messages = (await site.post(call, path="/desk", headers=headers))[2]
    assert len(messages) > 2
    assert messages[-1]["result"]["structuredContent"]["keyturn"]["state"] == "held"
    assert site.gate.records["act0"].state is State.HELD


async def test_a_client_that_leaves_while_held_leaves_the_hold_alone(site: Any) -> None:
    headers = {
        **await site.open(),
        "Authorization": "Bearer token-ada",
        "Accept": "*/*",
        "Content-Type": "application/json",
    }
    call = json.dumps(rpc("tools/call", {**ISOLATE, "_meta": {"progressToken": 5}}))
    async with site.http.post(site.url + "/desk", data=call, headers=headers) as got:
        await got.content.readline()
        got.close()
    site.gate.proposed.clear()
    got2 = (await site.post(rpc("tools/call", ISOLATE, 2), path="/desk", headers=await site.open()))[2]["result"]
    assert got2["structuredContent"]["keyturn"]["action"] == "act0"


async def test_a_server_asks_a_client_that_declared_it(site: Any) -> None:
    headers = await site.open({"elicitation": {}})
    whole = {**headers, "Authorization": "Bearer token-ada", "Accept": "*/*", "Content-Type": "application/json"}
    call = json.dumps(rpc("tools/call", {"name": "get_asked", "arguments": {}}))
    answer: Any = None
    async with site.http.post(site.url + "/desk", data=call, headers=whole) as got, asyncio.timeout(5):
        async for line in got.content:
            if not line.startswith(b"data: "):
                continue
            message = json.loads(line[6:])
            if message.get("method") == "elicitation/create":
                reply = {"jsonrpc": "2.0", "id": message["id"], "result": {"action": "accept", "content": {"n": 1}}}
                assert (await site.post(reply, path="/desk", headers=headers))[0] == 202
            else:
                answer = message["result"]
                break
    assert json.loads(answer["content"][0]["text"]) == {"action": "accept", "content": {"n": 1}}


async def test_a_server_can_not_ask_one_that_did_not(site: Any) -> None:
    headers = await site.open()
    got = (await site.post(rpc("tools/call", {"name": "get_asked", "arguments": {}}), path="/desk", headers=headers))[2]
    assert got["error"]["code"] == -32601


async def test_cancelling_reaches_the_server(site: Any) -> None:
    headers = await site.open()
    slow = rpc("tools/call", {"name": "get_slow", "arguments": {}, "_meta": {"progressToken": 1}}, 7)
    calling = asyncio.create_task(site.post(slow, path="/desk", headers=headers))
    await site.gate.proposed.wait()
    told = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    assert (await site.post(told, path="/desk", headers=headers))[0] == 202
    async with asyncio.timeout(5):
        await site.desks["desk"].opened[0].cancelled.wait()
        assert (await calling)[2][-1]["error"]["message"].startswith("Request cancelled")


async def test_the_stream_tells_of_changes_one_reader_at_a_time(site: Any) -> None:
    headers = {**await site.open(path=""), "Authorization": "Bearer token-ada", "Accept": "text/event-stream"}
    async with site.http.get(site.url, headers=headers) as got, asyncio.timeout(5):
        assert got.status == 200
        async with site.http.get(site.url, headers=headers) as second:
            assert second.status == 409
        await site.desks["lab"].opened[0].listener("notifications/resources/updated", {"uri": "desk://a"})
        async for line in got.content:
            if line.startswith(b"data: "):
                break
    assert json.loads(line[6:])["params"] == {"uri": "keyturn://lab/desk://a"}


async def test_subscriptions_and_log_levels_go_to_the_server(site: Any) -> None:
    headers = await site.open(path="")
    asked = rpc("resources/subscribe", {"uri": "keyturn://lab/desk://a"})
    assert (await site.post(asked, headers=headers))[2]["result"] == {}
    assert ("resources/subscribe", {"uri": "desk://a"}) in site.desks["lab"].opened[0].calls
    assert (await site.post(rpc("logging/setLevel", {"level": "info"}), headers=headers))[2]["result"] == {}
    assert ("logging/setLevel", {"level": "info"}) in site.desks["desk"].opened[0].calls


async def test_the_mandate_is_named_by_header_or_meta_and_not_by_both_differently(site: Any) -> None:
    headers = await site.open()
    call = rpc("tools/call", {"name": "get_host", "arguments": {}})
    await site.post(call, path="/desk", headers={**headers, "Keyturn-Mandate": "m1"})
    meta = rpc("tools/call", {"name": "get_host", "arguments": {}, "_meta": {"keyturn/mandate": "m2"}}, 2)
    await site.post(meta, path="/desk", headers=headers)
    assert [p.mandate for p in site.gate.proposals] == ["m1", "m2"]
    got = await site.post(meta, path="/desk", headers={**headers, "Keyturn-Mandate": "m1"})
    assert got[2]["error"]["code"] == -32602
