"""A small SOC of plain functions behind a real gate on a real database."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keyturn.core.action import ModelOutput, Target, ToolRef
from keyturn.core.facts import Asset
from keyturn.core.policy import Policy
from keyturn.core.profile import (
    WORST,
    Basis,
    Check,
    Expectation,
    Profile,
    Reversible,
    Stage,
    Step,
    TargetRule,
    Touches,
)
from keyturn.gate import Context, Gate, GateSettings, MandateDraft
from keyturn.gate.ports import Definition
from keyturn.gate.records import Agent, Person, Role
from keyturn.packs import load_pack
from keyturn.passkeys import RelyingParty
from keyturn.store import SqliteStore
from keyturn.tools.functions import FunctionTools

START = 1_790_000_000_000
HOST = (TargetRule("host", "host"),)
OBJECT: dict[str, Any] = {"type": "object", "properties": {"host": {"type": "string"}}, "required": ["host"]}
QUERY: dict[str, Any] = {"type": "object", "properties": {"query": {"type": "string"}}, "additionalProperties": False}

PROFILES = {
    "search": Profile(
        tool="search", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED, idempotent=True
    ),
    "status": Profile(
        tool="status", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED, targets=HOST
    ),
    "secret": Profile(
        tool="secret",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=frozenset({Touches.SECRETS}),
        basis=Basis.REVIEWED,
    ),
    "tag": Profile(
        tool="tag",
        stage=Stage.RESPOND,
        reversible=Reversible.REVERSIBLE,
        targets=HOST,
        inverse=Step("untag", {"host": "$arguments.host"}),
        basis=Basis.REVIEWED,
    ),
    "isolate": Profile(
        tool="isolate",
        stage=Stage.RESPOND,
        reversible=Reversible.REVERSIBLE,
        touches=frozenset({Touches.PRODUCTION}),
        targets=HOST,
        inverse=Step("lift", {"host": "$arguments.host"}),
        check=Check("status", {"host": "$arguments.host"}, (Expectation("isolated", True),)),
        basis=Basis.REVIEWED,
    ),
    "wipe": Profile(
        tool="wipe", stage=Stage.RESPOND, reversible=Reversible.IRREVERSIBLE, targets=HOST, basis=Basis.REVIEWED
    ),
}


class Fleet:
    """Hosts, and every change that reached them."""

    def __init__(self) -> None:
        self.isolated: set[str] = set()
        self.changes: list[tuple[str, str]] = []
        self.gates: dict[str, asyncio.Event] = {}

    def search(self, query: str = "") -> dict[str, Any]:
        return {"hits": [query]}

    def secret(self, host: str = "") -> dict[str, Any]:
        return {"secret": "hunter2"} | ({"host": host} if host else {})

    def status(self, host: str) -> dict[str, Any]:
        return {"host": host, "isolated": host in self.isolated}

    def isolate(self, host: str) -> dict[str, Any]:
        self.changes.append(("isolate", host))
        self.isolated.add(host)
        return {"done": True}

    def lift(self, host: str) -> dict[str, Any]:
        self.changes.append(("lift", host))
        self.isolated.discard(host)
        return {"done": True}

    def tag(self, host: str) -> dict[str, Any]:
        self.changes.append(("tag", host))
        return {"done": True}

    def untag(self, host: str) -> dict[str, Any]:
        self.changes.append(("untag", host))
        return {"done": True}

    def wipe(self, host: str) -> dict[str, Any]:
        self.changes.append(("wipe", host))
        return {"done": True}


class Files:
    """The operator's knowledge: the profiles above, and one crown jewel."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        return PROFILES.get(definition.tool.name, WORST)

    def profile_named(self, tool: ToolRef) -> Profile | None:
        return PROFILES.get(tool.name)

    def asset(self, target: Target) -> Asset | None:
        return Asset("host", target.id, crown_jewel=True) if target.id == "dc01" else None

    def exposed(self, upstream: str) -> bool:
        return False


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = START

    def now(self) -> int:
        return self.ms


class Alive:
    """Every runner but those named dead."""

    def __init__(self) -> None:
        self.dead: set[str] = set()

    def alive(self, runner: str) -> bool:
        return runner not in self.dead


@dataclass
class Call:
    """A proposal, as a surface would make it."""

    tool: ToolRef
    arguments: dict[str, Any]
    mandate: str | None = None
    model_output: ModelOutput = field(default_factory=lambda: ModelOutput("because of alert 17"))


def call(name: str, **arguments: Any) -> Call:
    return Call(ToolRef("soc", name), arguments)


@dataclass
class House:
    """The gate with its people and one agent."""

    gate: Gate
    ctx: Context
    fleet: Fleet
    clock: HandClock
    runners: Alive
    store: SqliteStore
    people: dict[str, Person]
    agent: Agent
    mandate: str

    def call(self, name: str, **arguments: Any) -> Call:
        """A proposal of one of the functions."""
        return call(name, **arguments)

    async def until(self, action_id: str) -> Any:
        """The action once it is neither held nor running."""
        return await self.gate.wait(self.people["olga"], action_id, 10)

    async def entries(self) -> list[dict[str, Any]]:
        """The whole journal, parsed."""

        def read(tx: Any) -> list[dict[str, Any]]:
            return [msgspec.json.decode(entry) for entry in tx.journal.entries(0, 10**9)]

        return await self.store.read(read)


@functools.cache
def policy_of(pack: str) -> Policy:
    """The pack as pavel last changed it; loaded once, as it is never edited."""
    texts = load_pack(pack)
    return Policy.load(texts.schema, texts.guardrails, texts.sources, author="pavel")


async def build(
    path: Path,
    pack: str = "standard",
    fleet: Fleet | None = None,
    clock: HandClock | None = None,
    knowledge: Files | None = None,
) -> House:
    fleet, clock, runners = fleet or Fleet(), clock or HandClock(), Alive()
    schemas: dict[str, dict[str, Any]] = {"search": QUERY, "secret": {"type": "object"}}
    names = ("search", "secret", "status", "isolate", "lift", "tag", "untag", "wipe")
    tools = FunctionTools("soc", {name: (getattr(fleet, name), schemas.get(name, OBJECT)) for name in names})
    store = SqliteStore(path)
    ctx = Context(
        store=store,
        tools=tools,
        knowledge=knowledge or Files(),
        policy=policy_of(pack),
        clock=clock,
        runners=runners,
        runner="this-process",
        settings=GateSettings(check_after_s=(0.0,), sweep_s=3600),
        passkeys=RelyingParty("http://localhost:8787"),
    )
    gate = Gate(ctx)
    await gate.start()
    people = {p.id: p for p in await store.read(lambda tx: tx.people())}
    if not people:
        await gate.add_person(None, "olga", (Role.OWNER,))
        people = {p.id: p for p in await store.read(lambda tx: tx.people())}
        for name, role in (("lena", Role.LEAD), ("ana", Role.ANALYST), ("bob", Role.ANALYST), ("pavel", Role.OWNER)):
            await gate.add_person(people["olga"], name, (role,))
        people = {p.id: p for p in await store.read(lambda tx: tx.people())}
        await gate.add_agent(people["lena"], "responder", "olga", "contains hosts")
        draft = MandateDraft(
            agent="responder", case="INC-1", purpose="contain", tools=("soc/*",), targets=("host:*",), lifetime_s=3600
        )
        await gate.grant(people["lena"], draft)
    agent = await store.read(lambda tx: tx.agent("responder"))
    mandate = (await store.read(lambda tx: tx.mandates(agent="responder")))[0].id
    assert agent is not None
    return House(gate, ctx, fleet, clock, runners, store, people, agent, mandate)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The standard pack: lena (lead) issued the mandate, olga owns the agent, pavel wrote the policy."""
    made = await build(tmp_path / "keyturn.db")
    yield made
    await made.gate.stop_running()
    made.store.close()


@pytest.fixture
def build_house() -> Callable[..., Any]:
    """Make a house on a path of the test's own (another pack, a second process)."""
    return build
