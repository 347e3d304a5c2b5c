"""Keys that are signed: one passkey, one answer, exactly these holds, all of them or none."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.authenticator import Authenticator
from tests.passkeys import enrol, turn

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.core.signing import SignedHold, challenge_of, from_base64url, to_base64url, turn_statement
from keyturn.errors import Conflict, Forbidden, InvalidInput
from keyturn.gate.ports import Definition
from keyturn.packs import load_pack

House = Any


async def hold(house: House, host: str = "h1", name: str = "isolate") -> Any:
    proposed = await house.gate.propose(house.agent, house.call(name, host=host))
    assert proposed.record.state is State.HELD, proposed.record
    return proposed.record


async def key_of(house: House, name: str, **how: Any) -> Authenticator:
    key = Authenticator(**how)
    await enrol(house.gate, house.people["pavel" if name == "olga" else "olga"], name, key)
    return key


async def turned(house: House) -> list[dict[str, Any]]:
    return [entry for entry in await house.entries() if entry["kind"] == "key_turned"]


async def test_a_signed_key_releases_and_its_signature_stands_in_the_journal(house: House) -> None:
    key, record = await key_of(house, "ana"), await hold(house)
    (after,) = await turn(house.gate, house.people["ana"], key, record)
    assert after.hold is not None and after.hold.keys[0].method == "passkey"
    assert (await house.until(record.id)).state is State.SUCCEEDED
    (entry,) = await turned(house)
    said = SignedHold(action=record.id, digest=record.digest, policy=house.ctx.policy.hash)
    assert entry["how"] == "passkey" and entry["person"] == "ana"
    assert entry["holds"] == [{"action": said.action, "digest": said.digest, "policy": said.policy}]
    challenge = to_base64url(challenge_of(turn_statement([said], from_base64url(entry["nonce"]))))
    assert challenge.encode() in from_base64url(entry["assertion"]["client_data_json"])
    released = next(entry for entry in await house.entries() if entry["kind"] == "released")
    assert released["keys"][0]["credential"] == entry["credential"]


async def test_a_person_with_a_passkey_turns_nothing_with_a_token(house: House) -> None:
    await key_of(house, "ana")
    record = await hold(house)
    with pytest.raises(Forbidden, match="guardrail-9-passkey-not-token") as refused:
        await house.gate.turn(house.people["ana"], record.id, record.digest)
    assert refused.value.hint == f"sign at http://localhost:8787/console/actions/{record.id}"
    (passkey,) = await house.gate.access.passkeys(house.people["ana"])
    await house.gate.access.revoke_passkey(house.people["ana"], passkey.credential, "lost")
    with pytest.raises(Forbidden, match="guardrail-9-passkey-not-token"):
        await house.gate.turn(house.people["ana"], record.id, record.digest)
    await house.gate.turn(house.people["bob"], record.id, record.digest)
    assert (await house.until(record.id)).state is State.SUCCEEDED, "who has none still may"


LIES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"verifies": False}, {}, "not verified"),
    ({"origin": "http://evil.example"}, {}, "origin"),
    ({"origin": "https://localhost:8787"}, {}, "origin"),
    ({"rp_id": "evil.example"}, {}, "RP ID"),
    ({"cross_origin": True}, {}, "another site"),
    ({}, {"challenge": to_base64url(bytes(32))}, "challenge"),
    ({}, {"count": 1}, "sign count"),
    ({}, {"count": 0}, "sign count"),
]


@pytest.mark.parametrize(("lie", "said", "says"), LIES)
async def test_a_signature_that_does_not_verify_turns_nothing(
    house: House, lie: dict[str, Any], said: dict[str, Any], says: str
) -> None:
    key = await key_of(house, "ana")
    first, second = await hold(house, "h1"), await hold(house, "h2")
    await turn(house.gate, house.people["ana"], key, first)
    await house.until(first.id)
    for name, value in lie.items():
        setattr(key, name, value)
    with pytest.raises(Forbidden, match=says):
        await turn(house.gate, house.people["ana"], key, second, **said)
    assert (await house.gate.look(house.agent, second.id)).hold.keys == ()
    assert house.fleet.changes == [("isolate", "h1")]


async def test_a_substituted_digest_is_refused(house: House) -> None:
    """The person is asked about one action, and the answer is handed in for another."""
    key, ana = await key_of(house, "ana"), house.people["ana"]
    small, large = await hold(house, "h1"), await hold(house, "h2")
    with pytest.raises(Conflict, match="another digest"):
        await house.gate.access.begin_turn(ana, [(large.id, small.digest)])
    shown = await house.gate.access.begin_turn(ana, [(small.id, small.digest)])
    meant = await house.gate.access.begin_turn(ana, [(large.id, large.digest)])
    with pytest.raises(Forbidden, match="challenge"):
        await house.gate.access.finish_turn(ana, meant.ceremony, key.get(shown.options))
    assert await turned(house) == []


async def test_a_signature_counts_once_even_from_a_synced_passkey(house: House) -> None:
    key, ana = await key_of(house, "ana", synced=True), house.people["ana"]
    await house.gate.propose(house.agent, house.call("search", query="x"))
    record = await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    answer = key.get(begun.options)
    await house.gate.access.finish_turn(ana, begun.ceremony, answer)
    with pytest.raises(Conflict, match="answered already"):
        await house.gate.access.finish_turn(ana, begun.ceremony, answer)
    assert len(await turned(house)) == 1
    assert (await house.gate.look(ana, record.id)).state is State.HELD, "it takes another person"


async def test_a_refused_answer_spends_the_ceremony(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    key.verifies = False
    with pytest.raises(Forbidden):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))
    key.verifies = True
    with pytest.raises(Conflict, match="answered already"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))


async def test_two_processes_do_not_both_take_one_answer(
    house: House, build_house: Callable[..., Any], tmp_path: Path
) -> None:
    key, ana = await key_of(house, "ana", synced=True), house.people["ana"]
    await house.gate.propose(house.agent, house.call("search", query="x"))
    record = await hold(house)
    other = await build_house(tmp_path / "keyturn.db", fleet=house.fleet, clock=house.clock)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    answer = key.get(begun.options)
    tries = [gate.access.finish_turn(ana, begun.ceremony, answer) for gate in (house.gate, other.gate)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "list"]
    assert len(await turned(house)) == 1
    await other.gate.stop_running()
    other.store.close()


async def test_another_persons_passkey_turns_nothing(house: House) -> None:
    anas, bobs, record = await key_of(house, "ana"), await key_of(house, "bob"), await hold(house)
    begun = await house.gate.access.begin_turn(house.people["ana"], [(record.id, record.digest)])
    anyones = {**begun.options, "allowCredentials": []}
    with pytest.raises(Conflict, match="no such ceremony"):
        await house.gate.access.finish_turn(house.people["bob"], begun.ceremony, bobs.get(anyones))
    with pytest.raises(Forbidden, match="not a passkey of ana"):
        await house.gate.access.finish_turn(house.people["ana"], begun.ceremony, bobs.get(anyones))
    bobs_name = next(iter(bobs.credentials))
    begun = await house.gate.access.begin_turn(house.people["ana"], [(record.id, record.digest)])
    forged = anas.get(begun.options) | {"id": to_base64url(bobs_name), "rawId": to_base64url(bobs_name)}
    with pytest.raises(Forbidden, match="not a passkey of ana"):
        await house.gate.access.finish_turn(house.people["ana"], begun.ceremony, forged)
    assert await turned(house) == []


async def test_who_has_no_passkey_begins_nothing(house: House) -> None:
    record = await hold(house)
    with pytest.raises(Forbidden, match="no passkey"):
        await house.gate.access.begin_turn(house.people["ana"], [(record.id, record.digest)])


async def test_a_ceremony_that_took_too_long_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    house.clock.ms = begun.expires_at
    with pytest.raises(Conflict, match="too long"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))


async def test_a_passkey_revoked_meanwhile_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    (passkey,) = await house.gate.access.passkeys(ana)
    await house.gate.access.revoke_passkey(house.people["olga"], passkey.credential, "stolen")
    with pytest.raises(Forbidden, match="revoked"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))


async def test_a_revoked_passkeys_keys_on_what_waits_count_no_more(house: House) -> None:
    key, ana = await key_of(house, "ana"), house.people["ana"]
    await house.gate.propose(house.agent, house.call("search", query="x"))
    record = await hold(house)
    await turn(house.gate, ana, key, record)
    (passkey,) = await house.gate.access.passkeys(ana)
    await house.gate.access.revoke_passkey(ana, passkey.credential, "stolen")
    assert (await house.gate.look(ana, record.id)).hold.keys == ()
    told = next(entry for entry in await house.entries() if entry["kind"] == "passkey_revoked")
    assert told["keys_lost"] == [record.id]
    await house.gate.turn(house.people["lena"], record.id, record.digest)
    assert (await house.gate.look(ana, record.id)).state is State.HELD, "it takes two"
    again = await key_of(house, "ana")
    await turn(house.gate, ana, again, record)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_a_revoked_persons_signature_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    await house.gate.revoke_person(house.people["olga"], "ana", "left")
    with pytest.raises(Forbidden):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))


# What changed between the look and the touch


async def test_a_hold_that_expired_meanwhile_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    house.clock.ms = record.due_at - 1_000
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    house.clock.ms = record.due_at
    with pytest.raises(Conflict, match="expired"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))
    with pytest.raises(Conflict, match="expired"):
        await house.gate.access.begin_turn(ana, [(record.id, record.digest)])


async def test_a_policy_that_changed_meanwhile_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    texts = load_pack("small-team")
    house.ctx.policy = Policy.load(texts.schema, texts.guardrails, texts.sources, author="pavel")
    with pytest.raises(Conflict, match="the policy changed"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))
    assert await turned(house) == []


class Redefined:
    """The same tools, one of them defined anew by its server."""

    def __init__(self, tools: Any) -> None:
        self._tools = tools

    def definition(self, tool: Any) -> Definition | None:
        found = self._tools.definition(tool)
        return Definition(tool, "f" * 64, found.input_schema, found.annotations) if found else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tools, name)


async def test_a_definition_that_changed_meanwhile_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    house.ctx.tools = Redefined(house.ctx.tools)
    with pytest.raises((Conflict, Forbidden)):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))
    assert await turned(house) == []


async def test_a_hold_that_was_refused_meanwhile_turns_nothing(house: House) -> None:
    key, ana, record = await key_of(house, "ana"), house.people["ana"], await hold(house)
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest)])
    await house.gate.reject(house.people["bob"], record.id, "no")
    with pytest.raises(Conflict, match="not held"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))


# Together


async def looked_at(house: House, name: str, holds: list[Any]) -> list[Any]:
    for record in holds:
        await house.gate.care.opened(house.people[name], record.id)
    return holds


async def test_what_nobody_opened_is_not_turned_together(house: House) -> None:
    await key_of(house, "ana")
    holds = [await hold(house, "h1"), await hold(house, "h2")]
    await looked_at(house, "ana", holds[:1])
    await looked_at(house, "bob", holds)
    with pytest.raises(Conflict, match=f"not opened all of {holds[1].id}"):
        await house.gate.access.begin_turn(house.people["ana"], [(record.id, record.digest) for record in holds])


async def test_one_touch_turns_alike_reversible_holds_together(house: House) -> None:
    key, ana = await key_of(house, "ana"), house.people["ana"]
    holds = await looked_at(house, "ana", [await hold(house, f"h{number}") for number in range(4)])
    await turn(house.gate, ana, key, *holds)
    for record in holds:
        assert (await house.until(record.id)).state is State.SUCCEEDED
    entries = await turned(house)
    assert [entry["action"] for entry in entries] == [record.id for record in holds]
    assert len({entry["nonce"] for entry in entries}) == 1


async def test_a_list_with_one_bad_member_turns_none(house: House) -> None:
    key, ana = await key_of(house, "ana"), house.people["ana"]
    holds = await looked_at(house, "ana", [await hold(house, f"h{number}") for number in range(3)])
    begun = await house.gate.access.begin_turn(ana, [(record.id, record.digest) for record in holds])
    await house.gate.withdraw(house.agent, holds[2].id, "not needed")
    with pytest.raises(Conflict, match="not held"):
        await house.gate.access.finish_turn(ana, begun.ceremony, key.get(begun.options))
    assert await turned(house) == [] and house.fleet.changes == []
    for record in holds[:2]:
        assert (await house.gate.look(ana, record.id)).hold.keys == ()


async def test_what_is_not_alike_or_not_reversible_is_turned_alone(house: House) -> None:
    await key_of(house, "ana")
    ana = house.people["ana"]
    isolate, secret, again = await hold(house), await hold(house, name="secret"), await hold(house, "h2")
    wipes = [await hold(house, f"h{number}", name="wipe") for number in range(2)]
    for holds, says in (
        ([isolate, secret], "taken back|alike"),
        (wipes, "taken back"),
        ([isolate, again, isolate], "twice"),
    ):
        with pytest.raises(Conflict, match=says):
            await house.gate.access.begin_turn(ana, [(record.id, record.digest) for record in holds])
    for count in (0, 21):
        with pytest.raises(InvalidInput, match="1 to 20"):
            await house.gate.access.begin_turn(ana, [(isolate.id, isolate.digest)] * count)


async def test_one_person_alone_signs_where_the_pack_lets_them_release(
    build_house: Callable[..., Any], tmp_path: Path
) -> None:
    """small-team: a passkey stands in for the second person, with a cooling-off time and a review afterwards."""
    house = await build_house(tmp_path / "small.db", pack="small-team")
    key, olga = await key_of(house, "olga"), house.people["olga"]
    record = await hold(house)
    with pytest.raises(Forbidden, match="guardrail-9-passkey-not-token"):
        await house.gate.turn(olga, record.id, record.digest)
    (after,) = await turn(house.gate, olga, key, record)
    assert after.state is State.HELD, "it cools off first"
    house.clock.ms += 120_000
    await house.gate.sweep()
    await house.gate.sweep()
    done = await house.until(record.id)
    assert done.state is State.SUCCEEDED and done.review_due
    await house.gate.stop_running()
    house.store.close()
