"""Narrowing: a person makes a held action smaller, and it goes the whole way in as what it now is."""

from typing import Any

import pytest
from tests.unit.gate import conftest as soc

from keyturn.core.action import Narrowing, digest_of
from keyturn.core.execution import State
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, Step, TargetRule
from keyturn.errors import Conflict, Forbidden, InvalidArguments
from keyturn.gate import MandateDraft
from keyturn.gate.records import Role
from keyturn.tools.functions import FunctionTools

House = Any
RULE = (TargetRule("hosts", "host"),)
PROFILES = {
    "contain": Profile(
        tool="contain", stage=Stage.RESPOND, reversible=Reversible.HARD, targets=RULE, basis=Basis.REVIEWED
    ),
    "mark": Profile(
        tool="mark",
        stage=Stage.RESPOND,
        reversible=Reversible.REVERSIBLE,
        targets=RULE,
        inverse=Step("contain", {"hosts": "$arguments.hosts"}),
        basis=Basis.REVIEWED,
    ),
    "erase": Profile(tool="erase", stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, targets=RULE,
                     by_hand="restore it", basis=Basis.REVIEWED),
}  # fmt: skip
SCHEMA = {"type": "object", "properties": {"hosts": {"type": "array"}, "wipe": {"type": "boolean"}}}


class Many(soc.Files):
    """Tools with many targets; one whose argument makes it graver."""

    def profile(self, definition: Any, arguments: Any) -> Profile:
        if definition.tool.name == "erase" and arguments.get("wipe"):
            return Profile(
                tool="erase", stage=Stage.RESPOND, reversible=Reversible.IRREVERSIBLE, targets=RULE,
                basis=Basis.REVIEWED,
            )  # fmt: skip
        return PROFILES.get(definition.tool.name, WORST)


@pytest.fixture
def ran(house: House) -> list[list[str]]:
    """The hosts that were reached; the house's agent may touch any host, five within the blast radius."""
    calls: list[list[str]] = []

    def reach(hosts: list[str] | None = None, wipe: bool = False) -> dict[str, Any]:
        calls.append(hosts or ["all"])
        return {"done": True}

    house.ctx.tools = FunctionTools("soc", dict.fromkeys(PROFILES, (reach, SCHEMA)))
    house.ctx.knowledge = Many()
    return calls


async def held(house: House, tool: str = "contain", **arguments: Any) -> Any:
    record = (await house.gate.propose(house.agent, house.call(tool, **arguments))).record
    assert record.state is State.HELD, record
    return record


async def test_the_smaller_action_is_signed_as_what_it_now_is_by_somebody_else(house: House, ran: list[Any]) -> None:
    record = await held(house, hosts=["h1", "h2", "h3"])
    await house.gate.turn(house.people["olga"], record.id, record.digest)
    small = await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h2"]})
    before = await house.gate.look(house.agent, record.id)
    assert (before.state, before.ended_by) == (State.WITHDRAWN, "ana")
    assert before.ended_because == f"narrowed by ana to {small.id}"
    assert (small.state, small.agent, small.hold.keys) == (State.HELD, "responder", ())
    seen = await house.gate.dossier.read(house.people["bob"], small.id)
    assert seen.action.narrowed == Narrowing(record.id, ("ana",))
    assert b'"narrowed"' in seen.content
    assert digest_of(seen.content) == small.digest
    assert small.digest != record.digest
    assert seen.action.model_output == (await house.gate.story(house.agent, record.id)).action.model_output

    with pytest.raises(Conflict, match="another digest"):
        await house.gate.turn(house.people["bob"], small.id, record.digest)
    alone = await house.gate.turn(house.people["ana"], small.id, small.digest)
    assert alone.state is State.HELD, "who narrowed it is not independent"
    await house.gate.turn(house.people["bob"], small.id, small.digest)
    assert (await house.until(small.id)).state is State.SUCCEEDED
    assert ran == [["h2"]]


async def test_it_is_decided_anew(house: House, ran: list[Any]) -> None:
    wide = await held(house, hosts=[f"h{n}" for n in range(6)])
    assert wide.oversight_word == "two_key", "more targets than the budget"
    small = await house.gate.dossier.narrow(house.people["ana"], wide.id, {"hosts": ["h1", "h2"]})
    assert small.oversight_word == "one_key"


async def test_what_would_run_before_a_look_still_takes_a_key_once_a_person_changed_it(
    house: House, ran: list[Any]
) -> None:
    wide = await held(house, "mark", hosts=[f"h{n}" for n in range(6)])
    small = await house.gate.dossier.narrow(house.people["ana"], wide.id, {"hosts": ["h1"]})
    assert (small.state, small.oversight_word) == (State.HELD, "one_key")
    assert small.reasons[-1].policy == "narrowed"
    assert ran == []


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("contain", {"hosts": ["h1", "h9"]}, "does not name the target host:h9"),
        ("contain", {"hosts": ["h1", "h2"]}, "same arguments"),
        ("contain", {"hosts": []}, "no target would be left"),
        ("contain", {}, "no target would be left"),
        ("contain", {"hosts": "h1\u200b"}, "hosts"),
        ("erase", {"hosts": ["h1"], "wipe": True}, "graver"),
        ("contain", {"hosts": ["h1"], "wipe": False}, "more than its targets"),
        ("contain", {"hosts": ["h1", "h1"]}, "more than its targets"),
    ],
)
async def test_what_is_no_smaller_is_refused_and_the_original_still_waits(
    house: House, ran: list[Any], tool: str, arguments: dict[str, Any], why: str
) -> None:
    record = await held(house, tool, hosts=["h1", "h2"])
    with pytest.raises(InvalidArguments, match=why):
        await house.gate.dossier.narrow(house.people["ana"], record.id, arguments)
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD


@pytest.mark.parametrize(
    "arguments",
    [
        {"hosts": ["h1"], "duration": 315_360_000, "only": "evil.exe"},
        {"hosts": ["h1"], "duration": 30, "only": "evil.exe"},
        {"hosts": ["h1"], "duration": 60},
        {"hosts": ["h1"], "duration": 60, "only": "evil.exe", "force": True},
        {"hosts": ["h1", "h2"], "duration": 30, "only": "evil.exe"},
        {"hosts": ["h1"], "duration": True, "only": "evil.exe"},
    ],
)
async def test_what_is_no_target_stays_as_it_is(house: House, ran: list[Any], arguments: dict[str, Any]) -> None:
    record = await held(house, hosts=["h1", "h2"], duration=60, only="evil.exe")
    with pytest.raises(InvalidArguments, match="more than its targets"):
        await house.gate.dossier.narrow(house.people["ana"], record.id, arguments)
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD
    fewer = {"hosts": ["h2"], "duration": 60, "only": "evil.exe"}
    small = await house.gate.dossier.narrow(house.people["ana"], record.id, fewer)
    assert (await house.gate.story(house.people["ana"], small.id)).action.arguments == fewer


async def test_what_would_be_denied_is_not_narrowed_to(house: House, ran: list[Any]) -> None:
    record, other = await held(house, hosts=["h1", "h2"]), await held(house, hosts=["h2"])
    await house.gate.reject(house.people["bob"], other.id, "not this one")
    with pytest.raises(Forbidden, match="already refused"):
        await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h2"]})
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD


async def test_the_last_open_hold_of_a_budget_can_be_narrowed(house: House, ran: list[Any]) -> None:
    for n in range(9):
        await held(house, hosts=[f"x{n}"])
    record = await held(house, hosts=["h1", "h2"])
    small = await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h1"]})
    assert small.state is State.HELD


async def test_who_may_narrow_and_what(house: House, ran: list[Any]) -> None:
    record = await held(house, hosts=["h1", "h2"])
    await house.gate.add_person(house.people["olga"], "aud", (Role.AUDITOR,))
    people = {p.id: p for p in await house.gate.people(house.people["olga"])}
    with pytest.raises(Forbidden):
        await house.gate.dossier.narrow(people["aud"], record.id, {"hosts": ["h1"]})
    await held(house, hosts=["h1"])
    with pytest.raises(Conflict, match="waits already"):
        await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h1"]})
    await house.gate.withdraw(house.agent, record.id, "no longer")
    with pytest.raises(Conflict, match="withdrawn, not held"):
        await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h2"]})


async def test_everybody_who_narrowed_is_involved(house: House, ran: list[Any]) -> None:
    record = await held(house, hosts=["h1", "h2", "h3"])
    smaller = await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h1", "h2"]})
    smallest = await house.gate.dossier.narrow(house.people["bob"], smaller.id, {"hosts": ["h1"]})
    seen = await house.gate.dossier.read(house.people["ana"], smallest.id)
    assert seen.action.narrowed == Narrowing(smaller.id, ("ana", "bob"))
    proposed = next(e for e in await house.entries() if e["kind"] == "proposed" and e["action"] == smallest.id)
    assert proposed["narrowed"] == {"of": smaller.id, "by": ["ana", "bob"]}
    for name in ("ana", "bob"):
        record = await house.gate.turn(house.people[name], smallest.id, smallest.digest)
    assert record.state is State.HELD, "both narrowed it, so neither is independent"


async def test_a_mandate_that_lost_the_agent_meanwhile_denies(house: House, ran: list[Any]) -> None:
    record = await held(house, hosts=["h1", "h2"])
    await house.gate.revoke_mandate(house.people["lena"], house.mandate, "over")
    await house.gate.grant(
        house.people["lena"],
        MandateDraft(agent="responder", case="INC-2", purpose="other", tools=("soc/*",), targets=("host:*",)),
    )
    with pytest.raises(Forbidden, match="mandate is revoked"):
        await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h1"]})


async def test_narrowing_a_drill_ends_it_and_makes_nothing_of_it(house: House, ran: list[Any]) -> None:
    """A smaller action of a drill's would be one that no agent proposed."""
    before = await held(house, hosts=["h1", "h2"])
    await house.gate.reject(house.people["bob"], before.id, "no")
    record = await house.gate.care.drill(house.people["olga"])
    after = await house.gate.dossier.narrow(house.people["ana"], record.id, {"hosts": ["h1"]})
    assert (after.id, after.state) == (record.id, State.WITHDRAWN)
    assert "this was a drill" in after.ended_because
    assert (await house.gate.quorum.queue(house.people["ana"])).total == 0
