"""The way of an action, through the gate's verbs on a real database."""

import asyncio
from typing import Any

import pytest

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.errors import Conflict, Forbidden, InvalidArguments, NotFound, Unauthenticated
from keyturn.gate import MandateDraft
from keyturn.gate.execute import release
from keyturn.gate.records import Role, Scope
from keyturn.gate.recover import complete

House = Any


async def hold(house: House, name: str = "isolate", host: str = "h1") -> Any:
    proposed = await house.gate.propose(house.agent, house.call(name, host=host))
    assert proposed.record.state is State.HELD, proposed.record
    return proposed.record


async def kinds(house: House, action: str) -> list[str]:
    return [entry["kind"] for entry in await house.entries() if entry.get("action") == action]


async def test_analysis_runs_free_and_is_recorded(house: House) -> None:
    proposed = await house.gate.propose(house.agent, house.call("search", query="x"))
    assert proposed.answer is not None
    assert b'"hits"' in proposed.answer.result
    await house.store.write(lambda tx: None)
    assert await kinds(house, proposed.record.id) == ["proposed", "decided", "released", "outcome"]
    assert (await house.gate.look(house.agent, proposed.record.id)).state is State.SUCCEEDED


async def test_a_response_waits_for_a_key_and_runs_once(house: House) -> None:
    record = await hold(house)
    assert record.oversight is Oversight.ONE_KEY
    assert house.fleet.changes == []
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    after = await house.until(record.id)
    assert after.state is State.SUCCEEDED
    assert after.ended_because == "the check shows the effect"
    assert house.fleet.changes == [("isolate", "h1")]
    await house.gate.sweep()
    assert house.fleet.changes == [("isolate", "h1")]
    expected = ["proposed", "decided", "key_turned", "released", "auxiliary", "outcome"]
    assert await kinds(house, record.id) == expected


async def test_the_owner_the_issuer_and_the_author_alone_are_not_enough(house: House) -> None:
    record = await hold(house)
    for name in ("olga", "lena", "pavel"):
        record = await house.gate.turn(house.people[name], record.id, record.digest)
        assert record.state is State.HELD, f"{name} is the owner, the issuer or the author"
    assert house.fleet.changes == []
    await house.gate.turn(house.people["bob"], record.id, record.digest)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_one_person_counts_once_whatever_the_spelling(house: House) -> None:
    await house.gate.propose(house.agent, house.call("search", query="x"))
    record = await hold(house)
    assert record.oversight is Oversight.TWO_KEY
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    with pytest.raises(Forbidden, match="already turned"):
        await house.gate.turn(house.people["ana"], record.id, record.digest)
    with pytest.raises(Conflict, match="already ana"):
        await house.gate.add_person(house.people["olga"], " ＡNA ", (Role.ANALYST,))
    await house.gate.turn(house.people["lena"], record.id, record.digest)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_a_key_for_another_digest_is_refused(house: House) -> None:
    first, second = await hold(house, host="h1"), await hold(house, host="h2")
    with pytest.raises(Conflict, match="another digest"):
        await house.gate.turn(house.people["ana"], first.id, second.digest)
    assert house.fleet.changes == []


async def test_a_refusal_ends_it_and_no_second_way_leads_around(house: House) -> None:
    record = await hold(house)
    refused = await house.gate.reject(house.people["ana"], record.id, "wrong host")
    assert (refused.state, refused.ended_by, refused.ended_because) == (State.REFUSED, "ana", "wrong host")
    again = await house.gate.propose(house.agent, house.call("isolate", host="h1"))
    assert again.record.state is State.DENIED
    with pytest.raises(Conflict):
        await house.gate.turn(house.people["bob"], record.id, record.digest)


async def test_a_time_out_denies_and_says_expired(house: House) -> None:
    record = await hold(house)
    house.clock.ms = record.due_at
    with pytest.raises((Conflict, Forbidden)):
        await house.gate.turn(house.people["ana"], record.id, record.digest)
    await house.gate.sweep()
    after = await house.gate.look(house.agent, record.id)
    assert (after.state, after.ended_by) == (State.EXPIRED, "")
    assert house.fleet.changes == []


async def test_the_same_call_while_held_finds_the_same_hold(house: House) -> None:
    first, second = await hold(house), await hold(house)
    assert first.id == second.id


async def test_outside_the_mandate_is_denied_with_reasons(house: House) -> None:
    await house.gate.revoke_mandate(house.people["lena"], house.mandate, "done")
    record = (await house.gate.propose(house.agent, house.call("search", query="x"))).record
    assert record.state is State.DENIED
    assert record.outside == ("no mandate",)


async def test_an_unknown_tool_is_denied_and_recorded(house: House) -> None:
    record = (await house.gate.propose(house.agent, house.call("launch_missiles", host="h1"))).record
    assert record.state is State.DENIED
    assert "its server lists no such tool" in record.outside
    assert await kinds(house, record.id) == ["proposed", "decided"]


async def test_arguments_against_the_schema_do_nothing(house: House) -> None:
    before = len(await house.entries())
    with pytest.raises(InvalidArguments, match="host"):
        await house.gate.propose(house.agent, house.call("isolate"))
    assert len(await house.entries()) == before


async def test_a_change_without_a_rationale_is_refused(house: House) -> None:
    bare = house.call("isolate", host="h1")
    bare.model_output = ModelOutput()
    with pytest.raises(InvalidArguments, match="says not why"):
        await house.gate.propose(house.agent, bare)


async def test_secrets_are_held_even_to_read(house: House) -> None:
    await hold(house, "secret")


async def test_stop_is_effective_on_the_next_call_and_holds_wait(house: House) -> None:
    record = await hold(house)
    stop = await house.gate.stop(house.people["ana"], Scope.AGENT, "responder", "odd behaviour")
    denied = await house.gate.propose(house.agent, house.call("search", query="x"))
    assert denied.record.state is State.DENIED
    turned = await house.gate.turn(house.people["ana"], record.id, record.digest)
    assert turned.state is State.HELD
    assert house.fleet.changes == []
    with pytest.raises(Forbidden, match="role"):
        await house.gate.resume(house.people["ana"], stop.id, "fine")
    await house.gate.resume(house.people["lena"], stop.id, "looked at it")
    await house.gate.sweep()
    await house.gate.sweep()
    assert (await house.until(record.id)).state is State.SUCCEEDED
    assert house.fleet.changes == [("isolate", "h1")]


async def test_confirm_runs_and_reverts_by_itself(house: House) -> None:
    proposed = await house.gate.propose(house.agent, house.call("tag", host="h1"))
    assert proposed.record.state is State.CONFIRMING
    house.clock.ms = proposed.record.due_at
    await house.gate.sweep()
    assert (await house.gate.look(house.agent, proposed.record.id)).state is State.REVERTED
    assert house.fleet.changes == [("tag", "h1"), ("untag", "h1")]


async def test_confirmed_in_time_stays(house: House) -> None:
    record = (await house.gate.propose(house.agent, house.call("tag", host="h1"))).record
    await house.gate.confirm(house.people["ana"], record.id)
    house.clock.ms = record.due_at + 1
    await house.gate.sweep()
    assert house.fleet.changes == [("tag", "h1")]


async def test_ready_without_keys_goes_back_to_held(house: House) -> None:
    record = await hold(house)
    await house.store.write(lambda tx: complete(house.ctx, tx, tx.action(record.id)))
    assert await house.store.write(lambda tx: release(house.ctx, tx, record.id)) is None
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD
    assert house.fleet.changes == []


@pytest.mark.parametrize("took_effect", [True, False])
async def test_what_a_dead_process_left_is_settled_by_the_check(house: House, took_effect: bool) -> None:
    record = await hold(house)
    house.ctx.runner = "dead-process"
    house.ctx.tools, tools = NothingRuns(house.ctx.tools), house.ctx.tools
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    await house.ctx.tools.reached.wait()
    house.ctx.tools, house.ctx.runner = tools, "this-process"
    house.runners.dead.add("dead-process")
    if took_effect:
        house.fleet.isolate("h1")
    await house.gate.sweep()
    await house.gate.sweep()
    after = await house.gate.look(house.agent, record.id)
    assert after.state is (State.SUCCEEDED if took_effect else State.FAILED)
    assert house.fleet.changes == ([("isolate", "h1")] if took_effect else [])
    assert "settled" in await kinds(house, record.id)


class NothingRuns:
    """Tools of a process that dies in its call: the call never answers."""

    def __init__(self, tools: Any) -> None:
        self._tools = tools
        self.reached = asyncio.Event()

    async def call(self, call: Any, caller: object | None = None) -> Any:
        self.reached.set()
        raise asyncio.CancelledError

    def definition(self, tool: ToolRef) -> Any:
        return self._tools.definition(tool)

    def upstreams(self) -> frozenset[str]:
        return frozenset({"soc"})

    def names(self, upstream: str) -> frozenset[str] | None:
        return None

    async def refresh(self, upstream: str) -> None:
        """Nothing answers."""


async def test_an_agent_sees_its_own_actions_only(house: House) -> None:
    record = await hold(house)
    issued = await house.gate.add_agent(house.people["lena"], "other", "olga", "reads")
    other = await house.gate.agent_for(issued.token)
    with pytest.raises(NotFound):
        await house.gate.look(other, record.id)
    with pytest.raises(NotFound):
        await house.gate.withdraw(other, record.id, "not mine")
    with pytest.raises(Unauthenticated):
        await house.gate.agent_for(issued.token + "x")
    with pytest.raises(Unauthenticated):
        await house.gate.person_for(issued.token)


async def test_two_keys_in_the_same_moment_both_count_and_run_once(house: House) -> None:
    await house.gate.propose(house.agent, house.call("search", query="x"))
    record = await hold(house)
    turns = [house.gate.turn(house.people[name], record.id, record.digest) for name in ("ana", "lena")]
    await asyncio.gather(*turns)
    assert (await house.until(record.id)).state is State.SUCCEEDED
    assert house.fleet.changes == [("isolate", "h1")]


async def test_a_delegated_mandate_is_never_wider(house: House) -> None:
    await house.gate.add_agent(house.people["lena"], "helper", "olga", "reads")
    wide = MandateDraft(agent="helper", case="INC-1", purpose="x", tools=("*",), lifetime_s=60)
    with pytest.raises(Forbidden, match="tools that the parent lacks"):
        await house.gate.narrow(house.agent, house.mandate, wide)
    narrow = MandateDraft(agent="helper", case="INC-1", purpose="x", tools=("soc/search",), lifetime_s=60)
    child = await house.gate.narrow(house.agent, house.mandate, narrow)
    assert (child.parent, child.issued_by) == (house.mandate, "lena")


async def test_expiry_holds_when_the_wall_clock_steps_back(house: House) -> None:
    house.clock.ms += 3_600_001
    await house.gate.propose(house.agent, house.call("isolate", host="h2"))
    house.clock.ms -= 60_000
    again = await house.gate.propose(house.agent, house.call("isolate", host="h1"))
    assert again.record.state is State.DENIED, "the mandate's end has been seen, and time never runs back"


async def test_an_exposed_credential_does_not_respond(house: House) -> None:
    await house.gate.mark_agent(house.people["lena"], "responder", shared=False, exposed=True)
    record = (await house.gate.propose(house.agent, house.call("isolate", host="h1"))).record
    assert record.state is State.DENIED
    assert ToolRef("soc", "isolate") == record.tool


async def test_a_crown_jewel_takes_two_keys(house: House) -> None:
    assert (await hold(house, host="dc01")).oversight is Oversight.TWO_KEY
