"""Taking back what ran: later where it could not leave, never twice by mistake, and never what somebody kept."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.gate.conftest import PROFILES
from tests.unit.gate.test_gate import hold, kinds

from keyturn.core.execution import State
from keyturn.core.profile import Step
from keyturn.errors import Conflict, Forbidden, ToolLost, ToolNotSent

House = Any


async def isolated(house: House, host: str = "h1") -> Any:
    record = await hold(house, "isolate", host)
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    return await house.until(record.id)


class Broken:
    """The tools, of which one always fails."""

    def __init__(self, tools: Any, name: str, error: Exception) -> None:
        self._tools, self._name, self._error = tools, name, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tools, name)

    async def call(self, call: Any, caller: object | None = None) -> Any:
        if call.tool.name == self._name:
            raise self._error
        return await self._tools.call(call, caller)


class Slow(Broken):
    """Tools that answer when they may."""

    def __init__(self, tools: Any) -> None:
        super().__init__(tools, "", ToolLost("never"))
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def call(self, call: Any, caller: object | None = None) -> Any:
        self.reached.set()
        await self.go.wait()
        return await super().call(call, caller)


async def test_what_nobody_confirmed_is_taken_back_once_its_server_is_there(house: House) -> None:
    record = (await house.gate.propose(house.agent, house.call("tag", host="h1"))).record
    house.ctx.tools, tools = Broken(house.ctx.tools, "untag", ToolNotSent("away")), house.ctx.tools
    house.clock.ms = record.due_at
    for _ in range(3):
        await house.gate.sweep()
        waiting = await house.gate.look(house.agent, record.id)
        assert (waiting.state, waiting.ended_because) == (State.CONFIRMING, "the reversal did not leave: away")
        assert 10_000 <= waiting.due_at - house.clock.ms <= 3_600_000, "neither at once nor never"
        house.clock.ms = waiting.due_at
    with pytest.raises(Conflict, match="over"):
        await house.gate.confirm(house.people["ana"], record.id)
    house.ctx.tools = tools
    await house.gate.sweep()
    assert (await house.gate.look(house.agent, record.id)).state is State.REVERTED
    assert house.fleet.changes == [("tag", "h1"), ("untag", "h1")]
    assert (await kinds(house, record.id)).count("reversal_unsent") == 3


async def test_a_reversal_that_did_not_leave_changes_nothing_and_says_so(house: House) -> None:
    record = await isolated(house)
    house.ctx.tools, tools = Broken(house.ctx.tools, "lift", ToolNotSent("away")), house.ctx.tools
    with pytest.raises(ToolNotSent, match="did not leave: away"):
        await house.gate.revert(house.people["ana"], record.id, "the wrong host")
    after = await house.gate.look(house.agent, record.id)
    assert (after.state, after.ended_because) == (State.SUCCEEDED, record.ended_because)
    house.ctx.tools = tools
    assert (await house.gate.revert(house.people["ana"], record.id, "the wrong host")).state is State.REVERTED
    assert house.fleet.changes == [("isolate", "h1"), ("lift", "h1")]


async def test_no_retry_sends_the_change_again_after_a_reversal_was_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = PROFILES["isolate"]
    monkeypatch.setitem(
        PROFILES, "isolate", replace(profile, idempotent=True, inverse=Step("untag", {"host": "$arguments.host"}))
    )
    record = await isolated(house)
    house.ctx.tools, tools = Broken(house.ctx.tools, "untag", ToolLost("no answer")), house.ctx.tools
    lost = await house.gate.revert(house.people["ana"], record.id, "the wrong host")
    assert lost.state is State.UNKNOWN
    house.ctx.tools = tools
    with pytest.raises(Conflict, match="was being taken back"):
        await house.gate.settle(house.people["lena"], record.id, "retry", "send it again")
    with pytest.raises(Conflict, match="untag is not known to be safe to repeat"):
        await house.gate.revert(house.people["lena"], record.id, "send the reversal again")
    monkeypatch.setitem(PROFILES, "untag", replace(PROFILES["tag"], tool="untag", idempotent=True))
    with pytest.raises(Forbidden, match="role"):
        await house.gate.revert(house.people["ana"], record.id, "send the reversal again")
    assert (await house.gate.revert(house.people["lena"], record.id, "again")).state is State.REVERTED
    assert house.fleet.changes == [("isolate", "h1"), ("untag", "h1")]


async def test_what_was_lost_in_its_call_is_taken_back_or_sent_again_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROFILES, "isolate", replace(PROFILES["isolate"], idempotent=True, check=None))
    record = await hold(house)
    house.ctx.tools, tools = Broken(house.ctx.tools, "isolate", ToolLost("no answer")), house.ctx.tools
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    assert (await house.until(record.id)).state is State.UNKNOWN
    await house.gate.settle(house.people["lena"], record.id, "retry", "it is safe")
    assert (await house.until(record.id)).state is State.UNKNOWN
    with pytest.raises(Conflict, match="once already"):
        await house.gate.settle(house.people["lena"], record.id, "retry", "it is safe")
    house.ctx.tools = tools
    assert (await house.gate.revert(house.people["lena"], record.id, "to be sure")).state is State.REVERTED
    assert house.fleet.changes == [("lift", "h1")]
    assert (await kinds(house, record.id)).count("released") == 2


async def test_the_same_call_before_it_is_confirmed_is_the_same_action(house: House) -> None:
    gate, tag = house.gate, house.call("tag", host="h1")
    house.ctx.tools = Slow(house.ctx.tools)
    first = asyncio.create_task(gate.propose(house.agent, tag))
    await house.ctx.tools.reached.wait()
    running = (await gate.propose(house.agent, tag)).record
    assert (running.state, house.fleet.changes) == (State.EXECUTING, []), "the one that runs, and not once more"
    house.ctx.tools.go.set()
    assert (await first).record.id == running.id

    kept = (await gate.propose(house.agent, house.call("tag", host="h2"))).record
    again = await gate.propose(house.agent, house.call("tag", host="h2"))
    assert (again.record.id, again.record.state, again.answer) == (kept.id, State.CONFIRMING, None)
    await gate.confirm(house.people["ana"], kept.id)
    house.clock.ms = kept.due_at + 1
    await gate.sweep()
    assert house.fleet.changes == [("tag", "h1"), ("tag", "h2"), ("untag", "h1")], (
        "what somebody kept is not undone by its double"
    )
    assert (await gate.propose(house.agent, house.call("tag", host="h2"))).record.id != kept.id
