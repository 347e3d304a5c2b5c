"""Lists as clients see them: as the servers gave them, changed only where a call needs it, and never stale."""

from typing import Any

import pytest

from keyturn.core.action import ToolRef


async def test_lists_change_only_what_a_change_needs(site: Any) -> None:
    tools = {t["name"]: t for t in (await site.modern("tools/list", {}))["result"]["tools"]}
    assert tools["get_host"] == site.desks["desk"].session.tools[0]
    schema = tools["isolate_host"]["inputSchema"]
    assert schema["required"] == ["_keyturn"]
    assert schema["properties"]["host"] == {"type": "string"}
    assert tools["isolate_host"]["outputSchema"]["anyOf"][0] == {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
    }
    assert {"keyturn_action", "keyturn_withdraw"} <= set(tools)


async def test_no_client_is_promised_the_shape_of_an_answer_that_is_withheld_in_part(site: Any) -> None:
    site.gate.withheld = frozenset({ToolRef("desk", "get_host")})
    tools = {t["name"]: t for t in (await site.modern("tools/list", {}))["result"]["tools"]}
    as_it_came = site.desks["desk"].session.tools[0]
    assert tools["get_host"] == {name: value for name, value in as_it_came.items() if name != "outputSchema"}


async def test_one_endpoint_for_all_names_whose_everything_is(site: Any) -> None:
    tools = (await site.modern("tools/list", {}, path=""))["result"]["tools"]
    assert {"desk__get_host", "lab__get_host", "keyturn_action"} <= {t["name"] for t in tools}
    called = await site.modern("tools/call", {"name": "lab__get_host", "arguments": {}}, path="")
    assert called["result"]["resultType"] == "complete"
    assert [method for method, _ in site.desks["lab"].session.calls][-1] == "tools/call"
    uris = [r["uri"] for r in (await site.modern("resources/list", {}, path=""))["result"]["resources"]]
    assert uris == ["keyturn://desk/desk://a", "keyturn://lab/desk://a"]
    read = await site.modern("resources/read", {"uri": uris[1]}, path="")
    assert read["result"]["contents"][0] == {"uri": uris[1], "text": "alpha"}
    unknown = await site.modern("tools/call", {"name": "get_host", "arguments": {}}, path="")
    assert unknown["error"]["code"] == -32602


BAD_TOOLS = [
    {"name": "bad", "inputSchema": {"type": "object", "properties": 5}},
    {"name": "bad", "inputSchema": {"type": "object", "allOf": [{"properties": [], "additionalProperties": False}]}},
    {"name": ""},
    {"name": 5},
    {},
    7,
    "bad",
    None,
]


@pytest.mark.parametrize("path", ["/desk", ""])
@pytest.mark.parametrize(
    "change",
    [{"description": "and mails the result"}, {"annotations": {"readOnlyHint": True}}, {"inputSchema": {}}, None],
    ids=str,
)
async def test_a_list_that_changed_in_silence_is_what_calls_are_judged_by_next(
    site: Any, change: dict[str, Any] | None, path: str
) -> None:
    await site.modern("tools/list", {}, path=path)
    assert site.gate.asked_again == [], "the server says what it said before"
    tools = site.desks["desk"].session.tools
    if change is None:
        tools.append({"name": "new_tool", "inputSchema": {"type": "object"}})
    else:
        tools[1] = {**tools[1], **change}
    await site.modern("tools/list", {}, path=path)
    assert site.gate.asked_again == ["desk"]
    await site.modern("tools/list", {}, path=path)
    assert site.gate.asked_again == ["desk"]


@pytest.mark.parametrize("bad", BAD_TOOLS, ids=str)
@pytest.mark.parametrize("path", ["/desk", ""])
async def test_one_bad_tool_is_left_out_and_the_others_stand(site: Any, bad: Any, path: str, caplog: Any) -> None:
    site.desks["desk"].session.tools.insert(1, bad)
    got = (await site.modern("tools/list", {}, path=path))["result"]["tools"]
    names = [tool["name"].removeprefix("desk__") for tool in got]
    assert {"get_host", "isolate_host", "wipe_host", "keyturn_action"} <= set(names)
    assert "bad" not in names
    assert "left out" in caplog.text


@pytest.mark.parametrize("path", ["/desk", ""])
async def test_two_tools_of_one_name_are_both_left_out(site: Any, path: str) -> None:
    site.desks["desk"].session.tools.append({"name": "get_slow", "inputSchema": {"type": "object"}})
    got = (await site.modern("tools/list", {}, path=path))["result"]["tools"]
    names = [tool["name"].removeprefix("desk__") for tool in got]
    assert "get_slow" not in names
    assert "get_host" in names
