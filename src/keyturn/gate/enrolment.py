"""How people and their passkeys come in: the first owner's link, invitations, further passkeys, and their end.

Enrolling a passkey is itself a change that needs another person, whatever the role today: roles change later, by an
owner or by a provider's groups, and the passkey stays. So it waits until another person who may turn keys signs for it
with theirs, unless another person invited somebody to their first.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from keyturn.core.execution import State
from keyturn.core.hold import person_id
from keyturn.core.signing import (
    approve_statement,
    challenge_of,
    enrol_statement,
    from_base64url,
    to_base64url,
    user_handle,
)
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound
from keyturn.gate.access_ports import Registered
from keyturn.gate.access_records import Begun, Ceremony, CeremonyKind, Enrolled, Invitation, Passkey
from keyturn.gate.ceremonies import begin, live_person, passkeys_of, signed_by
from keyturn.gate.context import Context
from keyturn.gate.invitations import invited
from keyturn.gate.names import need_own_name
from keyturn.gate.ports import Tx
from keyturn.gate.records import DECIDERS, ActionRecord, Person, Role
from keyturn.gate.review import need_reason, need_role
from keyturn.gate.sessions import end, open_session

replace = msgspec.structs.replace
MAX_NAME = 80
MAX_PASSKEYS = 20


def begin_enrolment(ctx: Context, who: Person | None, token: str, name: str) -> Callable[[Tx], Begun]:
    """Ask for a new passkey: of ``who`` has signed in, or of whoever holds the link with this token.

    ``name`` is the first owner's own, at the set-up link. Raises :class:`Unauthenticated` for a link that is no
    good (any more), :class:`InvalidInput` for a name that can't be one.
    """

    def work(tx: Tx) -> Begun:
        port = passkeys_of(ctx)
        if who is not None:
            human, invitation = live_person(tx, who.id).id, None
        else:
            invitation = invited(ctx, tx, token)
            human = person_id(name) if invitation.setup else invitation.person
        known = tx.access.passkeys(human)
        if sum(p.revoked_at is None for p in known) >= MAX_PASSKEYS:
            raise Conflict(f"{human} has {MAX_PASSKEYS} passkeys", hint="revoke one first")
        ceremony = begin(ctx, tx, CeremonyKind.ENROL, human, invitation=invitation.id if invitation is not None else "")
        challenge = challenge_of(enrol_statement(human, ceremony.nonce))
        options = port.creation(challenge, human, user_handle(human), known)
        return Begun(ceremony=ceremony.id, options=options, expires_at=ceremony.expires_at)

    return work


def finish_enrolment(
    ctx: Context, who: Person | None, token: str, given: Mapping[str, Any], label: str, user_agent: str
) -> Callable[[Tx, Ceremony], Enrolled]:
    """Verify the new credential and keep it, live or waiting; a link is used up, and makes its person and session."""

    def work(tx: Tx, ceremony: Ceremony) -> Enrolled:
        invitation = None
        if who is None:
            invitation = invited(ctx, tx, token)
        if ceremony.invitation != (invitation.id if invitation is not None else ""):
            raise Conflict("this ceremony is of another link", hint="begin again on the page")
        challenge = challenge_of(enrol_statement(ceremony.person, ceremony.nonce))
        found = passkeys_of(ctx).registered(challenge, given)
        if tx.access.passkey(found.credential) is not None:
            raise Conflict("this passkey is enrolled already", hint="use another authenticator, or sign in with it")
        if invitation is None:
            person = live_person(tx, ceremony.person)
        else:
            person = _let_in(ctx, tx, invitation, ceremony.person)
        by = invitation.by if invitation is not None else person.id
        passkey = _keep(ctx, tx, person, found, by, label)
        opens = invitation is not None and passkey.live
        opened = open_session(ctx, tx, person, "passkey", user_agent, passkey.credential) if opens else None
        return Enrolled(passkey=passkey, opened=opened)

    return work


def _let_in(ctx: Context, tx: Tx, invitation: Invitation, human: str) -> Person:
    """Use up an invitation; its person, made now if they are not there yet."""
    now = tx.now(ctx.clock.now())
    tx.access.put_invitation(replace(invitation, used_at=now))
    if not invitation.roles:
        return live_person(tx, human)
    need_own_name(tx, human)
    person = Person(id=human, roles=invitation.roles, created_at=now)
    tx.put_person(person)
    roles = [role.value for role in person.roles]
    tx.record("person_added", now, {"person": human, "roles": roles, "by": invitation.by or human})
    return person


def _keep(ctx: Context, tx: Tx, person: Person, found: Registered, by: str, label: str) -> Passkey:
    now = tx.now(ctx.clock.now())
    waits = needs_another(tx, person, by)
    passkey = Passkey(
        credential=found.credential,
        person=person.id,
        public_key=found.public_key,
        sign_count=found.sign_count,
        name=_label(label),
        backed_up=found.backed_up,
        transports=found.transports,
        created_at=now,
        added_by=by or person.id,
        live_at=None if waits else now,
    )
    tx.access.put_passkey(passkey)
    body = {
        "person": person.id,
        "credential": passkey.credential,
        "public_key": to_base64url(passkey.public_key),
        "sign_count": passkey.sign_count,
        "backed_up": passkey.backed_up,
        "by": passkey.added_by,
        "pending": waits,
    }
    tx.record("passkey_added", now, body)
    return passkey


def needs_another(tx: Tx, person: Person, by: str) -> bool:
    """A passkey of this person, added by ``by``, waits for another person's approval.

    Whoever invites vouches for a first one only, so that nobody becomes an existing person by a link; and not if a
    provider can sign in as them. A further one takes somebody else, or, where nobody is, one's own live passkey.
    """
    had, by_self = tx.access.has_passkey(person.id), by in ("", person.id)
    if not (had or by_self or tx.oidc.identities(by)):
        return False
    return bool(approvers(tx, person.id, by if had else "")) or (had and by_self) or not _begins_alone(tx, person, by)


def _begins_alone(tx: Tx, person: Person, by: str) -> bool:
    """Where nobody has a passkey yet, somebody who may turn keys begins; whom a provider vouches for, only if there
    is nobody else who could."""
    deciders = {p.id for p in tx.people() if p.revoked_at is None and DECIDERS & set(p.roles)}
    provided = any(tx.oidc.identities(each) for each in (person.id, by))
    return person.id in deciders and (not provided or deciders <= {person.id, by})


def approvers(tx: Tx, *but: str) -> list[str]:
    """The people who may turn keys and have a passkey, but for these."""
    found = (tx.person(holder) for holder in tx.access.holders())
    return sorted(
        p.id for p in found if p is not None and p.revoked_at is None and p.id not in but and DECIDERS & set(p.roles)
    )


def _label(label: str) -> str:
    """What a person calls their passkey; within bounds."""
    text = " ".join(label.split()) or "passkey"
    if len(text) > MAX_NAME or not text.isprintable():
        raise InvalidInput("a passkey's name is a line of plain text", hint=f"at most {MAX_NAME} characters")
    return text


# Approval


def begin_approval(ctx: Context, who: Person, credential: str) -> Callable[[Tx], Begun]:
    """Ask another person to sign for somebody's new passkey; where there is nobody else, its own person, with an older
    one."""

    def work(tx: Tx) -> Begun:
        person, passkey = _approvable(tx, who, credential)
        ceremony = begin(ctx, tx, CeremonyKind.APPROVE, person.id, credential=passkey.credential)
        own = [p for p in tx.access.passkeys(person.id) if p.live]
        options = passkeys_of(ctx).request(_approval(passkey, ceremony), own)
        return Begun(ceremony=ceremony.id, options=options, expires_at=ceremony.expires_at)

    return work


def finish_approval(ctx: Context, who: Person, given: Mapping[str, Any]) -> Callable[[Tx, Ceremony], Passkey]:
    """The passkey is live from now on; the signature for it goes into the journal."""

    def work(tx: Tx, ceremony: Ceremony) -> Passkey:
        person, passkey = _approvable(tx, who, ceremony.credential)
        own, signed = signed_by(ctx, tx, person, _approval(passkey, ceremony), given)
        now = tx.now(ctx.clock.now())
        passkey = replace(passkey, live_at=now, approved_by=person.id)
        tx.access.put_passkey(passkey)
        body = {
            "person": passkey.person,
            "credential": passkey.credential,
            "by": person.id,
            "by_credential": own.credential,
            "nonce": to_base64url(ceremony.nonce),
            "assertion": signed.assertion,
        }
        tx.record("passkey_approved", now, body)
        return passkey

    return work


def _approval(passkey: Passkey, ceremony: Ceremony) -> bytes:
    credential = from_base64url(passkey.credential)
    return challenge_of(approve_statement(passkey.person, credential, passkey.public_key, ceremony.nonce))


def _approvable(tx: Tx, who: Person, credential: str) -> tuple[Person, Passkey]:
    person, passkey = live_person(tx, who.id), need_passkey(tx, credential)
    had = tx.access.has_passkey(passkey.person)
    if passkey.person == person.id:
        if approvers(tx, person.id):
            raise Forbidden("nobody approves a passkey of their own", hint="another person who has a passkey does")
    elif had and passkey.added_by == person.id:
        raise Forbidden("whoever invited does not approve, too", hint="another person who has a passkey does")
    else:
        need_role(tx, who, DECIDERS, "approve a passkey")
    if not passkey.pending:
        raise Conflict("this passkey does not wait for approval", hint="look at the list again")
    return person, passkey


def need_passkey(tx: Tx, credential: str) -> Passkey:
    """The passkey, or :class:`NotFound`."""
    passkey = tx.access.passkey(credential)
    if passkey is None:
        raise NotFound("there is no such passkey", hint="look at the list again")
    return passkey


# The end


def revoke_passkey(ctx: Context, who: Person, credential: str, reason: str) -> Callable[[Tx], Passkey]:
    """A passkey that signs no more: one's own, or, by an owner, anybody's. Its keys on what waits count no more, and
    the sessions that it opened end."""

    def work(tx: Tx) -> Passkey:
        person, passkey, why = live_person(tx, who.id), need_passkey(tx, credential), need_reason(reason)
        if passkey.person != person.id and Role.OWNER not in person.roles:
            raise Forbidden("only an owner revokes another person's passkey")
        if passkey.revoked_at is not None:
            raise Conflict("this passkey is revoked already")
        now = tx.now(ctx.clock.now())
        passkey = replace(passkey, revoked_at=now)
        tx.access.put_passkey(passkey)
        body = {"person": passkey.person, "credential": credential, "by": person.id, "because": why}
        tx.record("passkey_revoked", now, {**body, "keys_lost": _drop_keys(tx, credential, now)})
        for session in tx.access.sessions(passkey.person, now):
            if session.credential == credential:
                end(ctx, tx, session, person.id, "its passkey was revoked")
        return passkey

    return work


def _drop_keys(tx: Tx, credential: str, now: int) -> list[str]:
    """Take the keys that a revoked passkey turned out of everything that has not run yet; the actions' ids."""
    waiting: list[ActionRecord] = [*tx.keyed_holds(), *tx.actions(states=(State.READY,), limit=1000)]
    lost: list[str] = []
    for record in waiting:
        if record.hold is not None and any(key.credential == credential for key in record.hold.keys):
            tx.put_action(replace(record, hold=record.hold.without(credential), changed_at=now))
            lost.append(record.id)
    return lost
