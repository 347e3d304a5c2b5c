"""Running what is released: once, and never without its record.

The steps, repeated below: (1) decide again on the facts of this moment, and check that the keys fit what would run;
(2) the entry ``released`` is durable before anything leaves; (3) preserve what the profile says; (4) the call, once;
(5) the check of its effect; (6) the outcome. What a crash leaves behind is settled in ``recover``.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec

from keyturn.core.action import Action, ToolRef
from keyturn.core.canonical import canonical_json, parse_json
from keyturn.core.execution import State, Step, advance
from keyturn.core.facts import Facts, Oversight
from keyturn.core.hold import Hold, Key
from keyturn.core.policy import Ruling
from keyturn.core.profile import Profile, Reversible, Stage, Touches, disproved, readable, resolve, unmet
from keyturn.core.quorum import escalations, sets_for
from keyturn.core.withholding import without
from keyturn.errors import InvalidJson, KeyturnError, StoreError, ToolError, ToolLost, ToolNotSent
from keyturn.gate.context import Context
from keyturn.gate.drills import reveal
from keyturn.gate.notices import Event, announce, moved, of_action
from keyturn.gate.ports import ToolAnswer, ToolCall, Tx
from keyturn.gate.records import ActionRecord
from keyturn.gate.situation import facts_json, read_facts
from keyturn.gate.standing import people_behind, release_facts, spelled, standings
from keyturn.gate.submit import action_of, begin_execution, verdict_body
from keyturn.journal import commit
from keyturn.wire.session import RpcError

replace = msgspec.structs.replace
_LARGE = 65_536


def enough_keys(ctx: Context, tx: Tx, record: ActionRecord, action: Action, hold: Hold) -> Ruling:
    """The policy's answer to: are these keys enough, on the facts of this moment?"""
    definition = ctx.tools.definition(record.tool)
    facts, _ = read_facts(ctx, tx, action, definition, record.fingerprint, held=record.state is State.HELD)
    asked, count = release_facts(ctx, action, hold, facts, standings(tx, hold, facts.now))
    return spelled(ctx.policy.may_release(asked), count)


def release(ctx: Context, tx: Tx, record_id: str) -> tuple[ActionRecord, Action, Profile] | None:
    """Steps 1 and 2 in one transaction. What to run, or None if the action is not to run (now, or at all)."""
    record = tx.action(record_id)
    if record is None or record.state is not State.READY or record.hold is None:
        return None
    definition = ctx.tools.definition(record.tool)
    if definition is None:
        return None
    action = action_of(tx, record)
    facts, profile = read_facts(ctx, tx, action, definition, record.fingerprint)
    now, hold = facts.now, record.hold
    if now >= hold.expires_at:
        end(ctx, tx, record, Step.EXPIRE, now, "", "nobody ran it before its hold expired", "expired")
        return None
    if facts.stopped:
        return None
    verdict = ctx.policy.decide(facts)
    if verdict.oversight is None:
        tx.record(
            "decided", now, verdict_body(verdict), {"facts": facts_json(facts)}, action=record.id, case=record.case
        )
        record = replace(record, reasons=verdict.reasons, outside=facts.outside)
        end(ctx, tx, record, Step.DENY, now, "policy", "the facts changed since it was held", "denied_at_release")
        return None
    current = hold.renewed(max(verdict.oversight, hold.oversight), ctx.policy.hash, definition.fingerprint)
    current = _escalating(ctx, current, hold, facts)
    ruling = enough_keys(ctx, tx, record, action, current)
    if not ruling.allowed:
        body = {**verdict_body(verdict), "missing": [r.why for r in ruling.reasons]}
        entry = tx.record("held_again", now, body, {"facts": facts_json(facts)}, action=record.id, case=record.case)
        state = advance(record.state, Step.HOLD_AGAIN)
        again = replace(
            record, state=state, hold=current, oversight=current.oversight, reasons=verdict.reasons, changed_at=now
        )
        tx.put_action(again)
        moved(ctx, tx, again, entry)
        return None
    record = replace(
        record,
        state=advance(record.state, Step.RELEASE),
        changed_at=now,
        due_at=now + ctx.settings.execution_s * 1000,
        runner=ctx.runner,
        policy=ctx.policy.hash,
        review_due=ruling.review,
    )
    people = {person.id for person in people_behind(tx, current, now)}
    begin_execution(tx, record, facts, now, [_key_body(key) for key in current.counted() if key.person in people])
    tx.put_action(record)
    return record, action, profile


def _escalating(ctx: Context, current: Hold, before: Hold, facts: Facts) -> Hold:
    """The hold with the escalation of the sets that it takes now, where those are others than before."""
    current = replace(current, touches=tuple(facts.touches))
    if (current.oversight, current.touches) == (before.oversight, before.touches):
        return current
    times = escalations(sets_for(ctx.quorum, current.oversight, facts), current.opened_at)
    return replace(current, escalates_at=next(iter(times), 0))


def _key_body(key: Key) -> dict[str, Any]:
    body = {"person": key.person, "digest": key.digest, "turned_at": key.turned_at}
    return {**body, "credential": key.credential} if key.credential else body


def end(
    ctx: Context, tx: Tx, record: ActionRecord, step: Step, now: int, by: str, because: str, kind: str
) -> ActionRecord:
    """Take a step that somebody or the clock decided, with its entry."""
    state = advance(record.state, step)
    if record.drill:
        because = reveal(tx, record, step, now, by, because)
    record = replace(record, state=state, changed_at=now, due_at=0, ended_by=by, ended_because=because)
    body = {"by": by, "because": because, "state": state.value}
    entry = tx.record(kind, now, body, action=record.id, case=record.case)
    tx.put_action(record)
    if record.drill:
        announce(ctx, tx, of_action(Event.DRILL_ENDED, record, now, entry))
    else:
        moved(ctx, tx, record, entry)
    return record


def kick(ctx: Context, record: ActionRecord) -> None:
    """Run what is ready now, if this process has its upstream."""
    if record.state is State.READY and record.tool.upstream in ctx.tools.upstreams():
        ctx.spawn(run_ready(ctx, record.id), f"running {record.id}")


async def run_ready(ctx: Context, record_id: str) -> None:
    """Release and run an action whose keys are complete; does nothing if another process, or task, was quicker.

    Its server is asked for its tools first: keys count for the definition of now, not for the last one that was listed
    (CVE-2025-54136).
    """
    if record_id in ctx.running:
        return
    with ctx.at(record_id):
        record = await ctx.store.read(lambda tx: tx.action(record_id))
        if record is None or record.state is not State.READY:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ctx.settings.execution_s):
                await ctx.tools.refresh(record.tool.upstream)
        released = await ctx.store.write(lambda tx: release(ctx, tx, record_id))
        ctx.changed(record_id)
        if released is not None:
            try:
                await run(ctx, *released)
            except (ToolError, RpcError) as e:
                # The outcome is recorded; the agent learns of it when it looks.
                del e


async def run(
    ctx: Context, record: ActionRecord, action: Action, profile: Profile, caller: object | None = None
) -> tuple[ActionRecord, ToolAnswer]:
    """Steps 3 to 6 of a released action. Raises what the call raised, once its outcome is recorded; a
    :class:`ToolError` says which action it is."""
    with ctx.at(record.id):
        try:
            return await _run(ctx, record, action, profile, caller)
        except ToolError as e:
            e.action = record.id
            raise


async def _run(
    ctx: Context, record: ActionRecord, action: Action, profile: Profile, caller: object | None
) -> tuple[ActionRecord, ToolAnswer]:
    scope: dict[str, Any] = {"arguments": action.arguments}
    if profile.preserve:
        scope["preserved"] = await _preserve(ctx, record, profile, scope)
    arguments = canonical_json(action.arguments)
    call = ToolCall(tool=record.tool, arguments=arguments, action=record.id, withholds=profile.withholds)
    try:
        answer = await _kept_back(profile, await ctx.tools.call(call, caller))
    except RpcError as e:
        raw = msgspec.json.encode({"error": {"code": e.code, "message": e.message[:2000]}})
        why = f"the server refused: {e.message[:300]}"
        await _conclude(ctx, record, action, profile, Step.FAIL, why, ToolAnswer(raw, True))
        raise
    except ToolNotSent as e:
        await _conclude(ctx, record, action, profile, Step.FAIL, f"not sent: {e.message}", None)
        raise
    except ToolLost as e:
        why = f"no usable answer: {e.message}"
        await _conclude(ctx, record, action, profile, _unanswered(profile), why, None)
        raise
    except asyncio.CancelledError:
        why = "the caller left before the answer"
        ctx.store.defer(_outcome(ctx, record, action, profile, _unanswered(profile), why, None))
        raise
    if answer.is_error:
        step, why = Step.FAIL, "the tool answered with an error"
    elif _asks_first(answer.result):
        step, why = Step.FAIL, "the server asks for input before it does anything"
    else:
        step, why = await _effect(ctx, record, profile, scope, answer)
    return await _conclude(ctx, record, action, profile, step, why, answer), answer


async def _kept_back(profile: Profile, answer: ToolAnswer) -> ToolAnswer:
    """The answer without what the profile withholds of it (ADR 14): neither the agent nor the journal gets that.

    A large one is looked through in a thread, so that nobody else's call waits for it.
    """
    if not profile.withholds:
        return answer
    if len(answer.result) > _LARGE:
        result, count = await asyncio.to_thread(without, answer.result, profile.withholds)
    else:
        result, count = without(answer.result, profile.withholds)
    return ToolAnswer(result, answer.is_error, count)


def _asks_first(result: bytes) -> bool:
    """An MCP result that is a question to the client (``input_required``): nothing has run yet."""
    if b'"input_required"' not in result:
        return False
    try:
        value = parse_json(result)
    except InvalidJson:
        return False
    return isinstance(value, dict) and value.get("resultType") == "input_required"


async def _preserve(ctx: Context, record: ActionRecord, profile: Profile, scope: dict[str, Any]) -> dict[str, Any]:
    """Step 3. If anything can't be saved, the action fails and its call never leaves."""
    saved: dict[str, Any] = {}
    try:
        for name, step in profile.preserve.items():
            saved[name] = await ask_tool(ctx, record, step.tool, resolve(step.arguments, {**scope, "preserved": saved}))
    except (KeyturnError, RpcError) as e:
        why = f"what must be preserved first could not be: {str(e)[:300]}"

        def fail(tx: Tx) -> None:
            now = tx.latest(ctx.clock.now())
            end(ctx, tx, record, Step.FAIL, now, "gate", why, "outcome")

        await ctx.store.write(fail)
        ctx.changed(record.id)
        raise ToolNotSent(why, hint="nothing was changed; look at the preserve step of the profile") from None
    raw = msgspec.json.encode(saved)
    await ctx.store.write(
        lambda tx: tx.record(
            "preserved", tx.now(ctx.clock.now()), {"steps": sorted(saved)}, {"preserved": raw},
            action=record.id, case=record.case,
        )
    )  # fmt: skip
    return saved


async def ask_tool(ctx: Context, record: ActionRecord, tool: str, arguments: dict[str, Any]) -> Any:
    """Call another tool of the same upstream for an action (preserve, check, inverse): its result as a value.

    Raises :class:`ToolError` if it errs. The call is recorded beforehand with the action.
    """
    ref = ToolRef(record.tool.upstream, tool)
    raw = canonical_json(arguments)
    await ctx.store.write(
        lambda tx: tx.record(
            "auxiliary", tx.now(ctx.clock.now()), {"tool": str(ref)}, {"arguments": raw},
            action=record.id, case=record.case,
        )
    )  # fmt: skip
    answer = await ctx.tools.call(ToolCall(tool=ref, arguments=raw, action=record.id))
    if answer.is_error:
        raise ToolError(f"{ref} answered with an error", hint="look at the tool")
    return result_value(answer.result)


def result_value(result: bytes) -> Any:
    """What templates see of a result as it came."""
    return readable(parse_json(result))


async def effect_shown(ctx: Context, record: ActionRecord, profile: Profile, scope: dict[str, Any]) -> bool | None:
    """Step 5: whether the profile's check shows the effect, or surely shows another state; None if it can't tell."""
    check = profile.check
    if check is None:
        return None
    try:
        found = await ask_tool(ctx, record, check.tool, resolve(check.arguments, scope))
        if not unmet(check, found, scope):
            return True
        return False if disproved(check, found, scope) else None
    except (KeyturnError, RpcError):
        return None


async def _effect(
    ctx: Context, record: ActionRecord, profile: Profile, scope: dict[str, Any], answer: ToolAnswer
) -> tuple[Step, str]:
    done = Step.SUCCEED_UNCONFIRMED if record.oversight is Oversight.CONFIRM else Step.SUCCEED
    if profile.check is None:
        return done, "the tool says so"
    scope = {**scope, "result": _value_or_none(answer.result)}
    for pause in ctx.settings.check_after_s:
        await asyncio.sleep(pause)
        if await effect_shown(ctx, record, profile, scope):
            return done, "the check shows the effect"
    return Step.LOSE, "the tool says it is done, and the check does not show it"


def _value_or_none(result: bytes) -> Any:
    try:
        return result_value(result)
    except KeyturnError:
        return None


def _unanswered(profile: Profile) -> Step:
    """What is known of a call that left and got no answer: a read has failed; of a change only the check can tell."""
    return Step.FAIL if profile.reversible is Reversible.NO_EFFECT else Step.LOSE


async def _conclude(
    ctx: Context,
    record: ActionRecord,
    action: Action,
    profile: Profile,
    step: Step,
    because: str,
    answer: ToolAnswer | None,
) -> ActionRecord:
    """Step 6. A free read's outcome is committed with the next group; every other one before we go on (ADR 0005)."""
    outcome = _outcome(ctx, record, action, profile, step, because, answer)
    if record.oversight is Oversight.FREE and profile.stage is Stage.ANALYSE:
        ctx.store.defer(outcome)
        failed = answer is None or answer.is_error
        return replace(record, state=advance(record.state, step), ended_because=because, is_error=failed)
    try:
        concluded = await ctx.store.write(outcome)
    except StoreError as e:
        why = f"{record.tool} was called, and its outcome could not be recorded: {e.message}"
        raise StoreError(why, hint=f"find out what became of {record.id} before you try again") from e
    ctx.changed(record.id)
    return concluded


def _room(ctx: Context, record: ActionRecord, profile: Profile) -> int:
    """How long a result may be to be kept: a held action's for its agent to fetch, a free one's for provenance."""
    if record.oversight is not Oversight.FREE:
        return ctx.settings.result_limit
    return 0 if Touches.SECRETS in profile.touches else ctx.settings.keep_read_result


def _outcome(
    ctx: Context,
    record: ActionRecord,
    action: Action,
    profile: Profile,
    step: Step,
    because: str,
    answer: ToolAnswer | None,
) -> Callable[[Tx], ActionRecord]:
    """The record of how it ended; without an answer it failed."""
    failed = answer is None or answer.is_error

    def write(tx: Tx) -> ActionRecord:
        now = tx.latest(ctx.clock.now())
        state = advance(record.state, step)
        due = now + ctx.settings.confirm_s * 1000 if state is State.CONFIRMING else 0
        body: dict[str, Any] = {"state": state.value, "because": because, "is_error": failed}
        payloads: dict[str, bytes] = {}
        if answer is not None:
            result = answer.result
            body["result"] = {"bytes": len(result), "commitment": commit(bytes.fromhex(action.nonce), result)}
            if len(result) <= _room(ctx, record, profile):
                payloads["result"] = result
            if answer.withheld:
                body["withheld"] = answer.withheld
        entry = tx.record("outcome", now, body, payloads, action=record.id, case=record.case)
        after = replace(
            record, state=state, changed_at=now, due_at=due, ended_because=because, is_error=failed, runner=""
        )
        tx.put_action(after)
        moved(ctx, tx, after, entry)
        return after

    return write
