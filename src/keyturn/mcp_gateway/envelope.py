"""The ``_keyturn`` object: why the model wants a change. It travels in the call and never reaches the server (G10)."""

from typing import Any

import msgspec

from keyturn.core.action import MAX_EVIDENCE, MAX_RATIONALE, ModelOutput
from keyturn.core.hidden import says_something
from keyturn.errors import InvalidArguments, InvalidInput

NAME = "_keyturn"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Why this change: people read it before they turn a key. It is recorded and not sent to the tool.",
    "properties": {
        "rationale": {"type": "string", "minLength": 1, "maxLength": MAX_RATIONALE},
        "evidence": {"type": "array", "items": {"type": "string", "maxLength": 1_000}, "maxItems": MAX_EVIDENCE},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["rationale"],
    "additionalProperties": False,
}
HELD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "The call was held or denied; nothing has run.",
    "properties": {"keyturn": {"type": "object"}},
    "required": ["keyturn"],
}
_BRANCHES = ("allOf", "anyOf", "oneOf")
_HOISTED = ("$schema", "$defs", "definitions")


def name_for(schema: Any) -> str:
    """The property's name beside the tool's own ones: ``_keyturn``, or with more underscores if the tool has that."""
    own = schema.get("properties") if isinstance(schema, dict) else None
    name = NAME
    while isinstance(own, dict) and name in own:
        name += "_"
    return name


def added(schema: Any) -> dict[str, Any]:
    """A tool's input schema that also requires the object, whatever closed it to further properties.

    Raises :class:`InvalidInput` for what is no schema.
    """
    schema = dict(schema) if isinstance(schema, dict) else {"type": "object"}
    name = name_for(schema)
    opened = _opened(schema, name)
    required = opened.get("required")
    return {
        **opened,
        "properties": {**_properties(opened), name: SCHEMA},
        "required": [*(required if isinstance(required, list) else []), name],
    }


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("properties", {})
    if not isinstance(found, dict):
        raise InvalidInput("its schema is none: properties is no object")
    return found


def _opened(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema with room for one more property."""
    result = dict(schema)
    if isinstance(result.get("maxProperties"), int):
        result["maxProperties"] += 1
    if "propertyNames" in result:
        result["propertyNames"] = {"anyOf": [result["propertyNames"], {"const": name}]}
    for key in _BRANCHES:
        if isinstance(result.get(key), list):
            result[key] = [_admitting(branch, name) for branch in result[key]]
    for key in ("then", "else"):
        if key in result:
            result[key] = _admitting(result[key], name)
    return result


def _admitting(branch: Any, name: str) -> Any:
    if not isinstance(branch, dict):
        return branch
    branch = _opened(branch, name)
    if "additionalProperties" in branch:
        branch["properties"] = {**_properties(branch), name: True}
    return branch


def or_held(schema: Any) -> dict[str, Any] | None:
    """A tool's output schema that also admits the answer of a held call; ``None`` if it can't be widened safely."""
    if not isinstance(schema, dict) or _refers_elsewhere(schema):
        return None
    hoisted = {key: schema[key] for key in _HOISTED if key in schema}
    inner = {key: value for key, value in schema.items() if key not in hoisted}
    return {**hoisted, "type": "object", "anyOf": [inner, HELD_SCHEMA]}


def _refers_elsewhere(node: Any) -> bool:
    """A reference into the root (other than to definitions) would break once the schema moves down a level."""
    if isinstance(node, list):
        return any(map(_refers_elsewhere, node))
    if not isinstance(node, dict):
        return False
    if "$id" in node:
        return True
    ref = node.get("$ref")
    if isinstance(ref, str) and ref.startswith("#") and not ref.startswith(("#/$defs/", "#/definitions/")):
        return True
    return any(map(_refers_elsewhere, node.values()))


def taken(arguments: dict[str, Any], schema: Any) -> tuple[dict[str, Any], ModelOutput]:
    """The tool's own arguments, and what the model said beside them (empty if it said nothing).

    Raises :class:`InvalidArguments` for an object that is not as the schema asks.
    """
    name = name_for(schema)
    if name not in arguments:
        return arguments, ModelOutput()
    rest = {key: value for key, value in arguments.items() if key != name}
    try:
        output = msgspec.convert(arguments[name], ModelOutput)
    except (msgspec.ValidationError, InvalidInput) as e:
        raise InvalidArguments(
            f"{name} is not as the tool's schema asks: {e}",
            hint="send {rationale: text, evidence: [text], confidence: 0..1}",
        ) from None
    if not says_something(output.rationale):
        raise InvalidArguments(f"{name}.rationale is empty", hint="say in a sentence why this change is right")
    return rest, output
