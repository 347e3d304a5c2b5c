"""Nodes of one database whose clocks differ: what expires, expires for all of them, and by the journal's time.

No case of it is published. Hypothesis draws the clocks and the steps; the journal tells what became of it.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.faults.soc import Site, copy_seed, open_site

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import KeyturnError
from keyturn.gate import GateSettings

HOUR = 3_600_000
HOLD_MS, CONFIRM_MS = GateSettings().hold_s * 1000, GateSettings().confirm_s * 1000
MANDATE_MS = 8 * HOUR
VERBS = ("isolate", "tag", "key", "key", "confirm", "sweep")
Step = tuple[int, str, int]

SKEWS = st.lists(st.sampled_from([-2 * HOUR, -1, 0, 1, HOUR]) | st.integers(-HOUR, HOUR), min_size=2, max_size=3)
PASSES = st.sampled_from([0, 0, CONFIRM_MS - 1, CONFIRM_MS, HOUR, HOLD_MS - HOUR, HOLD_MS - 1, HOLD_MS])
MORE = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(VERBS), PASSES), min_size=1, max_size=8)
STEPS = st.tuples(st.tuples(st.integers(0, 2), st.sampled_from(VERBS[:2]), st.just(0)), MORE).map(
    lambda drawn: [drawn[0], *drawn[1]]
)


class Nodes:
    """Several gates on one database. ``true`` is the time that none of their clocks shows."""

    def __init__(self, sites: list[Site], skews: list[int]) -> None:
        self.sites = sites
        self.skews = skews
        self.true = sites[0].clock.ms
        self.seen: list[tuple[int, dict[str, Any]]] = []
        self.hosts = 0

    async def step(self, step: Step) -> None:
        """Let time pass, then let one node do something; note what the journal says since, with the true time."""
        node, verb, passed = step
        self.true += passed
        for site, skew in zip(self.sites, self.skews, strict=True):
            site.clock.ms = self.true + skew
        site = self.sites[node % len(self.sites)]
        with contextlib.suppress(KeyturnError):  # a refusal is an answer
            await self._do(site, verb)
        await site.gate.stop_running()  # what it began has ended
        self.seen += [(self.true, entry) for entry in (await site.entries())[len(self.seen) :]]

    async def _do(self, site: Site, verb: str) -> None:
        if verb == "sweep":
            await site.gate.sweep()
        elif verb == "key":
            for record in await self._in(State.HELD):
                with contextlib.suppress(KeyturnError):
                    await site.turn("ana", record)
        elif verb == "confirm":
            for record in await self._in(State.CONFIRMING):
                await site.gate.confirm(site.people["ana"], record.id)
        else:
            self.hosts += 1
            await site.propose(verb, f"h{self.hosts}")

    async def _in(self, state: State) -> list[Any]:
        return [record for record in await self.sites[0].records() if record.state is state]

    def of(self, kinds: Iterable[str]) -> list[tuple[int, dict[str, Any]]]:
        """The entries of these kinds, each with the true time at which it was written."""
        return [(true, entry) for true, entry in self.seen if entry["kind"] in kinds]


async def run(source: Path, folder: Path, policy: Policy, skews: list[int], steps: list[Step]) -> Nodes:
    copy_seed(source, folder)
    sites = [await open_site(folder, f"node-{number}", policy) for number in range(len(skews))]
    nodes = Nodes(sites, skews)
    nodes.seen = [(nodes.true, entry) for entry in await sites[0].entries()]
    for step in steps:
        await nodes.step(step)
    for site in sites:
        await site.close()
    return nodes


@settings(max_examples=60)
@example(skews=[0, 0], steps=[(0, "isolate", 0), (1, "key", HOLD_MS)])
@example(skews=[HOUR, -HOUR], steps=[(0, "isolate", 0), (0, "sweep", HOLD_MS), (1, "key", 0)])
@example(skews=[0, HOUR], steps=[(0, "isolate", 0), (1, "sweep", HOLD_MS - HOUR), (0, "key", HOUR)])
@example(skews=[-HOUR, HOUR], steps=[(0, "tag", 0), (1, "confirm", CONFIRM_MS), (0, "confirm", 0), (1, "sweep", 0)])
@given(skews=SKEWS, steps=STEPS)
def test_nothing_runs_after_its_end_nor_ends_early_by_more_than_the_skew(
    seeded: Path, policy: Policy, skews: list[int], steps: list[Step]
) -> None:
    with tempfile.TemporaryDirectory(prefix="keyturn-skew-") as parent:
        nodes = asyncio.run(run(seeded, Path(parent) / "site", policy, skews, steps))
    spread = max(0, *skews) - min(0, *skews)  # the seed was made by a clock that was right
    times = [entry["at"] for _, entry in nodes.seen]
    assert times == sorted(times), "the journal's time runs back"
    (issued,) = [e["at"] for _, e in nodes.of(["mandate_issued"]) if e["expires_at"] == e["at"] + MANDATE_MS][-1:]
    proposed = {entry["action"]: (true, entry["at"]) for true, entry in nodes.of(["proposed"])}
    waited = {entry["action"] for _, entry in nodes.of(["key_turned"])}
    confirmed = {entry["action"] for _, entry in nodes.of(["confirmed"])}
    ran: dict[str, tuple[int, int]] = {}
    for true, entry in nodes.of(["released"]):
        action, at = entry["action"], entry["at"]
        assert action not in ran, "released twice"
        ran[action] = (true, at)
        assert at < issued + MANDATE_MS, "released after its mandate's end"
        assert at < proposed[action][1] + HOLD_MS or action not in waited, "released after its hold's end"
    for true, entry in nodes.of(["expired"]):
        began, at = proposed[entry["action"]]
        assert entry["at"] >= at + HOLD_MS
        assert true - began >= HOLD_MS - spread, "expired early by more than the clocks differ"
        assert entry["action"] not in ran
    for true, entry in nodes.of(["reverting"]):
        began, at = ran[entry["action"]]
        assert entry["at"] >= at + CONFIRM_MS
        assert true - began >= CONFIRM_MS - spread, "taken back early by more than the clocks differ"
        assert entry["action"] not in confirmed
