"""RFC 8785 by its own samples, and what has no single meaning is refused (RFC 7493)."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from keyturn.core.canonical import MAX_DEPTH, MAX_INTEGER, canonical_json, parse_json, sha256_hex
from keyturn.errors import InvalidJson

VECTORS = Path(__file__).parents[2] / "vectors" / "canonical"
NUMBERS = json.loads((VECTORS / "numbers.json").read_text())
DOCUMENTS = json.loads((VECTORS / "documents.json").read_text())
REFUSED = json.loads((VECTORS / "refused.json").read_text())

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: not MAX_INTEGER < abs(f) < 1e21)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("vector", NUMBERS, ids=lambda v: v["ieee754"])
def test_numbers_as_in_appendix_b(vector: dict[str, str]) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(vector["ieee754"]))
    if vector["comment"].startswith("refused"):
        with pytest.raises(InvalidJson, match="written as an integer"):
            canonical_json([value])
        return
    assert canonical_json([value]) == f"[{vector['text']}]".encode()


@pytest.mark.parametrize("vector", DOCUMENTS, ids=lambda v: v["name"])
def test_documents(vector: dict[str, str]) -> None:
    canonical = vector["canonical"].encode()
    assert canonical_json(parse_json(vector["json"])) == canonical
    assert canonical_json(parse_json(canonical)) == canonical


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"\uDFFF": 1}', r'["\udc00\ud800"]', '["\ud800"]'], ids=ascii)
def test_half_a_character_is_refused_where_it_is_read(text: str) -> None:
    with pytest.raises(InvalidJson, match="lone surrogate"):
        parse_json(text)


def test_both_halves_and_what_only_looks_like_one_are_read() -> None:
    assert parse_json(r'["\ud83d\udd11", "\\ud800"]') == ["\U0001f511", "\\ud800"]


@pytest.mark.parametrize("vector", REFUSED, ids=lambda v: v["name"])
def test_what_two_parsers_may_read_differently_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(InvalidJson):
        canonical_json(parse_json(vector["json"].encode("utf-8", "surrogatepass")))


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("inf"), -float("inf"), MAX_INTEGER + 1, -MAX_INTEGER - 1, 2.0**53, -1e20),
        *("\ud800", {"\udfff": 1}, {1: 2}, {None: 1}, {"a": 1j}, {"a": b"bytes"}, [{1, 2}]),
    ],
    ids=repr,
)
def test_values_without_a_canonical_form_are_refused(value: Any) -> None:
    for around in ({"arguments": value}, [0.5, value], {"é": 1, "z": [value]}):
        with pytest.raises(InvalidJson):
            canonical_json(around)


def test_depth_is_bounded_both_ways() -> None:
    value: Any = 0
    for _ in range(MAX_DEPTH):
        value = [value]
    assert parse_json(canonical_json(value)) == value
    with pytest.raises(InvalidJson, match="deeply"):
        canonical_json([value])
    with pytest.raises(InvalidJson, match="deeply"):
        parse_json("[" * 100_000 + "]" * 100_000)


def test_bytes_that_are_not_utf_8_say_where() -> None:
    with pytest.raises(InvalidJson, match="byte 2"):
        parse_json(b'"a\xff"')


@given(values)
def test_canonical_bytes_are_a_fixed_point_and_agree_with_the_reference(value: Any) -> None:
    raw = canonical_json(value)
    assert raw == rfc8785.dumps(value)
    assert canonical_json(parse_json(raw)) == raw


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))
    assert sha256_hex(canonical_json(backwards)) == sha256_hex(canonical_json(value))
