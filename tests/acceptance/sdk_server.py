"""A server on the official SDK, over stdio or streamable HTTP, both generations: ``sdk_server.py stdio|http``."""

import asyncio
import json
import os
import socket
import sys
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged

Context = ServerRequestContext[Any, Any]
FORM = {"type": "object", "properties": {"name": {"type": "string"}}}
BUS = InMemorySubscriptionBus()
TOOLS = ["echo", "count", "name", "sleep", "fail", "grow", "environment"]
EXTRA: list[str] = []
CANCELLED: list[str] = []


def tool(name: str) -> types.Tool:
    properties: dict[str, Any] = {"text": {"type": "string"}}
    if name == "echo":
        properties["text"]["x-mcp-header"] = "Text"
    return types.Tool(name=name, description=f"does {name}", input_schema={"type": "object", "properties": properties})


async def list_tools(_: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    names = TOOLS + EXTRA
    at = int(params.cursor) if params is not None and params.cursor else 0
    following = str(at + 3) if at + 3 < len(names) else None
    return types.ListToolsResult(tools=[tool(n) for n in names[at : at + 3]], next_cursor=following)


def text(said: str, *, error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=said)], is_error=error)


async def call_tool(
    ctx: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    arguments = params.arguments or {}
    match params.name:
        case "echo":
            seen = {"arguments": arguments, "meta": dict(ctx.meta or {}), "cancelled": CANCELLED}
            return text(json.dumps(seen, default=str))
        case "count":
            for i in range(3):
                await ctx.session.report_progress(i, 3, f"step {i}")
            return text("counted")
        case "name":
            return await ask_name(ctx, params)
        case "sleep":
            try:
                await asyncio.Event().wait()
            finally:
                CANCELLED.append(str(arguments.get("text")))
        case "grow":
            EXTRA[:] = [*(name for name in EXTRA if name != arguments["text"]), str(arguments["text"])]
            await BUS.publish(ToolsListChanged())
            await ctx.session.send_tool_list_changed()
            return text("grown")
        case "environment":
            return text(json.dumps(dict(os.environ)))
    return text("it failed", error=True)


async def ask_name(
    ctx: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    """Ask the client for a name: in the middle of the call before 2026-07-28, by ``input_required`` since."""
    if ctx.protocol_version != "2026-07-28":
        found = await ctx.session.elicit_form("your name?", FORM)
        return text(f"hello {(found.content or {}).get('name')}")
    if params.input_responses is None:
        request = types.ElicitRequest(params=types.ElicitRequestFormParams(message="your name?", requested_schema=FORM))
        return types.InputRequiredResult(input_requests={"who": request}, request_state="round-1")
    answer = params.input_responses["who"]
    assert params.request_state == "round-1"
    assert isinstance(answer, types.ElicitResult)
    return text(f"hello {(answer.content or {}).get('name')}")


def build() -> Server[Any]:
    return Server(
        "sdk-server",
        version="7",
        instructions="be kind",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_subscriptions_listen=ListenHandler(BUS),
    )


async def over_stdio() -> None:
    server = build()
    async with stdio_server() as (reading, writing):
        options = server.create_initialization_options(NotificationOptions(tools_changed=True))
        await server.run(reading, writing, options)


def over_http() -> None:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
        listening.listen(100)
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(build().streamable_http_app(), log_level="error")
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(over_stdio()) if sys.argv[1] == "stdio" else over_http()
