"""Whose word makes a passkey live: another person's, whatever the role; and what ends with a passkey."""

from typing import Any

import pytest
from tests.authenticator import Authenticator
from tests.passkeys import enrol, sign_in, token_of

from keyturn.errors import Forbidden, Unauthenticated
from keyturn.gate.access import Access
from keyturn.gate.access_records import Enrolled, Opened, Passkey
from keyturn.gate.oidc import sign_in as recognised
from keyturn.gate.oidc_records import Recognised
from keyturn.gate.records import Person, Role
from keyturn.passkeys import KeyCheck

House = Any


async def further(house: House, who: Person, key: Authenticator) -> Enrolled:
    """One more passkey of somebody who is signed in."""
    access: Access = house.gate.access
    begun = await access.begin_registration(who)
    return await access.finish_registration(begun.ceremony, key.create(begun.options), who)


async def approve(house: House, who: Person, key: Authenticator, waiting: Passkey) -> Passkey:
    access: Access = house.gate.access
    begun = await access.begin_approval(who, waiting.credential)
    return await access.finish_approval(who, begun.ceremony, key.get(begun.options))


async def arrive(house: House, name: str, *roles: Role) -> Person:
    """A sign-in through the provider, with groups that give these roles."""
    found = Recognised(issuer="https://id.example.com", subject=f"sub-{name}", name=name, groups=(), roles=roles)
    opened: Opened | None = await house.store.write(recognised(house.ctx, found, "Firefox"))
    assert opened is not None
    return opened.person


async def verified(house: House) -> tuple[str, ...]:
    check = KeyCheck()
    for index, entry in enumerate(await house.entries()):
        check(index, entry)
    return tuple(problem.what for problem in check.report().problems)


async def test_an_auditors_passkey_waits_so_that_a_later_role_brings_no_key(house: House) -> None:
    """The provider puts an account among the auditors, and after it has a passkey among the leads."""
    await enrol(house.gate, house.people["olga"], "ana", anas := Authenticator())
    key = Authenticator()
    made = await further(house, await arrive(house, "mallory", Role.AUDITOR), key)
    mallory = await arrive(house, "mallory", Role.LEAD)
    assert made.passkey.pending
    with pytest.raises(Unauthenticated):
        await sign_in(house.gate, key)
    assert (await approve(house, house.people["ana"], anas, made.passkey)).live
    assert (await sign_in(house.gate, key)).person.id == mallory.id
    assert await verified(house) == ()


async def test_who_comes_from_a_provider_does_not_begin_where_others_could(house: House) -> None:
    for name, role in (("mallory", Role.LEAD), ("trudy", Role.AUDITOR)):
        made = await further(house, await arrive(house, name, role), Authenticator())
        assert made.passkey.pending, "nobody has a passkey yet, and olga could"
    owner = await arrive(house, "mallory", Role.OWNER)
    invited = await enrol(house.gate, owner, "bob")
    assert invited.passkey.pending, "an owner by the provider vouches for nobody"
    assert (await enrol(house.gate, house.people["olga"], "ana")).passkey.live


async def test_an_owner_does_not_become_somebody_who_had_a_passkey(house: House) -> None:
    olga, keys = house.people["olga"], {name: Authenticator() for name in ("lena", "olga", "ana")}
    lenas = await enrol(house.gate, olga, "lena", keys["lena"])
    for name in ("olga", "ana"):
        await enrol(house.gate, house.people["pavel"], name, keys[name])
    await house.gate.access.revoke_passkey(olga, lenas.passkey.credential, "lost")
    again = await enrol(house.gate, olga, "lena")
    assert again.passkey.pending and again.opened is None
    with pytest.raises(Forbidden, match="invited"):
        await approve(house, olga, keys["olga"], again.passkey)
    assert (await approve(house, house.people["ana"], keys["ana"], again.passkey)).live
    assert await verified(house) == ()


async def test_one_who_holds_the_only_passkey_signs_for_a_further_one(house: House) -> None:
    """A stolen session gets no passkey that signs."""
    await enrol(house.gate, house.people["olga"], "ana", key := Authenticator())
    ana, spare = house.people["ana"], Authenticator()
    made = await further(house, ana, spare)
    assert made.passkey.pending
    with pytest.raises(Forbidden):
        await approve(house, ana, spare, made.passkey)
    assert (await approve(house, ana, key, made.passkey)).live
    await sign_in(house.gate, spare)
    assert await verified(house) == ()


async def test_an_auditors_further_passkey_waits_too(house: House) -> None:
    await enrol(house.gate, house.people["olga"], "bob")
    token = token_of((await house.gate.access.invite(house.people["olga"], "aud", (Role.AUDITOR,))).link)
    begun = await house.gate.access.begin_registration(invitation=token)
    answer = Authenticator().create(begun.options)
    made = await house.gate.access.finish_registration(begun.ceremony, answer, invitation=token)
    assert made.opened is not None
    assert (await further(house, made.opened.person, Authenticator())).passkey.pending


async def test_the_sessions_of_a_revoked_passkey_end(house: House) -> None:
    access, key = house.gate.access, Authenticator()
    made = await enrol(house.gate, house.people["olga"], "ana", key)
    stolen, other = await sign_in(house.gate, key), await access.open_session("ana", "oidc")
    assert made.opened is not None
    await access.revoke_passkey(house.people["ana"], made.passkey.credential, "stolen")
    for opened in (made.opened, stolen):
        with pytest.raises(Unauthenticated):
            await access.session_for(opened.token)
    assert (await access.session_for(other.token)).person.id == "ana"
