"""Signing in through an OpenID Connect provider. The verbs of ``gate.oidc``; surfaces call nothing else.

A person is known by the provider's name and the subject there, never by a name or an address that somebody may choose
(account take-over: CVE-2025-6004, CVE-2025-6013). Roles follow the provider's groups at each sign-in. Such a session
turns no key: that takes a passkey, whose enrolment another person approves.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping

import msgspec

from keyturn.core.hold import person_id
from keyturn.errors import Conflict, Forbidden, InvalidInput, KeyturnError, NotFound, Unauthenticated
from keyturn.gate.access_records import Opened
from keyturn.gate.ceremonies import live_person
from keyturn.gate.context import Context, new_token, token_hash
from keyturn.gate.grants import OWNERS
from keyturn.gate.names import need_own_name
from keyturn.gate.oidc_ports import Recogniser
from keyturn.gate.oidc_records import Arrived, Departed, Identity, Journey, Linking, Recognised
from keyturn.gate.ports import Tx
from keyturn.gate.records import Person, Role
from keyturn.gate.review import need_role
from keyturn.gate.sessions import end, open_session

replace = msgspec.structs.replace
JOURNEY_S = 600
OPEN_JOURNEYS = 2_000
MAX_SUBJECT = 255


class OidcVerbs:
    """The verbs. Without a provider each raises ``Conflict``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @property
    def issuer(self) -> str:
        """The provider's name; ``""`` where there is none."""
        return self._ctx.oidc.issuer if self._ctx.oidc is not None else ""

    async def depart(self, then: str, who: Person | None = None) -> Departed:
        """Send a browser to the provider: to sign in, or, for ``who`` is signed in, to link the account there.

        Raises :class:`~keyturn.errors.ProviderError` if the provider does not answer.
        """
        provider, now = _provider(self._ctx), self._ctx.clock.now()
        journey = Journey(
            state=secrets.token_urlsafe(32),
            browser=token_hash(secret := new_token("kto_")),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            then=then,
            person=who.id if who is not None else "",
            expires_at=now + JOURNEY_S * 1000,
        )
        address = await provider.address(journey.state, journey.nonce, journey.verifier)

        def work(tx: Tx) -> None:
            if who is not None:
                live_person(tx, who.id)
            tx.oidc.put_journey(journey)
            tx.oidc.bound_journeys(now, OPEN_JOURNEYS)

        await self._ctx.store.write(work)
        return Departed(address=address, secret=secret, expires_at=journey.expires_at)

    async def arrive(self, answer: Mapping[str, str], secret: str, user_agent: str = "") -> Arrived:
        """Who came back with the provider's answer, in the browser that left with ``secret``; each journey once.

        Raises ``Unauthenticated`` alike for an answer that is not of this browser, late or used, and for one that
        proves nothing; ``Forbidden`` for somebody without a role; ``Conflict`` for a name that is another's.
        """
        provider = _provider(self._ctx)
        journey = await self._ctx.store.write(_spend(self._ctx, answer.get("state", ""), secret))
        found = await provider.recognise(answer, journey.nonce, journey.verifier, self._ctx.clock.now())
        if journey.person:
            await self._ctx.store.write(lambda tx: tx.oidc.put_journey(replace(journey, found=found)))
            return Arrived(then=journey.then, journey=journey.state)
        opened = await self._ctx.store.write(sign_in(self._ctx, found, user_agent))
        if opened is None:
            raise Forbidden(
                f"none of your groups at {found.issuer} gives you a role here",
                hint=f"whoever keeps them there can put you into one: {', '.join(provider.groups)}",
            )
        return Arrived(then=journey.then, opened=opened)

    async def linking(self, who: Person, journey: str) -> Linking:
        """What :meth:`link_own` would link."""

        def work(tx: Tx) -> Linking:
            person, found = live_person(tx, who.id), _arrived(self._ctx, tx, who, journey)
            return Linking(found=found, roles=_roles(tx, person, found))

        return await self._ctx.store.read(work)

    async def link_own(self, who: Person, journey: str) -> Identity:
        """Link the account with which this person came back from the provider; their roles follow it from now on."""

        def work(tx: Tx) -> Identity:
            person, found = live_person(tx, who.id), _arrived(self._ctx, tx, who, journey)
            if not found.roles:
                raise Forbidden("no group of that account gives a role here", hint="you would have none")
            row = tx.oidc.journey(journey)
            if row is not None:
                tx.oidc.put_journey(replace(row, found=None))
            identity = _link(self._ctx, tx, person, found.issuer, found.subject, person.id)
            _follow(self._ctx, tx, person, found)
            return identity

        return await self._ctx.store.write(work)

    async def link(self, who: Person, name: str, subject: str) -> Identity:
        """Link an account, by its subject, to somebody: an owner's verb. Roles follow at that person's next sign-in."""
        if not 1 <= len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise InvalidInput("that is no subject", hint="it is the claim sub of the account, as the provider says it")

        def work(tx: Tx) -> Identity:
            by, person = need_role(tx, who, OWNERS, "link an account"), tx.person(person_id(name))
            if person is None or person.revoked_at is not None:
                raise NotFound(f"there is no person {name[:80]!r}")
            return _link(self._ctx, tx, person, _provider(self._ctx).issuer, subject, by.id)

        return await self._ctx.store.write(work)

    async def unlink(self, who: Person, issuer: str, subject: str) -> None:
        """That account signs nobody in any more, and its sessions end; one's own, or as an owner anybody's."""

        def work(tx: Tx) -> None:
            person, identity = live_person(tx, who.id), tx.oidc.identity(issuer, subject)
            if identity is None or (identity.person != person.id and Role.OWNER not in person.roles):
                raise NotFound("there is no such account of yours", hint="look at the list again")
            tx.oidc.remove_identity(issuer, subject)
            body = {"person": identity.person, "issuer": issuer, "subject": subject, "by": person.id}
            tx.record("identity_unlinked", tx.now(self._ctx.clock.now()), body)
            _end_sessions(self._ctx, tx, identity.person, person.id, "its account was unlinked", only_oidc=True)

        await self._ctx.store.write(work)

    async def identities(self, who: Person) -> list[Identity]:
        """The linked accounts: an owner sees everybody's, others their own."""

        def work(tx: Tx) -> list[Identity]:
            person = live_person(tx, who.id)
            return tx.oidc.identities(None if Role.OWNER in person.roles else person.id)

        return await self._ctx.store.read(work)


def _provider(ctx: Context) -> Recogniser:
    if ctx.oidc is None:
        raise Conflict("no provider is configured", hint="set [oidc] in keyturn.toml")
    return ctx.oidc


def _spend(ctx: Context, state: str, secret: str) -> Callable[[Tx], Journey]:
    def work(tx: Tx) -> Journey:
        journey, now = tx.oidc.journey(state), tx.now(ctx.clock.now())
        if (
            journey is None
            or not hmac.compare_digest(journey.browser, token_hash(secret))
            or journey.used_at is not None
            or now >= journey.expires_at
        ):
            raise Unauthenticated(
                "this sign-in was not begun here, took too long, or is used already", hint="begin again"
            )
        journey = replace(journey, used_at=now)
        tx.oidc.put_journey(journey)
        return journey

    return work


def _arrived(ctx: Context, tx: Tx, who: Person, state: str) -> Recognised:
    journey = tx.oidc.journey(state)
    late = journey is None or tx.now(ctx.clock.now()) >= journey.expires_at
    if journey is None or late or journey.person != who.id or journey.found is None:
        raise Conflict("there is no account to link", hint="begin again")
    return journey.found


def sign_in(ctx: Context, found: Recognised, user_agent: str) -> Callable[[Tx], Opened | None]:
    """A session for whoever was recognised, made a person now if they are new. None if no role is left to them, and
    then their sessions end."""

    def work(tx: Tx) -> Opened | None:
        identity, now = tx.oidc.identity(found.issuer, found.subject), tx.now(ctx.clock.now())
        if identity is not None:
            person = _follow(ctx, tx, live_person(tx, identity.person), found)
            tx.oidc.put_identity(replace(identity, used_at=now))
        elif found.roles:
            person = _let_in(ctx, tx, found)
        else:
            return None
        return open_session(ctx, tx, person, "oidc", user_agent) if person.roles else None

    return work


def _let_in(ctx: Context, tx: Tx, found: Recognised) -> Person:
    """A new person, under a name that is nobody's and looks like nobody's."""
    if Role.OWNER not in found.roles and not any(Role.OWNER in p.roles for p in tx.people() if p.revoked_at is None):
        raise Conflict("there is no owner here yet", hint="the link that keyturn serve printed makes the first one")
    human, now = person_id(found.name), tx.now(ctx.clock.now())
    try:
        need_own_name(tx, human)
    except KeyturnError as taken:
        raise Conflict(
            f"your name at {found.issuer} is taken here: {taken.message}",
            hint="if that is you, sign in with your passkey and link the account; else ask an owner to",
        ) from None
    person = Person(id=human, roles=found.roles, created_at=now)
    tx.put_person(person)
    said = {"person": human, "roles": [role.value for role in found.roles], "by": found.issuer}
    tx.record("person_added", now, said)
    _link(ctx, tx, person, found.issuer, found.subject, found.issuer)
    return person


def _link(ctx: Context, tx: Tx, person: Person, issuer: str, subject: str, by: str) -> Identity:
    if (known := tx.oidc.identity(issuer, subject)) is not None:
        raise Conflict(f"this account is {known.person}'s already", hint="unlink it there first")
    if any(own.issuer == issuer for own in tx.oidc.identities(person.id)):
        raise Conflict(f"{person.id} has an account at {issuer} already", hint="unlink that one first")
    now = tx.now(ctx.clock.now())
    identity = Identity(issuer=issuer, subject=subject, person=person.id, linked_by=by, created_at=now)
    tx.oidc.put_identity(identity)
    tx.record("identity_linked", now, {"person": person.id, "issuer": issuer, "subject": subject, "by": by})
    return identity


def _roles(tx: Tx, person: Person, found: Recognised) -> tuple[Role, ...]:
    """What the groups give; the last owner stays one, so that somebody can still put things right."""
    owners = [p for p in tx.people() if Role.OWNER in p.roles and p.revoked_at is None]
    if [p.id for p in owners] == [person.id] and Role.OWNER not in found.roles:
        return (*found.roles, Role.OWNER)
    return found.roles


def _follow(ctx: Context, tx: Tx, person: Person, found: Recognised) -> Person:
    roles, now = _roles(tx, person, found), tx.now(ctx.clock.now())
    if set(roles) != set(person.roles):
        before = [role.value for role in person.roles]
        person = replace(person, roles=roles)
        tx.put_person(person)
        body = {"person": person.id, "before": before, "roles": [role.value for role in roles], "by": found.issuer}
        tx.record("roles_changed", now, {**body, "groups": list(found.groups)})
    if not roles:
        _end_sessions(ctx, tx, person.id, found.issuer, "no role is left", only_oidc=False)
    return person


def _end_sessions(ctx: Context, tx: Tx, person: str, by: str, because: str, *, only_oidc: bool) -> None:
    for session in tx.access.sessions(person, tx.now(ctx.clock.now())):
        if session.method == "oidc" or not only_oidc:
            end(ctx, tx, session, by, because)
