"""A server with all that the conformance suite asks of one, on the official SDK; ``server.py PORT``.

What each tool, resource and prompt must answer is the suite's own expectation; tables hold it where they can.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    JSONRPCMessage,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # one pixel
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
server = MCPServer(
    name="conformance-server",
    version="1.0.0",
    request_state_security=RequestStateSecurity(keys=[b"a fixed key, for tests alone, of 32 bytes and more"]),
)


class Replay(EventStore):
    """Events by number, for clients that resume a stream."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self.kept.append((stream_id, message))
        return str(len(self.kept))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        seen = int(last_event_id)
        stream = self.kept[seen - 1][0]
        for number, (of, message) in enumerate(self.kept[seen:], seen + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


# Plain answers


def text(value: str) -> TextContent:
    return TextContent(type="text", text=value)


def image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, value: str, kind: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=kind, text=value))


PLAIN: dict[str, tuple[Any, Any]] = {
    "test_simple_text": (list[TextContent], [text("This is a simple text response for testing.")]),
    "test_image_content": (list[ImageContent], [image()]),
    "test_audio_content": (list[AudioContent], [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]),
    "test_embedded_resource": (
        list[EmbeddedResource],
        [embedded("test://embedded-resource", "This is an embedded resource content.")],
    ),
    "test_multiple_content_types": (
        list[TextContent | ImageContent | EmbeddedResource],
        [
            text("Multiple content types test:"),
            image(),
            embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
        ],
    ),
}


def plain(returns: Any, value: Any) -> Callable[[], Any]:
    def answer() -> Any:
        return value

    answer.__annotations__["return"] = returns
    return answer


for tool_name, (returns, value) in PLAIN.items():
    server.add_tool(plain(returns, value), name=tool_name, description="A fixed answer")


@server.tool()
def test_error_handling() -> str:
    """Fails."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs three times."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(line)
        await asyncio.sleep(0.05)
    return "logged"


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Reports progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(progress=done, total=100, message=f"{done} of 100")
        await asyncio.sleep(0.05)
    return "done"


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    """Ends its stream and goes on."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return "Reconnection test completed"


# Questions to the client while a call runs (2025)


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model."""
    answer = await ctx.session.create_message(
        messages=[SamplingMessage(role="user", content=text(prompt))], max_tokens=100, related_request_id=ctx.request_id
    )
    return f"LLM response: {getattr(answer.content, 'text', '')}"


class Answer(BaseModel):
    response: str = Field(description="User's response")


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def titled(**pairs: str) -> list[Any]:
    return [{"const": key, "title": title} for key, title in pairs.items()]


class Enums(BaseModel):
    untitledSingle: str = Field(json_schema_extra={"enum": ["option1", "option2", "option3"]})
    titledSingle: str = Field(json_schema_extra={"oneOf": titled(value1="First", value2="Second")})
    legacyEnum: str = Field(json_schema_extra={"enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]})
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": ["option1", "option2"]}})
    titledMulti: list[str] = Field(
        json_schema_extra={"items": {"anyOf": titled(value1="First Choice", value2="Second Choice")}}
    )


async def elicited(ctx: Context, message: str, schema: type[BaseModel]) -> str:
    result = await ctx.elicit(message=message, schema=schema)
    content = result.data.model_dump_json() if result.action == "accept" else "{}"
    return f"User response: action={result.action}, content={content}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user."""
    return await elicited(ctx, message, Answer)


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks with defaults."""
    return await elicited(ctx, "Please provide user information", Defaults)


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks with choices."""
    return await elicited(ctx, "Please choose", Enums)


# Questions as results (2026-07-28)


def ask(key: str, kind: str = "string", message: str = "Please answer") -> ElicitRequest:
    schema = {"type": "object", "properties": {key: {"type": kind}}, "required": [key]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=text(prompt))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=100))


ASKING: dict[str, tuple[Mapping[str, Any], str | None]] = {
    "elicitation": ({"user_name": ask("name", message="What is your name?")}, None),
    "sampling": ({"capital_question": sample("What is the capital of France?")}, None),
    "list_roots": ({"client_roots": ListRootsRequest()}, None),
    "request_state": ({"confirm": ask("ok", "boolean")}, "round-1"),
    "multiple_inputs": (
        {"user_name": ask("name"), "greeting": sample("Generate a greeting"), "client_roots": ListRootsRequest()},
        "round-1",
    ),
    "tampered_state": ({"confirm": ask("ok", "boolean")}, "round-1"),
}


def asking(questions: Mapping[str, Any], state: str | None) -> Callable[..., Any]:
    async def answer(ctx: Context) -> str | InputRequiredResult:
        got = ctx.input_responses or {}
        if questions.keys() <= got.keys() and ctx.request_state == state:
            said = ", ".join(f"{key}: {got[key].model_dump_json()}" for key in questions)
            return f"state-ok, {said}"
        return InputRequiredResult(input_requests=dict(questions), request_state=state)

    return answer


for tool_name, (questions, state) in ASKING.items():
    server.add_tool(asking(questions, state), name=f"test_input_required_result_{tool_name}", description="Asks first")


@server.tool()
async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Asks twice, and remembers."""
    got, state = ctx.input_responses or {}, json.loads(ctx.request_state or "[]")
    for number, key in enumerate(("step1", "step2")):
        if len(state) == number and key in got:
            state.append(got[key].model_dump(mode="json"))
            break
    if len(state) == 2:
        return json.dumps(state)
    step = len(state) + 1
    return InputRequiredResult(input_requests={f"step{step}": ask(f"value{step}")}, request_state=json.dumps(state))


@server.tool()
async def test_input_required_result_capabilities(ctx: Context) -> InputRequiredResult:
    """Asks what the client can be asked, and nothing else."""
    able = ctx.client_capabilities
    asked: dict[str, Any] = {}
    if able is not None and able.sampling is not None:
        asked["sample"] = sample("Say hello")
    if able is not None and able.elicitation is not None:
        asked["ask"] = ask("name")
    return InputRequiredResult(input_requests=asked, request_state="asked")


@server.tool()
async def test_missing_capability(ctx: Context) -> str:
    """Needs a client that samples."""
    able = ctx.session.client_capabilities
    if able is None or able.sampling is None:
        needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="needs sampling", data=needed)
    return "sampling is there"


# Schemas and headers


@server.tool()
def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none") -> str:
    """Wants an argument repeated in a header."""
    return region


@server.tool()
def json_schema_2020_12_tool() -> str:
    """Has the schema below."""
    return "ok"


needs_phone, needs_email = {"required": ["phone"]}, {"required": ["email"]}
server._tool_manager._tools["json_schema_2020_12_tool"].parameters = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [needs_phone, needs_email]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": needs_phone,
    "else": needs_email,
    "additionalProperties": False,
}


# Changes


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    """Tells of a change of the tools."""
    server.add_tool(plain(str, "here"), name="test_dynamic_tool")
    server.remove_tool("test_dynamic_tool")
    await ctx.notify_tools_changed()
    return "changed"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Tells of a change of the prompts."""
    server.add_prompt(Prompt.from_function(plain(str, "here"), name="test_dynamic_prompt", description="briefly there"))
    server.remove_prompt("test_dynamic_prompt")
    await ctx.notify_prompts_changed()
    return "changed"


# Resources and prompts


@server.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    """Text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PNG)


@server.resource("test://watched-resource", mime_type="text/plain")
def watched() -> str:
    """Can be subscribed to."""
    return "Watched resource content"


@server.resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:
    """By id."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@server.prompt()
def test_simple_prompt() -> list[UserMessage]:
    """A line."""
    return [UserMessage(content=text("This is a simple prompt for testing."))]


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    """Two arguments."""
    return [UserMessage(content=text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A resource inside."""
    inside = embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(content=inside), UserMessage(content=text("Please process the embedded resource above."))]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    """An image inside."""
    return [UserMessage(content=image()), UserMessage(content=text("Please analyze the image above."))]


@server.prompt()
async def test_input_required_result_prompt(ctx: Context) -> list[UserMessage] | InputRequiredResult:
    """Asks first."""
    got = ctx.input_responses or {}
    if "user_context" not in got:
        return InputRequiredResult(input_requests={"user_context": ask("context")})
    return [UserMessage(content=text(got["user_context"].model_dump_json()))]


@server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK has no types here
async def complete(ref: Any, argument: Any, context: Any) -> Completion:
    """Nothing comes to mind."""
    return Completion(values=[], total=0, has_more=False)


async def noted(ctx: Any, params: Any) -> EmptyResult:
    return EmptyResult()


low = server._lowlevel_server
low.add_request_handler("logging/setLevel", SetLevelRequestParams, noted)
low.add_request_handler("resources/subscribe", SubscribeRequestParams, noted)
low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, noted)

if __name__ == "__main__":
    server.run(transport="streamable-http", port=int(sys.argv[1]), event_store=Replay(), retry_interval=100)
