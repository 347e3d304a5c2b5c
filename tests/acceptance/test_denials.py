"""What an agent is told when the gate says no: what would do, and nothing that would not."""

from typing import Any

import pytest

from keyturn.core.policy import Policy
from keyturn.gate import MandateDraft
from keyturn.gate.records import Scope
from keyturn.packs import load_pack

IN_VAIN = "The same call will be denied again"


async def told(mcp: Any, name: str = "search", **arguments: Any) -> str:
    result = await mcp.call(name, arguments or {"query": "x"}, why="" if name == "search" else "because of the test")
    assert result["isError"] is True
    return str(result["content"][0]["text"])


async def test_outside_the_mandate_a_person_can_give_another(mcp: Any) -> None:
    house = mcp.house
    await house.gate.revoke_mandate(house.people["lena"], house.mandate, "over")
    draft = MandateDraft(agent="responder", case="INC-2", purpose="look", tools=("soc/status",), lifetime_s=3600)
    await house.gate.grant(house.people["lena"], draft)
    assert IN_VAIN in await told(mcp)


async def test_while_stopped_it_is_to_be_asked_again_afterwards(mcp: Any) -> None:
    house = mcp.house
    await house.gate.stop(house.people["ana"], Scope.EVERYTHING, "", "drill")
    text = await told(mcp, "isolate", host="h1")
    assert "ask again when a person has resumed" in text
    assert IN_VAIN not in text


async def test_of_a_policy_that_erred_a_person_is_to_be_told(mcp: Any) -> None:
    pack = load_pack("standard")
    errs = '@id("errs") @why("x") forbid (principal, action, resource is Tool) '
    errs += "when { context.now + 9223372036854775807 > 0 };"
    mcp.house.ctx.policy = Policy.load(pack.schema, pack.guardrails, {**pack.sources, "own.cedar": errs})
    text = await told(mcp)
    assert "A policy erred: errs. Tell a person" in text
    assert IN_VAIN not in text


async def test_what_a_person_refused_is_theirs_to_reconsider(mcp: Any) -> None:
    held = await mcp.call("isolate", {"host": "h1"})
    action = held["structuredContent"]["keyturn"]["action"]
    await mcp.house.gate.reject(mcp.house.people["ana"], action, "it is the backup server")
    assert "A person has refused this very call" in await told(mcp, "isolate", host="h1")


async def test_an_unprofiled_change_is_called_that(mcp: Any) -> None:
    result = await mcp.call("untag", {"host": "h1"}, why="")
    assert "nobody has profiled soc/untag" in result["content"][0]["text"]
    assert "isolate changes something" in (await mcp.call("isolate", {"host": "h1"}, why=""))["content"][0]["text"]


@pytest.mark.parametrize("more", [1, 9])
async def test_of_many_mandates_one_is_to_be_named_and_how_is_said(mcp: Any, more: int) -> None:
    house = mcp.house
    draft = MandateDraft(agent="responder", case="INC-2", purpose="look", tools=("soc/*",), lifetime_s=3600)
    for _ in range(more):
        await house.gate.grant(house.people["lena"], draft)
    text = await told(mcp)
    assert f"the agent has {more + 1} live mandates" in text
    assert (f"and {more - 4} more" in text) is (more > 4)
    for way in ('_meta["keyturn/mandate"]', "Keyturn-Mandate", "the field mandate"):
        assert way in text
