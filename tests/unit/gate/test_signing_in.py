"""Coming in: the set-up link, invitations, signing in, sessions, and passkeys that wait for another person."""

from typing import Any

from tests.authenticator import Authenticator

House = Any
MINUTE = 60_000


def token_of(link: str) -> str:
    return link.rsplit("/", 1)[1]


async def enrol(house: House, name: str, by: str = "olga", key: Authenticator | None = None) -> Authenticator:
    """An invitation followed to its end."""
    key = key or Authenticator()
    token = token_of((await house.gate.access.invite(house.people[by], name)).link)
    begun = await house.gate.access.begin_registration(invitation=token)
    await house.gate.access.finish_registration(begun.ceremony, key.create(begun.options), invitation=token)
    return key


async def test_an_invited_person_enrols_and_signs_in(house: House) -> None:
    key = await enrol(house, "ana")
    begun = await house.gate.access.begin_sign_in()
    opened = await house.gate.access.finish_sign_in(begun.ceremony, key.get(begun.options), "Firefox")
    found = await house.gate.access.session_for(opened.token)
    assert (found.person.id, found.session.method, found.session.user_agent) == ("ana", "passkey", "Firefox")
