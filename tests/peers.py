"""Other people's servers for tests: each in an environment of its own under ``.cache/peers``, made once.

A pytest plugin (``tests/conftest.py`` names it). ``peer_python("falcon-mcp==0.20.0")`` and
``peer_npm("@modelcontextprotocol/server-filesystem@2026.8.31")`` return the folder with the package's programs.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".cache" / "peers"
INSTALL_SECONDS = 100
PROGRAMS = os.pathsep.join((os.environ.get("PATH", ""), str(ROOT / ".uv" / "bin")))  # where `make` puts uv

Need = Callable[[str], NoReturn]
Peer = Callable[[str], Path]


@pytest.fixture(scope="session")
def peer_python(need: Need) -> Peer:
    """The ``bin`` folder of a virtual environment that holds one PyPI requirement."""

    def get(requirement: str) -> Path:
        place = _place(requirement)
        venv = [["uv", "venv", "-q", "--clear", "--python", sys.executable, str(place)]]
        install = [["uv", "pip", "install", "-q", "--python", str(place / "bin" / "python"), requirement]]
        _made(place, venv + install, need)
        return place / "bin"

    return get


@pytest.fixture(scope="session")
def peer_npm(need: Need) -> Peer:
    """The ``.bin`` folder of an npm tree that holds one package."""

    def get(package: str) -> Path:
        place = _place(package)
        install = ["npm", "install", "--no-fund", "--no-audit", "--silent", "--prefix", str(place), package]
        _made(place, [install], need)
        return place / "node_modules" / ".bin"

    return get


@pytest.fixture
def falcon_stub() -> Iterator[str]:
    """The base URL of a fresh Falcon API stub; ``/_state`` reads its state back (``falcon_stub.py``)."""
    program = [sys.executable, str(Path(__file__).parent / "falcon_stub.py")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def _place(requirement: str) -> Path:
    return PEERS / re.sub(r"[^A-Za-z0-9.=-]+", "_", requirement).strip("_")


def _made(place: Path, commands: list[list[str]], need: Need) -> None:
    """Run the commands once, whoever comes first; a half-made place is made again."""
    done = place / ".complete"
    with _alone(place):
        if done.exists():
            return
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for command in commands:
            line = " ".join(command)
            program = shutil.which(command[0], path=PROGRAMS)
            if program is None:
                need(f"{command[0]} is not on PATH, and `{line}` needs it")
            try:
                subprocess.run(
                    [program, *command[1:]], check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
                )
            except subprocess.TimeoutExpired:
                need(f"`{line}` took more than {INSTALL_SECONDS} s; run it by hand")
            except subprocess.CalledProcessError as error:
                need(f"`{line}` failed; it needs the package registry: {error.stderr.strip()[-300:]}")
        done.touch()


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the place's lock: test runs side by side make it once."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(place.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
