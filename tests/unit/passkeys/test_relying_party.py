"""The relying party by itself: what it asks for, and that hostile answers are refusals and nothing else."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fido2 import cbor
from fido2.utils import websafe_decode, websafe_encode
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.authenticator import Authenticator

from keyturn.core.signing import to_base64url, user_handle
from keyturn.errors import Forbidden, InvalidInput
from keyturn.gate.access_records import Passkey
from keyturn.passkeys import RelyingParty

CHALLENGE = bytes(range(32))
PARTY = RelyingParty("https://keyturn.example.com")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=60).map(to_base64url),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def enrolled(key: Authenticator) -> Passkey:
    options = PARTY.creation(CHALLENGE, "ana", user_handle("ana"), ())
    made = PARTY.registered(CHALLENGE, key.create(options))
    return Passkey(
        credential=made.credential,
        person="ana",
        public_key=made.public_key,
        sign_count=made.sign_count,
        name="key",
        backed_up=made.backed_up,
        transports=made.transports,
        created_at=0,
        added_by="ana",
        live_at=0,
    )


KEY = Authenticator(origin="https://keyturn.example.com")
PASSKEY = enrolled(KEY)
GOOD = KEY.get(PARTY.request(CHALLENGE, (PASSKEY,)))


def test_what_it_asks_for_is_plain_json_and_always_verifies_the_user() -> None:
    creation = PARTY.creation(CHALLENGE, "ana", user_handle("ana"), (PASSKEY,))
    assert json.loads(json.dumps(creation)) == creation
    assert creation["rp"] == {"name": "Keyturn", "id": "keyturn.example.com"}
    assert creation["challenge"] == to_base64url(CHALLENGE) and creation["attestation"] == "none"
    chosen = creation["authenticatorSelection"]
    assert (chosen["userVerification"], chosen["residentKey"]) == ("required", "required")
    assert [known["id"] for known in creation["excludeCredentials"]] == [PASSKEY.credential]
    request = PARTY.request(CHALLENGE, (PASSKEY,))
    assert (request["userVerification"], request["rpId"]) == ("required", "keyturn.example.com")
    assert request["allowCredentials"] == [{"type": "public-key", "id": PASSKEY.credential, "transports": ["internal"]}]


def test_a_good_answer_gives_the_parts_that_were_verified() -> None:
    found = PARTY.asserted(CHALLENGE, GOOD, PASSKEY)
    assert found.sign_count == 1
    assert found.assertion == {
        "authenticator_data": GOOD["response"]["authenticatorData"],
        "client_data_json": GOOD["response"]["clientDataJSON"],
        "signature": GOOD["response"]["signature"],
    }


@pytest.mark.parametrize("count", [(1, 1), (1, 2), (0, 1)])
def test_a_counter_goes_forward_only(count: tuple[int, int]) -> None:
    said, known = count
    KEY.synced, KEY.credentials[next(iter(KEY.credentials))].count = said == 0, said - 1 if said else 0
    answer = KEY.get(PARTY.request(CHALLENGE, (PASSKEY,)))
    KEY.synced = False
    used = Passkey(**{name: getattr(PASSKEY, name) for name in PASSKEY.__struct_fields__} | {"sign_count": known})
    with pytest.raises(Forbidden, match="sign count"):
        PARTY.asserted(CHALLENGE, answer, used)


@settings(max_examples=200)
@given(part=st.sampled_from(sorted(GOOD["response"])), junk=JSON)
def test_one_part_replaced_by_anything_is_refused(part: str, junk: Any) -> None:
    answer = {**GOOD, "response": {**GOOD["response"], part: junk}}
    if part == "userHandle" or junk == GOOD["response"][part]:
        return
    with pytest.raises((Forbidden, InvalidInput)):
        PARTY.asserted(CHALLENGE, answer, PASSKEY)


@settings(max_examples=200)
@given(part=st.sampled_from(["authenticatorData", "clientDataJSON", "signature"]), at=st.integers(0, 10_000))
def test_one_bit_flipped_is_refused(part: str, at: int) -> None:
    text = GOOD["response"][part]
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[at // 8 % len(raw)] ^= 1 << at % 8
    answer = {**GOOD, "response": {**GOOD["response"], part: to_base64url(bytes(raw))}}
    with pytest.raises((Forbidden, InvalidInput)):
        PARTY.asserted(CHALLENGE, answer, PASSKEY)


@settings(max_examples=200)
@given(answer=st.dictionaries(st.sampled_from(["id", "rawId", "type", "response", "x"]), JSON, max_size=5))
def test_any_json_for_an_answer_is_refused(answer: dict[str, Any]) -> None:
    for check in (
        lambda: PARTY.registered(CHALLENGE, answer),
        lambda: PARTY.asserted(CHALLENGE, answer, PASSKEY),
    ):
        with pytest.raises((Forbidden, InvalidInput)):
            check()


@settings(max_examples=100)
@given(junk=st.binary(max_size=300))
def test_any_bytes_for_an_attestation_are_refused(junk: bytes) -> None:
    options = PARTY.creation(CHALLENGE, "ana", user_handle("ana"), ())
    answer = Authenticator(origin="https://keyturn.example.com").create(options)
    answer["response"]["attestationObject"] = to_base64url(junk)
    with pytest.raises((Forbidden, InvalidInput)):
        PARTY.registered(CHALLENGE, answer)


def test_an_answer_that_is_too_large_is_not_read() -> None:
    for answer in ({**GOOD, "x": "A" * 70_000}, {**GOOD, "response": {**GOOD["response"], "signature": "A" * 9_000}}):
        with pytest.raises(InvalidInput):
            PARTY.asserted(CHALLENGE, answer, PASSKEY)


# What may be a passkey's public key


def registered(cose: dict[int, Any]) -> bytes:
    """Have a passkey with this public key enrolled; the key that is kept."""
    options = PARTY.creation(CHALLENGE, "ana", user_handle("ana"), ())
    answer = Authenticator(origin="https://keyturn.example.com").create(options)
    attestation: Any = cbor.decode(websafe_decode(answer["response"]["attestationObject"]))
    attestation["authData"] = attestation["authData"][: 37 + 16 + 2 + 32] + cbor.encode(cose)
    answer["response"]["attestationObject"] = websafe_encode(cbor.encode(attestation))
    return PARTY.registered(CHALLENGE, answer).public_key


POINT = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
X, Y = POINT.x.to_bytes(32, "big"), POINT.y.to_bytes(32, "big")
N = rsa.generate_private_key(65_537, 2_048).public_key().public_numbers().n.to_bytes(256, "big")
OKP = {1: 1, 3: -8, -1: 6}
RSA = {1: 3, 3: -257}
ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"


def test_each_algorithm_that_is_asked_for_is_enrolled() -> None:
    ed = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for cose in ({1: 2, 3: -7, -1: 1, -2: X, -3: Y}, {**OKP, -2: ed}, {**RSA, -1: N, -2: b"\x01\x00\x01"}):
        assert registered(cose) == cbor.encode(cose)


@pytest.mark.parametrize(
    "cose",
    [
        {1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32},
        {1: 2, 3: -7, -1: 2, -2: X, -3: Y},
        {1: 2, 3: -257, -1: 1, -2: X, -3: Y},
        {1: 2, 3: -8, -1: 1, -2: X, -3: Y},
        {**RSA, 3: -7, -1: N, -2: b"\x01\x00\x01"},
        {**RSA, -1: N, -2: b"\x01"},
        {**RSA, -1: N, -2: b"\x03"},
        {**RSA, -1: b"\x0f", -2: b"\x03"},
        {**RSA, -1: N[:128], -2: b"\x01\x00\x01"},
        {**OKP, -2: bytes(32)},
        {**OKP, -2: b"\x01" + bytes(31)},
        {**OKP, -2: bytes(31) + b"\x80"},
        {**OKP, -2: b"\xec" + b"\xff" * 30 + b"\x7f"},
        {**OKP, -2: b"\xed" + b"\xff" * 30 + b"\x7f"},
        {**OKP, -2: b"\xee" + b"\xff" * 30 + b"\x7f"},
        {**OKP, -2: bytes.fromhex(ORDER_8)},
        {**OKP, -2: b"\x02" + bytes(31)},
        {**OKP, -2: b"\x09"},
        {1: 4, 3: -7, -1: b"key"},
    ],
    ids=lambda cose: str(cose)[:60],
)
def test_a_key_that_is_weak_or_can_not_be_used_is_not_enrolled(cose: dict[int, Any]) -> None:
    with pytest.raises(Forbidden):
        registered(cose)
