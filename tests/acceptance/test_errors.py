"""What an MCP client learns when a call was lost, or a read refused: which action, and which policies."""

from typing import Any

import pytest
from tests.unit.rest.test_explanations import Breaking

from keyturn.core.execution import State
from keyturn.errors import ToolLost, ToolNotSent
from keyturn.gate.records import Scope


@pytest.mark.parametrize(
    ("error", "code", "state"),
    [
        (ToolLost("the connection broke"), "tool_lost", State.UNKNOWN),
        (ToolNotSent("no server"), "tool_not_sent", State.FAILED),
    ],
)
async def test_a_lost_call_says_which_action_it_was(mcp: Any, error: Exception, code: str, state: State) -> None:
    house = mcp.house
    house.ctx.tools = Breaking(house.ctx.tools, error)
    said = {"host": "h1", "_keyturn": {"rationale": "because of alert 17"}}
    answer = await mcp.request("tools/call", {"name": "tag", "arguments": said})
    assert answer["error"]["data"]["keyturn"] == code
    assert (await house.gate.look(house.agent, answer["error"]["data"]["action"])).state is state


async def test_a_refused_read_says_which_policies_refused_it(mcp: Any) -> None:
    await mcp.house.gate.stop(mcp.house.people["ana"], Scope.EVERYTHING, "", "odd behaviour")
    answer = await mcp.request("completion/complete", {"ref": {"type": "ref/resource", "uri": "soc://notes"}})
    data = answer["error"]["data"]
    assert data["keyturn"] == "forbidden"
    assert [reason["policy"] for reason in data["reasons"]] == ["guardrail-10-stopped"]
    assert (await mcp.house.entries())[-1]["kind"] == "read"
