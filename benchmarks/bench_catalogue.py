"""The packaged catalogue: how long it takes to load, what it costs in memory, and what a look-up takes.

Each figure of loading is of a fresh process; memory is what the process grew by.
"""

import statistics
import subprocess
import sys
import time

LOAD = """
import resource, sys, time
from keyturn.catalogue import Catalogue
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
found = Catalogue.load()
loaded = time.perf_counter() - start
tools = [(listed.vendor.servers[0], listed.name) for listed in found] if sys.argv[1] == "all" else []
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(loaded * 1e3, (time.perf_counter() - start) * 1e3, grown / 1024, len(found))
"""


def loads(how: str) -> tuple[float, float, float, int]:
    """Medians of five processes: ms to load, ms until all that was asked is read, MB grown; and the number of tools."""
    runs = [
        [float(word) for word in subprocess.check_output([sys.executable, "-c", LOAD, how], text=True).split()]
        for _ in range(5)
    ]
    first, whole, grown, tools = (statistics.median(column) for column in zip(*runs, strict=True))
    return first, whole, grown, int(tools)


def look_up() -> tuple[float, float]:
    """µs for a look-up: each tool for the first time, and again (medians over all tools)."""
    from keyturn.catalogue import Catalogue

    found = Catalogue.load()
    tools = [(listed.vendor.servers[0], listed.name) for listed in Catalogue.load()]
    rounds = []
    for _ in range(3):
        taken = []
        for server, tool in tools:
            start = time.perf_counter_ns()
            found.profile(server, tool)
            taken.append((time.perf_counter_ns() - start) / 1e3)
        rounds.append(statistics.median(taken))
    return rounds[0], min(rounds[1:])


def main() -> None:
    """Print the table."""
    first, _, grown, tools = loads("lazily")
    _, whole, grown_all, _ = loads("all")
    fresh, again = look_up()
    print(f"{tools} tools: loaded in {first:.0f} ms and {grown:.1f} MB")
    print(f"every one of them read: {whole:.0f} ms and {grown_all:.1f} MB")
    print(f"a look-up: {again:.2f} µs, the first of a tool {fresh:.1f} µs (p50)")


if __name__ == "__main__":
    main()
