"""People with passkeys, as tests bring them in: through the gate's own verbs."""

from typing import Any

from tests.authenticator import Authenticator

from keyturn.gate import Gate
from keyturn.gate.access_records import Enrolled, Opened
from keyturn.gate.records import ActionRecord, Person


def token_of(link: str) -> str:
    """The token at the end of a link."""
    return link.rsplit("/", 1)[1]


async def enrol(gate: Gate, by: Person, name: str, key: Authenticator | None = None, **finish: Any) -> Enrolled:
    """An invitation by somebody, followed to its end with this authenticator."""
    token = token_of((await gate.access.invite(by, name)).link)
    begun = await gate.access.begin_registration(invitation=token)
    answer = (key or Authenticator()).create(begun.options)
    return await gate.access.finish_registration(begun.ceremony, answer, invitation=token, **finish)


async def sign_in(gate: Gate, key: Authenticator, **lies: Any) -> Opened:
    """A sign-in with whatever the authenticator holds."""
    begun = await gate.access.begin_sign_in()
    return await gate.access.finish_sign_in(begun.ceremony, key.get(begun.options, **lies), "Firefox")


async def turn(gate: Gate, who: Person, key: Authenticator, *holds: ActionRecord, **lies: Any) -> list[ActionRecord]:
    """One touch for these holds."""
    begun = await gate.access.begin_turn(who, [(hold.id, hold.digest) for hold in holds])
    return await gate.access.finish_turn(who, begun.ceremony, key.get(begun.options, **lies))
