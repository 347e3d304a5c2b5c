"""The warm worker, and a seeded database to copy."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.soc import load_policy, seed

from keyturn.core.policy import Policy

ROOT = Path(__file__).parents[2]


class Worker:
    """Asks the worker process for a child, and says how it ended: 0, or minus the signal that killed it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.faults.worker"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, task: str, folder: Path, at: int = 0) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"task": task, "folder": str(folder), "at": at}), file=self._process.stdin, flush=True)
        ends: list[int] = json.loads(self._process.stdout.readline())
        return ends

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One for all tests of this folder."""
    made = Worker()
    yield made
    made.close()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database to copy."""
    folder = tmp_path_factory.mktemp("seed")
    asyncio.run(seed(folder))
    return folder


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The standard pack, loaded once."""
    return load_policy()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A site's folder that is yet to be made; in memory where there is such a place: a killed process, unlike a
    power cut, loses nothing that it wrote, and the flushes of hundreds of commits are slow."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path / "site"
        return
    made = Path(tempfile.mkdtemp(prefix="keyturn-faults-", dir=memory))
    yield made / "site"
    shutil.rmtree(made)
