"""What a tool of the simulated SOC is: a name, a strict input schema, a function over the state, and hints."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_types import ToolAnnotations

from keyturn.range.state import Row

Schema = dict[str, Any]

HOSTNAME = r"^[A-Z0-9][A-Z0-9-]{0,62}$"
USERNAME = r"^[a-z][a-z0-9._-]{0,63}$"
EMAIL = r"^[^@\s]{1,64}@[A-Za-z0-9.-]{1,190}$"


@dataclass(frozen=True)
class Call:
    """One call: the state, the checked arguments, who the range believes is calling, and when."""

    db: sqlite3.Connection
    args: Mapping[str, Any]
    actor: str
    now: str


@dataclass(frozen=True)
class Changed:
    """What a changing tool answers: the result for the caller, and the effect in words for the list of changes."""

    result: Schema
    effect: str


@dataclass(frozen=True)
class RangeTool:
    """One tool of the range. ``run`` returns structured content, plain text, or, for a change, ``Changed``."""

    name: str
    description: str
    run: Callable[[Call], Schema | str | Changed]
    params: Mapping[str, Schema] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    changes: bool = False
    returns: Schema | None = None
    hints: ToolAnnotations | None = None

    @property
    def input_schema(self) -> Schema:
        """The JSON Schema of the arguments: nothing beyond the named ones."""
        return {
            "type": "object",
            "properties": dict(self.params),
            "required": [name for name in self.params if name not in self.optional],
            "additionalProperties": False,
        }


def text(what: str, *, longest: int = 200, pattern: str | None = None) -> Schema:
    """Schema of a string argument that is not empty."""
    schema: Schema = {"type": "string", "description": what, "minLength": 1, "maxLength": longest}
    return schema | ({"pattern": pattern} if pattern else {})


def choice(what: str, *values: str) -> Schema:
    """Schema of an argument with few values."""
    return {"type": "string", "description": what, "enum": list(values)}


def ident(prefix: str, what: str) -> Schema:
    """Schema of an id such as ``ALR-5001``."""
    return text(what, longest=24, pattern=rf"^{prefix}-[0-9]{{1,8}}$")


def ipv4(what: str) -> Schema:
    """Schema of one IPv4 address."""
    return {"type": "string", "description": what, "format": "ipv4"}


LIMIT: Schema = {"type": "integer", "description": "Most rows to return (20)", "minimum": 1, "maximum": 50}


def shape(**properties: str) -> Schema:
    """Output schema of an object: each property's JSON type by name, ``"string?"`` when it may be null."""
    return {
        "type": "object",
        "properties": {
            name: {"type": [kind[:-1], "null"] if kind.endswith("?") else kind} for name, kind in properties.items()
        },
        "required": list(properties),
    }


def page(call: Call, found: list[Row]) -> list[Row]:
    """As many rows as the call's ``limit`` allows. JSON Schema takes 5.0 for an integer, so does this."""
    return found[: int(call.args.get("limit", 20))]


READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
REVERSIBLE = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
DESTRUCTIVE = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)
