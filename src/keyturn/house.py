"""The composition root, its first half: a gate over the files and the database of one configuration, and its REST API.

What a person's command needs, without the network; :mod:`keyturn.server` adds upstreams, MCP and the listener.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keyturn import keyfile
from keyturn.config import Config, expanded
from keyturn.core.action import ToolRef
from keyturn.errors import ToolNotSent
from keyturn.gate import Context, Gate
from keyturn.gate.context import new_id
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall, Tools
from keyturn.journal import Signer
from keyturn.knowledge import FileKnowledge
from keyturn.notifying import listeners
from keyturn.oidc import Provider
from keyturn.passkeys import RelyingParty
from keyturn.policy_files import load_policy
from keyturn.publication import DATABASE
from keyturn.rest import Journal, create_app
from keyturn.runners import FileRunners
from keyturn.store import SqliteStore

Asgi = Callable[[Any, Any, Any], Any]


class WallClock:
    """The machine's time."""

    def now(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000


class NoTools:
    """A process without upstreams: people's verbs work, and what they release runs where the upstreams are."""

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        """Refuse: nothing can leave from here."""
        raise ToolNotSent(f"{call.tool} can't be called from here", hint="the running gateway calls it")

    def definition(self, tool: ToolRef) -> Definition | None:
        """None: no server is asked here."""
        return None

    def upstreams(self) -> frozenset[str]:
        """None of them."""
        return frozenset()

    def names(self, upstream: str) -> frozenset[str] | None:
        """No server is asked here."""
        return None

    async def refresh(self, upstream: str) -> None:
        """No server is asked here."""


@dataclass(frozen=True)
class House:
    """A gate on its database. ``runner`` is this process's name; it is alive for as long as the house is open."""

    config: Config
    store: SqliteStore
    gate: Gate
    signer: Signer
    clock: WallClock
    runners: FileRunners
    runner: str

    async def close(self) -> None:
        """Wait for what runs, commit what is queued, and end."""
        await self.gate.stop_running()
        self.store.close()
        self.runners.leave(self.runner)


def build(config: Config, tools: Tools) -> House:
    """A gate over the configuration's files and database, with these tools. Not started: no clock runs yet."""
    keyfile.prepare(config.folder)
    policy, knowledge = load_policy(config.policy), FileKnowledge.of(config)
    signer = keyfile.signer(config.folder, config.journal.origin)
    runners, clock = FileRunners(config.folder / "runners"), WallClock()
    runner = new_id("run-", clock.now())
    runners.enter(runner)
    try:
        store = SqliteStore(config.folder / DATABASE)
    except BaseException:
        runners.leave(runner)
        raise
    context = Context(
        store=store,
        tools=tools,
        knowledge=knowledge,
        policy=policy,
        clock=clock,
        runners=runners,
        runner=runner,
        settings=config.gate,
        quorum=config.quorum,
        care=config.care,
        passkeys=RelyingParty(config.console_url) if config.console.enabled else None,
        oidc=provider(config),
        access=config.console,
        listeners=listeners(config),
        signer=signer,
    )
    return House(config, store, Gate(context), signer, clock, runners, runner)


def provider(config: Config) -> Provider | None:
    """The provider that people may sign in through, if the configuration names one and a page is served."""
    if config.oidc is None or not config.console.enabled:
        return None
    return Provider(config.oidc, expanded(config.oidc.client_secret, "oidc.client_secret"), config.console_url)


def rest_app(house: House) -> Asgi:
    """The REST API over a house, for the network: only requests to this machine, or to an allowed host, are served."""
    return create_app(house.gate, Journal(house.store, house.signer), allowed_hosts=house.config.server.allowed_hosts)


def own_rest_app(house: House) -> Asgi:
    """The same for this very process, where the first person may be added without a token."""
    return create_app(house.gate, Journal(house.store, house.signer), first_owner=True)
