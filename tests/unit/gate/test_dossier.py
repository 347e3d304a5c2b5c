"""What a person sees of an action before they turn a key."""

from typing import Any

import msgspec
import pytest
from tests.hostile import corpus

from keyturn.core.action import ModelOutput, digest_of
from keyturn.core.execution import State
from keyturn.core.sentence import spoken
from keyturn.errors import NotFound
from keyturn.gate.provenance import Origin

House = Any


async def hold(house: House, name: str = "isolate", host: str = "h1") -> Any:
    proposed = await house.gate.propose(house.agent, house.call(name, host=host))
    assert proposed.record.state is State.HELD, proposed.record
    return proposed.record


async def test_a_dossier_says_what_happens_to_what_and_how_it_is_taken_back(house: House) -> None:
    record = await hold(house, host="dc01")
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    assert digest_of(seen.content) == record.digest
    assert spoken(seen.sentence) == "Change something with “soc/isolate”: the host “dc01”."
    assert (seen.back.tool, seen.back.arguments) == ("lift", {"host": "dc01"})
    assert [(t.target.id, t.asset.crown_jewel, t.in_mandate) for t in seen.targets] == [("dc01", True, True)]
    assert seen.blast.crown_jewels == (seen.targets[0].target,)
    assert (seen.agent.owner, seen.agent.purpose) == ("olga", "contains hosts")
    assert "token_hash" not in {field.name for field in msgspec.structs.fields(seen.agent)}
    assert (seen.mandate.live, seen.mandate.remaining_ms) == (True, 3600 * 1000)
    assert {b.name: b.left for b in seen.mandate.budgets} == {
        "actions": 10_000, "responds": 20, "targets": 5, "open_holds": 9,
    }  # fmt: skip
    assert [reason.policy for reason in seen.record.reasons][-1] == "standard-two-keys"
    assert seen.still == "one lead or owner and one other person"
    assert seen.verdict.word == "two_key"
    assert (seen.check.tool, seen.check.arguments) == ("status", {"host": "dc01"})
    assert not seen.definition_changed
    assert seen.due_at == record.hold.expires_at


async def test_what_the_keys_still_lack_is_said_after_each(house: House) -> None:
    record = await hold(house)
    await house.gate.turn(house.people["olga"], record.id, record.digest)
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    assert seen.still.startswith("the only key is from the agent's owner, the mandate's issuer, the policy's last ")
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    assert (await house.gate.dossier.read(house.people["ana"], record.id)).still == ""


async def test_the_facts_are_those_of_now(house: House) -> None:
    record = await hold(house)
    await house.gate.revoke_mandate(house.people["lena"], house.mandate, "enough")
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    assert (seen.mandate.live, seen.mandate.remaining_ms) == (False, 0)
    assert seen.verdict.denied


async def test_earlier_steps_are_the_newest_with_a_count_of_all(house: House) -> None:
    for n in range(40):
        await house.gate.propose(house.agent, house.call("search", query=f"q{n}"))
    record = await hold(house)
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    assert (seen.steps_total, len(seen.steps)) == (40, 30)
    assert (seen.steps[0].tool, seen.steps[0].oversight) == ("soc/search", "free")
    assert seen.steps[0].seq > seen.steps[-1].seq


async def test_there_is_no_dossier_of_nothing(house: House) -> None:
    with pytest.raises(NotFound):
        await house.gate.dossier.read(house.people["ana"], "a0")


async def test_hostile_text_in_every_field_of_an_agent_still_makes_a_dossier(house: House) -> None:
    for hostile in corpus():
        call = house.call("isolate", host=hostile.text[:300_000])
        call.model_output = ModelOutput("because " + hostile.text[:15_000], (hostile.text[:1_000],) * 64)
        record = (await house.gate.propose(house.agent, call)).record
        seen = await house.gate.dossier.read(house.people["ana"], record.id)
        assert seen.action.arguments == call.arguments, hostile.name
        assert seen.action.model_output == call.model_output
        assert seen.provenance.values[0].origin in (Origin.NOWHERE, Origin.TRIVIAL, Origin.ARGUMENT)
        assert sum(len(piece.text) for piece in seen.sentence) < 1_000
