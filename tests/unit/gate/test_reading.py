"""Reads that are no tool's: judged, recorded and counted before they leave."""

from typing import Any

import msgspec
import pytest

from keyturn.core.action import ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.mandate import Budgets
from keyturn.core.policy import Policy
from keyturn.core.profile import Profile, Reversible, Stage, Touches
from keyturn.errors import Forbidden, InvalidInput
from keyturn.gate import MandateDraft
from keyturn.gate.records import Scope
from keyturn.packs import load_pack

RESOURCE, PROMPT = ToolRef("soc", "resources/read"), ToolRef("soc", "prompts/get")
URI = "file:///case/notes"


async def reads(house: Any) -> list[dict[str, Any]]:
    return [entry for entry in await house.entries() if entry["kind"] == "read"]


async def read(house: Any, mandate: str | None = None, tool: ToolRef = RESOURCE, subject: str = URI) -> None:
    await house.gate.may_read(house.agent, tool, subject, mandate)


async def grant(house: Any, **more: Any) -> str:
    draft: dict[str, Any] = {"agent": "responder", "case": "INC-2", "purpose": "look", "tools": ("soc/*",)} | more
    return str((await house.gate.grant(house.people["lena"], MandateDraft(**draft))).id)


async def kept(house: Any, name: str) -> list[bytes]:
    """The payloads of that name beside the case's entries."""
    found = await house.store.read_journal(lambda log: log.of_case("INC-1", -1, 1000))
    return [body for _, _, payloads in found for called, _, body in payloads if called == name]


async def test_a_read_is_in_the_journal_before_it_leaves(house: Any) -> None:
    await read(house)
    await read(house, tool=PROMPT, subject="brief")
    first, second = await reads(house)
    assert (first["agent"], first["mandate"], first["case"]) == ("responder", house.mandate, "INC-1")
    assert (first["tool"], first["verdict"], first["policy"]) == ("soc/resources/read", "free", house.ctx.policy.hash)
    assert second["tool"] == "soc/prompts/get"
    assert await kept(house, "subject") == [URI.encode(), b"brief"]
    facts = msgspec.json.decode((await kept(house, "facts"))[0])
    assert facts["targets"] == [{"kind": "resource", "id": URI}]


async def test_a_read_outside_the_mandate_is_refused_and_recorded(house: Any) -> None:
    mandate = await grant(house, tools=("soc/search",))
    with pytest.raises(Forbidden, match="does not name the tool soc/resources/read") as refused:
        await read(house, mandate)
    assert [policy for policy, _ in refused.value.reasons] == ["guardrail-6-outside-mandate"]
    for named in ("m-none", ""):
        with pytest.raises(Forbidden, match="no mandate"):
            await read(house, named)
    assert [entry["verdict"] for entry in await reads(house)] == ["denied"] * 3
    with pytest.raises(InvalidInput, match="2 live mandates"):
        await read(house)


async def test_reads_spend_the_budget_of_actions_together_with_calls(house: Any) -> None:
    mandate = await grant(house, budgets=Budgets(actions=2))
    await read(house, mandate)
    call = house.call("search", query="x")
    call.mandate = mandate
    assert (await house.gate.propose(house.agent, call)).record.state is State.SUCCEEDED
    with pytest.raises(Forbidden, match="the budget of 2 actions is spent"):
        await read(house, mandate)
    assert [entry["verdict"] for entry in await reads(house)] == ["free", "denied"]


async def test_who_read_a_resource_does_not_respond_alone(house: Any) -> None:
    await read(house)
    record = (await house.gate.propose(house.agent, house.call("isolate", host="h1"))).record
    assert record.oversight is Oversight.TWO_KEY
    assert "guardrail-4-detect-and-respond" in [reason.policy for reason in record.reasons]


@pytest.mark.parametrize(
    ("scope", "subject"), [(Scope.EVERYTHING, ""), (Scope.AGENT, "responder"), (Scope.TOOL, str(RESOURCE))]
)
async def test_while_stopped_only_reads_that_the_policy_names_leave(house: Any, scope: Scope, subject: str) -> None:
    await house.gate.stop(house.people["ana"], scope, subject, "odd behaviour")
    with pytest.raises(Forbidden, match="pressed stop"):
        await read(house)
    assert [entry["verdict"] for entry in await reads(house)] == ["denied"]
    pack = load_pack("standard")
    named = (
        '@id("read-while-stopped") @why("the notes can be read while stopped") '
        'permit (principal, action == Action::"read_while_stopped", resource == Tool::"soc/resources/read");'
    )
    house.ctx.policy = Policy.load(pack.schema, pack.guardrails, {**pack.sources, "stop.cedar": named})
    await read(house)
    assert [entry["verdict"] for entry in await reads(house)] == ["denied", "free"]


class Profiled:
    """The house's knowledge, and a profile for reading resources."""

    def __init__(self, knowledge: Any, profile: Profile) -> None:
        self._knowledge = knowledge
        self._profile = profile

    def profile_named(self, tool: ToolRef) -> Profile | None:
        return self._profile if tool == RESOURCE else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._knowledge, name)


async def test_a_read_that_its_profile_calls_sensitive_needs_a_mandate_that_names_it(house: Any) -> None:
    sensitive = Profile(
        tool="resources/read",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=frozenset({Touches.SECRETS}),
    )
    house.ctx.knowledge = Profiled(house.ctx.knowledge, sensitive)
    with pytest.raises(Forbidden, match="it would take one_key, and such a read can't wait for keys"):
        await read(house)
    mandate = await grant(house, objects=(f"resource:{URI}",))
    await read(house, mandate)
    with pytest.raises(Forbidden, match="one_key"):
        await read(house, mandate, subject="file:///case/other")
    assert [entry["verdict"] for entry in await reads(house)] == ["one_key", "free", "one_key"]
