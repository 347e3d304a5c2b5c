"""The bytes that a passkey signs: the vectors of docs/spec/keys.md, computed again, and what they keep apart."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.core.signing import (
    SignedHold,
    approve_statement,
    challenge_of,
    enrol_statement,
    from_base64url,
    sign_in_statement,
    to_base64url,
    turn_statement,
    user_handle,
)
from keyturn.errors import InvalidInput

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "keys.json").read_text(encoding="utf-8"))
STATEMENTS = {
    "turn": lambda given: turn_statement([SignedHold(**hold) for hold in given["holds"]], _raw(given["nonce"])),
    "sign_in": lambda given: sign_in_statement(_raw(given["nonce"])),
    "enrol": lambda given: enrol_statement(given["person"], _raw(given["nonce"])),
    "approve": lambda given: approve_statement(
        given["person"], _raw(given["credential"]), _raw(given["public_key"]), _raw(given["nonce"])
    ),
}
HASH = st.binary(min_size=32, max_size=32)
HOLDS = st.lists(
    st.builds(
        SignedHold,
        action=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=60),
        digest=HASH.map(bytes.hex),
        policy=HASH.map(bytes.hex),
    ),
    min_size=1,
    max_size=4,
)


def _raw(text: str) -> bytes:
    return from_base64url(text)


@pytest.mark.parametrize("vector", VECTORS["statements"], ids=lambda vector: vector["name"])
def test_the_vectors(vector: dict[str, Any]) -> None:
    statement = STATEMENTS[vector["kind"]](vector["given"])
    assert statement.hex() == vector["statement"]
    assert to_base64url(challenge_of(statement)) == vector["challenge"]


@pytest.mark.parametrize("vector", VECTORS["user_handles"], ids=lambda vector: vector["person"])
def test_a_persons_handle(vector: dict[str, str]) -> None:
    assert to_base64url(user_handle(vector["person"])) == vector["handle"]


@given(one=HOLDS, other=HOLDS, nonces=st.tuples(HASH, HASH))
def test_different_holds_or_nonces_never_share_a_statement(
    one: list[SignedHold], other: list[SignedHold], nonces: tuple[bytes, bytes]
) -> None:
    same = (one, nonces[0]) == (other, nonces[1])
    assert (turn_statement(one, nonces[0]) == turn_statement(other, nonces[1])) is same


def test_no_kind_of_statement_is_another() -> None:
    nonce = bytes(32)
    made = [
        turn_statement([SignedHold(action="a", digest="0" * 64, policy="0" * 64)], nonce),
        sign_in_statement(nonce),
        enrol_statement("ana", nonce),
        approve_statement("ana", b"c", b"k", nonce),
    ]
    assert len({statement.split(b"\n")[0] for statement in made}) == 4
    assert challenge_of(made[0]) == hashlib.sha256(made[0]).digest()


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "zz" * 32, "0 " * 32, "０" * 64])
def test_what_is_no_hash_is_refused(digest: str) -> None:
    with pytest.raises(InvalidInput, match="no SHA-256"):
        turn_statement([SignedHold(action="a", digest=digest, policy="0" * 64)], bytes(32))


@pytest.mark.parametrize(("action", "nonce"), [("", 32), ("x" * 256, 32), ("a", 31), ("a", 0)])
def test_names_and_nonces_have_their_lengths(action: str, nonce: int) -> None:
    with pytest.raises(InvalidInput):
        turn_statement([SignedHold(action=action, digest="0" * 64, policy="0" * 64)], bytes(nonce))


@pytest.mark.parametrize("count", [0, 21])
def test_a_signature_is_for_one_to_twenty(count: int) -> None:
    with pytest.raises(InvalidInput, match="1 to 20"):
        turn_statement([SignedHold(action="a", digest="0" * 64, policy="0" * 64)] * count, bytes(32))


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "A+/=", "é", "A A=", "\n"])
def test_base64url_has_one_form(text: str) -> None:
    with pytest.raises(InvalidInput):
        from_base64url(text)
