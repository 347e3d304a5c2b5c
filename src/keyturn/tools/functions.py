"""Plain Python functions as tools: for embedding the gate in a program, without a server in between."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from keyturn.core.action import ToolRef
from keyturn.core.canonical import canonical_json, parse_json, sha256_hex
from keyturn.errors import ToolNotSent
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall

Function = Callable[..., Any] | Callable[..., Awaitable[Any]]


class FunctionTools:
    """The gate's ``Tools`` port over functions of this process, under one upstream name.

    A function takes the arguments by name and returns a JSON value. What it raises is the tool's own error: the
    answer then says so, as an MCP result with ``isError``.
    """

    def __init__(self, upstream: str, functions: Mapping[str, tuple[Function, dict[str, Any]]]) -> None:
        self._upstream = upstream
        self._functions = {name: function for name, (function, _) in functions.items()}
        self._definitions = {name: _definition(upstream, name, *pair) for name, pair in functions.items()}

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        """Call the function once. Raises :class:`ToolNotSent` if there is none of that name."""
        function = self._functions.get(call.tool.name) if call.tool.upstream == self._upstream else None
        if function is None:
            raise ToolNotSent(f"there is no function {call.tool}", hint="register it")
        try:
            value = function(**parse_json(call.arguments))
            if inspect.isawaitable(value):
                value = await value
        except Exception as e:
            return ToolAnswer(_result(f"{type(e).__name__}: {e}"[:2000], None, is_error=True), is_error=True)
        return ToolAnswer(_result(msgspec.json.encode(value).decode(), value, is_error=False), is_error=False)

    def definition(self, tool: ToolRef) -> Definition | None:
        """The function's definition; its fingerprint covers its source."""
        return self._definitions.get(tool.name) if tool.upstream == self._upstream else None

    def upstreams(self) -> frozenset[str]:
        """The one name."""
        return frozenset({self._upstream})

    def names(self, upstream: str) -> frozenset[str] | None:
        """The functions' names."""
        return frozenset(self._functions) if upstream == self._upstream else None

    async def refresh(self, upstream: str) -> None:
        """Nothing to ask: the functions are as they were given."""


def _definition(upstream: str, name: str, function: Function, schema: dict[str, Any]) -> Definition:
    source = inspect.getsource(function)
    fingerprint = sha256_hex(canonical_json({"name": name, "schema": schema, "source": source}))
    raw = {"name": name, "inputSchema": schema}
    return Definition(ToolRef(upstream, name), fingerprint, schema, {}, "", raw, sha256_hex(source.encode()))


def _result(text: str, value: Any, *, is_error: bool) -> bytes:
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": is_error}
    if isinstance(value, dict):
        result["structuredContent"] = value
    return msgspec.json.encode(result)
