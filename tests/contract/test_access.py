"""What a store keeps of passkeys, ceremonies, sessions and invitations: whole, and seen by every connection."""

from collections.abc import Callable
from typing import Any

import pytest

from keyturn.errors import Conflict
from keyturn.gate.access_records import Ceremony, CeremonyKind, HoldSeen, Invitation, Passkey, Session
from keyturn.gate.ports import Store, Tx
from keyturn.gate.records import Role

Open = Callable[[], Store]


def passkey(credential: str, person: str = "ana", **different: Any) -> Passkey:
    plain: dict[str, Any] = {
        "credential": credential,
        "person": person,
        "public_key": b"\x00\xffkey",
        "sign_count": 0,
        "name": "key",
        "backed_up": True,
        "transports": ("internal", "usb"),
        "created_at": 1,
        "added_by": "olga",
        "live_at": 1,
    }
    return Passkey(**plain | different)


def session(name: str, person: str = "ana", **different: Any) -> Session:
    plain: dict[str, Any] = {
        "id": name,
        "token_hash": f"hash of {name}",
        "person": person,
        "method": "passkey",
        "user_agent": "Firefox",
        "created_at": 1,
        "seen_at": 1,
        "expires_at": 100,
    }
    return Session(**plain | different)


def invitation(name: str, **different: Any) -> Invitation:
    plain: dict[str, Any] = {
        "id": name,
        "token_hash": f"hash of {name}",
        "person": "ana",
        "roles": (Role.LEAD,),
        "by": "olga",
        "created_at": 1,
        "expires_at": 100,
    }
    return Invitation(**plain | different)


async def test_passkeys_are_kept_whole_and_by_what_they_may_do(open_store: Open) -> None:
    here, there = open_store(), open_store()
    kept = [
        passkey("c1"),
        passkey("c2", created_at=2, live_at=None),
        passkey("c3", "bob", live_at=None),
        passkey("c4", "carl", revoked_at=5),
        passkey("c5", "dora", live_at=None, revoked_at=5),
    ]

    def keep(tx: Tx) -> None:
        for one in kept:
            tx.access.put_passkey(one)

    await here.write(keep)

    def look(tx: Tx) -> tuple[Any, ...]:
        rows = tx.access
        had = [name for name in ("ana", "bob", "carl", "dora", "eve") if rows.has_passkey(name)]
        return rows.passkeys(), rows.passkeys("ana"), rows.passkey("c4"), rows.passkey("c9"), rows.holders(), had

    everybody, anas, fourth, none, holders, had = await there.read(look)
    assert sorted(everybody, key=lambda one: one.credential) == kept
    assert (anas, fourth, none) == (kept[:2], kept[3], None)
    assert holders == {"ana"} and had == ["ana", "carl"], "who had one turns nothing without; who waits for one may"
    await there.write(lambda tx: tx.access.put_passkey(passkey("c3", "bob", live_at=7)))
    assert await here.read(lambda tx: tx.access.holders()) == {"ana", "bob"}


async def test_a_ceremony_is_spent_together_with_what_it_was_for(open_store: Open) -> None:
    here, there = open_store(), open_store()
    seen = HoldSeen(action="a1", digest="0" * 64, policy="1" * 64, definition="d")
    asked = Ceremony(id="x", kind=CeremonyKind.TURN, nonce=bytes(range(32)), person="ana", expires_at=9, holds=(seen,))
    await here.write(lambda tx: tx.access.put_ceremony(asked))
    assert await there.read(lambda tx: tx.access.ceremony("x")) == asked

    def spend(tx: Tx) -> None:
        tx.access.put_ceremony(
            Ceremony(id="x", kind=asked.kind, nonce=asked.nonce, person="ana", expires_at=9, used_at=3)
        )
        raise Conflict("what it was for is refused")

    with pytest.raises(Conflict):
        await there.write(spend)
    assert await here.read(lambda tx: tx.access.ceremony("x")) == asked
    await here.write(lambda tx: tx.access.forget_ceremonies(9))
    assert await here.read(lambda tx: tx.access.ceremony("x")) == asked
    await here.write(lambda tx: tx.access.forget_ceremonies(10))
    assert await there.read(lambda tx: tx.access.ceremony("x")) is None


async def test_open_ceremonies_of_one_kind_are_bounded_and_the_others_stay(open_store: Open) -> None:
    store = open_store()

    def keep(tx: Tx) -> None:
        for number in range(20):
            for start in ("s", "f"):
                tx.access.put_ceremony(
                    Ceremony(
                        id=f"{start}{number}", kind=CeremonyKind.SIGN_IN, nonce=b"", person="", expires_at=100 - number
                    )
                )
        tx.access.bound_open("s", 5)
        tx.access.bound_open("f", 20)

    await store.write(keep)
    left = await store.read(
        lambda tx: [name for start in "sf" for n in range(20) if tx.access.ceremony(name := f"{start}{n}")]
    )
    assert left == [f"s{n}" for n in range(5)] + [f"f{n}" for n in range(20)]


async def test_sessions_are_found_by_token_and_listed_while_they_last(open_store: Open) -> None:
    store = open_store()
    kept = [session("s1"), session("s2", "bob", created_at=2), session("s3", revoked_at=4), session("s4", expires_at=5)]

    def keep(tx: Tx) -> None:
        for one in kept:
            tx.access.put_session(one)

    await store.write(keep)
    listed = await store.read(lambda tx: (tx.access.sessions(None, 5), tx.access.sessions("ana", 4)))
    assert listed == ([kept[1], kept[0]], [kept[0], kept[3]])
    assert await store.read(lambda tx: tx.access.session_by_token("hash of s3")) == kept[2]
    assert await store.read(lambda tx: (tx.access.session("s9"), tx.access.session_by_token(""))) == (None, None)


async def test_invitations_are_listed_until_they_are_used_or_over(open_store: Open) -> None:
    store = open_store()
    kept = [invitation("i1"), invitation("i2", used_at=3), invitation("i3", expires_at=5)]

    def keep(tx: Tx) -> None:
        for one in kept:
            tx.access.put_invitation(one)

    await store.write(keep)
    assert await store.read(lambda tx: tx.access.invitations(5)) == [kept[0]]
    assert await store.read(lambda tx: tx.access.invitation_by_token("hash of i2")) == kept[1]
    assert await store.read(lambda tx: tx.access.invitation("i3")) == kept[2]
