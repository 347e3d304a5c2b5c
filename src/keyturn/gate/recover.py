"""What time and crashes bring: expiry, confirmation windows, reverts, and actions whose process died.

:func:`sweep` is called at start and then again and again; each step is one transaction, so several processes on
one database may sweep at once.
"""

from collections.abc import Awaitable, Callable

import msgspec

from keyturn.core.action import Action
from keyturn.core.execution import State, Step, advance
from keyturn.core.profile import Reversible, resolve
from keyturn.core.profile import Step as Call
from keyturn.core.quorum import escalations, sets_of
from keyturn.errors import Conflict, KeyturnError, ProfileError, StoreError, ToolNotSent
from keyturn.gate import drills
from keyturn.gate.context import Context, log
from keyturn.gate.execute import ask_tool, effect_shown, end, enough_keys, result_value, run_ready
from keyturn.gate.notices import Event, announce, of_action
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord
from keyturn.gate.situation import profile_for
from keyturn.gate.standing import wanted
from keyturn.gate.submit import action_of
from keyturn.wire.session import RpcError

replace = msgspec.structs.replace


async def sweep(ctx: Context) -> None:
    """One round: expire, count cooled-off keys, run what is ready, revert what nobody confirmed, mark the lost."""
    now = ctx.clock.now()
    mine = ctx.tools.upstreams()
    due = await ctx.store.read(lambda tx: _due(ctx, tx, now, mine))
    await _each(ctx, due["expired"], _expire)
    await _each(ctx, due["escalating"], _escalate)
    await _each(ctx, due["keyed"], _count_again)
    await _each(ctx, due["dead"], _bury)
    if await ctx.store.read(lambda tx: drills.due(ctx, tx, now)):
        await ctx.store.write(lambda tx: drills.turn_over(ctx, tx))
    for record in due["unchecked"]:
        ctx.spawn(settle_by_check(ctx, record.id), f"checking {record.id}")
    for record in due["ready"]:
        ctx.spawn(run_ready(ctx, record.id), f"running {record.id}")
    for record in due["unconfirmed"]:
        ctx.spawn(revert(ctx, record.id, "gate", "nobody confirmed it in time"), f"reverting {record.id}")


async def _each(ctx: Context, records: list[ActionRecord], step: Callable[[Context, str], Awaitable[None]]) -> None:
    """One action's trouble (its content was erased, say) holds up none of the others; the database's does."""
    for record in records:
        try:
            await step(ctx, record.id)
        except StoreError:
            raise
        except KeyturnError as e:
            log.error("sweeping %s failed: %s", record.id, e)


def _due(ctx: Context, tx: Tx, now: int, mine: frozenset[str]) -> dict[str, list[ActionRecord]]:
    now = tx.now(now)
    running = tx.actions(states=(State.EXECUTING, State.REVERTING), limit=1000)
    return {
        "expired": tx.actions(states=(State.HELD, State.READY), due_by=now, limit=1000),
        "keyed": tx.keyed_holds(),
        "escalating": tx.care.escalating(now, 1000),
        "dead": [r for r in running if _lost(ctx, r, now)],
        "unchecked": [r for r in tx.actions(states=(State.UNKNOWN,), upstreams=mine) if not r.ended_by] if mine else [],
        "ready": tx.actions(states=(State.READY,), upstreams=mine) if mine else [],
        "unconfirmed": tx.actions(states=(State.CONFIRMING,), upstreams=mine, due_by=now) if mine else [],
    }


def _lost(ctx: Context, record: ActionRecord, now: int) -> bool:
    """Nobody is at it any more: its process ended, or this one could not record how it went (a full disk)."""
    if record.runner != ctx.runner:
        return not ctx.runners.alive(record.runner)
    return record.due_at <= now and record.id not in ctx.running


async def _expire(ctx: Context, action_id: str) -> None:
    def work(tx: Tx) -> None:
        record, now = tx.action(action_id), tx.now(ctx.clock.now())
        if record is not None and record.state in (State.HELD, State.READY) and record.due_at <= now:
            end(ctx, tx, record, Step.EXPIRE, now, "", "nobody turned enough keys in time", "expired")

    await ctx.store.write(work)
    ctx.changed(action_id)


async def _count_again(ctx: Context, action_id: str) -> None:
    """Keys that were too early may be enough now (cooling-off, G18): look, and write only if they are."""

    def enough(tx: Tx) -> bool:
        record = tx.action(action_id)
        if record is None or record.state is not State.HELD or record.hold is None:
            return False
        return enough_keys(ctx, tx, record, action_of(tx, record), record.hold).allowed

    def work(tx: Tx) -> None:
        if enough(tx) and (record := tx.action(action_id)) is not None:
            complete(ctx, tx, record)

    if await ctx.store.read(enough):
        await ctx.store.write(work)
        ctx.changed(action_id)


async def _escalate(ctx: Context, action_id: str) -> None:
    """Further roles count from now on: say so once, and note when the next ones will."""

    def work(tx: Tx) -> None:
        record, now = tx.action(action_id), tx.now(ctx.clock.now())
        hold = record.hold if record is not None and record.state is State.HELD else None
        if record is None or hold is None or not 0 < hold.escalates_at <= now:
            return
        sets = sets_of(ctx.quorum, hold.oversight, hold.touches, str(record.tool), record.stage)
        roles = sorted({role for each in sets if each.escalated(now - hold.opened_at) for role in each.escalate_to})
        body = {"roles": roles, "wanted": list(wanted(ctx, tx, record, now))}
        entry = tx.record("escalated", now, body, action=record.id, case=record.case)
        announce(ctx, tx, of_action(Event.ESCALATED, record, now, entry, tuple(roles)))
        later = (at for at in escalations(sets, hold.opened_at) if at > now)
        tx.put_action(replace(record, hold=replace(hold, escalates_at=next(later, 0))))

    await ctx.store.write(work)
    ctx.changed(action_id)


def complete(ctx: Context, tx: Tx, record: ActionRecord) -> ActionRecord:
    """The keys are enough: the action is ready for whichever process has its upstream."""
    if record.drill:
        raise Conflict(f"{record.id} is a drill, and no key completes it")
    now = tx.now(ctx.clock.now())
    record = replace(record, state=advance(record.state, Step.KEYS_COMPLETE), changed_at=now)
    tx.put_action(record)
    return record


async def _bury(ctx: Context, action_id: str) -> None:
    """Nothing was recorded between the release and its end: nobody knows, so nobody guesses. A read has failed."""

    def work(tx: Tx) -> None:
        record, now = tx.action(action_id), tx.now(ctx.clock.now())
        if record is None or record.state not in (State.EXECUTING, State.REVERTING):
            return
        step = Step.LOSE if record.state is State.EXECUTING else Step.REVERT_LOST
        if step is Step.LOSE and record.reversible is Reversible.NO_EFFECT:
            step = Step.FAIL
        why = "its process ended, or the database failed, before the outcome was recorded"
        by = "gate" if step is Step.REVERT_LOST else ""
        end(ctx, tx, replace(record, runner=""), step, now, by, why, "outcome")

    await ctx.store.write(work)
    ctx.changed(action_id)


async def settle_by_check(ctx: Context, action_id: str) -> None:
    """Ask the profile's check whether an unknown action took effect, once; without a clear answer a person settles."""

    def read(tx: Tx) -> tuple[ActionRecord, Action, bytes | None] | None:
        record = tx.action(action_id)
        if record is None or record.state is not State.UNKNOWN:
            return None
        return record, action_of(tx, record), tx.payload(action_id, "preserved")

    found = await ctx.store.read(read)
    if found is None:
        return
    record, action, preserved = found
    profile = profile_for(ctx, ctx.tools.definition(record.tool), action.arguments)
    scope = {"arguments": action.arguments, "preserved": msgspec.json.decode(preserved) if preserved else {}}
    effect = await effect_shown(ctx, record, profile, scope)
    step, why = (Step.SUCCEED, "the check shows the effect") if effect else (Step.FAIL, "the check shows no effect")

    def write(tx: Tx) -> None:
        now, current = tx.now(ctx.clock.now()), tx.action(action_id)
        if current is None or current.state is not State.UNKNOWN:
            return
        if effect is None:
            tx.put_action(replace(current, ended_by="nobody yet"))
        else:
            end(ctx, tx, current, step, now, "check", why, "settled")

    await ctx.store.write(write)
    ctx.changed(action_id)


async def revert(
    ctx: Context, action_id: str, by: str, because: str, may: Callable[[Tx, ActionRecord], None] | None = None
) -> ActionRecord:
    """Take an action back by its profile's inverse: the reversal is recorded before it leaves, and runs once.

    ``may`` raises if it may not be; None where it reverts by itself.
    """

    def begin(tx: Tx) -> tuple[ActionRecord, Action, bytes | None, bytes | None]:
        now, record = tx.now(ctx.clock.now()), tx.action(action_id)
        if record is None:
            raise Conflict(f"there is no action {action_id}")
        if may is not None:
            may(tx, record)
        action = action_of(tx, record)
        if profile_for(ctx, ctx.tools.definition(record.tool), action.arguments).inverse is None:
            raise Conflict(f"{record.tool} has no inverse", hint="undo it by hand, then note it in the case")
        record = replace(
            record,
            state=advance(record.state, Step.REVERT),
            changed_at=now,
            due_at=now + ctx.settings.execution_s * 1000,
            runner=ctx.runner,
        )
        tx.record("reverting", now, {"by": by, "because": because}, action=record.id, case=record.case)
        tx.put_action(record)
        return record, action, tx.payload(action_id, "preserved"), tx.payload(action_id, "result")

    record, action, preserved, result = await ctx.store.write(begin)
    profile = profile_for(ctx, ctx.tools.definition(record.tool), action.arguments)

    def write(tx: Tx) -> ActionRecord:
        kind = "reverted" if step is Step.REVERT_DONE else "outcome"
        return end(ctx, tx, replace(record, runner=""), step, tx.now(ctx.clock.now()), by, why, kind)

    with ctx.at(action_id):
        step, why = await _undo(ctx, record, action, profile.inverse, preserved, result)
        done = await ctx.store.write(write)
    ctx.changed(action_id)
    return done


async def _undo(
    ctx: Context,
    record: ActionRecord,
    action: Action,
    inverse: Call | None,
    preserved: bytes | None,
    result: bytes | None,
) -> tuple[Step, str]:
    if inverse is None:
        return Step.REVERT_LOST, "the tool's profile has lost its inverse"
    try:
        scope = {
            "arguments": action.arguments,
            "preserved": msgspec.json.decode(preserved) if preserved else {},
            "result": result_value(result) if result else None,
        }
        arguments = resolve(inverse.arguments, scope)
        await ask_tool(ctx, record, inverse.tool, arguments)
    except (ProfileError, ToolNotSent) as e:
        return Step.REVERT_LOST, f"the reversal did not leave: {e.message}"
    except (KeyturnError, RpcError) as e:
        return Step.REVERT_LOST, f"the reversal's outcome is unknown: {str(e)[:300]}"
    return Step.REVERT_DONE, f"taken back with {inverse.tool}"
