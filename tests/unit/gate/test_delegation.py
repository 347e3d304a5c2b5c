"""What an agent hands on, it does not shed: stops, revocation and the chain go along (guardrails 4, 6, 7 and 10)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from keyturn.core.action import ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.errors import Forbidden, NotFound
from keyturn.gate import MandateDraft
from keyturn.gate.records import Agent, Scope
from keyturn.tools.functions import FunctionTools

House = Any
Hand = Callable[..., Awaitable[tuple[Agent, Any]]]


@pytest.fixture
def hand_on(house: House) -> Hand:
    """Hand a mandate on to another agent, made on the way: that agent, and its mandate."""

    async def hand(giver: Agent, mandate: str, name: str) -> tuple[Agent, Any]:
        people = house.people
        token = (await house.gate.add_agent(people["lena"], name, "pavel", "helps")).token
        draft = MandateDraft(
            agent=name, case="INC-1", purpose="part", tools=("soc/*",), targets=("host:*",), lifetime_s=600
        )
        return await house.gate.agent_for(token), await house.gate.narrow(giver, mandate, draft)

    return hand


async def isolate(house: House, agent: Agent, mandate: str, host: str = "h1") -> Any:
    call = house.call("isolate", host=host)
    call.mandate = mandate
    return (await house.gate.propose(agent, call)).record


async def test_a_stop_reaches_what_was_handed_on(house: House, hand_on: Hand) -> None:
    sub, child = await hand_on(house.agent, house.mandate, "sub")
    grandsub, grandchild = await hand_on(sub, child.id, "grandsub")
    lena = house.people["lena"]
    for scope, subject in ((Scope.MANDATE, house.mandate), (Scope.AGENT, "responder"), (Scope.AGENT, "sub")):
        stop = await house.gate.stop(lena, scope, subject, "odd behaviour")
        record = await isolate(house, grandsub, grandchild.id)
        assert (record.state, [r.policy for r in record.reasons]) == (State.DENIED, ["guardrail-10-stopped"]), subject
        with pytest.raises(Forbidden, match="stopped"):
            await hand_on(grandsub, grandchild.id, f"late-{scope}-{subject}"[:40])
        await house.gate.resume(lena, stop.id, "it was a test")
    assert (await isolate(house, grandsub, grandchild.id)).state is State.HELD


async def test_an_agent_that_is_revoked_takes_along_what_it_handed_on(house: House, hand_on: Hand) -> None:
    sub, child = await hand_on(house.agent, house.mandate, "sub")
    await house.gate.revoke_agent(house.people["lena"], "responder", "hijacked")
    record = await isolate(house, sub, child.id)
    assert record.state is State.DENIED
    assert record.outside == ("the agent responder that handed it on is revoked",)


@pytest.mark.parametrize("looked", ["giver", "sister"])
async def test_who_was_handed_a_task_does_not_respond_alone_to_what_the_other_detected(
    house: House, hand_on: Hand, looked: str
) -> None:
    sub, child = await hand_on(house.agent, house.mandate, "sub")
    assert (await isolate(house, sub, child.id, "h1")).oversight is Oversight.ONE_KEY
    detector, mandate = house.agent, house.mandate
    if looked == "sister":
        detector, sisters = await hand_on(house.agent, house.mandate, "sister")
        mandate = sisters.id
    call = house.call("search", query="x")
    call.mandate = mandate
    await house.gate.propose(detector, call)
    record = await isolate(house, sub, child.id, "h2")
    assert record.oversight is Oversight.TWO_KEY
    assert "guardrail-4-detect-and-respond" in [r.policy for r in record.reasons]


@pytest.mark.parametrize(
    ("scope", "subject", "near"),
    [
        (Scope.AGENT, "respnder", "responder"),
        (Scope.TOOL, "soc/isolat", "soc/isolate"),
        (Scope.TOOL, "sok/isolate", "soc/isolate"),
        (Scope.MANDATE, "m-none", ""),
    ],
)
async def test_a_stop_on_what_is_not_there_is_refused(house: House, scope: Scope, subject: str, near: str) -> None:
    with pytest.raises(NotFound, match="nothing was stopped") as caught:
        await house.gate.stop(house.people["ana"], scope, subject, "typed at 3 a.m.")
    assert near in caught.value.hint
    assert await house.gate.stops(house.people["ana"]) == []


class Away(FunctionTools):
    """A server that does not answer."""

    def names(self, upstream: str) -> None:
        return None


async def test_a_tool_is_stopped_while_its_server_is_away(house: House) -> None:
    house.ctx.tools = Away("soc", {})
    stop = await house.gate.stop(house.people["ana"], Scope.TOOL, str(ToolRef("soc", "isolate")), "it misbehaves")
    assert await house.gate.stops(house.people["ana"]) == [stop]
