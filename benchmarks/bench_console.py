"""What a person's page costs on the server: an action's dossier with 1,000 earlier steps, a case's timeline and export.

    python benchmarks/bench_console.py

SQLite in a temporary folder; each earlier step is a free read whose result of about 2 kB (then 16 kB) is kept, so
that provenance has something to search. Milliseconds, of the verb alone: no HTML is rendered but the report's.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from bench_gate import Call, build, free_rate  # type: ignore[import-not-found]  # beside this script

from keyturn.core.action import ToolRef
from keyturn.core.hidden import segments
from keyturn.gate import Context, Gate
from keyturn.gate.dossier import Dossiers
from keyturn.gate.provenance import MOST_SEARCHED
from keyturn.gate.records import Agent
from keyturn.journal import Signer, check_excerpt
from keyturn.report import render

STEPS = 1_000
Figures = dict[str, float]


async def spans(work: Callable[[], Awaitable[Any]], times: int = 40) -> tuple[float, float]:
    """Milliseconds, p50 and p95."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found), statistics.quantiles(found, n=20)[-1]


async def case_of(folder: Path, size: int) -> tuple[Gate, Context, Agent, Any, str]:
    """A gate, and one held action behind 1,000 free reads whose results have ``size`` bytes."""
    gate, ctx, tools, agent, people = await build(folder)
    tools.set_answer(size)
    await asyncio.gather(*(_reads(gate, agent, n) for n in range(20)))
    await ctx.store.write(lambda tx: None)
    call = Call(ToolRef("soc", "isolate"), {"host": "host-0999-7", "note": "never seen before", "ttl": 86_400_000})
    held = (await gate.propose(agent, call)).record
    return gate, ctx, agent, people[0], held.id


async def _reads(gate: Gate, agent: Agent, start: int) -> None:
    for n in range(start, STEPS, 20):
        await gate.propose(agent, Call(ToolRef("soc", "search"), {"query": f"question {n}"}))


async def dossiers(size: int) -> Figures:
    """The dossier, the timeline's first page and the list of cases."""
    with tempfile.TemporaryDirectory() as folder:
        gate, ctx, _, person, held = await case_of(Path(folder), size)
        seen = await gate.dossier.read(person, held)
        all_searched = (seen.provenance.searched, seen.provenance.older) == (2 * STEPS, False)
        assert seen.steps_total == STEPS
        assert all_searched is (size * STEPS < MOST_SEARCHED)
        what = f"{STEPS:,} steps, results of {size // 1024} kB"
        p50, p95 = await spans(lambda: Dossiers(ctx).read(person, held))
        found = {f"dossier opened, {what}, p50": p50, f"dossier opened, {what}, p95": p95}
        found[f"dossier again, {what}, p50"] = (await spans(lambda: gate.dossier.read(person, held)))[0]
        found[f"timeline of 100 entries, {what}, p50"] = (await spans(lambda: gate.case.timeline(person, "C")))[0]
        found[f"list of cases, {what}, p50"] = (await spans(lambda: gate.case.listed(person)))[0]
        await gate.stop_running()
        return found


async def exports() -> Figures:
    """A case of 1,000 steps as a file, and its check."""
    with tempfile.TemporaryDirectory() as folder:
        gate, ctx, _, person, _ = await case_of(Path(folder), 2_048)
        ctx.signer = Signer("bench.example/log", b"k" * 32)
        began = time.perf_counter()
        excerpt = await gate.case.export(person, "C")
        exported = time.perf_counter()
        page = render(excerpt)
        rendered = time.perf_counter()
        assert check_excerpt(excerpt, ctx.signer.verifier).ok
        checked = time.perf_counter()
        await gate.stop_running()
        return {
            f"export of {len(excerpt.entries):,} entries with proofs": (exported - began) * 1000,
            f"its report, {len(page) / 1e6:.0f} MB": (rendered - exported) * 1000,
            "its check": (checked - rendered) * 1000,
        }


async def kept(rounds: int = 5) -> Figures:
    """Free actions a second with results of 2 kB kept and not kept, in turns: medians, and their ratio."""
    found: dict[int, list[float]] = {0: [], 65_536: []}
    with tempfile.TemporaryDirectory() as folder:
        gate, ctx, tools, agent, _ = await build(Path(folder))
        tools.set_answer(2_048)
        await free_rate(gate, ctx, agent, total=1_000)
        for _ in range(rounds):
            for keep, rates in found.items():
                ctx.settings = msgspec.structs.replace(ctx.settings, keep_read_result=keep)
                rates.append(await free_rate(gate, ctx, agent, total=2_000))
        await gate.stop_running()
    off, on = (statistics.median(rates) for rates in found.values())
    return {"free actions/s, no result kept": off, "free actions/s, results kept": on, "of that": on / off}


def hidden() -> Figures:
    """A page's worth of text (16,000 characters) cut into segments, in milliseconds."""
    found = {}
    for name, unit in (("plain", "word "), ("another script", "слово "), ("hostile", "p\u0430y\u200bp ")):
        text = (unit * 16_000)[:16_000]
        began = time.perf_counter()
        for _ in range(10):
            segments(text)
        found[f"16,000 characters of {name} text"] = (time.perf_counter() - began) * 100
    return found


async def measure() -> Figures:
    """All of it."""
    return {**await dossiers(2_048), **await dossiers(16_384), **await exports(), **await kept(), **hidden()}


def run() -> Figures:
    """The figures by name."""
    return uvloop.run(measure())


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:60} {value:10.2f}")
