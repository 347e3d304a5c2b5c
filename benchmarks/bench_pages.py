"""The people's page over HTTP: the queue and an action among 10,000 open holds, and 200 open pages that see a key turn.

    python benchmarks/bench_pages.py

The console on a loopback socket, SQLite in a temporary folder; milliseconds of wall clock at the client, which shares
the process with the server.
"""

import asyncio
import contextlib
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import uvicorn
import uvloop
from bench_gate import Call, WallClock, build, many_holds  # type: ignore[import-not-found]  # beside this script

from keyturn.console import Console
from keyturn.core.action import ToolRef
from keyturn.gate import Gate
from keyturn.gate.records import Agent, Person

HOLDS, PAGES, STREAMS_A_SESSION, TURNS = 10_000, 200, 20, 10


class Port:
    """A free port of this machine, taken before the console is told its address."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.number: int = self.socket.getsockname()[1]
        self.origin = f"http://localhost:{self.number}"


@contextlib.asynccontextmanager
async def served(console: Console, port: Port) -> AsyncIterator[None]:
    """The console, answering."""
    config = uvicorn.Config(console, lifespan="off", ws="none", log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[port.socket]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield
    console.end()
    server.should_exit = True
    await serving
    await console.close()


async def page_ms(client: httpx2.AsyncClient, path: str, times: int = 30) -> float:
    """Milliseconds of one page, median; the first one fills caches and is not counted."""
    spans = []
    for _ in range(times + 1):
        began = time.perf_counter()
        answer = await client.get(path)
        spans.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
    return statistics.median(spans[1:])


Page = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(port: Port, token: str) -> Page:
    """An open page's stream, once it has said where it is; it closes with its writer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    head = f"GET /console/live HTTP/1.1\r\nHost: localhost:{port.number}\r\nCookie: keyturn={token}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"event: pulse")
    return reader, writer


async def heard(page: Page, word: bytes) -> float:
    """When a page has been told this word."""
    await page[0].readuntil(word)
    return time.perf_counter()


async def key_to_pages(gate: Gate, agent: Agent, person: Person, pages: list[Page]) -> float:
    """Milliseconds from a key turned to the last of all open pages being told that it has run, median."""
    spans = []
    for n in range(TURNS):
        record = (await gate.propose(agent, Call(ToolRef("soc", "isolate"), {"host": f"turned-{n}"}))).record
        await asyncio.gather(*(heard(page, record.id.encode()) for page in pages))
        waiting = [asyncio.create_task(heard(page, b'"state":"succeeded"')) for page in pages]
        began = time.perf_counter()
        await gate.turn(person, record.id, record.digest)
        spans.append((max(await asyncio.gather(*waiting)) - began) * 1000)
    return statistics.median(spans)


def resident_mb() -> float:
    """This process's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def measure() -> dict[str, float]:
    """The figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        gate, _, _, agent, people = await build(Path(folder))
        await many_holds(gate, agent, people[0], HOLDS)
        held = (await gate.holds(people[0], limit=1))[0]
        port = Port()
        tokens = [(await gate.access.open_session("ana", "passkey")).token for _ in range(PAGES // STREAMS_A_SESSION)]
        async with served(Console(gate, WallClock(), port.origin), port):
            cookies = {"keyturn": tokens[0]}
            async with httpx2.AsyncClient(base_url=port.origin, cookies=cookies, timeout=60) as client:
                found = {
                    f"queue with {HOLDS:,} holds, ms p50": await page_ms(client, "/console/"),
                    "action page, ms p50": await page_ms(client, f"/console/actions/{held.id}"),
                }
            before = resident_mb()
            pages = [await opened(port, tokens[n % len(tokens)]) for n in range(PAGES)]
            found[f"memory of {PAGES} open pages, MB"] = resident_mb() - before
            found[f"key turned to all {PAGES} pages, ms p50"] = await key_to_pages(gate, agent, people[1], pages)
            found[f"memory after {TURNS} turns, MB more"] = resident_mb() - before
        await gate.stop_running()
        return found


def run() -> dict[str, float]:
    """The figures by name."""
    return uvloop.run(measure())


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:46} {value:10.1f}")
