"""Keys of a journal, verified from its entries alone: what fits, every way not to, and a second library's verdict."""

import copy
import hashlib
from typing import Any

import pytest
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AuthenticatorData, CollectedClientData
from tests.authenticator import Authenticator
from tests.passkeys import enrol, turn

from keyturn.core.execution import State
from keyturn.core.signing import SignedHold, challenge_of, turn_statement
from keyturn.passkeys import KeyCheck

House = Any
Entries = list[dict[str, Any]]
HERE = "http://localhost:8787"


async def hold(house: House, host: str) -> Any:
    return (await house.gate.propose(house.agent, house.call("isolate", host=host))).record


async def story(house: House) -> Entries:
    """Ana signs one hold and two together, bob says yes under a token; ana's spare passkey is approved by carl."""
    gate, people = house.gate, house.people
    key, spare, others = Authenticator(), Authenticator(), Authenticator()
    bobs = await hold(house, "h0")
    await gate.turn(people["bob"], bobs.id, bobs.digest)
    await enrol(gate, people["olga"], "ana", key)
    await enrol(gate, people["olga"], "lena", others)
    holds = [await hold(house, f"h{number}") for number in range(1, 4)]
    await turn(gate, people["ana"], key, holds[0])
    for record in holds[1:]:
        await gate.care.opened(people["ana"], record.id)
    await turn(gate, people["ana"], key, *holds[1:])
    for record in (bobs, *holds):
        assert (await house.until(record.id)).state is State.SUCCEEDED
    begun = await gate.access.begin_registration(people["ana"])
    made = await gate.access.finish_registration(begun.ceremony, spare.create(begun.options), people["ana"])
    begun = await gate.access.begin_approval(people["lena"], made.passkey.credential)
    await gate.access.finish_approval(people["lena"], begun.ceremony, others.get(begun.options))
    await turn(gate, people["ana"], spare, await hold(house, "h5"))
    await house.gate.sweep()
    entries: Entries = await house.entries()
    return entries


def check(entries: Entries, *origins: str) -> Any:
    keys = KeyCheck(origins)
    for index, entry in enumerate(entries):
        keys(index, entry)
    return keys.report()


def only(entries: Entries, kind: str, number: int = 0) -> dict[str, Any]:
    return [entry for entry in entries if entry["kind"] == kind][number]


async def test_keys_that_are_what_they_say(house: House) -> None:
    entries = await story(house)
    report = check(entries, HERE)
    assert report.problems == ()
    assert (report.signed, report.tokens, report.origins) == (4, 1, (HERE,))
    assert check(entries).ok


async def test_another_library_says_the_same(house: House) -> None:
    """fido2 verifies each signature of the entries, from the enrolled key and the statement computed here."""
    entries = await story(house)
    keys = {entry["credential"]: entry["public_key"] for entry in entries if entry["kind"] == "passkey_added"}
    signed = [entry for entry in entries if entry["kind"] == "key_turned" and entry["how"] == "passkey"]
    assert len(signed) == 4
    for entry in signed:
        parts = {name: websafe_decode(raw) for name, raw in entry["assertion"].items()}
        client = CollectedClientData(parts["client_data_json"])
        data = AuthenticatorData(parts["authenticator_data"])
        statement = turn_statement([SignedHold(**hold) for hold in entry["holds"]], websafe_decode(entry["nonce"]))
        assert (client.type, client.origin) == ("webauthn.get", HERE)
        assert client.challenge == challenge_of(statement)
        assert data.rp_id_hash == hashlib.sha256(b"localhost").digest() and data.is_user_verified()
        public = cbor.decode(websafe_decode(keys[entry["credential"]]))
        assert isinstance(public, dict)
        CoseKey.parse(public).verify(data + hashlib.sha256(client).digest(), parts["signature"])


def flipped(text: str, at: int = -1) -> str:
    raw = bytearray(websafe_decode(text))
    raw[at] ^= 1
    return websafe_encode(bytes(raw))


def spoil(entries: Entries, what: str) -> None:
    """Alter the story in one way that a log's owner could."""
    first, second, third = [only(entries, "key_turned", number) for number in (1, 2, 3)]
    if what == "digest":
        first["digest"] = first["holds"][0]["digest"] = "0" * 64
    elif what == "digest beside":
        first["holds"][0]["digest"] = "0" * 64
    elif what == "proposed":
        next(e for e in entries if e["kind"] == "proposed" and e["action"] == first["action"])["digest"] = "0" * 64
    elif what == "policy":
        first["policy"] = first["holds"][0]["policy"] = "0" * 64
    elif what == "action":
        first["action"] = first["holds"][0]["action"] = second["action"]
    elif what == "nonce":
        first["nonce"] = websafe_encode(bytes(32))
    elif what == "signature":
        first["assertion"]["signature"] = flipped(first["assertion"]["signature"])
    elif what == "flags":
        first["assertion"]["authenticator_data"] = flipped(first["assertion"]["authenticator_data"], 32)
    elif what == "person":
        first["person"] = "lena"
    elif what == "left out of the list":
        third["holds"] = third["holds"][:1]
    elif what == "twice":
        entries.insert(entries.index(first) + 1, copy.deepcopy(first))
    elif what == "another key":
        only(entries, "passkey_added")["public_key"] = only(entries, "passkey_added", 1)["public_key"]
    elif what == "not approved":
        entries.remove(only(entries, "passkey_approved"))
    elif what == "approved by nobody else":
        only(entries, "passkey_approved")["by"] = "ana"
    elif what == "approval of another key":
        only(entries, "passkey_added", 2)["public_key"] = only(entries, "passkey_added")["public_key"]
    elif what == "revoked":
        revoked = {"kind": "passkey_revoked", "credential": first["credential"], "person": "ana"}
        entries.insert(entries.index(first), revoked)
    elif what == "a token where there is a passkey":
        first["how"] = "token"
    elif what == "of an unknown kind":
        first["how"] = "magic"
    elif what == "malformed":
        first["holds"] = "none"
    elif what == "a key that nobody turned":
        entries.remove(only(entries, "key_turned"))


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("digest", "key_turned"),
        ("digest beside", "key_turned"),
        ("proposed", "key_turned"),
        ("policy", "key_turned"),
        ("action", "key_turned"),
        ("nonce", "key_turned"),
        ("signature", "key_turned"),
        ("flags", "key_turned"),
        ("person", "key_turned"),
        ("left out of the list", "key_turned"),
        ("twice", "key_turned"),
        ("another key", "key_turned"),
        ("not approved", "key_turned"),
        ("approved by nobody else", "passkey_approved"),
        ("approval of another key", "passkey_approved"),
        ("revoked", "key_turned"),
        ("a token where there is a passkey", "key_turned"),
        ("of an unknown kind", "key_turned"),
        ("malformed", "key_turned"),
        ("a key that nobody turned", "released"),
    ],
)
async def test_whatever_does_not_fit_is_told_with_its_entry(house: House, what: str, kind: str) -> None:
    entries = await story(house)
    assert check(entries).ok
    spoil(entries, what)
    report = check(entries)
    assert report.problems and not report.ok
    assert entries[report.problems[0].entry]["kind"] == kind, report.problems


async def test_another_origin_is_told(house: House) -> None:
    report = check(await story(house), "https://keyturn.example.com")
    assert "signed at http://localhost:8787" in report.problems[0].what


async def test_a_counter_that_went_back_is_told(house: House) -> None:
    entries = [entry for entry in await story(house) if entry["kind"] not in ("released", "outcome")]
    assert check(entries).ok
    first, second = only(entries, "key_turned", 1), only(entries, "key_turned", 2)
    swapped = {"nonce", "holds", "assertion", "action", "digest", "policy"}
    for name in swapped:
        first[name], second[name] = second[name], first[name]
    assert any("sign count" in problem.what for problem in check(entries).problems)


# What is released has its keys


async def two_keys(house: House) -> Entries:
    """A change that takes two keys, which ana and bob turn after lena's went with her; and another that only waits."""
    gate, people = house.gate, house.people
    anas, bobs, lenas = Authenticator(), Authenticator(), Authenticator()
    for name, key in (("ana", anas), ("pavel", bobs), ("lena", lenas)):
        await enrol(gate, people["olga"], name, key)
    await gate.propose(house.agent, house.call("search", query="x"))
    record, waiting = [(await gate.propose(house.agent, house.call("wipe", host=host))).record for host in ("h1", "h2")]
    await turn(gate, people["lena"], lenas, record)
    await gate.revoke_person(people["olga"], "lena", "left")
    await turn(gate, people["ana"], anas, record)
    await turn(gate, people["pavel"], bobs, record)
    assert (await house.until(record.id)).state is State.SUCCEEDED
    await turn(gate, people["ana"], anas, waiting)
    entries: Entries = await house.entries()
    return entries


def forge(entries: Entries, what: str) -> None:
    """Alter a release, or what it stands on, as the log's owner could, who signs it again."""
    released = next(e for e in entries if e["kind"] == "released" and e["oversight"] == "two_key")
    keys = [e for e in entries if e["kind"] == "key_turned" and e["action"] == released["action"]]
    waits = [e for e in entries if e["kind"] == "key_turned"][-1]
    if what == "no keys":
        released["keys"] = []
    elif what == "no keys, and none turned":
        released["keys"] = []
        entries[:] = [entry for entry in entries if entry not in keys]
    elif what == "one for two":
        released["keys"] = released["keys"][:1]
    elif what == "one twice":
        released["keys"] = released["keys"][:1] * 2
    elif what == "nobody's":
        entries.append({**released, "action": waits["action"], "digest": waits["digest"], "keys": []})
    elif what == "twice":
        entries.insert(entries.index(released), dict(released))
    elif what == "never decided":
        entries.append({**released, "action": "m0"})
    elif what == "another digest":
        released["digest"] = "0" * 64
    elif what == "a second, milder verdict":
        milder = {"kind": "decided", "action": released["action"], "verdict": "free", "policy": released["policy"]}
        entries.insert(entries.index(released), milder)
    elif what == "a key of somebody revoked":
        revoked = {"kind": "person_revoked", "person": "ana", "by": "olga", "because": "left"}
        entries.insert(entries.index(keys[1]), revoked)
    elif what == "a key of somebody who decides nothing":
        only(entries, "person_added", [e["person"] for e in entries if e["kind"] == "person_added"].index("ana"))[
            "roles"
        ] = ["auditor"]
    elif what == "a token under another spelling":
        for name in ("credential", "nonce", "holds", "assertion"):
            del waits[name]
        waits.update(how="token", person="Ana ")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("no keys", "0 of the 2 keys"),
        ("no keys, and none turned", "0 of the 2 keys"),
        ("one for two", "1 of the 2 keys"),
        ("one twice", "two keys of one person"),
        ("nobody's", "0 of the 2 keys"),
        ("twice", "twice"),
        ("never decided", "without a verdict"),
        ("another digest", "another digest"),
        ("a second, milder verdict", "has one already"),
        ("a key of somebody revoked", "revoked"),
        ("a key of somebody who decides nothing", "no role"),
        ("a token under another spelling", "spelled"),
    ],
)
async def test_a_release_that_lacks_its_keys_is_told(house: House, what: str, says: str) -> None:
    entries = await two_keys(house)
    assert check(entries).problems == ()
    forge(entries, what)
    assert says in check(entries).problems[0].what


async def test_no_approval_revives_a_revoked_passkey(house: House) -> None:
    entries = await story(house)
    approved = only(entries, "passkey_approved")
    revoked = {"kind": "passkey_revoked", "credential": approved["credential"], "person": "ana"}
    entries.insert(entries.index(approved), revoked)
    assert [entries[p.entry]["kind"] for p in check(entries).problems][:2] == ["passkey_approved", "key_turned"]
