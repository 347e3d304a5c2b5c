"""What people do with an action: turn a key, refuse, confirm, take back, settle. Agents may only withdraw.

Every verb is one transaction that reads the row, asks the policy or the role, and writes row and entry together.
"""

import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from keyturn.core.action import Action
from keyturn.core.execution import State, Step, advance
from keyturn.core.facts import Facts, Oversight
from keyturn.core.hidden import says_something
from keyturn.core.hold import Hold, Key
from keyturn.core.policy import Reason, TurnFacts
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound
from keyturn.gate.answers import answered
from keyturn.gate.context import Context
from keyturn.gate.execute import end, enough_keys
from keyturn.gate.ports import Tx
from keyturn.gate.records import DECIDERS, ActionRecord, Agent, How, Person, Role
from keyturn.gate.recover import complete
from keyturn.gate.situation import lineage, profile_for, read_facts, stop_on
from keyturn.gate.standing import place
from keyturn.gate.submit import action_of

replace = msgspec.structs.replace
MAX_REASON = 2_000
SENIORS = frozenset({Role.LEAD, Role.OWNER})

SETTLEMENTS = {
    "succeeded": Step.SUCCEED,
    "failed": Step.FAIL,
    "reverted": Step.REVERT_DONE,
    "retry": Step.RETRY,
}


def words(reasons: tuple[Reason, ...]) -> str:
    """Reasons as one line: why, and which policy says so."""
    return "; ".join(f"{r.why} ({r.policy})" for r in reasons)


def need(tx: Tx, action_id: str) -> ActionRecord:
    """The row, or :class:`NotFound`."""
    record = tx.action(action_id)
    if record is None:
        raise NotFound(f"there is no action {action_id[:40]!r}", hint="give its whole id")
    return record


def need_role(tx: Tx, who: Person, roles: frozenset[Role], what: str) -> Person:
    """The person as they are now, with one of the roles; :class:`Forbidden` otherwise."""
    person = tx.person(who.id)
    if person is None or person.revoked_at is not None or not roles & set(person.roles):
        wanted = " or ".join(sorted(role.value for role in roles))
        raise Forbidden(f"{who.id} may not {what}", hint=f"it takes the role {wanted}")
    return person


def need_reason(reason: str) -> str:
    """A reason that says something, within bounds."""
    if not says_something(reason) or len(reason) > MAX_REASON:
        raise InvalidInput("a reason is needed", hint=f"say why in words, in at most {MAX_REASON} characters")
    return reason.strip()


class Proof(msgspec.Struct, frozen=True):
    """How a key is turned: under a token, or signed by a passkey; ``kept`` is what the journal says of that."""

    method: How = "token"
    credential: str = ""
    kept: dict[str, Any] = {}


TOKEN = Proof()


def need_deed(
    ctx: Context, tx: Tx, who: Person, record: ActionRecord, how: How, what: str, roles: frozenset[Role] = DECIDERS
) -> tuple[Person, Facts]:
    """The person, and the facts of now: what takes no key of its own (confirming, taking back, settling, narrowing) is
    for those who may turn a key on it, by the policy and in the same way: who has a passkey does it with that."""
    person = need_role(tx, who, roles, what)
    definition = ctx.tools.definition(record.tool)
    facts, _ = read_facts(
        ctx, tx, action_of(tx, record), definition, record.fingerprint, held=record.state is State.HELD
    )
    asked = TurnFacts(
        facts=facts,
        action=record.id,
        oversight=Oversight.CONFIRM if record.oversight is None else record.oversight,
        person=person.id,
        roles=tuple(role.value for role in person.roles),
        already_turned=False,
        method=how,
        has_passkey=tx.access.has_passkey(person.id),
    )
    ruling = ctx.policy.may_turn(asked)
    if not ruling.allowed:
        said = tuple((reason.policy, reason.why) for reason in ruling.reasons)
        told = f"{person.id} may not {what}: {words(ruling.reasons)}"
        hint = f"sign in with it at {ctx.passkeys.origin}/console/" if ctx.passkeys and asked.has_passkey else ""
        raise Forbidden(told, hint=hint, reasons=said)
    return person, facts


class Turnable(msgspec.Struct, frozen=True):
    """A hold that a person may turn a key on: the row, its action, the person, and the hold as it is judged now."""

    record: ActionRecord
    action: Action
    person: Person
    hold: Hold
    now: int
    tired: bool


def turnable(ctx: Context, tx: Tx, who: Person, action_id: str, digest: str, proof: Proof) -> Turnable:
    """What this person may turn a key on, as it is now; :class:`Conflict` or :class:`Forbidden` (guardrail 9)."""
    record = need(tx, action_id)
    person = need_role(tx, who, DECIDERS, "turn a key")
    if record.state is not State.HELD or record.hold is None:
        raise Conflict(f"{record.id} is {record.state.value}, not held", hint="look at it again")
    if not hmac.compare_digest(digest.encode(), record.digest.encode()):
        raise Conflict("this key is for another digest", hint="look at the action again, then turn the key")
    action = action_of(tx, record)
    definition = ctx.tools.definition(record.tool)
    facts, _ = read_facts(ctx, tx, action, definition, record.fingerprint, held=True)
    current = record.hold
    if facts.now >= current.expires_at:
        raise Conflict(f"the hold on {record.id} has expired", hint="the agent must propose it again")
    if definition is not None:
        current = current.renewed(current.oversight, ctx.policy.hash, definition.fingerprint)
    asked = replace(place(ctx, tx, action, current, facts, person).turn, method=proof.method)
    ruling = ctx.policy.may_turn(asked)
    if not ruling.allowed:
        said = tuple((reason.policy, reason.why) for reason in ruling.reasons)
        told = f"{person.id} may not turn a key on {record.id}: {words(ruling.reasons)}"
        raise Forbidden(told, hint=_where_to_sign(ctx, asked, record), reasons=said)
    return Turnable(record, action, person, current, facts.now, asked.tired)


def _where_to_sign(ctx: Context, asked: TurnFacts, record: ActionRecord) -> str:
    """The page of the action, for who has a passkey and came with a token."""
    if ctx.passkeys is None or not asked.has_passkey or asked.method == "passkey":
        return ""
    return f"sign at {ctx.passkeys.origin}/console/actions/{record.id}"


def turned(ctx: Context, tx: Tx, who: Person, action_id: str, digest: str, proof: Proof = TOKEN) -> ActionRecord:
    """One person's yes to the digest that they saw. The row is READY if the policy says that the keys are enough."""
    found = turnable(ctx, tx, who, action_id, digest, proof)
    record, current, now = found.record, found.hold, found.now
    key = Key(
        person=found.person.id,
        digest=record.digest,
        policy=current.policy,
        definition=current.definition,
        turned_at=now,
        method=proof.method,
        credential=proof.credential,
    )
    hold = current.with_key(key, now)
    reading = answered(tx, record, key.person, "turned", now, tired=found.tired)
    if record.drill:
        return end(ctx, tx, record, Step.DRILLED, now, key.person, "", "withdrawn")
    body = {"person": key.person, "digest": key.digest, "policy": key.policy, "definition": key.definition}
    more = {"how": proof.method, "tired": found.tired, "reading_ms": reading, **proof.kept}
    tx.record("key_turned", now, {**body, **more}, action=record.id, case=record.case)
    record = replace(record, hold=hold, changed_at=now)
    if enough_keys(ctx, tx, record, found.action, hold).allowed:
        return complete(ctx, tx, record)
    tx.put_action(record)
    return record


def turn(ctx: Context, who: Person, action_id: str, digest: str) -> Callable[[Tx], ActionRecord]:
    """A key under a token: for those who have no passkey (guardrail 9)."""
    return lambda tx: turned(ctx, tx, who, action_id, digest)


def missing(ctx: Context, tx: Tx, record: ActionRecord) -> tuple[Reason, ...]:
    """Why the keys of a hold are not enough yet, by the policy; empty if they are, or it is no hold."""
    if record.state is not State.HELD or record.hold is None:
        return ()
    ruling = enough_keys(ctx, tx, record, action_of(tx, record), record.hold)
    return () if ruling.allowed else ruling.reasons


def reject(ctx: Context, who: Person, action_id: str, reason: str) -> Callable[[Tx], ActionRecord]:
    """One refusal ends a hold, and this very action in this case (guardrail 6)."""

    def work(tx: Tx) -> ActionRecord:
        record, person = need(tx, action_id), need_role(tx, who, DECIDERS, "refuse an action")
        why, now = need_reason(reason), tx.now(ctx.clock.now())
        if record.state in (State.HELD, State.READY):
            answered(tx, record, person.id, "refused", now)
        return end(ctx, tx, record, Step.REFUSE, now, person.id, why, "refused")

    return work


def withdraw(ctx: Context, who: Agent | Person, action_id: str, reason: str) -> Callable[[Tx], ActionRecord]:
    """The agent that proposed it, or a person, takes a hold back before it runs."""

    def work(tx: Tx) -> ActionRecord:
        record = need(tx, action_id)
        if isinstance(who, Agent):
            if record.agent != who.id or record.drill:
                raise NotFound(f"there is no action {action_id[:40]!r}", hint="an agent sees its own actions")
        else:
            need_role(tx, who, DECIDERS, "withdraw an action")
        why = need_reason(reason)
        return end(ctx, tx, record, Step.WITHDRAW, tx.now(ctx.clock.now()), who.id, why, "withdrawn")

    return work


def confirm(ctx: Context, who: Person, action_id: str, how: How = "token") -> Callable[[Tx], ActionRecord]:
    """A person keeps what ran under ``confirm``; without it the gate takes it back (G15)."""

    def work(tx: Tx) -> ActionRecord:
        record = need(tx, action_id)
        person, now = need_deed(ctx, tx, who, record, how, "confirm an action")[0], tx.now(ctx.clock.now())
        if record.state is State.CONFIRMING and now >= record.due_at:
            raise Conflict(f"the time to confirm {record.id} is over", hint="it is being taken back")
        return end(ctx, tx, record, Step.CONFIRM, now, person.id, "confirmed", "confirmed")

    return work


def taking_back(ctx: Context, who: Person, how: How = "token") -> Callable[[Tx, ActionRecord], None]:
    """Whether this person may take an action back now: lifting containment is a change, too, and waits while a stop
    covers the action or the tool that would take it back. One that is unknown takes who may settle it. What reverts by
    itself is not asked."""

    def check(tx: Tx, record: ActionRecord) -> None:
        roles = SENIORS if record.state is State.UNKNOWN else DECIDERS
        need_deed(ctx, tx, who, record, how, "take an action back", roles)
        inverse = profile_for(ctx, ctx.tools.definition(record.tool), action_of(tx, record).arguments).inverse
        mandate = tx.mandate(record.mandate)
        grants = lineage(tx, mandate) if mandate else []
        tools = {str(record.tool), *((f"{record.tool.upstream}/{inverse.tool}",) if inverse else ())}
        if stop := next((found for tool in sorted(tools) if (found := stop_on(tx, record.agent, grants, tool))), ""):
            what = f"the stop {stop} holds, so nobody takes {record.id} back now"
            raise Conflict(what, hint="resume first; what nobody confirmed reverts by itself all the same")

    return check


def settle(
    ctx: Context, who: Person, action_id: str, outcome: str, reason: str, how: How = "token"
) -> Callable[[Tx], ActionRecord]:
    """A person says what became of an unknown action; ``retry`` only where the profile says that it is safe."""

    def work(tx: Tx) -> ActionRecord:
        record = need(tx, action_id)
        person, _ = need_deed(ctx, tx, who, record, how, "settle an action", SENIORS)
        why, step = need_reason(reason), SETTLEMENTS.get(outcome)
        if step is None:
            raise InvalidInput(f"there is no outcome {outcome[:40]!r}", hint=f"one of {', '.join(SETTLEMENTS)}")
        now = tx.now(ctx.clock.now())
        if step is not Step.RETRY:
            return end(ctx, tx, record, step, now, person.id, why, "settled")
        return _retry(ctx, tx, record, person, why, now)

    return work


def _retry(ctx: Context, tx: Tx, record: ActionRecord, person: Person, why: str, now: int) -> ActionRecord:
    """Send the action itself again: once under a set of keys, and never against a reversal that may have left."""
    if record.reversal_at:
        raise Conflict(
            f"{record.id} was being taken back, and a retry would send the change itself again",
            hint="take it back again, or settle it as reverted, succeeded or failed",
        )
    definition = ctx.tools.definition(record.tool)
    action = action_of(tx, record)
    _, profile = read_facts(ctx, tx, action, definition, record.fingerprint)
    if not profile.idempotent or record.hold is None:
        raise Conflict(f"{record.tool} is not safe to repeat", hint="settle it as succeeded or failed")
    if record.retried_at and all(key.turned_at <= record.retried_at for key in record.hold.keys):
        raise Conflict(f"{record.id} was sent again once already", hint="settle it; the agent may propose it again")
    if now >= record.hold.expires_at:
        raise Conflict(f"the keys of {record.id} have expired", hint="the agent must propose it again")
    state = advance(record.state, Step.RETRY)
    record = replace(record, state=state, changed_at=now, due_at=record.hold.expires_at, retried_at=now)
    tx.record("settled", now, {"by": person.id, "because": why, "state": state}, action=record.id, case=record.case)
    tx.put_action(record)
    return record


def reviewed(ctx: Context, who: Person, action_id: str, note: str) -> Callable[[Tx], ActionRecord]:
    """Somebody looked afterwards at what one person released alone (G18)."""

    def work(tx: Tx) -> ActionRecord:
        record, person = need(tx, action_id), need_role(tx, who, DECIDERS, "review an action")
        if not record.review_due:
            raise Conflict(f"{record.id} is not due for a review")
        now = tx.now(ctx.clock.now())
        body = {"by": person.id, "note": need_reason(note)}
        tx.record("reviewed", now, body, action=record.id, case=record.case)
        record = replace(record, review_due=False)
        tx.put_action(record)
        return record

    return work
