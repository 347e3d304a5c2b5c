"""Coming in: the set-up link, invitations, signing in, sessions, and passkeys that wait for another person."""

from pathlib import Path
from typing import Any

import pytest
from tests.authenticator import Authenticator
from tests.passkeys import enrol, sign_in, token_of

from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from keyturn.gate import Context, Gate
from keyturn.gate.records import Role
from keyturn.store import SqliteStore

House = Any
HOUR = 3_600_000


async def empty(house: House, path: Path) -> Gate:
    """A gate of the same parts, on a database without anybody."""
    ctx = house.ctx
    store = SqliteStore(path)
    return Gate(
        Context(store, ctx.tools, ctx.knowledge, ctx.policy, ctx.clock, ctx.runners, "r", passkeys=ctx.passkeys)
    )


async def kinds(house: House) -> list[str]:
    return [entry["kind"] for entry in await house.entries()]


# The first owner


async def test_the_first_owner_comes_in_by_a_link_once(house: House, tmp_path: Path) -> None:
    access, key = (await empty(house, tmp_path / "new.db")).access, Authenticator()
    stale, link = await access.setup_link(), await access.setup_link()
    assert stale is not None and link is not None and link.link.startswith("http://localhost:8787/console/setup/")
    with pytest.raises(Unauthenticated, match="not valid"):
        await access.open_invitation(token_of(stale.link))
    token = token_of(link.link)
    assert (await access.open_invitation(token)).setup
    begun = await access.begin_registration(invitation=token, name="Olga")
    assert begun.options["authenticatorSelection"]["userVerification"] == "required"
    assert begun.options["rp"]["id"] == "localhost"
    made = await access.finish_registration(begun.ceremony, key.create(begun.options), invitation=token, label="Mac")
    assert made.opened is not None and made.passkey.name == "Mac" and not made.passkey.pending
    found = await access.session_for(made.opened.token)
    assert (found.person.id, found.person.roles) == ("olga", (Role.OWNER,))
    assert await access.setup_link() is None
    with pytest.raises(Unauthenticated):
        await access.begin_registration(invitation=token, name="mallory")


async def test_two_who_follow_the_first_owners_link_do_not_both_come_in(house: House, tmp_path: Path) -> None:
    access = (await empty(house, tmp_path / "new.db")).access
    link = await access.setup_link()
    assert link is not None
    token = token_of(link.link)
    first = await access.begin_registration(invitation=token, name="olga")
    second = await access.begin_registration(invitation=token, name="mallory")
    await access.finish_registration(first.ceremony, Authenticator().create(first.options), invitation=token)
    with pytest.raises(Unauthenticated):
        await access.finish_registration(second.ceremony, Authenticator().create(second.options), invitation=token)


# Invitations


async def test_an_invited_person_enrols_and_signs_in(house: House) -> None:
    key = Authenticator()
    made = await enrol(house.gate, house.people["olga"], "ana", key)
    assert made.opened is not None, "the inviter is the other person, so it is live at once"
    opened = await sign_in(house.gate, key)
    found = await house.gate.access.session_for(opened.token)
    assert (found.person.id, found.session.method, found.session.user_agent) == ("ana", "passkey", "Firefox")
    told = [entry for entry in await house.entries() if entry["kind"] in ("invited", "passkey_added", "signed_in")]
    assert [entry["kind"] for entry in told] == ["invited", "passkey_added", "signed_in", "signed_in"]
    assert opened.token not in str(told) and "kti_" not in str(told), "no secret in the journal"


async def test_a_new_person_comes_in_with_the_roles_of_the_invitation(house: House) -> None:
    access, olga = house.gate.access, house.people["olga"]
    token = token_of((await access.invite(olga, " NINA ", (Role.ANALYST,))).link)
    begun = await access.begin_registration(invitation=token, name="another name")
    made = await access.finish_registration(begun.ceremony, Authenticator().create(begun.options), invitation=token)
    assert made.opened is not None
    assert (made.opened.person.id, made.opened.person.roles) == ("nina", (Role.ANALYST,))
    with pytest.raises(Unauthenticated):
        await access.open_invitation(token)


@pytest.mark.parametrize(
    ("who", "name", "roles", "error"),
    [
        ("ana", "bob", (), Forbidden),
        ("lena", "nina", (Role.ANALYST,), Forbidden),
        ("olga", "nina", (), InvalidInput),
        ("olga", "ana", (Role.OWNER,), Conflict),
        ("olga", "responder", (Role.ANALYST,), Conflict),
        ("olga", "\u200b", (Role.ANALYST,), InvalidInput),
    ],
)
async def test_who_may_not_invite_whom(house: House, who: str, name: str, roles: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await house.gate.access.invite(house.people[who], name, roles)


async def test_an_invitation_ends(house: House) -> None:
    access, olga = house.gate.access, house.people["olga"]
    replaced = token_of((await access.invite(olga, "ana")).link)
    token = token_of((await access.invite(olga, "ana")).link)
    with pytest.raises(Unauthenticated):
        await access.open_invitation(replaced)
    (listed,) = await access.invitations(olga)
    assert listed.person == "ana" and await access.invitations(house.people["bob"]) == []
    with pytest.raises(NotFound):
        await access.revoke_invitation(house.people["bob"], listed.id)
    await access.revoke_invitation(olga, listed.id)
    with pytest.raises(Unauthenticated):
        await access.open_invitation(token)
    token = token_of((await access.invite(olga, "ana")).link)
    house.clock.ms += 25 * HOUR
    with pytest.raises(Unauthenticated):
        await access.open_invitation(token)


async def test_an_invitation_by_somebody_revoked_since_is_void(house: House) -> None:
    token = token_of((await house.gate.access.invite(house.people["pavel"], "ana")).link)
    await house.gate.revoke_person(house.people["olga"], "pavel", "left")
    with pytest.raises(Unauthenticated):
        await house.gate.access.open_invitation(token)


async def test_a_ceremony_of_one_link_is_not_finished_with_another(house: House) -> None:
    access, olga = house.gate.access, house.people["olga"]
    ana, bob = [token_of((await access.invite(olga, name)).link) for name in ("ana", "bob")]
    begun = await access.begin_registration(invitation=ana)
    with pytest.raises(Conflict, match="another link"):
        await access.finish_registration(begun.ceremony, Authenticator().create(begun.options), invitation=bob)
    assert await access.passkeys(olga) == []


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (Authenticator(verifies=False), "not verified"),
        (Authenticator(origin="http://evil.example"), "origin"),
        (Authenticator(origin="http://localhost:9999"), "origin"),
        (Authenticator(rp_id="evil.example"), "RP ID"),
        (Authenticator(cross_origin=True), "another site"),
    ],
)
async def test_a_new_passkey_that_does_not_verify_is_not_kept(house: House, key: Authenticator, says: str) -> None:
    with pytest.raises(Forbidden, match=says):
        await enrol(house.gate, house.people["olga"], "ana", key)
    assert await house.gate.access.passkeys(house.people["olga"]) == []


async def test_a_passkey_is_enrolled_once(house: House) -> None:
    key = Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    token = token_of((await house.gate.access.invite(house.people["olga"], "bob")).link)
    begun = await house.gate.access.begin_registration(invitation=token)
    (made,) = key.credentials.values()
    answer = key.create(begun.options, again=made)
    with pytest.raises(Conflict, match="enrolled already"):
        await house.gate.access.finish_registration(begun.ceremony, answer, invitation=token)


# A further passkey waits for another person


async def further(house: House, name: str, key: Authenticator) -> Any:
    who = house.people[name]
    begun = await house.gate.access.begin_registration(who)
    return await house.gate.access.finish_registration(begun.ceremony, key.create(begun.options), who, label="spare")


async def test_a_further_passkey_waits_until_another_person_signs_for_it(house: House) -> None:
    access, anas, spare, bobs = house.gate.access, Authenticator(), Authenticator(), Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", anas)
    await enrol(house.gate, house.people["olga"], "bob", bobs)
    made = await further(house, "ana", spare)
    assert made.passkey.pending and made.opened is None
    with pytest.raises(Unauthenticated):
        await sign_in(house.gate, spare)
    with pytest.raises(Forbidden, match="their own"):
        await access.begin_approval(house.people["ana"], made.passkey.credential)
    begun = await access.begin_approval(house.people["bob"], made.passkey.credential)
    with pytest.raises(Conflict, match="no such ceremony"):
        await access.finish_approval(house.people["ana"], begun.ceremony, anas.get(begun.options))
    with pytest.raises(Forbidden, match="not a passkey of bob"):
        await access.finish_approval(
            house.people["bob"], begun.ceremony, anas.get({**begun.options, "allowCredentials": []})
        )
    begun = await access.begin_approval(house.people["bob"], made.passkey.credential)
    after = await access.finish_approval(house.people["bob"], begun.ceremony, bobs.get(begun.options))
    assert after.live and after.approved_by == "bob"
    await sign_in(house.gate, spare)
    assert (await kinds(house))[-2:] == ["passkey_approved", "signed_in"]


async def test_a_first_passkey_by_ones_own_link_waits_too(house: House) -> None:
    """A stolen token can ask for a link; it gets no passkey that signs."""
    await enrol(house.gate, house.people["olga"], "bob")
    made = await enrol(house.gate, house.people["ana"], "ana")
    assert made.passkey.pending and made.opened is None


async def test_a_passkey_is_refused_or_revoked_by_its_person_or_an_owner(house: House) -> None:
    access, key = house.gate.access, Authenticator()
    made = await enrol(house.gate, house.people["olga"], "ana", key)
    with pytest.raises(Forbidden, match="owner"):
        await access.revoke_passkey(house.people["bob"], made.passkey.credential, "mine now")
    with pytest.raises(InvalidInput):
        await access.revoke_passkey(house.people["ana"], made.passkey.credential, " ")
    await access.revoke_passkey(house.people["ana"], made.passkey.credential, "lost")
    with pytest.raises(Conflict):
        await access.revoke_passkey(house.people["ana"], made.passkey.credential, "again")
    with pytest.raises(Unauthenticated):
        await sign_in(house.gate, key)
    again = await enrol(house.gate, house.people["olga"], "ana", Authenticator())
    assert again.passkey.live, "whoever lost theirs is invited again by another person"


# Signing in, and sessions


@pytest.mark.parametrize(
    "lie",
    [
        {"verifies": False},
        {"origin": "http://127.0.0.1:8787"},
        {"rp_id": "evil.example"},
        {"cross_origin": True},
    ],
)
async def test_a_sign_in_that_does_not_verify_is_refused(house: House, lie: dict[str, Any]) -> None:
    key = Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    for name, value in lie.items():
        setattr(key, name, value)
    with pytest.raises(Unauthenticated, match="not accepted"):
        await sign_in(house.gate, key)


async def test_a_strangers_passkey_reads_like_any_other_refusal(house: House) -> None:
    stranger, key = Authenticator(), Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    begun = await house.gate.access.begin_registration(house.people["bob"])
    stranger.create(begun.options)
    await sign_in(house.gate, key)
    messages = set()
    for one, lies in ((stranger, {}), (key, {"challenge": "AAAA"}), (key, {"count": 1})):
        with pytest.raises(Unauthenticated) as caught:
            await sign_in(house.gate, one, **lies)
        messages.add(str(caught.value))
    assert len(messages) == 1


async def test_a_sign_in_is_answered_once_and_in_time(house: House) -> None:
    access, key = house.gate.access, Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    begun = await access.begin_sign_in()
    answer = key.get(begun.options)
    await access.finish_sign_in(begun.ceremony, answer)
    with pytest.raises(Conflict, match="answered already"):
        await access.finish_sign_in(begun.ceremony, answer)
    begun = await access.begin_sign_in()
    house.clock.ms += 301_000
    with pytest.raises(Conflict, match="too long"):
        await access.finish_sign_in(begun.ceremony, key.get(begun.options))


async def test_a_revoked_person_neither_signs_in_nor_stays(house: House) -> None:
    key = Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    opened = await sign_in(house.gate, key)
    await house.gate.revoke_person(house.people["olga"], "ana", "left")
    with pytest.raises(Unauthenticated):
        await house.gate.access.session_for(opened.token)
    with pytest.raises(Unauthenticated):
        await sign_in(house.gate, key)


async def test_a_session_ends_unused_and_at_its_end(house: House) -> None:
    access = house.gate.access
    opened = await access.open_session("ana", "oidc", "x" * 10_000)
    assert len(opened.session.user_agent) == 200
    for _ in range(3):
        house.clock.ms += 1_700_000
        await access.session_for(opened.token)
        await house.store.write(lambda tx: None)
    house.clock.ms += 1_800_000
    for token in (opened.token, "kts_unknown", ""):
        with pytest.raises(Unauthenticated, match="not signed in"):
            await access.session_for(token)
    opened = await access.open_session("ana", "oidc")
    while house.clock.ms + 1_700_000 < opened.session.expires_at:
        house.clock.ms += 1_700_000
        await access.session_for(opened.token)
        await house.store.write(lambda tx: None)
    house.clock.ms = opened.session.expires_at
    with pytest.raises(Unauthenticated):
        await access.session_for(opened.token)


async def test_sessions_are_listed_and_revoked(house: House) -> None:
    access, ana, olga = house.gate.access, house.people["ana"], house.people["olga"]
    anas, bobs = await access.open_session("ana", "oidc"), await access.open_session("bob", "oidc")
    assert [s.person for s in await access.sessions(ana)] == ["ana"]
    assert {s.person for s in await access.sessions(olga)} == {"ana", "bob"}
    with pytest.raises(NotFound):
        await access.revoke_session(ana, bobs.session.id)
    await access.revoke_session(olga, bobs.session.id)
    await access.end_session(anas.token)
    await access.end_session("kts_none")
    for opened in (anas, bobs):
        with pytest.raises(Unauthenticated):
            await access.session_for(opened.token)
    assert await access.sessions(olga) == []
    assert (await kinds(house))[-4:] == ["signed_in", "signed_in", "session_revoked", "session_revoked"]


async def test_where_no_page_is_served_nobody_comes_in(house: House) -> None:
    house.ctx.passkeys = None
    with pytest.raises(Conflict, match="no page"):
        await house.gate.access.begin_sign_in()
    with pytest.raises(Conflict, match="no page"):
        await house.gate.access.invite(house.people["olga"], "ana")


@pytest.mark.parametrize(
    "answer", [{}, {"response": []}, {"id": 7, "response": {}}, {"id": "?", "response": {}}, {"id": "A" * 70_000}]
)
async def test_what_is_no_answer_is_refused(house: House, answer: dict[str, Any]) -> None:
    begun = await house.gate.access.begin_sign_in()
    with pytest.raises(Unauthenticated):
        await house.gate.access.finish_sign_in(begun.ceremony, answer)
    begun = await house.gate.access.begin_registration(house.people["ana"])
    with pytest.raises((Forbidden, InvalidInput)):
        await house.gate.access.finish_registration(begun.ceremony, answer, house.people["ana"])
