"""Which processes are alive, told by real processes and real locks."""

import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.errors import StoreError
from keyturn.runners import FileRunners

CHILD = """
import sys, pathlib
from keyturn.runners import FileRunners
FileRunners(pathlib.Path(sys.argv[1])).enter("run-child")
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_process_is_alive_until_it_is_killed(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    runners = FileRunners(tmp_path)
    assert runners.alive("run-child")
    with pytest.raises(StoreError, match="already run-child"):
        runners.enter("run-child")
    child.kill()
    child.communicate()
    assert (tmp_path / "run-child").exists()
    assert not runners.alive("run-child")


def test_one_that_left_or_never_was_is_not_alive(tmp_path: Path) -> None:
    runners = FileRunners(tmp_path / "runners")
    runners.enter("run-1")
    assert runners.alive("run-1")
    runners.leave("run-1")
    assert not any(runners.alive(name) for name in ("run-1", "run-2", "", "../runners", "."))
