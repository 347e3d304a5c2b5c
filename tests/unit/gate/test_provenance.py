"""Where each value of a call was seen before, and what an echo does not prove."""

from typing import Any

import msgspec
import pytest

from keyturn.gate import MandateDraft
from keyturn.gate.provenance import MOST_TRACED, Origin, Traced
from keyturn.tools.functions import FunctionTools

House = Any
ANY: dict[str, Any] = {"type": "object"}


class World:
    """What the tools answer, set by each test."""

    def __init__(self) -> None:
        self.answer: Any = {"alerts": []}

    def search(self, **_: Any) -> Any:
        return self.answer


@pytest.fixture
def world(house: House) -> World:
    made = World()
    tools = dict.fromkeys(("search", "status", "secret", "isolate"), (made.search, ANY))
    house.ctx.tools = FunctionTools("soc", tools)
    return made


async def read(house: House, world: World, answer: Any, **arguments: Any) -> Any:
    """A free read that the world answers so; its record, once it is durable."""
    world.answer = answer
    record = (await house.gate.propose(house.agent, house.call("search", **arguments))).record
    await house.store.write(lambda tx: None)
    return record


async def traced(house: House, **arguments: Any) -> dict[str, Traced]:
    record = (await house.gate.propose(house.agent, house.call("isolate", **arguments))).record
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    return {value.path: value for value in seen.provenance.values}


async def test_a_value_that_a_tool_showed_names_the_tool_and_the_entry(house: House, world: World) -> None:
    found = await read(house, world, {"alerts": [{"host": "ws-0142", "note": 'says "hi"\nüber'}]}, query="alerts")
    values = await traced(house, host="ws-0142", note='says "hi"\nüber')
    for path in ("host", "note"):
        seen = values[path]
        assert (seen.origin, seen.action, seen.tool) == (Origin.RESULT, found.id, "soc/search"), seen
        assert seen.words == "a result of soc/search"
    outcome = next(e for e in await house.entries() if e["kind"] == "outcome" and e["action"] == found.id)
    assert values["host"].seq == outcome["seq"]


async def test_what_nobody_showed_is_the_agents_own(house: House, world: World) -> None:
    await read(house, world, {"alerts": [{"host": "ws-0142"}]}, query="alerts")
    values = await traced(house, host="ws-0199", deep={"list": ["10.9.9.9", True, None, 7]})
    assert values["host"].origin is Origin.NOWHERE
    assert values["host"].words.startswith("the agent introduced this")
    assert values["deep.list.0"].origin is Origin.NOWHERE
    assert {values[f"deep.list.{n}"].origin for n in (1, 2, 3)} == {Origin.TRIVIAL}


async def test_an_echo_of_the_agents_own_question_proves_nothing(house: House, world: World) -> None:
    asked = await read(house, world, {"host": "dc01", "exists": True}, host="dc01")
    seen = (await traced(house, host="dc01"))["host"]
    assert (seen.origin, seen.action) == (Origin.ARGUMENT, asked.id)
    assert seen.words == "responder introduced this as an argument of soc/search, before any tool had shown it"


@pytest.mark.parametrize(
    ("shown", "value", "origin"),
    [
        ("10.0.0.12", "10.0.0.1", Origin.NOWHERE),
        ("110.0.0.1", "10.0.0.1", Origin.NOWHERE),
        ("10.0.0.1:443", "10.0.0.1", Origin.RESULT),
        ("see\ndc013", "dc01", Origin.NOWHERE),
        ("see\ndc01", "dc01", Origin.RESULT),
        ("DC01", "dc01", Origin.NOWHERE),
        ("dc0\u200b1", "dc01", Origin.NOWHERE),
        ("d\u0441 01", "dc 01", Origin.NOWHERE),
        ('{"inner": "say \\"x1\\""}', 'say "x1"', Origin.RESULT),
        ("😀 host", "😀 host", Origin.RESULT),
        ("C:\\Windows\\x.exe", "C:\\Windows\\x.exe", Origin.RESULT),
    ],
)
async def test_only_the_whole_value_counts(house: House, world: World, shown: str, value: str, origin: Origin) -> None:
    await read(house, world, {"text": shown}, query="q")
    assert (await traced(house, host=value))["host"].origin is origin


async def test_what_people_wrote_comes_first(house: House, world: World) -> None:
    await house.gate.grant(
        house.people["lena"],
        MandateDraft(
            agent="responder", case="INC-77", purpose="contain ws-0500 of jdoe", tools=("soc/*",),
            targets=("host:ws-0142", "host:*"), objects=("secret:vault/edr",),
        ),
    )  # fmt: skip
    mandates = await house.gate.mandates(house.agent)
    call = house.call(
        "isolate", host="ws-0142", a="vault/edr", b="ws-0500", c="INC-77", d="contain ws-0500 of", e="*", f="ws-050"
    )
    call.mandate = next(m.id for m in mandates if m.case == "INC-77")
    record = (await house.gate.propose(house.agent, call)).record
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    origins = {value.path: value.origin for value in seen.provenance.values}
    assert origins == {
        "host": Origin.MANDATE, "a": Origin.MANDATE, "b": Origin.MANDATE, "c": Origin.CASE, "d": Origin.MANDATE,
        "e": Origin.TRIVIAL, "f": Origin.NOWHERE,
    }  # fmt: skip


async def test_another_cases_results_are_not_searched(house: House, world: World) -> None:
    await house.gate.grant(
        house.people["lena"], MandateDraft(agent="responder", case="INC-2", purpose="other", tools=("soc/*",))
    )
    mandates = {m.case: m.id for m in await house.gate.mandates(house.agent)}
    world.answer = {"host": "ws-0142"}
    call = house.call("search", query="q")
    call.mandate = mandates["INC-2"]
    await house.gate.propose(house.agent, call)
    call = house.call("isolate", host="ws-0142")
    call.mandate = mandates["INC-1"]
    record = (await house.gate.propose(house.agent, call)).record
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    assert seen.provenance.values[0].origin is Origin.NOWHERE


async def test_what_comes_after_the_proposal_does_not_count(house: House, world: World) -> None:
    record = (await house.gate.propose(house.agent, house.call("isolate", host="ws-0142"))).record
    await read(house, world, {"host": "ws-0142"}, query="q")
    seen = await house.gate.dossier.read(house.people["ana"], record.id)
    assert seen.provenance.values[0].origin is Origin.NOWHERE


async def test_too_many_values_are_said_to_be_untraced(house: House, world: World) -> None:
    values = await traced(house, hosts=[f"host-{n:04}" for n in range(MOST_TRACED + 5)])
    origins = [value.origin for value in values.values()]
    assert (origins.count(Origin.NOWHERE), origins.count(Origin.UNTRACED)) == (MOST_TRACED, 5)


@pytest.mark.parametrize(("keep", "origin"), [(65_536, Origin.RESULT), (100, Origin.NOWHERE), (0, Origin.NOWHERE)])
async def test_a_free_reads_result_is_kept_as_far_as_the_setting_says(
    house: House, world: World, keep: int, origin: Origin
) -> None:
    house.ctx.settings = msgspec.structs.replace(house.ctx.settings, keep_read_result=keep)
    found = await read(house, world, {"host": "ws-0142", "more": "x" * 200}, query="q")
    assert (await house.gate.result(house.agent, found.id) is None) is (keep < 200)
    assert (await traced(house, host="ws-0142"))["host"].origin is origin


async def test_what_a_free_read_shows_of_secrets_is_never_kept(house: House, world: World) -> None:
    await house.gate.grant(
        house.people["lena"],
        MandateDraft(
            agent="responder", case="INC-3", purpose="the key", tools=("soc/*",), objects=("soc/secret",)
        ),
    )  # fmt: skip
    world.answer = {"secret": "hunter2-hunter2"}
    call = house.call("secret")
    call.mandate = next(m.id for m in await house.gate.mandates(house.agent) if m.case == "INC-3")
    proposed = await house.gate.propose(house.agent, call)
    assert proposed.answer is not None
    assert proposed.record.oversight_word == "free"
    await house.store.write(lambda tx: None)
    assert await house.gate.result(house.agent, proposed.record.id) is None


PERIODIC = {
    "one letter": ("a" * 1_000, "a" * 1_000_000),
    "long": ("a" * 100_000, "a" * 400_000),
    "a word's beginning": ("-ab" * 333 + "-a", "-ab" * 300_000),
    "never found": ("a" * 1_000 + "b", "a" * 1_000_000),
}


@pytest.mark.parametrize("name", PERIODIC)
async def test_texts_made_to_be_slow_do_not_hold_up_a_page(house: House, world: World, name: str) -> None:
    needle, text = PERIODIC[name]
    await read(house, world, {"text": text}, query="alerts")
    many = range(min(40, 800_000 // len(needle)))
    values = await traced(house, host="h1", last=needle, **{f"n{number}": f"{needle}{number}" for number in many})
    assert {values[f"n{number}"].origin for number in many} <= {Origin.NOWHERE, Origin.UNTRACED}
    assert all("not looked up" in seen.words for seen in values.values() if seen.origin is Origin.UNTRACED)


async def test_part_of_a_cases_name_is_not_from_the_case(house: House, world: World) -> None:
    values = await traced(house, host="INC-1", note="INC", part="IN")
    assert values["host"].origin is Origin.CASE
    assert values["note"].origin is Origin.CASE
    assert values["part"].origin is Origin.TRIVIAL
