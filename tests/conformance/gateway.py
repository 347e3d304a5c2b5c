"""A whole gate and its gateway before one server, without tokens, for the conformance suite. Loopback only.

``python tests/conformance/gateway.py URL`` prints the URL to test. Every tool counts as analysis: the suite tests the
protocol, and its own servers' tools change nothing.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn

from keyturn.core.action import Target, ToolRef
from keyturn.core.facts import Asset
from keyturn.core.policy import Policy
from keyturn.core.profile import Basis, Profile, Reversible, Stage
from keyturn.gate import Context, Gate, MandateDraft
from keyturn.gate.ports import Definition
from keyturn.gate.records import Role
from keyturn.mcp_gateway import Gateway, GatewaySettings
from keyturn.packs import load_pack
from keyturn.store import SqliteStore
from keyturn.tools.settings import HttpSettings
from keyturn.tools.upstreams import UpstreamTools

READ = Profile(tool="*", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED)


class Reads:
    """Knowledge that takes every tool for a read."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        return READ

    def profile_named(self, tool: ToolRef) -> Profile | None:
        return READ

    def asset(self, target: Target) -> Asset | None:
        return None

    def exposed(self, upstream: str) -> bool:
        return False


class Machine:
    """The machine's time, and processes that all live."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def alive(self, runner: str) -> bool:
        return True


async def grant(gate: Gate, store: SqliteStore) -> None:
    """An owner, an agent of hers, and a mandate for everything that one server has."""
    await gate.add_person(None, "olga", (Role.OWNER,))
    olga = await store.read(lambda tx: tx.person("olga"))
    assert olga is not None
    await gate.add_person(olga, "lena", (Role.LEAD,))
    lena = await store.read(lambda tx: tx.person("lena"))
    assert lena is not None
    await gate.add_agent(lena, "suite", "olga", "runs the conformance suite")
    await gate.grant(
        lena,
        MandateDraft(agent="suite", case="conformance", purpose="conformance", tools=("server/*",), lifetime_s=3600),
    )


async def main(url: str, folder: Path) -> None:
    machine, texts = Machine(), load_pack("standard")
    policy = Policy.load(texts.schema, texts.guardrails, texts.sources, author="pavel")
    store = SqliteStore(folder / "keyturn.db")
    async with UpstreamTools({"server": HttpSettings(url=url)}) as tools:
        gate = Gate(
            Context(
                store=store,
                tools=tools,
                knowledge=Reads(),
                policy=policy,
                clock=machine,
                runners=machine,
                runner="conformance",
            )
        )
        await gate.start()
        await grant(gate, store)
        settings = GatewaySettings(open_agent="suite", own_tools=False, streams_per_agent=256, sessions_per_agent=256)
        gateway = Gateway(gate, {"server": tools.upstream("server")}, machine, settings)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await gateway({**scope, "root_path": "/mcp"}, receive, send)

        config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="warning")
        sock = config.bind_socket()
        print(f"http://127.0.0.1:{sock.getsockname()[1]}/mcp/server", flush=True)
        await uvicorn.Server(config).serve([sock])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(main(sys.argv[1], Path(place)))
