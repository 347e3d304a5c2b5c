"""The MCP server of the range: checks arguments, runs one tool in one transaction, turns errors into readable results.

It is a simulated SOC, and says so in its name and instructions. Speaks MCP 2026-07-28 and the 2025 revisions.
"""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from keyturn.errors import InvalidArguments, KeyturnError, StoreError
from keyturn.range import edr, evidence, firewall, idp, intel, mail, state, tickets
from keyturn.range.tool import Call, Changed, RangeTool, Schema

NAME = "keyturn-range-simulated-soc"
INSTRUCTIONS = (
    "A SIMULATED security operations centre: EDR, identity provider, mail, firewall, tickets, evidence store and "
    "threat intelligence over invented data. Nothing here reaches a real system. Start with tkt_get INC-1042."
)
TOOLS: dict[str, RangeTool] = {
    tool.name: tool for system in (edr, idp, mail, firewall, tickets, evidence, intel) for tool in system.TOOLS
}
_VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(tool.input_schema, validate_formats=True) for name, tool in TOOLS.items()
}


def run_tool(db: sqlite3.Connection, tool: RangeTool, arguments: Schema, *, actor: str, now: str) -> Schema | str:
    """Run one call in one transaction, with its row in ``changes`` when the tool changes something.

    Raises InvalidArguments, NotFound or Conflict (nothing was done), StoreError when the database refuses.
    """
    fault = next(_VALIDATORS[tool.name].iter_errors(arguments), None)
    if fault is not None:
        where = "/".join(str(part) for part in fault.instance_path) or "arguments"
        raise InvalidArguments(f"{tool.name}: {where}: {_bounded(fault.message)}")
    call = Call(db=db, args=arguments, actor=actor, now=now)
    try:
        db.execute(f"PRAGMA query_only={'OFF' if tool.changes else 'ON'}")
        db.execute("BEGIN IMMEDIATE" if tool.changes else "BEGIN")
        answer = tool.run(call)
        if isinstance(answer, Changed):
            state.record_change(db, now=now, tool=tool.name, arguments=arguments, effect=answer.effect)
            answer = answer.result
        db.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"{tool.name}: the range's database refused: {error}") from error
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    return answer


def build(db: sqlite3.Connection, *, actor: str, now: Callable[[], str]) -> Server[Any]:
    """The server over an open state. Its handlers run one at a time: the range is one small file, not a service."""

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])

    async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {_bounded(params.name)}")
        try:
            answer = run_tool(db, tool, params.arguments or {}, actor=actor, now=now())
        except KeyturnError as error:
            return CallToolResult(content=[TextContent(text=f"{error.code}: {error}")], is_error=True)
        if isinstance(answer, str):
            return CallToolResult(content=[TextContent(text=answer)])
        text = json.dumps(answer, ensure_ascii=False)
        return CallToolResult(content=[TextContent(text=text)], structured_content=answer)

    return Server(
        NAME,
        version="1",
        title="Keyturn range (simulated SOC)",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def wall_clock() -> str:
    """The time now, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _described(tool: RangeTool) -> Tool:
    return Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.returns,
        annotations=tool.hints,
    )


def _bounded(message: str) -> str:
    return message if len(message) <= 200 else message[:200] + "…"
