"""A free call over MCP, five ways in one run: direct, a bare hop, Keyturn, and FastMCP's proxy with one session.

    python benchmarks/bench_mcp.py [ROUNDS]

Each way is a process of its own on loopback; the rounds take turns, so that the machine's noise meets all alike. The
journal is durable (SQLite, ``synchronous=FULL``) for Keyturn. Client and server are FastMCP's.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from keyturn.cli.remote import Remote

HERE = Path(__file__).parent / "wire"
CALLS = 60
CLIENTS = 8

CATALOGUE = """
vendor: benchmark
servers: [bench]
tools:
  search: {stage: analyse, reversible: no_effect, basis: reviewed}
"""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def process(*command: str, port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    """A process that listens on ``port``."""
    started = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if started.poll() is not None:
                raise RuntimeError(f"{command} ended with {started.returncode}")
            time.sleep(0.05)
        yield
    finally:
        started.terminate()
        started.wait(20)


def configure(folder: Path, upstream: str, port: int) -> Path:
    """A gateway's configuration for one upstream."""
    (folder / "bench.yaml").write_text(CATALOGUE)
    config = folder / "keyturn.toml"
    config.write_text(
        f'catalogue = ["bench.yaml"]\n[server]\nport = {port}\n'
        f'[upstreams.bench]\nurl = "{upstream}"\ncatalogue = "bench"\n'
    )
    return config


def enrol(config: Path) -> str:
    """An owner, an agent, a mandate without an end in sight; the agent's token."""
    with Remote.in_process(config, "") as nobody:
        owner = nobody.add_person("olga", ("owner",), ())["token"]
    with Remote.in_process(config, owner) as people:
        token = str(people.add_agent("bench", "olga", "measures", 1)["token"])
        budgets = {"actions": 10**9, "responds": 0, "targets": 0, "open_holds": 0}
        people.issue_mandate(
            {"agent": "bench", "case": "C", "purpose": "bench", "tools": ["bench/*"], "budgets": budgets}
        )
    return token


def client(url: str, token: str) -> "Client[StreamableHttpTransport]":
    """FastMCP's client, with the agent's token where there is one."""
    return Client(StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"} if token else {}))


async def latency(one: "Client[StreamableHttpTransport]") -> list[float]:
    """Milliseconds of each of ``CALLS`` calls, one after the other."""
    spans = []
    for i in range(CALLS):
        began = time.perf_counter()
        result = await one.call_tool("search", {"query": f"user:{i}"})
        spans.append((time.perf_counter() - began) * 1000)
        assert "1 hit" in str(result.content)
    return spans


async def throughput(clients: "list[Client[StreamableHttpTransport]]") -> float:
    """Calls a second of several clients at once."""
    began = time.perf_counter()
    await asyncio.gather(*(latency(each) for each in clients))
    return CALLS * len(clients) / (time.perf_counter() - began)


async def measure(ways: dict[str, tuple[str, str]], rounds: int) -> dict[str, tuple[float, float, float]]:
    """For each way: p50 and p99 in ms with one client, calls/s with eight."""
    spans: dict[str, list[float]] = {name: [] for name in ways}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    async with AsyncExitStack() as stack:
        opened = {
            name: [await stack.enter_async_context(client(*where)) for _ in range(CLIENTS)]
            for name, where in ways.items()
        }
        for each in opened.values():
            await latency(each[0])
        for _ in range(rounds):
            for name, each in opened.items():
                spans[name] += await latency(each[0])
            for name, each in opened.items():
                rates[name].append(await throughput(each))
    return {
        name: (statistics.median(spans[name]), statistics.quantiles(spans[name], n=100)[98], max(rates[name]))
        for name in ways
    }


def run(rounds: int = 5) -> dict[str, tuple[float, float, float]]:
    """The figures by way."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = [free_port() for _ in range(4)]
        server, hop, proxy, gate = ports
        direct = f"http://127.0.0.1:{server}/mcp"
        python = sys.executable
        stack.enter_context(process(python, str(HERE / "server.py"), str(server), port=server))
        stack.enter_context(process(python, str(HERE / "passthrough.py"), direct, str(hop), port=hop))
        stack.enter_context(process(python, str(HERE / "proxy.py"), direct, str(proxy), port=proxy))
        config = configure(folder, direct, gate)
        token = enrol(config)
        stack.enter_context(process(python, "-m", "keyturn.cli", "serve", "-c", str(config), port=gate))
        ways = {
            "direct": (direct, ""),
            "bare hop": (f"http://127.0.0.1:{hop}/mcp", ""),
            "keyturn": (f"http://127.0.0.1:{gate}/mcp/bench", token),
            "fastmcp proxy": (f"http://127.0.0.1:{proxy}/mcp", ""),
        }
        return asyncio.run(measure(ways, rounds))


def main() -> None:
    """Print the figures, and what each way adds to the direct call."""
    found = run(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    base, _, rate = found["direct"]
    for name, (p50, p99, calls) in found.items():
        print(f"{name:14} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  adds {p50 - base:6.2f} ms", end="")
        print(f"   {CLIENTS} clients {calls:6.0f}/s = {calls / rate:4.0%} of direct")


if __name__ == "__main__":
    main()
