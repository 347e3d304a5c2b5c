"""Links that let one person in, once: the first owner's, and those that owners give. They bind nobody to a browser:
whoever has the link enrols, so it is short-lived, single, shown once, and recorded with who gave it."""

from collections.abc import Callable

import msgspec

from keyturn.core.hold import person_id
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from keyturn.gate.access_records import Invitation, Invited
from keyturn.gate.ceremonies import live_person, passkeys_of
from keyturn.gate.context import Context, new_id, new_token, token_hash
from keyturn.gate.names import need_own_name
from keyturn.gate.ports import Tx
from keyturn.gate.records import Person, Role

replace = msgspec.structs.replace
SETUP_PATH = "/console/setup/"
JOIN_PATH = "/console/join/"


def setup_link(ctx: Context) -> Callable[[Tx], Invited | None]:
    """The first owner's link, while there is nobody; the one before is void. None once there is somebody."""

    def work(tx: Tx) -> Invited | None:
        if tx.people():
            return None
        return _link(ctx, tx, "", (Role.OWNER,), "", SETUP_PATH)

    return work


def invite(ctx: Context, who: Person, name: str, roles: tuple[Role, ...]) -> Callable[[Tx], Invited]:
    """A link for somebody new with these roles, or for somebody who is there (no roles) and needs a passkey.

    By an owner; anybody may ask for one for themself, and then what it enrols may wait for another person. An
    earlier link for the same person is void.
    """
    human = person_id(name)

    def work(tx: Tx) -> Invited:
        inviter, known = live_person(tx, who.id), tx.person(human)
        if Role.OWNER not in inviter.roles and (known is None or known.id != inviter.id):
            raise Forbidden(f"{inviter.id} may not invite {human}", hint="it takes the role owner")
        if known is None:
            need_own_name(tx, human)
        if known is None and not roles:
            raise InvalidInput(f"{human} would have no role", hint=f"one of {', '.join(Role)}")
        if known is not None and (roles or known.revoked_at is not None):
            ended = known.revoked_at is not None
            raise Conflict(
                f"{human} is {'revoked' if ended else 'there already'}", hint="invite them without roles" * (not ended)
            )
        return _link(ctx, tx, known.id if known else human, roles, inviter.id, JOIN_PATH)

    return work


def _link(ctx: Context, tx: Tx, person: str, roles: tuple[Role, ...], by: str, path: str) -> Invited:
    origin, now, token = passkeys_of(ctx).origin, tx.now(ctx.clock.now()), new_token("kti_")
    for earlier in tx.access.invitations(now):
        if earlier.person == person:
            tx.access.put_invitation(replace(earlier, used_at=now))
    invitation = Invitation(
        id=new_id("invitation-", now),
        token_hash=token_hash(token),
        person=person,
        roles=roles,
        by=by,
        created_at=now,
        expires_at=now + ctx.access.invitation_s * 1000,
    )
    tx.access.put_invitation(invitation)
    if by:
        body = {"invitation": invitation.id, "person": person, "roles": [r.value for r in roles], "by": by}
        tx.record("invited", now, {**body, "expires_at": invitation.expires_at})
    return Invited(person=person, link=origin + path + token, expires_at=invitation.expires_at)


def invited(ctx: Context, tx: Tx, token: str) -> Invitation:
    """The invitation of this token; :class:`Unauthenticated` alike for unknown, used, over, and by somebody revoked."""
    invitation, now = tx.access.invitation_by_token(token_hash(token)), tx.now(ctx.clock.now())
    if invitation is not None and invitation.used_at is None and now < invitation.expires_at:
        inviter = tx.person(invitation.by) if invitation.by else None
        stands = inviter is not None and inviter.revoked_at is None
        if stands or (invitation.setup and not tx.people()):
            return invitation
    raise Unauthenticated("this link is not valid", hint="it is used, over or replaced; ask for a new one")


def revoke_invitation(ctx: Context, who: Person, invitation_id: str) -> Callable[[Tx], Invitation]:
    """A link that lets nobody in any more; by whoever gave it, or an owner."""

    def work(tx: Tx) -> Invitation:
        person, invitation = live_person(tx, who.id), tx.access.invitation(invitation_id)
        if invitation is None or (invitation.by != person.id and Role.OWNER not in person.roles):
            raise NotFound(f"there is no invitation {invitation_id[:40]!r} of yours")
        if invitation.used_at is not None:
            raise Conflict("this invitation is used or replaced already")
        now = tx.now(ctx.clock.now())
        invitation = replace(invitation, used_at=now)
        tx.access.put_invitation(invitation)
        body = {"invitation": invitation.id, "person": invitation.person, "by": person.id}
        tx.record("invitation_revoked", now, body)
        return invitation

    return work
