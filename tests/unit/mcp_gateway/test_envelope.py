"""The ``_keyturn`` object in a tool's schema, and out of its arguments."""

from typing import Any

import jsonschema_rs
import pytest

from keyturn.errors import InvalidArguments
from keyturn.mcp_gateway import envelope

WHY = {"rationale": "seen", "evidence": [], "confidence": 1}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}, "maxProperties": 1},
        {"type": "object", "properties": {"a": {}}, "propertyNames": {"maxLength": 1}},
        {"type": "object", "allOf": [{"properties": {"a": {}}, "additionalProperties": False}]},
        {"type": "object", "anyOf": [{"properties": {"a": {}}, "additionalProperties": False, "required": ["a"]}]},
        {"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False},
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {}, "_keyturn": {"type": "string"}}},
    ],
)
def test_a_closed_schema_admits_and_requires_the_object(schema: dict[str, Any]) -> None:
    name = envelope.name_for(schema)
    validator = jsonschema_rs.validator_for(envelope.added(schema))
    assert validator.is_valid({"a": 1, name: WHY})
    assert not validator.is_valid({"a": 1})
    assert not validator.is_valid({"a": 1, name: {"rationale": ""}})


def test_a_tool_that_has_the_name_keeps_it() -> None:
    schema = {"type": "object", "properties": {"_keyturn": {"type": "string"}}}
    arguments, output = envelope.taken({"_keyturn": "mine", "_keyturn_": WHY}, schema)
    assert arguments == {"_keyturn": "mine"}
    assert output.rationale == "seen"


@pytest.mark.parametrize(
    "given",
    [
        "text",
        None,
        {},
        {"rationale": ""},
        {"rationale": "x", "more": 1},
        {"rationale": "x", "confidence": 2},
        {"rationale": "x", "confidence": "1"},
        {"rationale": "x", "evidence": [1]},
        {"rationale": "x" * 16_001},
    ],
)
def test_an_object_that_is_not_as_asked_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArguments):
        envelope.taken({"_keyturn": given}, {})


def test_an_output_schema_admits_the_held_answer_and_keeps_its_definitions() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/n"}},
        "required": ["a"],
        "$defs": {"n": {"type": "integer"}},
    }
    validator = jsonschema_rs.validator_for(envelope.or_held(schema) or {})
    assert validator.is_valid({"a": 1})
    assert validator.is_valid({"keyturn": {"state": "held"}})
    assert not validator.is_valid({"a": "x"})


@pytest.mark.parametrize("ref", ["#", "#/properties/a"])
def test_an_output_schema_that_refers_to_its_root_is_left_out(ref: str) -> None:
    assert envelope.or_held({"type": "object", "properties": {"a": {}, "b": {"$ref": ref}}}) is None
