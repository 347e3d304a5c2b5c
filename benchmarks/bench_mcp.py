"""A free call over MCP, five ways in one run: direct, a bare hop, Keyturn, and FastMCP's proxy with one session.

    python benchmarks/bench_mcp.py [ROUNDS]

Each way is a process of its own on loopback; the ways take turns after a few calls, so that the machine's noise meets
all alike. The journal is durable (SQLite, ``synchronous=FULL``) for Keyturn. Client and server are FastMCP's.

What a way adds is a difference of medians and moves with the machine; the processor time that its process (all its
threads) spends on a call, with one client, moves least. It is read from Linux's ``schedstat``, and 0 elsewhere.
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
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from keyturn.cli.remote import Remote

HERE = Path(__file__).parent / "wire"
CALLS = 60
TURN = 10
CLIENTS = 8

CATALOGUE = """
vendor: benchmark
servers: [bench]
tools:
  search: {stage: analyse, reversible: no_effect, basis: reviewed}
"""


class Way(NamedTuple):
    """One way to the tool: the process that answers, and where."""

    name: str
    pid: int
    url: str
    token: str = ""


class Figures(NamedTuple):
    """Milliseconds with one client, and the calls a second of eight."""

    p50: float
    p99: float
    cpu: float
    rate: float


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def process(*command: str, port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    """A process that listens on ``port``; its id."""
    started = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if started.poll() is not None:
                raise RuntimeError(f"{command} ended with {started.returncode}")
            time.sleep(0.05)
        yield started.pid
    finally:
        started.terminate()
        started.wait(20)


def cpu_ms(pid: int) -> float:
    """The processor time that a process has spent in its living threads."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # it ended meanwhile
            spent += int(thread.read_text().split()[0])
    return spent / 1e6


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


async def latency(one: "Client[StreamableHttpTransport]", calls: int = CALLS) -> list[float]:
    """Milliseconds of each of some calls, one after the other."""
    spans = []
    for i in range(calls):
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


async def measure(ways: list[Way], rounds: int) -> dict[str, Figures]:
    """The figures of each way: times and CPU with one client, calls/s with eight."""
    spans: dict[str, list[float]] = {way.name: [] for way in ways}
    rates: dict[str, list[float]] = {way.name: [] for way in ways}
    spent = dict.fromkeys(spans, 0.0)
    async with AsyncExitStack() as stack:
        opened = {
            way: [await stack.enter_async_context(client(way.url, way.token)) for _ in range(CLIENTS)] for way in ways
        }
        for each in opened.values():
            await latency(each[0])
        for _ in range(rounds):
            for _ in range(CALLS // TURN):
                for way, each in opened.items():
                    before = cpu_ms(way.pid)
                    spans[way.name] += await latency(each[0], TURN)
                    spent[way.name] += cpu_ms(way.pid) - before
            for way, each in opened.items():
                rates[way.name].append(await throughput(each))
    return {
        name: Figures(
            statistics.median(found),
            statistics.quantiles(found, n=100)[98],
            spent[name] / len(found),
            statistics.median(rates[name]),
        )
        for name, found in spans.items()
    }


def run(rounds: int = 5) -> dict[str, Figures]:
    """The figures by way."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def started(port: int, *command: str) -> int:
            return stack.enter_context(process(sys.executable, *command, port=port))

        server, hop, proxy, gate = (free_port() for _ in range(4))
        direct = f"http://127.0.0.1:{server}/mcp"
        config = configure(folder, direct, gate)
        ways = [Way("direct", started(server, str(HERE / "server.py"), str(server)), direct)]
        for name, file, port in (("bare hop", "passthrough.py", hop), ("fastmcp proxy", "proxy.py", proxy)):
            pid = started(port, str(HERE / file), direct, str(port))
            ways.append(Way(name, pid, f"http://127.0.0.1:{port}/mcp"))
        token = enrol(config)
        pid = started(gate, "-m", "keyturn.cli", "serve", "-c", str(config))
        ways.insert(2, Way("keyturn", pid, f"http://127.0.0.1:{gate}/mcp/bench", token))
        return asyncio.run(measure(ways, rounds))


def main() -> None:
    """Print the figures, and what each way adds to the direct call."""
    found = run(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    base, rate = found["direct"].p50, found["direct"].rate
    for name, f in found.items():
        print(f"{name:14} p50 {f.p50:6.2f} ms  p99 {f.p99:6.2f} ms  adds {f.p50 - base:6.2f} ms", end="")
        print(f"  cpu {f.cpu:5.2f} ms/call   {CLIENTS} clients {f.rate:6.0f}/s = {f.rate / rate:4.0%} of direct")


if __name__ == "__main__":
    main()
