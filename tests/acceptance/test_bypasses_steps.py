"""agentguard#862, whole: write a script, then run it; many small steps that add up, under one mandate or many."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.acceptance.conftest import kinds, turn
from tests.unit.gate.conftest import Call, House, build

from keyturn.catalogue import Catalogue
from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.mandate import Budgets
from keyturn.errors import KeyturnError
from keyturn.gate import MandateDraft
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall
from keyturn.knowledge import FileKnowledge
from keyturn.tools.functions import FunctionTools

ANY: dict[str, Any] = {"type": "object"}
SCRIPT = "/case/clean.sh"


class Shell:
    """A folder of files, and an executor that runs one of them."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.ran: list[str] = []

    def write_file(self, path: str, content: str) -> dict[str, Any]:
        self.files[path] = content
        return {"written": path}

    def read_text_file(self, path: str) -> dict[str, Any]:
        return {"content": self.files[path]}

    def read_multiple_files(self, paths: list[str]) -> dict[str, Any]:
        return {"content": [self.files.get(path, "") for path in paths]}

    def edr_run_script(self, hostname: str, script: str) -> dict[str, Any]:
        self.ran.append(self.files[script])
        return {"ran": script}


class Several:
    """Tools of several upstreams."""

    def __init__(self, *tools: FunctionTools) -> None:
        self._by_name = {name: each for each in tools for name in each.upstreams()}

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        return await self._by_name[call.tool.upstream].call(call, caller)

    def definition(self, tool: ToolRef) -> Definition | None:
        return self._by_name[tool.upstream].definition(tool)

    def upstreams(self) -> frozenset[str]:
        return frozenset(self._by_name)

    def names(self, upstream: str) -> frozenset[str] | None:
        return self._by_name[upstream].names(upstream)

    async def refresh(self, upstream: str) -> None:
        await self._by_name[upstream].refresh(upstream)


@pytest.fixture
async def shell(house: House) -> Shell:
    """The house's tools replaced by a file server and an executor, each with its packaged profile."""
    made = Shell()
    files = {name: (getattr(made, name), ANY) for name in ("write_file", "read_text_file", "read_multiple_files")}
    house.ctx.tools = Several(
        FunctionTools("fs", files),
        FunctionTools("edr", {"edr_run_script": (made.edr_run_script, ANY)}),
        FunctionTools("own", {"run": (made.edr_run_script, ANY)}),
    )
    servers = {"fs": "mcp-server-filesystem", "edr": "keyturn-range"}
    house.ctx.knowledge = FileKnowledge(Catalogue.load(), servers, {})
    return made


async def grant(house: House, **more: Any) -> str:
    draft = {"agent": "responder", "case": "INC-2", "purpose": "contain", "tools": ("*",), "targets": ("*",)}
    return (await house.gate.grant(house.people["lena"], MandateDraft(**(draft | more)))).id


async def propose(house: House, mandate: str, tool: str, **arguments: Any) -> Any:
    call = Call(ToolRef.parse(tool), arguments, mandate, ModelOutput("because of alert 17"))
    return (await house.gate.propose(house.agent, call)).record


@pytest.mark.parametrize("executor", ["edr/edr_run_script", "own/run"])
async def test_a_script_that_was_written_first_takes_two_keys_to_run(house: House, shell: Shell, executor: str) -> None:
    """One person who let a file be written has not let it run, whoever profiled the executor."""
    mandate = await grant(house)
    writing = await propose(house, mandate, "fs/write_file", path=SCRIPT, content="rm -rf /")
    assert writing.oversight is Oversight.ONE_KEY
    await turn(house, "ana", writing)
    assert (await house.until(writing.id)).state is State.SUCCEEDED
    running = await propose(house, mandate, executor, hostname="h1", script=SCRIPT)
    assert running.oversight is Oversight.TWO_KEY
    assert (await turn(house, "ana", running)).state is State.HELD
    await house.gate.sweep()
    assert shell.ran == []
    await turn(house, "lena", running)
    assert (await house.until(running.id)).state is State.SUCCEEDED
    assert shell.ran == ["rm -rf /"]


async def test_a_script_in_small_pieces_runs_out_of_budget(house: House, shell: Shell) -> None:
    mandate = await grant(house, budgets=Budgets(responds=3))
    for number in range(3):
        piece = await propose(house, mandate, "fs/write_file", path=SCRIPT, content="rm -rf /"[: 3 * number])
        await turn(house, "ana", piece)
        await house.until(piece.id)
    for tool, arguments in (
        ("fs/write_file", {"path": SCRIPT, "content": "rm -rf /"}),
        ("edr/edr_run_script", {"hostname": "h1", "script": SCRIPT}),
    ):
        denied = await propose(house, mandate, tool, **arguments)
        assert (denied.state, denied.outside) == (State.DENIED, ("the budget of 3 changes is spent",))
    assert shell.ran == []


async def test_keys_that_were_turned_early_do_not_carry_past_the_blast_radius(house: House) -> None:
    """Each hold looked small when it was opened; at its release the others have run."""
    mandate = await grant(house, budgets=Budgets(targets=2))
    held = [await propose(house, mandate, "soc/isolate", host=host) for host in ("h1", "h2", "h3")]
    assert {record.oversight for record in held} == {Oversight.ONE_KEY}
    for record in held[:2]:
        await turn(house, "ana", record)
        assert (await house.until(record.id)).state is State.SUCCEEDED
    await turn(house, "ana", held[2])
    await house.gate.sweep()
    third = await house.gate.look(house.agent, held[2].id)
    assert (third.state, third.oversight) == (State.HELD, Oversight.TWO_KEY)
    assert "held_again" in await kinds(house, third.id)
    assert house.fleet.changes == [("isolate", "h1"), ("isolate", "h2")]
    await turn(house, "lena", third)
    assert (await house.until(third.id)).state is State.SUCCEEDED


async def test_a_chain_over_several_systems_ends_in_two_keys(house: House, shell: Shell) -> None:
    """Three tools on three systems, none of them a read: the fourth small step is no small step."""
    mandate = await grant(house)
    first = await propose(house, mandate, "fs/write_file", path=SCRIPT, content="x")
    assert first.oversight is Oversight.ONE_KEY
    await turn(house, "ana", first)
    await house.until(first.id)
    for executor in ("edr/edr_run_script", "own/run"):
        ran = await propose(house, mandate, executor, hostname="h1", script=SCRIPT)
        for person in ("ana", "lena"):
            await turn(house, person, ran)
        await house.until(ran.id)
    later = await propose(house, mandate, "fs/write_file", path=SCRIPT, content="y")
    assert later.oversight is Oversight.TWO_KEY
    assert "guardrail-7-long-chain" in [reason.policy for reason in later.reasons]


# Under many mandates: what is handed on is never more than there was


async def narrowed(house: House, parent: str, **more: Any) -> str:
    """A part of a mandate that the agent hands to itself."""
    same: dict[str, Any] = {"agent": "responder", "case": "INC-2", "targets": ("host:*",), "lifetime_s": 600}
    draft = MandateDraft(purpose="a part", tools=("soc/*",), **same, **more)
    return (await house.gate.narrow(house.agent, parent, draft)).id


async def test_changes_under_narrowed_mandates_spend_the_budget_that_they_were_narrowed_from(house: House) -> None:
    whole = await grant(house, budgets=Budgets(responds=2))
    parts = [await narrowed(house, whole, budgets=Budgets(responds=2)) for _ in range(3)]
    states = [(await propose(house, part, "soc/tag", host=f"h{number}")).state for number, part in enumerate(parts)]
    assert states == [State.CONFIRMING, State.CONFIRMING, State.DENIED]
    assert (await propose(house, whole, "soc/tag", host="h4")).state is State.DENIED
    assert (await propose(house, parts[0], "soc/search", query="x")).state is State.SUCCEEDED
    assert len(house.fleet.changes) == 2


async def test_targets_under_narrowed_mandates_add_up_to_one_blast_radius(house: House) -> None:
    whole = await grant(house, budgets=Budgets(targets=2))
    parts = [await narrowed(house, whole, budgets=Budgets(targets=2)) for _ in range(3)]
    verdicts = [
        (await propose(house, part, "soc/tag", host=f"h{number}")).oversight for number, part in enumerate(parts)
    ]
    assert verdicts == [Oversight.CONFIRM, Oversight.CONFIRM, Oversight.TWO_KEY]


async def test_holds_under_narrowed_mandates_are_one_queue(house: House) -> None:
    whole = await grant(house, budgets=Budgets(open_holds=3))
    parts = [await narrowed(house, whole, budgets=Budgets(open_holds=3)) for _ in range(4)]
    states = [(await propose(house, part, "soc/isolate", host=f"h{number}")).state for number, part in enumerate(parts)]
    assert states == [State.HELD] * 3 + [State.DENIED]


# Any steps at all

HOSTS = ("h1", "h2", "h3", "h4")
STEPS = st.lists(
    st.tuples(st.sampled_from(["tag", "isolate", "search"]), st.sampled_from(HOSTS), st.booleans()), max_size=14
)


async def play(folder: Path, steps: list[tuple[str, str, bool]], budgets: Budgets) -> tuple[list[Any], House]:
    """Take the steps; where the flag says so, one person turns a key on what is held. The actions, in order."""
    house = await build(folder / "keyturn.db")
    mandate = await grant(house, budgets=budgets)
    records = []
    for tool, host, keyed in steps:
        arguments = {"query": host} if tool == "search" else {"host": host}
        record = await propose(house, mandate, f"soc/{tool}", **arguments)
        if keyed and record.state is State.HELD:
            with contextlib.suppress(KeyturnError):  # a second key of the same person
                await turn(house, "ana", record)
            await house.gate.sweep()
        records.append(record)
    await house.gate.stop_running()
    house.store.close()
    return records, house


@settings(max_examples=20)
@given(steps=STEPS, responds=st.integers(0, 4), targets=st.integers(0, 3))
def test_one_person_never_lets_through_more_than_the_budgets(
    steps: list[tuple[str, str, bool]], responds: int, targets: int
) -> None:
    """However the steps are cut: changes and targets stay within the budgets, and after a look nobody acts alone."""
    with tempfile.TemporaryDirectory() as folder:
        records, house = asyncio.run(play(Path(folder), steps, Budgets(responds=responds, targets=targets)))
    changes = house.fleet.changes
    assert len(changes) <= responds
    assert len({host for _, host in changes}) <= targets
    looked = next((number for number, record in enumerate(records) if str(record.tool) == "soc/search"), len(records))
    assert len(changes) <= looked
    older = {record.id for record in records[:looked]}  # a hold that is asked for again is the same hold
    for record in (record for record in records[looked:] if record.id not in older):
        assert record.oversight in (Oversight.FREE, Oversight.TWO_KEY, None)
