"""What a read answers with, less the credentials in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.core.withholding import WITHHELD, without

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/withheld.json").read_text())
SECRET = "hunter2-4711"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["what"] for vector in VECTORS])
def test_the_credential_is_taken_out_and_the_rest_stays(vector: dict[str, Any]) -> None:
    result, taken = without(json.dumps(vector["result"]).encode(), vector["names"])
    assert (json.loads(result), taken) == (vector["left"], vector["taken"])
    assert b"S3CRET" not in result


def test_without_names_the_answer_is_the_very_same_bytes() -> None:
    assert without(b'{ "a":1.50 }', ()) == (b'{ "a":1.50 }', 0)


@pytest.mark.parametrize("result", [b"{", b"\xff", b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900])
def test_what_cannot_be_read_is_replaced_whole(result: bytes) -> None:
    left, taken = without(result, ["client_secret"])
    assert (WITHHELD.encode() in left) is (taken == 1)
    json.loads(left)


@given(JSON, JSON, st.sampled_from(["api_key", "apiKey", "API-Key"]), st.integers(0, 3), st.booleans())
def test_wherever_a_field_stands_its_value_is_gone(
    around: Any, beside: Any, name: str, layers: int, structured: bool
) -> None:
    value: Any = [around, {"x": beside, name: {"deep": [SECRET]}}]
    for _ in range(layers):
        value = {"text": json.dumps(value)}
    content = {"structuredContent": value} if structured else {"content": [{"type": "text", "text": json.dumps(value)}]}
    left, taken = without(json.dumps(content).encode(), ["api_key"])
    assert SECRET.encode() not in left and taken >= 1
