"""What would happen if, why a policy said no, and which action a lost call was."""

from typing import Any

import pytest

from keyturn.core.action import ToolRef
from keyturn.errors import ToolLost, ToolNotSent

ISOLATE = {"tool": "soc/isolate", "arguments": {"host": "h1"}}


async def suppose(api: Any, who: str, **body: Any) -> Any:
    return await api.post(who, "/v1/explanations", ISOLATE | body)


async def test_an_agent_asks_what_would_happen_and_nothing_is_written(api: Any) -> None:
    before = await api.house.entries()
    told = (await suppose(api, "responder")).json()
    assert told["verdict"]["word"] == "one_key"
    assert told["profile"]["stage"] == "respond"
    assert (told["profile"]["inverse"], told["profile"]["check"]) == ("lift", "status")
    assert told["profile"]["targets"] == [{"argument": "host", "kind": "host"}]
    assert told["facts"]["targets"] == [{"kind": "host", "id": "h1"}]
    assert told["facts"]["case"] == "INC-1"
    assert {level["oversight"]: level["permitted"] for level in told["levels"]} == {
        "free": False,
        "confirm": False,
        "one_key": True,
        "two_key": True,
    }
    assert any(change["fact"] == "crown_jewel" and change["verdict"] == "two_key" for change in told["changes"])
    assert await api.house.entries() == before
    assert (await api.get("kim", "/v1/holds")).json()["holds"] == []
    assert api.house.fleet.changes == []


async def test_what_it_says_is_what_a_proposal_gets(api: Any) -> None:
    for arguments in ({"host": "h1"}, {"host": "dc01"}):
        told = (await suppose(api, "responder", arguments=arguments)).json()
        action = (await api.propose("isolate", **arguments)).json()
        assert (told["verdict"]["word"], told["verdict"]["reasons"]) == (action["oversight"], action["reasons"])


async def test_a_person_asks_by_agent_or_by_mandate(api: Any) -> None:
    by_agent = (await suppose(api, "kim", agent="responder")).json()
    by_mandate = (await suppose(api, "kim", mandate=api.house.mandate)).json()
    assert by_agent == by_mandate
    assert by_agent["facts"]["agent"] == "responder"
    outside = (await suppose(api, "kim", agent="responder", tool="soc/nothing")).json()
    assert outside["verdict"]["word"] == "denied"
    assert outside["facts"]["outside"] == ["its server lists no such tool"]


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("kim", {}, 400),
        ("kim", {"agent": "nobody"}, 404),
        ("kim", {"mandate": "m-none"}, 404),
        ("responder", {"agent": "another"}, 403),
        ("responder", {"arguments": {}}, 400),
        ("responder", {"tool": "isolate"}, 400),
        ("", {}, 401),
    ],
)
async def test_a_question_that_makes_no_sense_is_an_error(
    api: Any, who: str, body: dict[str, Any], status: int
) -> None:
    assert (await suppose(api, who, **body)).status_code == status


async def test_another_agents_mandate_gives_an_agent_nothing(api: Any) -> None:
    made = await api.post("lea", "/v1/agents", {"name": "other", "owner": "una", "purpose": "hunts"})
    told = (await suppose(api, made.json()["token"], mandate=api.house.mandate)).json()
    assert (told["verdict"]["word"], told["facts"]["case"]) == ("denied", "")


async def test_a_key_that_the_policy_refuses_says_which_policies_and_why(api: Any) -> None:
    action = (await api.propose("isolate", host="dc01")).json()
    path, body = f"/v1/actions/{action['id']}/keys", {"digest": action["digest"]}
    assert (await api.post("kim", path, body)).status_code == 202
    error = (await api.post("kim", path, body)).json()["error"]
    assert error["code"] == "forbidden"
    assert [reason["policy"] for reason in error["reasons"]] == ["guardrail-9-one-key-a-person"]
    assert error["reasons"][0]["why"] in error["message"]
    role = (await api.post("aud", path, body)).json()["error"]
    assert "reasons" not in role, "a missing role is no policy's no"


class Breaking:
    """The house's tools, whose calls end in an error."""

    def __init__(self, tools: Any, error: Exception) -> None:
        self._tools = tools
        self._error = error

    async def call(self, call: Any, caller: object | None = None) -> Any:
        raise self._error

    def definition(self, tool: ToolRef) -> Any:
        return self._tools.definition(tool)

    def upstreams(self) -> frozenset[str]:
        return frozenset(self._tools.upstreams())


@pytest.mark.parametrize(
    ("error", "code", "state"),
    [(ToolLost("the connection broke"), "tool_lost", "unknown"), (ToolNotSent("no server"), "tool_not_sent", "failed")],
)
async def test_a_call_that_was_lost_or_not_sent_says_which_action_it_was(
    api: Any, error: Exception, code: str, state: str
) -> None:
    api.house.ctx.tools = Breaking(api.house.ctx.tools, error)
    answer = await api.propose("tag", host="h1")
    told = answer.json()["error"]
    assert (answer.status_code, told["code"]) == (502, code)
    assert (await api.get("kim", f"/v1/actions/{told['action']}")).json()["state"] == state
