"""A SOC of functions whose every change is one durable line in a file, and the points at which a process may die."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from tests.unit.gate.conftest import HOST, OBJECT, PROFILES, QUERY, Call, Files, HandClock, build

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.execution import State
from keyturn.core.mandate import Budgets
from keyturn.core.policy import Policy
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, Step
from keyturn.errors import ToolLost
from keyturn.gate import Context, Gate, GateSettings, MandateDraft
from keyturn.gate.ports import Definition, Store, ToolAnswer, ToolCall, Tx
from keyturn.gate.records import ActionRecord, Agent, Person
from keyturn.packs import load_pack
from keyturn.runners import FileRunners
from keyturn.store import SqliteStore
from keyturn.tools.functions import FunctionTools

T = TypeVar("T")
DATABASE = "keyturn.db"
INVERSES = {"lift": "isolate", "untag": "tag"}

MORE_PROFILES = {
    **PROFILES,
    "purge": Profile(
        tool="purge",
        stage=Stage.RESPOND,
        reversible=Reversible.IRREVERSIBLE,
        targets=HOST,
        preserve={"image": Step("snapshot", {"host": "$arguments.host"})},
        basis=Basis.REVIEWED,
    ),
    "drop": Profile(tool="drop", stage=Stage.RESPOND, reversible=Reversible.HARD, targets=HOST, basis=Basis.REVIEWED),
}


class SocFiles(Files):
    """The operator's knowledge of the functions below."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        return MORE_PROFILES.get(definition.tool.name, WORST)

    def profile_named(self, tool: ToolRef) -> Profile | None:
        return MORE_PROFILES.get(tool.name)


def kill_this_process() -> None:
    """As the system would: no handler runs."""
    os.kill(os.getpid(), signal.SIGKILL)


class Fuse:
    """Counts the points that the process passes, and brings the fault at the one asked for."""

    def __init__(self, at: int, fault: Callable[[], None] = kill_this_process) -> None:
        self.at = at
        self.passed = 0
        self._fault = fault

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            self._fault()


class Soc:
    """The functions. A change is in the world once its line is on the disk."""

    def __init__(self, effects: Path, fuse: Fuse) -> None:
        self._effects = effects
        self._fuse = fuse

    def changes(self) -> list[tuple[str, str]]:
        """(tool, host), in order."""
        if not self._effects.exists():
            return []
        lines = self._effects.read_text().splitlines()
        return [(line.split()[0], line.split()[1]) for line in lines]

    def _change(self, tool: str, host: str) -> dict[str, Any]:
        with self._effects.open("a") as file:
            file.write(f"{tool} {host}\n")
            file.flush()
            os.fsync(file.fileno())
        self._fuse.point()
        return {"done": True}

    def search(self, query: str = "") -> dict[str, Any]:
        return {"hits": [query]}

    def status(self, host: str) -> dict[str, Any]:
        made = [tool for tool, where in self.changes() if where == host]
        return {"host": host, "isolated": bool(made) and made[-1] == "isolate"}

    def snapshot(self, host: str) -> dict[str, Any]:
        return {"image": f"of {host}"}

    def isolate(self, host: str) -> dict[str, Any]:
        return self._change("isolate", host)

    def lift(self, host: str) -> dict[str, Any]:
        return self._change("lift", host)

    def tag(self, host: str) -> dict[str, Any]:
        return self._change("tag", host)

    def untag(self, host: str) -> dict[str, Any]:
        return self._change("untag", host)

    def wipe(self, host: str) -> dict[str, Any]:
        return self._change("wipe", host)

    def purge(self, host: str) -> dict[str, Any]:
        return self._change("purge", host)

    def drop(self, host: str) -> dict[str, Any]:
        return self._change("drop", host)


NAMES = ("search", "status", "snapshot", "isolate", "lift", "tag", "untag", "wipe", "purge", "drop")


class SocTools(FunctionTools):
    """The functions as tools; points before and after each call, and one tool whose answer never arrives."""

    def __init__(self, soc: Soc, fuse: Fuse) -> None:
        super().__init__("soc", {name: (getattr(soc, name), QUERY if name == "search" else OBJECT) for name in NAMES})
        self._fuse = fuse
        self.away = False

    def upstreams(self) -> frozenset[str]:
        return frozenset() if self.away else super().upstreams()

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        self._fuse.point()
        answer = await super().call(call, caller)
        self._fuse.point()
        if call.tool.name == "drop":
            raise ToolLost("the connection broke", hint="look at the server")
        return answer


class FusedStore:
    """A store with two points around each commit: the work is done and not durable; it is durable, not acknowledged."""

    def __init__(self, inner: SqliteStore, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def write(self, work: Callable[[Tx], T]) -> T:
        result = await self._inner.write(self._fused(work))
        self._fuse.point()
        return result

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._inner.read(work)

    def defer(self, work: Callable[[Tx], object]) -> None:
        self._inner.defer(self._fused(work))

    def _fused(self, work: Callable[[Tx], T]) -> Callable[[Tx], T]:
        def fused(tx: Tx) -> T:
            result = work(tx)
            self._fuse.point()
            return result

        return fused


@dataclass
class Site:
    """One process's gate on the database of a folder."""

    folder: Path
    gate: Gate
    store: SqliteStore
    soc: Soc
    tools: SocTools
    clock: HandClock
    fuse: Fuse
    agent: Agent
    people: dict[str, Person]

    async def propose(self, tool: str, host: str) -> ActionRecord:
        """Propose a change to a host."""
        return (await self.gate.propose(self.agent, proposal(tool, host=host))).record

    async def held(self, tool: str, host: str) -> ActionRecord:
        """Propose a change that waits for keys."""
        record = await self.propose(tool, host)
        assert record.state is State.HELD, record
        return record

    async def turn(self, who: str, record: ActionRecord) -> ActionRecord:
        """A person's key on a hold."""
        return await self.gate.turn(self.people[who], record.id, record.digest)

    async def ended(self, record: ActionRecord) -> ActionRecord:
        """The action once it is neither held nor running."""
        return await self.gate.wait(self.people["lena"], record.id, 30)

    async def records(self) -> list[ActionRecord]:
        """Every action."""
        return await self.store.read(lambda tx: tx.actions(states=tuple(State), after=(-1, ""), limit=1000))

    async def entries(self) -> list[dict[str, Any]]:
        """The whole journal, parsed."""
        return await self.store.read_journal(
            lambda rows: [msgspec.json.decode(raw) for raw in rows.entries(0, rows.frontier().size)]
        )

    async def close(self) -> None:
        """End the clocks and close the database."""
        await self.gate.stop_running()
        self.store.close()


def proposal(tool: str, **arguments: Any) -> Call:
    """A proposal, as a surface would make it."""
    return Call(ToolRef("soc", tool), arguments, None, ModelOutput("because of alert 17"))


async def seed(folder: Path) -> None:
    """A database with people, an agent and its mandate, and nothing proposed yet."""
    house = await build(folder / DATABASE)
    lena = house.people["lena"]
    await house.gate.revoke_mandate(lena, house.mandate, "too narrow")
    wide = Budgets(responds=100, targets=50, open_holds=50)
    await house.gate.grant(
        lena,
        MandateDraft(
            agent="responder", case="INC-1", purpose="contain", tools=("soc/*",), targets=("host:*",), budgets=wide
        ),
    )
    await house.gate.stop_running()
    house.store.close()


def copy_seed(source: Path, folder: Path) -> None:
    """A fresh copy of a seeded database."""
    folder.mkdir()
    shutil.copy(source / DATABASE, folder / DATABASE)


def load_policy() -> Policy:
    """The standard pack, loaded once a process."""
    texts = load_pack("standard")
    return Policy.load(texts.schema, texts.guardrails, texts.sources, author="pavel")


async def open_site(folder: Path, runner: str, policy: Policy, fuse: Fuse | None = None) -> Site:
    """A gate of this process, not started yet."""
    fuse = fuse or Fuse(0)
    runners = FileRunners(folder / "runners")
    runners.enter(runner)
    clock, soc = HandClock(), Soc(folder / "effects", fuse)
    tools = SocTools(soc, fuse)
    inner = SqliteStore(folder / DATABASE)
    store: Store = FusedStore(inner, fuse)
    ctx = Context(
        store=store,
        tools=tools,
        knowledge=SocFiles(),
        policy=policy,
        clock=clock,
        runners=runners,
        runner=runner,
        settings=GateSettings(check_after_s=(0.0,), sweep_s=3600),
    )
    agent = await inner.read(lambda tx: tx.agent("responder"))
    people = {p.id: p for p in await inner.read(lambda tx: tx.people())}
    assert agent is not None
    return Site(folder, Gate(ctx), inner, soc, tools, clock, fuse, agent, people)
