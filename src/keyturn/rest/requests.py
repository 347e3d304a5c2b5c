"""What comes in: who asks, and bodies, read strictly and within bounds."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from keyturn.core.canonical import MAX_INTEGER, canonical_json, parse_json
from keyturn.errors import Forbidden, InvalidInput, Unauthenticated
from keyturn.gate import Gate
from keyturn.gate.records import Agent, Person, Role, Scope
from keyturn.rest.errors import NotJsonMedia, TooLarge

MAX_BODY = 1_048_576

Index = Annotated[int, Path(ge=0, le=MAX_INTEGER)]
Limit = Annotated[int, Query(ge=1, le=500)]
Reason = Annotated[str, Query(min_length=1, max_length=2000)]


# Who

_bearer = HTTPBearer(auto_error=False, description="The token of an agent (kta_…) or of a person (ktp_…).")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


TheGate = Annotated[Gate, Depends(_gate)]


async def _caller(gate: TheGate, credentials: _Credentials) -> Agent | Person:
    if credentials is None or not credentials.credentials:
        raise Unauthenticated("no bearer token", hint="send it as Authorization: Bearer …")
    try:
        return await gate.agent_for(credentials.credentials)
    except Unauthenticated:
        return await gate.person_for(credentials.credentials)


Anyone = Annotated[Agent | Person, Depends(_caller)]


def _agent(who: Anyone) -> Agent:
    if not isinstance(who, Agent):
        raise Forbidden(f"{who.id} is a person, and this is an agent's verb", hint="use the token of an agent")
    return who


def _person(who: Anyone) -> Person:
    if not isinstance(who, Person):
        raise Forbidden(f"{who.id} is an agent, and this takes a person", hint="use the token of a person")
    return who


TheAgent = Annotated[Agent, Depends(_agent)]
ThePerson = Annotated[Person, Depends(_person)]


async def _owner_to_be(request: Request, gate: TheGate, credentials: _Credentials) -> Person | None:
    if credentials is None and request.app.state.first_owner:
        return None
    return _person(await _caller(gate, credentials))


PersonOrNobodyYet = Annotated[Person | None, Depends(_owner_to_be)]


# Bodies


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Propose(_Body, frozen=True):
    """A tool call to propose. ``mandate`` may be left out if the agent has one live mandate."""

    tool: str
    arguments: dict[str, Any] = {}
    mandate: str | None = None
    rationale: str = ""
    evidence: tuple[str, ...] = ()
    confidence: float | None = None


class Suppose(_Body, frozen=True):
    """A call to suppose. An agent asks about itself; a person names the ``mandate`` or the ``agent`` that it is of."""

    tool: str
    arguments: dict[str, Any] = {}
    mandate: str | None = None
    agent: str = ""


class Turn(_Body, frozen=True):
    """The digest that the person saw, and says yes to."""

    digest: str


class Narrow(_Body, frozen=True):
    """All arguments of the smaller call."""

    arguments: dict[str, Any]


class Because(_Body, frozen=True):
    """Why; it is recorded."""

    reason: str


class Settle(_Body, frozen=True):
    """What became of an unknown action, and how one knows."""

    outcome: Literal["succeeded", "failed", "reverted", "retry"]
    reason: str


class Review(_Body, frozen=True):
    """What a second look found."""

    note: str


class NewPerson(_Body, frozen=True):
    """A human with roles. Aliases are the same human."""

    name: str
    roles: tuple[Role, ...]
    aliases: tuple[str, ...] = ()


class NewInvitation(_Body, frozen=True):
    """Whom to let in on the page. ``roles`` for somebody new; none for somebody who is there and needs a passkey."""

    name: str
    roles: tuple[Role, ...] = ()


class NewAgent(_Body, frozen=True):
    """A non-human identity: one purpose, one owner, a token that ends."""

    name: str
    owner: str
    purpose: str
    token_days: int = 30


class NewToken(_Body, frozen=True):
    """How long a new token lives."""

    token_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30


class Marks(_Body, frozen=True):
    """What is known of an agent's credential (G20)."""

    shared: bool
    exposed: bool


class NewStop(_Body, frozen=True):
    """What to stop: everything (no subject), an agent, a tool (``upstream/tool``) or a mandate."""

    scope: Scope
    subject: str = ""
    reason: str = ""


async def _read(request: Request) -> bytes:
    """The whole body, or :class:`TooLarge` as soon as it surely is."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_BODY:
            raise TooLarge(f"the body has over {MAX_BODY} bytes", hint="keep large data out of the call, and name it")
    return bytes(found)


def parsed(kind: type[Any]) -> Any:
    """A dependency: the body as ``kind``, read so that no two parsers could read it differently."""

    async def body(request: Request) -> Any:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise NotJsonMedia(f"the body is {media[:80] or 'of no type'}", hint="send Content-Type: application/json")
        value = parse_json(await _read(request))
        canonical_json(value)
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as e:
            raise InvalidInput(str(e), hint="see /v1/openapi.json") from None

    return Depends(body)
