"""``keyturn serve`` in a process of its own, its people at the command line, and the official client of an agent.

The clients are the official ones of both generations, each in a process of its own that reads one call a line: the
newest is the one that is installed here, the other stands in an environment of its own (``peer_python``).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from keyturn.cli.main import cli
from keyturn.cli.remote import Remote
from keyturn.demo.gateway import running

NEWEST = "2026-07-28"
GENERATIONS = {NEWEST: "", "2025-11-25": "mcp==1.30.0"}
NEW_CLIENT = """
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

def connected(where):
    if "command" in where:  # no probe: while the wrapped server starts, it may time out, and the client turns to 2025
        return Client(StdioServerParameters(**where), mode="2026-07-28")
    return Client(streamable_http_client(where["url"], http_client=httpx2.AsyncClient(headers=where["headers"])))

async def revision(client):
    return client.protocol_version
"""
OLD_CLIENT = """
from contextlib import asynccontextmanager
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

@asynccontextmanager
async def connected(where):
    stdio = "command" in where
    opened = stdio_client(StdioServerParameters(**where)) if stdio else streamablehttp_client(**where)
    async with opened as streams:
        async with ClientSession(*streams[:2]) as session:
            yield session

async def revision(session):
    return (await session.initialize()).protocolVersion
"""
TALK = """
import asyncio, json, os, sys

async def main():
    async with connected(json.loads(os.environ.pop("WHERE"))) as client:
        began = await revision(client)
        tools = [tool.name for tool in (await client.list_tools()).tools]
        print(json.dumps([began, tools]), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            result = await client.call_tool(*json.loads(line))
            print(result.model_dump_json(by_alias=True, exclude_none=True), flush=True)

asyncio.run(main())
"""


@dataclass
class Talk:
    """A connected client: ``revision`` and ``tools`` as it found them."""

    process: "subprocess.Popen[str]"
    revision: str = ""
    tools: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.revision, self.tools = self.read()

    def read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the client ended"
        return json.loads(line)

    def call(self, tool: str, why: str = "", **arguments: Any) -> dict[str, Any]:
        """The result of one call, as it came; ``why`` is the rationale that a change needs."""
        assert self.process.stdin is not None
        said = {"_keyturn": {"rationale": why}} if why else {}
        self.process.stdin.write(json.dumps([tool, {**arguments, **said}]) + "\n")
        self.process.stdin.flush()
        result: dict[str, Any] = self.read()
        return result

    def free(self, tool: str, **arguments: Any) -> str:
        """The text that a call which runs at once answers with."""
        result = self.call(tool, **arguments)
        assert not result.get("isError") and "keyturn" not in (result.get("structuredContent") or {}), result
        return text(result)

    def stands(self, tool: str, why: str = "because of the test", **arguments: Any) -> dict[str, Any]:
        """The action that a call became, which did not run at once."""
        found: dict[str, Any] = self.call(tool, why, **arguments)["structuredContent"]["keyturn"]
        return found

    def outcome(self, action: str) -> dict[str, Any]:
        """The action once it has run."""
        return self.stands("keyturn_action", "", action=action, wait_s=20)


def text(result: Mapping[str, Any]) -> str:
    """The text of a result."""
    return "\n".join(block["text"] for block in result["content"] if block["type"] == "text")


@contextmanager
def talking(where: Mapping[str, Any], python: str) -> Iterator[Talk]:
    """An official client at ``where``: ``{"url", "headers"}``, or ``{"command", "args", "env"}`` for stdio."""
    client = NEW_CLIENT if python == sys.executable else OLD_CLIENT
    with subprocess.Popen(
        [python, "-c", client + TALK],
        env={**os.environ, "WHERE": json.dumps(where)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Talk(process)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(20) == 0
        finally:
            process.kill()


def command(*args: object, token: str = "", url: str = "") -> str:
    """What ``keyturn`` with these arguments prints; it must end well."""
    env = {"KEYTURN_TOKEN": token, "KEYTURN_URL": url or None}
    ended = CliRunner().invoke(cli, [str(arg) for arg in args], env=env)
    assert ended.exit_code == 0, ended.output
    return ended.output


def verified(config: Path) -> str:
    """Publish the journal, verify it from the files alone, and return what the verifier prints."""
    log = config.with_name("log")
    command("journal", "publish", log, "-c", config)
    told = command("journal", "verify", log, "--key", log / "verifier.key")
    assert told.startswith("verified: ")
    return told


@dataclass
class Served:
    """The running gateway of a configuration. olga (owner) made everything; ana and bob are analysts."""

    config: Path
    url: str
    tokens: dict[str, str]

    def agent(self, name: str, tools: list[str], targets: list[str]) -> None:
        """An agent of olga's with a mandate in a case of its own."""
        with self.as_person("olga") as olga:
            self.tokens[name] = olga.add_agent(name, "olga", "works the case", 1)["token"]
            draft = {"agent": name, "case": f"case of {name}", "purpose": "test", "tools": tools, "targets": targets}
            olga.issue_mandate(draft)

    def as_person(self, name: str) -> Remote:
        """REST, with the token of one of them."""
        return Remote.over_http(self.url, self.tokens[name])

    def run(self, who: str, *args: object) -> str:
        """A command of theirs against the running gateway."""
        return command(*args, token=self.tokens[who], url=self.url)

    def turn_both(self, action: dict[str, Any]) -> None:
        """ana turns her key over REST, bob his at the command line."""
        with self.as_person("ana") as ana:
            ana.turn(action["action"], action["digest"])
        self.run("bob", "turn", action["action"], "--yes", action["digest"])

    def talk(self, agent: str, upstream: str, python: str) -> Any:
        """The agent's client at the gateway's endpoint for one server."""
        headers = {"Authorization": f"Bearer {self.tokens[agent]}"}
        return talking({"url": f"{self.url}/mcp/{upstream}", "headers": headers}, python)

    def kinds(self, action: str, case: str) -> list[str]:
        """The kinds of an action's entries, in order."""
        with self.as_person("ana") as ana:
            return [entry["kind"] for entry in ana.case_entries(case) if entry.get("action") == action]


@contextmanager
def served(folder: Path, upstreams: Mapping[str, Mapping[str, Any]]) -> Iterator[Served]:
    """``keyturn serve`` on a real configuration file in ``folder``, with real people."""
    folder.mkdir()
    config = folder / "keyturn.toml"
    lines = ["[server]", "port = 0"]
    for name, settings in upstreams.items():
        env = ", ".join(f"{key} = {json.dumps(value)}" for key, value in settings.get("env", {}).items())
        lines += [
            f"[upstreams.{name}]",
            f"command = {json.dumps(settings['command'])}",
            f"args = {json.dumps(settings['args'])}",
            f"catalogue = {json.dumps(settings['catalogue'])}",
            f"env = {{ {env} }}",
        ]
    config.write_text("\n".join(lines))
    tokens = {"olga": command("person", "add", "olga", "--owner", "-c", config).split()[-1]}
    with running(config) as url:
        site = Served(config, url, tokens)
        for name, role in (("ana", "analyst"), ("bob", "lead")):
            tokens[name] = site.run("olga", "person", "add", name, "--role", role).split()[-1]
        yield site


def python_of(generation: str, peer_python: Callable[[str], Path]) -> str:
    """The interpreter whose official client speaks a generation."""
    requirement = GENERATIONS[generation]
    return str(peer_python(requirement) / "python") if requirement else sys.executable
