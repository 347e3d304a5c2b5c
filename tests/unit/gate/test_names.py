"""Names, reasons and mandates that the gate refuses, whoever asks."""

from typing import Any

import pytest

from keyturn.errors import Conflict, InvalidInput
from keyturn.gate import MandateDraft
from keyturn.gate.records import Role


async def test_a_name_is_one_persons_or_one_agents(house: Any) -> None:
    olga, lena = house.people["olga"], house.people["lena"]
    with pytest.raises(Conflict, match="ana is already ana, a person"):
        await house.gate.add_agent(lena, "Ana", "olga", "looks")
    with pytest.raises(Conflict, match="responder is an agent already"):
        await house.gate.add_agent(lena, "responder", "olga", "looks")
    with pytest.raises(Conflict, match="responder is an agent already"):
        await house.gate.add_person(olga, "zoe", (Role.ANALYST,), ("Responder",))


async def test_a_name_that_looks_like_another_is_refused(house: Any) -> None:
    olga, lena = house.people["olga"], house.people["lena"]
    await house.gate.add_person(olga, "cop", (Role.ANALYST,), ("axe",))
    for taken in ("сор", "ахе"):  # all Cyrillic
        with pytest.raises(Conflict, match="looks like"):
            await house.gate.add_person(olga, taken, (Role.ANALYST,))
        with pytest.raises(Conflict, match="looks like"):
            await house.gate.add_agent(lena, taken, "olga", "looks")
    with pytest.raises(InvalidInput, match="mixes alphabets"):
        await house.gate.add_person(olga, "b\u0435n", (Role.ANALYST,))
    assert (await house.gate.add_person(olga, "вера", (Role.ANALYST,))).id == "вера"


@pytest.mark.parametrize(
    "name", ["0lga", "\u1d00na", "lena.", "_bob", "re\u0455p0nder", "GATE", "po1icy", "check", "nobody yet"]
)
async def test_a_name_that_reads_like_another_or_like_the_gate_is_refused(house: Any, name: str) -> None:
    olga, lena = house.people["olga"], house.people["lena"]
    with pytest.raises((Conflict, InvalidInput)):
        await house.gate.add_person(olga, name, (Role.ANALYST,))
    with pytest.raises((Conflict, InvalidInput)):
        await house.gate.access.invite(olga, name, (Role.ANALYST,))
    with pytest.raises((Conflict, InvalidInput)):
        await house.gate.add_agent(lena, name, "olga", "looks")


@pytest.mark.parametrize("reason", ["", "  ", "\u200b", "\u3164\u2060", "...", "x" * 2_001], ids=ascii)
async def test_a_reason_that_says_nothing_is_none(house: Any, reason: str) -> None:
    record = (await house.gate.propose(house.agent, house.call("isolate", host="h1"))).record
    with pytest.raises(InvalidInput, match="a reason is needed"):
        await house.gate.reject(house.people["ana"], record.id, reason)
    silent = house.call("isolate", host="h2")
    silent.model_output = type(silent.model_output)("\u200b\u2060")
    with pytest.raises(InvalidInput, match="says not why"):
        await house.gate.propose(house.agent, silent)


async def test_what_is_over_is_said_in_words(house: Any) -> None:
    record = (await house.gate.propose(house.agent, house.call("isolate", host="h1"))).record
    await house.gate.reject(house.people["ana"], record.id, "no")
    with pytest.raises(Conflict, match="an action that is refused can't be refused"):
        await house.gate.reject(house.people["ana"], record.id, "no")


@pytest.mark.parametrize(
    "more",
    [{"tools": ("soc",)}, {"targets": ("h1",)}, {"objects": ("x",)}, {"case": "INC-1 "}, {"purpose": "a\u202eb"}],
)
async def test_neither_a_person_nor_an_agent_issues_a_mandate_that_covers_nothing(
    house: Any, more: dict[str, Any]
) -> None:
    fields = {"agent": "responder", "case": "INC-1", "purpose": "look", "tools": ("soc/search",), "lifetime_s": 60}
    before = len(await house.entries())
    with pytest.raises(InvalidInput):
        await house.gate.grant(house.people["lena"], MandateDraft(**{**fields, **more}))
    with pytest.raises(InvalidInput):
        await house.gate.narrow(house.agent, house.mandate, MandateDraft(**{**fields, **more}))
    assert len(await house.entries()) == before


async def test_the_most_tools_that_a_mandate_may_name_can_be_recorded(house: Any) -> None:
    quoted = tuple(f"soc/{n:03}" + '"' * 53 for n in range(500))
    draft = MandateDraft(agent="responder", case='"' * 200, purpose="look", tools=quoted, lifetime_s=60)
    assert len((await house.gate.grant(house.people["lena"], draft)).tools) == 500
