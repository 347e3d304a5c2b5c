"""The gate without a wire: free actions a second from 64 callers, key to call, and 100,000 open holds.

    python benchmarks/bench_gate.py

SQLite in a temporary folder, ``synchronous=FULL``; the tools are functions of this process, so only the gate is
measured. "Recorded" means that the outcomes are durable too when the clock stops.
"""

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from keyturn.core.action import ModelOutput, Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Asset
from keyturn.core.mandate import Budgets
from keyturn.core.policy import Policy
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, TargetRule
from keyturn.gate import Context, Gate, GateSettings, MandateDraft
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall
from keyturn.gate.records import Agent, Person, Role
from keyturn.packs import load_pack
from keyturn.store import SqliteStore
from keyturn.tools.functions import FunctionTools

PROFILES = {
    "search": Profile(tool="search", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED),
    "isolate": Profile(
        tool="isolate",
        stage=Stage.RESPOND,
        reversible=Reversible.HARD,
        basis=Basis.REVIEWED,
        targets=(TargetRule("host", "host"),),
    ),
}


class Knowledge:
    """Two profiles, no inventory."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        """The profile of a function."""
        return PROFILES.get(definition.tool.name, WORST)

    def profile_named(self, tool: ToolRef) -> Profile | None:
        """The profile by name."""
        return PROFILES.get(tool.name)

    def asset(self, target: Target) -> Asset | None:
        """Nothing is known of any target."""
        return None

    def exposed(self, upstream: str) -> bool:
        """No credential is exposed."""
        return False


class WallClock:
    """The time."""

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class NobodyDies:
    """Every process is alive."""

    def alive(self, runner: str) -> bool:
        """Always."""
        return True


class Noting(FunctionTools):
    """Functions that note when a call leaves; a read may answer with more than nothing."""

    left_at = 0.0
    rows = 0

    def set_answer(self, size: int) -> None:
        """Have every read answer with about so many bytes from now on."""
        self.rows = size // 64

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        """Note the time, then call."""
        self.left_at = time.perf_counter()
        answer = await super().call(call, caller)
        if not self.rows or call.tool.name != "search":
            return answer
        number = int("".join(filter(str.isdigit, call.arguments.decode()))[:6] or 0)
        rows = [{"host": f"host-{number:04}-{row}", "state": "seen", "at": 1_790_000_000} for row in range(self.rows)]
        return ToolAnswer(msgspec.json.encode({"structuredContent": {"rows": rows}}), False)


class Call(msgspec.Struct, frozen=True):
    """A proposal."""

    tool: ToolRef
    arguments: dict[str, Any]
    mandate: str | None = None
    model_output: ModelOutput = ModelOutput("a benchmark")


def search(query: str) -> dict[str, Any]:
    """Find nothing."""
    return {"hits": [], "query": query}


def isolate(host: str) -> dict[str, Any]:
    """Change nothing."""
    return {"done": host}


async def build(folder: Path) -> tuple[Gate, Context, Noting, Agent, list[Person]]:
    """A gate with two people and an agent whose budgets do not end."""
    schema = {"type": "object"}
    tools = Noting("soc", {"search": (search, schema), "isolate": (isolate, schema)})
    texts = load_pack("standard")
    store = SqliteStore(folder / "bench.db")
    policy = Policy.load(texts.schema, texts.guardrails, texts.sources)
    ctx = Context(store, tools, Knowledge(), policy, WallClock(), NobodyDies(), "bench", GateSettings(sweep_s=3600))
    gate = Gate(ctx)
    await gate.start()
    owner = await gate.person_for((await gate.add_person(None, "olga", (Role.OWNER,))).token)
    people = [await gate.person_for((await gate.add_person(owner, n, (Role.LEAD,))).token) for n in ("ana", "bob")]
    issued = await gate.add_agent(owner, "bench", "olga", "measures")
    budgets = Budgets(actions=10**9, responds=10**9, targets=10**9, open_holds=10**9)
    await gate.grant(
        owner,
        MandateDraft(agent="bench", case="C", purpose="bench", tools=("soc/*",), targets=("*:*",), budgets=budgets),
    )
    return gate, ctx, tools, await gate.agent_for(issued.token), people


async def free_rate(gate: Gate, ctx: Context, agent: Agent, callers: int = 64, total: int = 12_000) -> float:
    """Free actions a second, decided and durably recorded."""

    async def one(number: int) -> None:
        for i in range(total // callers):
            await gate.propose(agent, Call(ToolRef("soc", "search"), {"query": f"user:{number} page:{i}"}))

    began = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(callers)))
    await ctx.store.write(lambda tx: None)
    return total // callers * callers / (time.perf_counter() - began)


async def key_to_call(gate: Gate, tools: Noting, agent: Agent, people: list[Person], times: int = 100) -> float:
    """Milliseconds from the last key's turning to the call leaving, median."""
    spans = []
    for i in range(times):
        record = (await gate.propose(agent, Call(ToolRef("soc", "isolate"), {"host": f"k{i}"}))).record
        assert record.state is State.HELD
        await gate.turn(people[0], record.id, record.digest)
        began = time.perf_counter()
        await gate.turn(people[1], record.id, record.digest)
        await gate.wait(agent, record.id, 10)
        spans.append((tools.left_at - began) * 1000)
    return statistics.median(spans)


async def many_holds(gate: Gate, agent: Agent, person: Person, count: int = 100_000) -> tuple[float, float]:
    """First page of the queue in milliseconds with so many open holds, and the memory they took in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def some(start: int) -> None:
        for i in range(start, count, 64):
            await gate.propose(agent, Call(ToolRef("soc", "isolate"), {"host": f"h{i}"}))

    await asyncio.gather(*(some(n) for n in range(64)))
    spans = []
    for _ in range(20):
        began = time.perf_counter()
        assert len(await gate.holds(person, limit=50)) == 50
        spans.append((time.perf_counter() - began) * 1000)
    return statistics.median(spans), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


async def people_pages(gate: Gate, person: Person, times: int = 20) -> tuple[float, float]:
    """What a person's pages ask for, in milliseconds, median: a page of the queue with its groups; health."""
    queue, health = [], []
    for _ in range(times):
        began = time.perf_counter()
        assert len((await gate.quorum.queue(person)).rows) == 50
        queue.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        await gate.care.health(person, 0)
        health.append((time.perf_counter() - began) * 1000)
    return statistics.median(queue), statistics.median(health)


async def measure(holds: int = 100_000) -> dict[str, float]:
    """All of them."""
    with tempfile.TemporaryDirectory() as folder:
        gate, ctx, tools, agent, people = await build(Path(folder))
        await free_rate(gate, ctx, agent, total=1_000)
        found = {"free actions/s, 64 callers": max([await free_rate(gate, ctx, agent) for _ in range(3)])}
        found["last key to call leaving, ms p50"] = await key_to_call(gate, tools, agent, people)
        await many_holds(gate, agent, people[0], 10_000)
        queue, health = await people_pages(gate, people[0])
        found |= {"queue of 10,000 holds, ms p50": queue, "health, ms p50": health}
        page, memory = await many_holds(gate, agent, people[0], holds)
        found |= {f"first page of {holds:,} holds, ms p50": page, f"memory for {holds:,} holds, MB": memory}
        await gate.stop_running()
        return found


def run() -> dict[str, float]:
    """The figures by name."""
    return uvloop.run(measure())


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:40} {value:10.1f}")
