"""Access: passkeys, sessions and keys that are signed. The verbs of ``gate.access``; surfaces call nothing else.

A ceremony is begun and finished. ``options`` go to ``navigator.credentials`` as they are
(``PublicKeyCredential.parse…OptionsFromJSON``), and what its ``toJSON()`` gives comes back as ``answer``. The first
answer spends the ceremony, right or wrong. A process without a page raises ``Conflict``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from keyturn.core.signing import challenge_of, sign_in_statement
from keyturn.gate import enrolment, invitations, sessions, turning
from keyturn.gate.access_records import (
    Begun,
    CeremonyKind,
    Enrolled,
    Invitation,
    Invited,
    Method,
    Opened,
    Passkey,
    Session,
    SignedIn,
)
from keyturn.gate.ceremonies import answer as answered
from keyturn.gate.ceremonies import begin, live_person, passkeys_of
from keyturn.gate.context import Context
from keyturn.gate.execute import kick
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord, Person, Role


class Access:
    """The verbs. Every one is one transaction with its entry."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    # Coming in

    async def setup_link(self) -> Invited | None:
        """The first owner's link while there is nobody (its ``person`` is ``""``); it voids the one before."""
        return await self._ctx.store.write(invitations.setup_link(self._ctx))

    async def invite(self, who: Person, name: str, roles: tuple[Role, ...] = ()) -> Invited:
        """A link to enrol a passkey: for somebody new (with roles), or somebody who is there (without).

        Owners invite anybody, everybody themself. Raises ``Forbidden``, ``Conflict``, ``InvalidInput``.
        """
        return await self._ctx.store.write(invitations.invite(self._ctx, who, name, roles))

    async def open_invitation(self, token: str) -> Invitation:
        """What a link is for: ``setup`` (asks the first owner's name), else ``person``. ``Unauthenticated`` if void."""
        return await self._ctx.store.read(lambda tx: invitations.invited(self._ctx, tx, token))

    async def invitations(self, who: Person) -> list[Invitation]:
        """The links that can still be used: an owner sees all, others their own."""

        def work(tx: Tx) -> list[Invitation]:
            person = live_person(tx, who.id)
            found = tx.access.invitations(tx.now(self._ctx.clock.now()))
            return [i for i in found if Role.OWNER in person.roles or person.id in (i.by, i.person)]

        return await self._ctx.store.read(work)

    async def revoke_invitation(self, who: Person, invitation_id: str) -> Invitation:
        """Void a link; by whoever gave it, or an owner."""
        return await self._ctx.store.write(invitations.revoke_invitation(self._ctx, who, invitation_id))

    # Passkeys

    async def begin_registration(self, who: Person | None = None, *, invitation: str = "", name: str = "") -> Begun:
        """Ask for a new passkey: of ``who`` is signed in, or of the holder of a link (its token in ``invitation``).

        ``name``: what the first owner calls themself, at the set-up link only.
        """
        return await self._ctx.store.write(enrolment.begin_enrolment(self._ctx, who, invitation, name))

    async def finish_registration(
        self,
        ceremony: str,
        answer: Mapping[str, Any],
        who: Person | None = None,
        *,
        invitation: str = "",
        label: str = "",
        user_agent: str = "",
    ) -> Enrolled:
        """Keep the new passkey. ``passkey.pending``: another person must approve it before it signs.

        With a link, its person is made and signed in (``opened``, unless it is pending). ``label`` is what the
        person calls the passkey. Raises ``Forbidden`` for what does not verify, ``Unauthenticated`` for a void link,
        ``Conflict`` for a ceremony that is spent or over.
        """
        work = enrolment.finish_enrolment(self._ctx, who, invitation, answer, label, user_agent)
        whose = who.id if who is not None else None
        return await answered(self._ctx, ceremony, CeremonyKind.ENROL, whose, work)

    async def passkeys(self, who: Person, person: str | None = None) -> list[Passkey]:
        """Everybody's passkeys, or one person's; revoked and pending ones included."""
        return await self._ctx.store.read(lambda tx: tx.access.passkeys(person))

    async def begin_approval(self, who: Person, credential: str) -> Begun:
        """Ask this person to sign for another's passkey that waits, or their own where nobody else can."""
        return await self._ctx.store.write(enrolment.begin_approval(self._ctx, who, credential))

    async def finish_approval(self, who: Person, ceremony: str, answer: Mapping[str, Any]) -> Passkey:
        """The passkey is live from now on."""
        work = enrolment.finish_approval(self._ctx, who, answer)
        return await answered(self._ctx, ceremony, CeremonyKind.APPROVE, who.id, work)

    async def revoke_passkey(self, who: Person, credential: str, reason: str) -> Passkey:
        """End a passkey (one's own, or as an owner anybody's); a pending one is refused so. Its keys on what has not
        run yet count no more."""
        return await self._ctx.store.write(enrolment.revoke_passkey(self._ctx, who, credential, reason))

    # Sessions

    async def begin_sign_in(self) -> Begun:
        """Ask whoever is there to sign in, without asking for a name."""

        def work(tx: Tx) -> Begun:
            ceremony = begin(self._ctx, tx, CeremonyKind.SIGN_IN, "")
            options = passkeys_of(self._ctx).request(challenge_of(sign_in_statement(ceremony.nonce)), ())
            return Begun(ceremony=ceremony.id, options=options, expires_at=ceremony.expires_at)

        return await self._ctx.store.write(work)

    async def finish_sign_in(self, ceremony: str, answer: Mapping[str, Any], user_agent: str = "") -> Opened:
        """A new session and its token, shown this once. Every refusal is the same ``Unauthenticated``."""
        work = sessions.sign_in(self._ctx, answer, user_agent)
        return await answered(self._ctx, ceremony, CeremonyKind.SIGN_IN, None, work)

    async def open_session(self, person: str, method: Method, user_agent: str = "") -> Opened:
        """A session for a person who was recognised elsewhere (OIDC); ``Unauthenticated`` if they are not live."""

        def work(tx: Tx) -> Opened:
            return sessions.open_session(self._ctx, tx, live_person(tx, person), method, user_agent)

        return await self._ctx.store.write(work)

    async def session_for(self, token: str, *, here: bool = True) -> SignedIn:
        """Who is signed in with this token, and that they are here now; ``Unauthenticated`` alike for all that is
        unknown, unused too long, over or revoked. ``here=False``: a page asks by itself, which is no use of it."""

        def work(tx: Tx) -> tuple[SignedIn, bool]:
            signed_in = sessions.signed_in(self._ctx, tx, token)
            return signed_in, sessions.due_touch(self._ctx, tx, signed_in.session)

        found, due = await self._ctx.store.read(work)
        if here and due:
            self._ctx.store.defer(sessions.touch(self._ctx, found.session.id))
        return found

    async def end_session(self, token: str) -> None:
        """Sign out. A token that is none is no error."""
        await self._ctx.store.write(sessions.sign_out(self._ctx, token))

    async def sessions(self, who: Person) -> list[Session]:
        """The live sessions: an owner sees everybody's, others their own."""

        def work(tx: Tx) -> list[Session]:
            person, now = live_person(tx, who.id), tx.now(self._ctx.clock.now())
            found = tx.access.sessions(None if Role.OWNER in person.roles else person.id, now)
            return [session for session in found if sessions.in_use(self._ctx, session, now)]

        return await self._ctx.store.read(work)

    async def revoke_session(self, who: Person, session_id: str) -> Session:
        """End a session: one's own, or, as an owner, anybody's."""
        return await self._ctx.store.write(sessions.revoke(self._ctx, who, session_id))

    # Keys

    async def begin_turn(self, who: Person, holds: Sequence[tuple[str, str]]) -> Begun:
        """Ask this person to sign for these holds: each an action's id and the digest that they saw, 1 or up to 20.

        Raises ``Forbidden`` with the policy's reasons, ``Conflict`` for what is no hold (any more) or can't be turned
        together.
        """
        return await self._ctx.store.write(turning.begin_turn(self._ctx, who, holds))

    async def finish_turn(self, who: Person, ceremony: str, answer: Mapping[str, Any]) -> list[ActionRecord]:
        """Turn every key in one transaction, or none; the rows in the order asked. What has enough keys runs at once.

        Raises ``Forbidden`` for a signature that does not count, ``Conflict`` for what changed since it was begun.
        """
        work = turning.finish_turn(self._ctx, who, answer)
        records = await answered(self._ctx, ceremony, CeremonyKind.TURN, who.id, work)
        for record in records:
            self._ctx.changed(record.id)
            kick(self._ctx, record)
        return records
