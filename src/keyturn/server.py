"""The composition root: the only place where parts are put together. No plugin is found by name; read it here.

A house (:mod:`keyturn.house`) with its upstreams, the MCP gateway and REST on one listener, loopback by default.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import uvicorn
import uvloop

from keyturn import keyfile
from keyturn.config import Config, UpstreamSettings, expanded
from keyturn.console import Console
from keyturn.errors import ConfigError
from keyturn.house import Asgi, House, WallClock, build, rest_app
from keyturn.mcp_gateway import Gateway, GatewaySettings
from keyturn.notify import Sender
from keyturn.notifying import targets
from keyturn.tools.settings import HttpSettings, StdioSettings
from keyturn.tools.upstreams import UpstreamTools
from keyturn.visible import visible

log = logging.getLogger("keyturn.server")
SWEEP_S = 30.0
PATIENCE_S = 5


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


def routed(gateway: Asgi, rest: Asgi, console: Asgi | None = None) -> Asgi:
    """One application: MCP at ``/mcp``, the people's page at ``/console``, REST beside them."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == "/mcp" or path.startswith("/mcp/"):
            await gateway({**scope, "root_path": "/mcp"}, receive, send)
        elif console is not None and (path == "/console" or path.startswith("/console/")):
            await console(scope, receive, send)
        else:
            await rest(scope, receive, send)

    return app


def _console(house: House) -> Console:
    config = house.config
    return Console(house.gate, house.clock, config.console_url, visible(config))


class _Server(uvicorn.Server):
    """uvicorn without its own signals: the house is closed in order before the process ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """None."""
        yield


def serve(config: Config, port: int | None, ready: Callable[[str], None], setup: Callable[[str], None]) -> None:
    """Run the gateway until SIGINT or SIGTERM. ``ready`` gets its address once it answers, ``setup`` the link of the
    first owner while there is nobody."""
    if not config.upstreams:
        raise ConfigError("no upstream is configured", hint="name at least one in [upstreams.NAME]")
    uvloop.run(_serve(config, config.server.port if port is None else port, ready, setup))


async def _serve(config: Config, port: int, ready: Callable[[str], None], setup: Callable[[str], None]) -> None:
    listener = _listener(config.server.host, port)
    with listener:
        heard = msgspec.structs.replace(config.server, port=listener.getsockname()[1])
        config = msgspec.structs.replace(config, server=heard)
        tools = UpstreamTools({name: upstream_settings(name, u) for name, u in config.upstreams.items()})
        reached = targets(config, WallClock())
        house = build(config, tools)
        sender = Sender(house.gate.outbox, reached)
        try:
            await tools.start()
            await house.gate.start()
            if config.console.enabled and (link := await house.gate.access.setup_link()) is not None:
                setup(link.link)
            sender.start()
            upstreams = {name: tools.upstream(name) for name in config.upstreams}
            gateway = Gateway(house.gate, upstreams, house.clock, gateway_settings(config))
            console = _console(house) if config.console.enabled else None
            server = _Server(
                uvicorn.Config(
                    routed(gateway, rest_app(house), console),
                    lifespan="off",
                    ws="none",
                    log_level="warning",
                    access_log=False,
                    server_header=False,
                    proxy_headers=False,
                    timeout_graceful_shutdown=PATIENCE_S,
                )
            )
            gc.freeze()  # a full collection would walk all that was loaded (100,000 objects) while every call waits
            await _run(server, listener, gateway, console, house.clock, ready)
        finally:
            await house.gate.stop_running()
            await sender.stop()
            await tools.close()
            await house.close()


async def _run(
    server: _Server,
    listener: socket.socket,
    gateway: Gateway,
    console: Console | None,
    clock: WallClock,
    ready: Callable[[str], None],
) -> None:
    def end() -> None:
        server.should_exit = True
        if console is not None:
            console.end()

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
        if console is not None:
            await console.close()


def _listener(host: str, port: int) -> socket.socket:
    """Listen before anything else starts: a taken port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by each connection: without it an answer's second packet waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(f"can't listen on {host}:{port}: {error}", hint="set server.host and server.port") from None
    return listener
