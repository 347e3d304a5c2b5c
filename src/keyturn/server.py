"""The composition root: the only place where parts are put together. No plugin is found by name; read it here."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn

from keyturn import keyfile
from keyturn.config import Config, UpstreamSettings, expanded
from keyturn.core.action import ToolRef
from keyturn.errors import ConfigError, ToolNotSent
from keyturn.gate import Context, Gate
from keyturn.gate.context import new_id
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall, Tools
from keyturn.journal import Signer
from keyturn.knowledge import FileKnowledge
from keyturn.mcp_gateway import Gateway, GatewaySettings
from keyturn.policy_files import load_policy
from keyturn.publication import DATABASE
from keyturn.rest import Journal, create_app
from keyturn.runners import FileRunners
from keyturn.store import SqliteStore
from keyturn.tools.settings import HttpSettings, StdioSettings
from keyturn.tools.upstreams import UpstreamTools

log = logging.getLogger("keyturn.server")
SWEEP_S = 30.0
PATIENCE_S = 5

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
    runners, runner, clock = FileRunners(config.folder / "runners"), new_id("run-"), WallClock()
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
    )
    return House(config, store, Gate(context), signer, clock, runners, runner)


def upstream_settings(name: str, upstream: UpstreamSettings) -> StdioSettings | HttpSettings:
    """What the tools' side needs of one upstream, with the environment's variables put in."""

    def filled(values: Mapping[str, str], what: str) -> dict[str, str]:
        return {key: expanded(value, f"upstreams.{name}.{what}.{key}") for key, value in values.items()}

    if upstream.url:
        url = expanded(upstream.url, f"upstreams.{name}.url")
        return HttpSettings(url=url, headers=filled(upstream.headers, "headers"))
    env = filled(upstream.env, "env")
    return StdioSettings(command=upstream.command, args=upstream.args, env=env, cwd=upstream.cwd or None)


def gateway_settings(config: Config) -> GatewaySettings:
    """What the MCP gateway needs."""
    return GatewaySettings(
        bind_host=config.server.host,
        allowed_hosts=config.server.allowed_hosts,
        state_key=keyfile.state_key(config.folder),
        **msgspec.structs.asdict(config.mcp),
    )


def rest_app(house: House, *, first_owner: bool = False) -> Asgi:
    """The REST API over a house. ``first_owner``: the first person may be added without a token."""
    return create_app(house.gate, Journal(house.store, house.signer), first_owner=first_owner)


def routed(gateway: Asgi, rest: Asgi) -> Asgi:
    """One application: MCP at ``/mcp``, REST beside it."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == "/mcp" or path.startswith("/mcp/"):
            await gateway({**scope, "root_path": "/mcp"}, receive, send)
        else:
            await rest(scope, receive, send)

    return app


class _Server(uvicorn.Server):
    """uvicorn without its own signals: the house is closed in order before the process ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """None."""
        yield


def serve(config: Config, port: int | None, ready: Callable[[str], None]) -> None:
    """Run the gateway until SIGINT or SIGTERM. ``ready`` gets its address once it answers."""
    if not config.upstreams:
        raise ConfigError("no upstream is configured", hint="name at least one in [upstreams.NAME]")
    asyncio.run(_serve(config, config.server.port if port is None else port, ready))


async def _serve(config: Config, port: int, ready: Callable[[str], None]) -> None:
    listener = _listener(config.server.host, port)
    with listener:
        tools = UpstreamTools({name: upstream_settings(name, u) for name, u in config.upstreams.items()})
        house = build(config, tools)
        try:
            await tools.start()
            await house.gate.start()
            upstreams = {name: tools.upstream(name) for name in config.upstreams}
            gateway = Gateway(house.gate, upstreams, house.clock, gateway_settings(config))
            server = _Server(
                uvicorn.Config(
                    routed(gateway, rest_app(house)),
                    lifespan="off",
                    ws="none",
                    log_level="warning",
                    access_log=False,
                    server_header=False,
                    proxy_headers=False,
                    timeout_graceful_shutdown=PATIENCE_S,
                )
            )
            await _run(server, listener, gateway, house.clock, ready)
        finally:
            await house.gate.stop_running()
            await tools.close()
            await house.close()


async def _run(
    server: _Server, listener: socket.socket, gateway: Gateway, clock: WallClock, ready: Callable[[str], None]
) -> None:
    def end() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, end)

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await gateway.sweep(clock.now())

    sweeper = asyncio.create_task(sweep())
    host, port = listener.getsockname()[:2]
    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")  # the socket listens: who comes now, waits
    try:
        await server.serve(sockets=[listener])
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, return_exceptions=True)
        await gateway.close()


def _listener(host: str, port: int) -> socket.socket:
    """Listen before anything else starts: a taken port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(f"can't listen on {host}:{port}: {error}", hint="set server.host and server.port") from None
    return listener
