"""Header values: what goes in comes out, and what no encoder writes is refused."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mcp.shared.inbound import decode_header_value, encode_header_value

from keyturn.wire.names import decode_header, encode_header


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("")
@example(" edge ")
@example("a b")
@example("=?base64?YQ==?=")
@example("line\nbreak")
def test_any_string_survives_a_header_as_in_the_official_sdk(text: str) -> None:
    header = encode_header(text)
    assert header == encode_header_value(text)
    assert header.isascii()
    assert header.isprintable()
    assert decode_header(header) == text == decode_header_value(header)


@pytest.mark.parametrize("value", ["=?base64?a?=", "=?base64?/w==?=", "=?base64?YR==?=", "=?base64?Y Q==?="])
def test_a_broken_wrapping_is_refused(value: str) -> None:
    assert decode_header(value) is None
