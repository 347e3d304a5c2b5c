"""The relying party by itself: what it asks for, and that hostile answers are refusals and nothing else."""

import base64
import json
from typing import Any

import pytest
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


@settings(max_examples=200, deadline=None)
@given(part=st.sampled_from(sorted(GOOD["response"])), junk=JSON)
def test_one_part_replaced_by_anything_is_refused(part: str, junk: Any) -> None:
    answer = {**GOOD, "response": {**GOOD["response"], part: junk}}
    if part == "userHandle" or junk == GOOD["response"][part]:
        return
    with pytest.raises((Forbidden, InvalidInput)):
        PARTY.asserted(CHALLENGE, answer, PASSKEY)


@settings(max_examples=200, deadline=None)
@given(part=st.sampled_from(["authenticatorData", "clientDataJSON", "signature"]), at=st.integers(0, 10_000))
def test_one_bit_flipped_is_refused(part: str, at: int) -> None:
    text = GOOD["response"][part]
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[at // 8 % len(raw)] ^= 1 << at % 8
    answer = {**GOOD, "response": {**GOOD["response"], part: to_base64url(bytes(raw))}}
    with pytest.raises((Forbidden, InvalidInput)):
        PARTY.asserted(CHALLENGE, answer, PASSKEY)


@settings(max_examples=200, deadline=None)
@given(answer=st.dictionaries(st.sampled_from(["id", "rawId", "type", "response", "x"]), JSON, max_size=5))
def test_any_json_for_an_answer_is_refused(answer: dict[str, Any]) -> None:
    for check in (
        lambda: PARTY.registered(CHALLENGE, answer),
        lambda: PARTY.asserted(CHALLENGE, answer, PASSKEY),
    ):
        with pytest.raises((Forbidden, InvalidInput)):
            check()


@settings(max_examples=100, deadline=None)
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
