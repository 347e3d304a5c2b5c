"""One question to an authenticator and its one answer: what is asked stands in a row, and its nonce is spent once.

The nonce counts once over all processes, since synced passkeys have no counter: it is spent in the transaction of
what it was for, or, if the answer is refused, in one of its own.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from keyturn.core.signing import NONCE
from keyturn.errors import Conflict, Forbidden, KeyturnError, StoreError, Unauthenticated
from keyturn.gate.access_ports import Asserted, Passkeys
from keyturn.gate.access_records import Ceremony, CeremonyKind, Passkey
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import Person

T = TypeVar("T")
replace = msgspec.structs.replace
CEREMONY_S = 300
OPEN_SIGN_INS = 2_000
PREFIXES = {CeremonyKind.SIGN_IN: "s"}  # not among hex digits: they are found by it
REFUSED = "the passkey's answer was refused"


def passkeys_of(ctx: Context) -> Passkeys:
    """The relying party; :class:`Conflict` in a process that serves no page."""
    if ctx.passkeys is None:
        raise Conflict("no page is served from here", hint="set console.enabled and console.url")
    return ctx.passkeys


def begin(ctx: Context, tx: Tx, kind: CeremonyKind, person: str, **what: Any) -> Ceremony:
    """A new ceremony, answered within :data:`CEREMONY_S` seconds or never. Those long over are removed.

    Anybody may begin to sign in, so of those only the newest :data:`OPEN_SIGN_INS` are kept.
    """
    now = tx.now(ctx.clock.now())
    ceremony = Ceremony(
        id=PREFIXES.get(kind, "") + secrets.token_hex(16),
        kind=kind,
        nonce=secrets.token_bytes(NONCE),
        person=person,
        expires_at=now + CEREMONY_S * 1000,
        **what,
    )
    tx.access.forget_ceremonies(now - CEREMONY_S * 1000)
    tx.access.put_ceremony(ceremony)
    if kind is CeremonyKind.SIGN_IN:
        tx.access.bound_open(PREFIXES[kind], OPEN_SIGN_INS)
    return ceremony


async def answer(
    ctx: Context, ceremony_id: str, kind: CeremonyKind, person: str | None, work: Callable[[Tx, Ceremony], T]
) -> T:
    """Spend the ceremony and do ``work`` in one transaction; a refused answer spends it too.

    ``person``: whose ceremony it must be, or None where anybody may finish. Raises :class:`Conflict` for one that is
    spent or over, and what ``work`` raises.
    """

    def once(tx: Tx) -> T:
        ceremony = _spend(ctx, tx, ceremony_id, kind, person)
        return work(tx, ceremony)

    try:
        return await ctx.store.write(once)
    except StoreError:
        raise
    except KeyturnError:
        await ctx.store.write(lambda tx: _spend_quietly(ctx, tx, ceremony_id, kind, person))
        raise


def _spend(ctx: Context, tx: Tx, ceremony_id: str, kind: CeremonyKind, person: str | None) -> Ceremony:
    ceremony, now = tx.access.ceremony(ceremony_id), tx.now(ctx.clock.now())
    if ceremony is None or ceremony.kind is not kind or (person is not None and ceremony.person != person):
        raise Conflict("there is no such ceremony", hint="begin again on the page")
    if ceremony.used_at is not None:
        raise Conflict("this was answered already", hint="a signature counts once; begin again on the page")
    if now >= ceremony.expires_at:
        raise Conflict("this took too long", hint="begin again on the page")
    tx.access.put_ceremony(replace(ceremony, used_at=now))
    return ceremony


def _spend_quietly(ctx: Context, tx: Tx, ceremony_id: str, kind: CeremonyKind, person: str | None) -> None:
    try:
        _spend(ctx, tx, ceremony_id, kind, person)
    except Conflict:
        return


def signed_by(
    ctx: Context, tx: Tx, who: Person, challenge: bytes, given: Mapping[str, Any]
) -> tuple[Passkey, Asserted]:
    """The passkey of this person that signed the challenge now, its counter moved on.

    Raises :class:`Forbidden` for another person's, a revoked or a pending one, and whatever does not verify.
    """
    port = passkeys_of(ctx)
    passkey = tx.access.passkey(port.claim(given).credential)
    if passkey is None or passkey.person != who.id:
        raise Forbidden(f"{REFUSED}: it is not a passkey of {who.id}", hint="use one of your own")
    return passkey, used(ctx, tx, passkey, challenge, given)


def used(ctx: Context, tx: Tx, passkey: Passkey, challenge: bytes, given: Mapping[str, Any]) -> Asserted:
    """Verify a passkey's signature over the challenge, and note its use and its counter."""
    if passkey.revoked_at is not None:
        raise Forbidden(f"{REFUSED}: it is revoked", hint="use another, or ask for an invitation")
    if passkey.live_at is None:
        raise Forbidden(f"{REFUSED}: it waits for another person's approval", hint="ask one who has a passkey")
    found = passkeys_of(ctx).asserted(challenge, given, passkey)
    now = tx.now(ctx.clock.now())
    tx.access.put_passkey(replace(passkey, sign_count=found.sign_count, backed_up=found.backed_up, last_used_at=now))
    return found


def live_person(tx: Tx, person_id: str) -> Person:
    """The person as they are now; :class:`Unauthenticated` if they are not there any more."""
    person = tx.person(person_id)
    if person is None or person.revoked_at is not None:
        raise Unauthenticated("no such person", hint="ask an owner")
    return person
