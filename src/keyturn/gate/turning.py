"""Turning keys with a passkey: one signature over exactly these holds, for all of them or for none.

What the person saw is what is signed: each hold's id, digest and policy (core/signing.py). All of it must still be
so when the signature comes, and every key is turned in one transaction with its entry, which anybody can verify.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keyturn.core.profile import Reversible
from keyturn.core.signing import TOGETHER, challenge_of, to_base64url, turn_statement
from keyturn.errors import Conflict, Forbidden, InvalidInput
from keyturn.gate.access_records import Begun, Ceremony, CeremonyKind, HoldSeen
from keyturn.gate.ceremonies import begin, passkeys_of, signed_by
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord, Person
from keyturn.gate.review import Proof, Turnable, turnable, turned

BEFORE = Proof(method="passkey")


def begin_turn(ctx: Context, who: Person, holds: Sequence[tuple[str, str]]) -> Callable[[Tx], Begun]:
    """Ask this person to sign for these holds, each an action's id and the digest that they saw.

    Raises :class:`Forbidden` with the policy's reasons where they may not turn one of the keys.
    """
    wanted = tuple(holds)
    if not 1 <= len(wanted) <= TOGETHER:
        raise InvalidInput(f"a key is for 1 to {TOGETHER} actions, not {len(wanted)}")

    def work(tx: Tx) -> Begun:
        found = [turnable(ctx, tx, who, action_id, digest, BEFORE) for action_id, digest in wanted]
        together(tx, found)
        person = found[0].person
        own = [p for p in tx.access.passkeys(person.id) if p.live]
        if not own:
            raise Forbidden(f"{person.id} has no passkey", hint="enrol one first: people, passkeys")
        ceremony = begin(ctx, tx, CeremonyKind.TURN, person.id, holds=tuple(map(_seen, found)))
        options = passkeys_of(ctx).request(_challenge(ceremony), own)
        return Begun(ceremony=ceremony.id, options=options, expires_at=ceremony.expires_at)

    return work


def finish_turn(ctx: Context, who: Person, given: Mapping[str, Any]) -> Callable[[Tx, Ceremony], list[ActionRecord]]:
    """Verify the signature and turn every key, or none. The rows as they now stand, in the order asked."""

    def work(tx: Tx, ceremony: Ceremony) -> list[ActionRecord]:
        passkey, signed = signed_by(ctx, tx, who, _challenge(ceremony), given)
        found = [turnable(ctx, tx, who, seen.action, seen.digest, BEFORE) for seen in ceremony.holds]
        for seen, now in zip(ceremony.holds, found, strict=True):
            _same(seen, _seen(now))
        together(tx, found)
        kept = {
            "credential": passkey.credential,
            "nonce": to_base64url(ceremony.nonce),
            "holds": [{"action": h.action, "digest": h.digest, "policy": h.policy} for h in ceremony.holds],
            "assertion": signed.assertion,
        }
        proof = Proof(method="passkey", credential=passkey.credential, kept=kept)
        return [turned(ctx, tx, who, seen.action, seen.digest, proof) for seen in ceremony.holds]

    return work


def together(tx: Tx, found: Sequence[Turnable]) -> None:
    """Several keys by one touch are for alike actions of one case that can be taken back, each of which this person
    has opened in whole; else :class:`Conflict`. A single one may be anything that is held."""
    if len(found) == 1:
        return
    first = found[0].record
    if len({one.record.id for one in found}) != len(found):
        raise Conflict("an action stands twice in the list", hint="choose each once")
    for one in found:
        record = one.record
        if record.reversible is not Reversible.REVERSIBLE:
            raise Conflict(f"{record.id} can't simply be taken back", hint="turn its key alone")
        if (record.case, record.tool, record.agent) != (first.case, first.tool, first.agent):
            raise Conflict("these actions are not alike", hint="one agent, one case, one tool; else one by one")
    opened = tx.care.opened(found[0].person.id, [one.record.id for one in found])
    for one in found:
        if one.record.id not in opened:
            what = f"you have not opened all of {one.record.id}"
            raise Conflict(what, hint="look at each one before you turn keys together")


def _seen(found: Turnable) -> HoldSeen:
    """A hold as the person's signature names it; what a key would then be for."""
    hold = found.hold
    return HoldSeen(action=hold.action, digest=hold.digest, policy=hold.policy, definition=hold.definition)


def _same(seen: HoldSeen, now: HoldSeen) -> None:
    for what, before, after in (
        ("the action", seen.digest, now.digest),
        ("the policy", seen.policy, now.policy),
        ("the tool's definition", seen.definition, now.definition),
    ):
        if not hmac.compare_digest(before.encode(), after.encode()):
            raise Conflict(f"{what} changed since you looked at {seen.action}", hint="look at it again")


def _challenge(ceremony: Ceremony) -> bytes:
    return challenge_of(turn_statement(ceremony.holds, ceremony.nonce))
