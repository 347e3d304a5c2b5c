"""``keyturn wrap`` in front of a real stdio server: the official client on one side, the operator on the other."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from keyturn.cli.remote import Remote
from keyturn.range.state import changes, open_state
from keyturn.wrapping import TOKEN, upstream_name

WHY = {"rationale": "test", "evidence": ["ALR-5002"]}


@asynccontextmanager
async def wrapped(tmp_path: Path) -> AsyncIterator[Client]:
    open_state(tmp_path / "range.db").close()
    command = [sys.executable, "-m", "keyturn.range"]
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "keyturn.cli", "wrap", "--data", str(tmp_path / "data"), "--", *command],
        env={**os.environ, "KEYTURN_RANGE_STATE": str(tmp_path / "range.db")},
    )
    async with Client(stdio_client(parameters)) as client:
        yield client


def text(result: Any) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


async def session(tmp_path: Path) -> None:
    async with wrapped(tmp_path) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"edr_get_host", "edr_isolate_host", "keyturn_action"} <= names
        read = await client.call_tool("edr_get_host", {"hostname": "FIN-LT-044"})
        assert read.structured_content is not None and read.structured_content["containment"] == "normal"
        held = await client.call_tool("edr_isolate_host", {"hostname": "FIN-LT-044", "_keyturn": WHY})
        assert "is held" in text(held)
        assert changes(tmp_path / "range.db") == []


def test_reads_pass_and_a_change_waits_for_the_operator(tmp_path: Path) -> None:
    asyncio.run(session(tmp_path))
    config = tmp_path / "data" / "keyturn.toml"
    with Remote.in_process(config, (tmp_path / "data" / TOKEN).read_text()) as operator:
        hold = next(iter(operator.holds()))
        assert hold["tool"].endswith("/edr_isolate_host")
        mandates = operator.listed("mandates")
        assert [mandate["revoked_at"] is not None for mandate in mandates] == [True], "the session has ended"
    assert (tmp_path / "data" / TOKEN).stat().st_mode & 0o777 == 0o600


def test_a_command_has_a_name_of_its_own_in_each_folder() -> None:
    first = upstream_name(("uvx", "mcp-server-git", "--repository", "."), "/a")
    assert first.startswith("mcp-server-git-")
    assert first == upstream_name(("uvx", "mcp-server-git", "--repository", "."), "/a")
    assert first != upstream_name(("uvx", "mcp-server-git", "--repository", "."), "/b")


def piped(tmp_path: Path, stdin: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    wrap = [sys.executable, "-m", "keyturn.cli", "wrap", "--data", str(tmp_path / "data"), "--", *command]
    env = {**os.environ, "KEYTURN_RANGE_STATE": str(tmp_path / "range.db")}
    with stdin.open("rb") as file:
        return subprocess.run(wrap, env=env, stdin=file, capture_output=True, text=True, timeout=60)


def test_an_input_that_is_empty_from_the_start_ends_it(tmp_path: Path) -> None:
    ended = piped(tmp_path, Path("/dev/null"), "/nonexistent/server")
    assert ended.returncode == 0, ended.stderr
    assert "is away" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_input_that_is_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    open_state(tmp_path / "range.db").close()
    lines = tmp_path / "lines"
    lines.write_text('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\nnonsense')
    ended = piped(tmp_path, lines, sys.executable, "-m", "keyturn.range")
    assert "-32700" in ended.stdout, ended.stderr
