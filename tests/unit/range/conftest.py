"""A simulated SOC on a fresh state, spoken to by the official client."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, TextContent

from keyturn.range.server import build
from keyturn.range.state import changes, open_state, snapshot

NOW = "2026-11-20T10:00:00Z"


@dataclass(frozen=True)
class Soc:
    path: Path
    server: Server[Any]

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        async with Client(self.server) as client:
            return await client.call_tool(tool, arguments)

    async def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.call(tool, **arguments)
        assert not result.is_error, result.content
        assert isinstance(result.content[0], TextContent)
        answer: dict[str, Any] = json.loads(result.content[0].text)
        assert answer == result.structured_content
        return answer

    async def text(self, tool: str, **arguments: Any) -> str:
        result = await self.call(tool, **arguments)
        assert not result.is_error
        assert isinstance(result.content[0], TextContent)
        return result.content[0].text

    async def refused(self, tool: str, **arguments: Any) -> str:
        """The text of the refusal; asserts that nothing changed."""
        before = (self.state(), self.changes())
        result = await self.call(tool, **arguments)
        assert result.is_error
        assert result.structured_content is None
        assert (self.state(), self.changes()) == before
        assert isinstance(result.content[0], TextContent)
        return result.content[0].text

    def state(self) -> dict[str, list[dict[str, Any]]]:
        return snapshot(self.path)

    def changes(self) -> list[dict[str, Any]]:
        return changes(self.path)

    def tools(self) -> list[str]:
        return [change["tool"] for change in self.changes()]


@pytest.fixture
def soc(tmp_path: Path) -> Iterator[Soc]:
    path = tmp_path / "range.db"
    with closing(open_state(path)) as db:
        yield Soc(path, build(db, actor="svc-test", now=lambda: NOW))
