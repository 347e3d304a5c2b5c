"""Run the official conformance suites against one server, direct and behind the gateway, side by side.

``python tests/conformance/run.py`` prints a table and fails if the gateway costs a check that is not in ``KNOWN``.
Node 22 and the suites come from the npm registry into ``.cache/conformance``, once.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "conformance"
PACKAGE = "@modelcontextprotocol/conformance"
SUITES = {
    "2025": ("0.1.16", ["--suite", "all"]),
    "2026-07-28": ("0.2.0-alpha.12", ["--requirements", "2026-07-28"]),
}
KNOWN = {
    ("2025", "server-sse-multiple-streams"): "the gateway answers a call that sends nothing ahead as JSON, which the "
    "revision allows; the suite then has no streams to count, and passes one check less",
}
_line = re.compile(r"^[✓✗~⚠-] (\S+): (\d+) passed, (\d+) failed", re.MULTILINE)
Score = dict[str, tuple[int, int]]


def install(version: str) -> Path:
    """The suite's program."""
    place = CACHE / version
    program = place / "node_modules" / PACKAGE / "dist" / "index.js"
    if not program.exists():
        npm("--prefix", str(place), f"{PACKAGE}@{version}")
    return program


def node() -> str:
    """Node 22 or later: the machine's own, or one from npm."""
    own = shutil.which("node")
    if own and int(subprocess.check_output([own, "--version"], text=True)[1:].split(".")[0]) >= 22:
        return own
    found = CACHE / "node" / "node_modules" / "node" / "bin" / "node"
    if not found.exists():
        npm("--prefix", str(CACHE / "node"), "node@22")
    return str(found)


def npm(*args: str) -> None:
    """Install, or say what is missing."""
    if shutil.which("npm") is None:
        sys.exit("npm is missing: install Node.js with npm (Debian: apt install npm), then run this again")
    subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--silent", *args], check=True)


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A program, ended afterwards."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def await_answer(url: str) -> None:
    """Until the server answers anything."""
    for _ in range(150):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{url} does not answer")


def scores(revision: str, url: str) -> tuple[Score, Score]:
    """Checks passed and failed by scenario: the scored ones, then those that the suite runs without scoring."""
    version, options = SUITES[revision]
    with tempfile.TemporaryDirectory() as place:
        found = subprocess.run(
            [node(), str(install(version)), "server", "--url", url, *options],
            capture_output=True,
            text=True,
            timeout=600,
            cwd=place,
            check=False,
        ).stdout
    unscored = set(re.findall(r"^\s+[✓✗] (\S+) \(", found, re.MULTILINE)) | not_scored(revision)
    every = {name: (int(passed), int(failed)) for name, passed, failed in _line.findall(found)}
    if not every:
        sys.exit(f"the suite said nothing that can be read:\n{found[-2000:]}")
    return (
        {name: score for name, score in every.items() if name not in unscored},
        {name: score for name, score in every.items() if name in unscored},
    )


def not_scored(revision: str) -> set[str]:
    """The scenarios that a frozen revision runs for sight only."""
    rules = CACHE / SUITES[revision][0] / "node_modules" / PACKAGE / "requirements" / f"{revision}.yaml"
    if not rules.exists():
        return set()
    return set(re.findall(r"- scenario: (\S+)", rules.read_text().partition("not_scored:")[2]))


def compare(revision: str, direct: str, behind: str) -> list[str]:
    """Print one revision's table; the scenarios that are worse behind the gateway, and not known to be."""
    print(f"\n## {revision}\n\n| scenario | direct | behind the gateway |\n|---|---|---|")
    (straight, extra), (through, through_extra) = scores(revision, direct), scores(revision, behind)
    worse = []
    for name, (passed, failed) in straight.items():
        got = through.get(name, (0, 0))
        if got != (passed, failed):
            print(f"| {name} | {passed} of {passed + failed} | {got[0]} of {sum(got)} |")
        if got[0] < passed or got[1] > failed:
            worse += [] if (revision, name) in KNOWN and got[1] <= failed else [f"{revision} {name}"]
    for title, left, right in (("**all scored**", straight, through), ("run, not scored", extra, through_extra)):
        sums = [tuple(map(sum, zip(*side.values(), strict=True))) or (0, 0) for side in (left, right)]
        (a, b), (c, d) = ((s[0], sum(s)) for s in sums)
        print(f"| {title} ({len(left)} scenarios) | {a} of {b} | {c} of {d} |")
    return worse


def main() -> None:
    """Both suites, both ways."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ.pop("FORCE_COLOR", None)
    direct = f"http://127.0.0.1:{port}/mcp"
    with running(str(HERE / "server.py"), str(port)):
        await_answer(direct)
        with running(str(HERE / "gateway.py"), direct) as gateway:
            assert gateway.stdout is not None
            behind = gateway.stdout.readline().strip()
            worse = [name for revision in SUITES for name in compare(revision, direct, behind)]
    print("\nKnown differences:")
    for (revision, name), why in KNOWN.items():
        print(f"- {revision} {name}: {why}")
    if worse:
        sys.exit(f"\nworse behind the gateway: {json.dumps(worse)}")


if __name__ == "__main__":
    main()
