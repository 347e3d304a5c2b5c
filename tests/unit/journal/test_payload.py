from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import JournalError
from keyturn.journal import commit, decode_payload, encode_payload, matches, payload_path

SALT = b"0123456789abcdef"


def test_commitments_are_what_sha256sum_gives(vector: Callable[[str], Any]) -> None:
    for case in vector("payloads")["payloads"]:
        salt, body = case["salt"].encode(), case["body"].encode()
        assert commit(salt, body) == case["commitment"]
        assert matches(salt, body, case["commitment"])


@given(st.binary(min_size=16, max_size=255), st.binary(max_size=300), st.binary(max_size=300))
def test_a_commitment_is_to_one_body(salt: bytes, body: bytes, other: bytes) -> None:
    assert decode_payload(encode_payload(salt, body)) == (salt, body)
    assert matches(salt, body, commit(salt, body))
    assert matches(salt, other, commit(salt, body)) == (other == body)
    moved = salt + body[:1]  # the same bytes with the border elsewhere
    if len(moved) <= 255 and body:
        assert commit(moved, body[1:]) != commit(salt, body)


def test_a_short_or_endless_salt_is_refused() -> None:
    for salt in (b"", SALT[:-1], bytes(256)):
        with pytest.raises(JournalError, match="32 bytes from a secure random source"):
            commit(salt, b"body")


@pytest.mark.parametrize("stored", [b"", b"\x00", b"\x0f" + SALT, b"\x10" + SALT[:-1]])
def test_a_malformed_file_is_refused(stored: bytes) -> None:
    with pytest.raises(JournalError, match="malformed"):
        decode_payload(stored)


@pytest.mark.parametrize("name", ["", "ab", "A" * 64, "../" + "a" * 61, "a" * 64 + "\n", "\u0661" * 64, "a" * 65])
def test_only_a_commitment_names_a_file(name: str) -> None:
    with pytest.raises(JournalError, match="64 lower-case hex"):
        payload_path(name)
    assert not matches(SALT, b"", name)


def test_a_payload_lives_under_its_first_two_digits() -> None:
    assert payload_path("ab" + "0" * 62) == "payload/ab/ab" + "0" * 62
