"""The client against a gateway over real HTTP."""

import asyncio
import hashlib
from typing import Any

import pytest
from tests.unit.rest.test_explanations import Breaking

from keyturn import Client, Conflict, Forbidden, InvalidInput, NotFound, ToolLost, Unauthenticated, Unreachable


async def test_an_agent_proposes_and_a_person_turns_the_key(gateway: Any) -> None:
    agent, kim = gateway.clients["responder"], gateway.clients["kim"]
    action = await gateway.do(agent.propose, "soc/isolate", {"host": "h1"}, rationale="beaconing")
    assert (action.state, action.oversight, action.hold.missing) == ("held", "one_key", 1)
    waiting = asyncio.create_task(gateway.do(agent.wait, action.id))
    queue = await gateway.do(lambda: list(kim.holds()))
    assert [one.id for one in queue] == [action.id]
    seen = await gateway.do(kim.look, action.id)
    assert seen.arguments == {"host": "h1"}
    content = await gateway.do(kim.content, action.id)
    assert hashlib.sha256(content).hexdigest() == seen.digest
    await gateway.do(kim.turn, action.id, seen.digest)
    done = await waiting
    assert done.state == "succeeded"
    assert done.value() == {"done": True}
    assert gateway.api.house.fleet.changes == [("isolate", "h1")]


async def test_a_wait_that_is_over_answers_with_the_hold(gateway: Any) -> None:
    agent = gateway.clients["responder"]
    action = await gateway.do(agent.propose, "soc/isolate", {"host": "h1"}, rationale="beaconing")
    assert (await gateway.do(agent.wait, action.id, 0.0)).state == "held"


async def test_the_gateways_errors_come_back_as_the_same_errors(gateway: Any) -> None:
    agent, kim = gateway.clients["responder"], gateway.clients["kim"]
    action = await gateway.do(agent.propose, "soc/isolate", {"host": "h1"}, rationale="beaconing")
    with pytest.raises(Conflict, match="another digest"):
        await gateway.do(kim.turn, action.id, "0" * 64)
    with pytest.raises(Forbidden):
        await gateway.do(agent.turn, action.id, action.digest)
    with pytest.raises(NotFound):
        await gateway.do(agent.look, "a-there/is none")
    with pytest.raises(InvalidInput, match="says not why"):
        await gateway.do(agent.propose, "soc/isolate", {"host": "h1"})
    with Client(gateway.url, "kta_wrong") as stranger, pytest.raises(Unauthenticated):
        await gateway.do(stranger.propose, "soc/search", {})


async def test_a_client_asks_what_would_happen_and_why(gateway: Any) -> None:
    agent, kim = gateway.clients["responder"], gateway.clients["kim"]
    supposed = await gateway.do(agent.suppose, "soc/isolate", {"host": "h1"})
    assert (supposed.verdict.word, supposed.profile["inverse"]) == ("one_key", "lift")
    assert supposed.facts["targets"] == [{"kind": "host", "id": "h1"}]
    assert any(change.verdict == "two_key" for change in supposed.changes)
    assert (await gateway.do(kim.suppose, "soc/search", agent="responder")).verdict.word == "free"
    assert await gateway.do(lambda: list(kim.holds())) == []
    action = await gateway.do(agent.propose, "soc/isolate", {"host": "h1"}, rationale="beaconing")
    assert (await gateway.do(kim.explain, action.id)).verdict == supposed.verdict


async def test_a_clients_errors_carry_the_policies_reasons_and_the_action(gateway: Any) -> None:
    agent, kim = gateway.clients["responder"], gateway.clients["kim"]
    action = await gateway.do(agent.propose, "soc/isolate", {"host": "dc01"}, rationale="beaconing")
    await gateway.do(kim.turn, action.id, action.digest)
    with pytest.raises(Forbidden) as refused:
        await gateway.do(kim.turn, action.id, action.digest)
    assert [policy for policy, _ in refused.value.reasons] == ["guardrail-9-one-key-a-person"]
    house = gateway.api.house
    house.ctx.tools = Breaking(house.ctx.tools, ToolLost("the connection broke"))
    with pytest.raises(ToolLost) as lost:
        await gateway.do(agent.propose, "soc/tag", {"host": "h1"}, rationale="beaconing")
    assert (await gateway.do(kim.look, lost.value.action)).state == "unknown"


async def test_people_stop_and_resume(gateway: Any) -> None:
    agent, lea = gateway.clients["responder"], gateway.clients["lea"]
    stop = await gateway.do(lea.stop, "agent", "responder", reason="looks hijacked")
    assert (await gateway.do(agent.propose, "soc/search", {"query": "x"})).state == "denied"
    await gateway.do(lea.resume, stop["id"], "it was not")
    assert (await gateway.do(agent.propose, "soc/search", {"query": "x"})).state == "succeeded"


async def test_a_refusal_a_withdrawal_and_a_reversal(gateway: Any) -> None:
    agent, kim = gateway.clients["responder"], gateway.clients["kim"]
    first = await gateway.do(agent.propose, "soc/isolate", {"host": "h1"}, rationale="beaconing")
    assert (await gateway.do(kim.reject, first.id, "wrong host")).why().startswith("wrong host")
    second = await gateway.do(agent.propose, "soc/isolate", {"host": "h2"}, rationale="beaconing")
    assert (await gateway.do(agent.withdraw, second.id, "false alarm")).state == "withdrawn"
    third = await gateway.do(agent.propose, "soc/tag", {"host": "h3"}, rationale="beaconing")
    assert third.state == "confirming"
    await gateway.do(kim.revert, third.id, "not needed")
    assert (await gateway.do(kim.wait, third.id, 20)).state == "reverted"


def test_a_token_never_travels_in_the_clear_to_another_machine() -> None:
    with pytest.raises(InvalidInput, match="in the clear"):
        Client("http://soc.example", "kta_x")
    Client("https://soc.example", "kta_x").close()


@pytest.mark.parametrize("token", ["", "kta x", "kta\nx", "ktа"])
def test_a_token_that_can_be_none_is_refused_at_once(token: str) -> None:
    with pytest.raises(InvalidInput):
        Client("http://127.0.0.1:1", token)


def test_a_clients_repr_does_not_show_its_token() -> None:
    with Client("http://127.0.0.1:1", "kta_secret") as client:
        assert "secret" not in repr(client)


async def test_a_gateway_that_is_not_there_is_said_so() -> None:
    with Client("http://127.0.0.1:1", "kta_x") as client, pytest.raises(Unreachable, match="no answer"):
        await asyncio.to_thread(client.look, "a1")


async def test_what_is_no_json_never_leaves(gateway: Any) -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        gateway.clients["responder"].propose("soc/search", {"query": object()})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")], ids=str)
async def test_a_number_that_is_none_is_refused_and_not_sent_as_null(gateway: Any, number: float) -> None:
    agent = gateway.clients["responder"]
    for arguments in ({"query": number}, {"query": [{"deep": (number,)}]}):
        with pytest.raises(InvalidInput, match="is no number"):
            await gateway.do(agent.propose, "soc/search", arguments)
    with pytest.raises(InvalidInput, match="is no number"):
        await gateway.do(lambda: agent.propose("soc/search", {}, confidence=number))
