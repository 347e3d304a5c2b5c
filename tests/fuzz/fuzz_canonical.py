"""Canonical JSON against hostile bytes: one meaning or a refusal, never a crash."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.core.canonical import canonical_json, parse_json
from keyturn.errors import InvalidJson

TOKENS = ["{", "}", "[", "]", ",", ":", '"', "\\", "u", "d800", "1", "-", "e", "999", ".", "0", "null", "true", "NaN"]
raw_json = st.lists(st.sampled_from(TOKENS), max_size=25).map("".join) | st.text(max_size=60)


def fixed_point(raw: bytes | str) -> None:
    """What parses and has canonical bytes is read back from them as the same; all else is :class:`InvalidJson`."""
    try:
        canonical = canonical_json(parse_json(raw))
    except InvalidJson:
        return
    assert canonical_json(parse_json(canonical)) == canonical
    assert json.loads(canonical) == json.loads(raw)


@settings(max_examples=3_000)
@given(raw_json)
def test_text(raw: str) -> None:
    fixed_point(raw)


@settings(max_examples=3_000)
@given(st.binary(max_size=60) | raw_json.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_octets(raw: bytes) -> None:
    fixed_point(raw)


@settings(max_examples=2_000)
@given(st.floats() | st.integers(), st.text(), st.recursive(st.none(), st.lists, max_leaves=20))
def test_values(number: float, text: str, nested: object) -> None:
    value = {text: [number, text], "nested": nested}
    try:
        canonical = canonical_json(value)
    except InvalidJson:
        return
    assert canonical_json(parse_json(canonical)) == canonical
