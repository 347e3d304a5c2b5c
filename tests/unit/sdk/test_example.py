"""The example of a gated function, as its README tells it: the shipped files, the command line, two people's keys."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn import Client

EXAMPLE = Path(__file__).parents[3] / "examples" / "gated_function"


class Folder:
    """A copy of the example, and the command line in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": found, "PYTHONUNBUFFERED": "1"}

    def keyturn(self, *words: str) -> str:
        done = subprocess.run(
            ["keyturn", *words], cwd=self.path, env=self.env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, *words: str, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            words, cwd=self.path, env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def until(process: "subprocess.Popen[str]", pattern: str) -> str:
    """Read what a process prints up to the first match; its first group."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if (found := re.search(pattern, line)) is not None:
            return found[1]
    raise AssertionError(f"it never printed {pattern}: {seen}")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(Path(shutil.copytree(EXAMPLE, tmp_path / "example")))
    yield made


def test_the_example_of_a_gated_function_runs_as_its_readme_says(folder: Folder) -> None:
    owner = folder.keyturn("person", "add", "olga", "--owner", "-c", "keyturn.toml")
    serving = folder.start("keyturn", "serve", "-c", "keyturn.toml", "--port", "0")
    try:
        url = until(serving, r"(http://127\.0\.0\.1:[0-9]+)")
        with Client(url, owner) as olga:
            roles = {"kim": "analyst", "max": "lead"}
            people = [olga.post("/v1/people", {"name": n, "roles": [r]})["token"] for n, r in roles.items()]
            agent = olga.post("/v1/agents", {"name": "responder", "owner": "olga", "purpose": "contains hosts"})
            olga.issue_mandate("responder", "INC-1", "contain the beacon", ["soc/*"], targets=["host:*"])
        running = folder.start(sys.executable, "agent.py", "ws-042", KEYTURN_URL=url, KEYTURN_TOKEN=agent["token"])
        try:
            assert until(running, r"before: .*'isolated': (\w+)") == "False"
            action = until(running, r"key on (\w+)")
            for token in people:
                with Client(url, token) as client:
                    client.turn(action, client.look(action).digest)
            assert until(running, r"done: .*'isolated': (\w+)") == "True"
            assert until(running, r"after: .*'isolated': (\w+)") == "True"
            assert running.wait(30) == 0
        finally:
            running.kill()
    finally:
        serving.terminate()
        serving.wait(30)
