"""Signing in, and staying so for a while. A session lets a person look and speak; it turns no key.

Its token is shown to the browser once and kept as a hash; it ends when unused, at its end, or when it is revoked.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from keyturn.core.signing import challenge_of, sign_in_statement, user_handle
from keyturn.errors import Forbidden, KeyturnError, NotFound, Unauthenticated
from keyturn.gate.access_records import Ceremony, Method, Opened, Session, SignedIn
from keyturn.gate.ceremonies import live_person, passkeys_of, used
from keyturn.gate.context import Context, new_id, new_token, token_hash
from keyturn.gate.ports import Tx
from keyturn.gate.records import Person, Role

replace = msgspec.structs.replace
MAX_USER_AGENT = 200
TOUCH_MS = 60_000


def open_session(ctx: Context, tx: Tx, person: Person, method: Method, user_agent: str, credential: str = "") -> Opened:
    """A new session of a live person, with its entry ``signed_in``."""
    now, token = tx.now(ctx.clock.now()), new_token("kts_")
    session = Session(
        id=new_id("session-", now),
        token_hash=token_hash(token),
        person=person.id,
        method=method,
        credential=credential,
        user_agent=user_agent.encode("utf-8", "replace").decode()[:MAX_USER_AGENT],
        created_at=now,
        seen_at=now,
        expires_at=now + ctx.access.session_max_s * 1000,
    )
    tx.access.put_session(session)
    body = {"person": person.id, "session": session.id, "method": method}
    tx.record("signed_in", now, {**body, "credential": credential} if credential else body)
    return Opened(person=person, session=session, token=token)


def sign_in(ctx: Context, given: Mapping[str, Any], user_agent: str) -> Callable[[Tx, Ceremony], Opened]:
    """Whoever's live passkey signed the ceremony. Every failure reads alike: :class:`Unauthenticated`."""

    def work(tx: Tx, ceremony: Ceremony) -> Opened:
        try:
            claim = passkeys_of(ctx).claim(given)
            passkey = tx.access.passkey(claim.credential)
            if passkey is None or claim.user_handle not in (None, user_handle(passkey.person)):
                raise Forbidden("there is no such passkey")
            person = live_person(tx, passkey.person)
            used(ctx, tx, passkey, challenge_of(sign_in_statement(ceremony.nonce)), given)
        except KeyturnError:
            raise Unauthenticated(
                "the passkey was not accepted", hint="use one that is enrolled here, or ask an owner for an invitation"
            ) from None
        return open_session(ctx, tx, person, "passkey", user_agent, passkey.credential)

    return work


def signed_in(ctx: Context, tx: Tx, token: str) -> SignedIn:
    """Who has this session; :class:`Unauthenticated` alike for unknown, unused too long, over, and revoked."""
    session, now = tx.access.session_by_token(token_hash(token)), tx.now(ctx.clock.now())
    if session is None or not in_use(ctx, session, now):
        raise Unauthenticated("you are not signed in", hint="sign in again")
    return SignedIn(person=live_person(tx, session.person), session=session)


def in_use(ctx: Context, session: Session, now: int) -> bool:
    """It is not revoked, not at its end, and was used lately."""
    unused = now - session.seen_at >= ctx.access.session_idle_s * 1000
    return session.revoked_at is None and now < session.expires_at and not unused


def due_touch(ctx: Context, tx: Tx, session: Session) -> bool:
    """Its last use is old enough to be written again (not at every request)."""
    return tx.now(ctx.clock.now()) - session.seen_at >= min(TOUCH_MS, ctx.access.session_idle_s * 1000 // 4)


def touch(ctx: Context, session_id: str) -> Callable[[Tx], None]:
    """Note that a session is used."""

    def work(tx: Tx) -> None:
        session, now = tx.access.session(session_id), tx.now(ctx.clock.now())
        if session is not None and session.revoked_at is None:
            tx.access.put_session(replace(session, seen_at=max(now, session.seen_at)))

    return work


def end(ctx: Context, tx: Tx, session: Session, by: str, because: str) -> Session:
    """A session that is over now, with its entry."""
    if session.revoked_at is not None:
        return session
    now = tx.now(ctx.clock.now())
    session = replace(session, revoked_at=now)
    tx.access.put_session(session)
    body = {"session": session.id, "person": session.person, "by": by, "because": because}
    tx.record("session_revoked", now, body)
    return session


def sign_out(ctx: Context, token: str) -> Callable[[Tx], None]:
    """End the session of this token, if there is one."""

    def work(tx: Tx) -> None:
        session = tx.access.session_by_token(token_hash(token))
        if session is not None:
            end(ctx, tx, session, session.person, "signed out")

    return work


def revoke(ctx: Context, who: Person, session_id: str) -> Callable[[Tx], Session]:
    """End a session: one's own, or, as an owner, anybody's."""

    def work(tx: Tx) -> Session:
        person, session = live_person(tx, who.id), tx.access.session(session_id)
        if session is None or (session.person != person.id and Role.OWNER not in person.roles):
            raise NotFound(f"there is no session {session_id[:40]!r} of yours", hint="an owner ends anybody's")
        return end(ctx, tx, session, person.id, "revoked")

    return work
