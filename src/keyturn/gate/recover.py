"""What time and crashes bring: expiry, confirmation windows, reverts, and actions whose process died.

:func:`sweep` is called at start and then again and again; each step is one transaction, so several processes on
one database may sweep at once.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from keyturn.core.action import Action, ToolRef
from keyturn.core.execution import State, Step, advance
from keyturn.core.profile import Reversible, resolve
from keyturn.core.profile import Step as Call
from keyturn.core.quorum import escalations, sets_of
from keyturn.errors import Conflict, KeyturnError, ProfileError, StoreError, ToolNotSent
from keyturn.gate import drills
from keyturn.gate.context import Context, log
from keyturn.gate.execute import ask_tool, effect_shown, end, enough_keys, result_value, run_ready
from keyturn.gate.notices import Event, announce, moved, of_action
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord
from keyturn.gate.situation import profile_for
from keyturn.gate.standing import wanted
from keyturn.gate.submit import action_of
from keyturn.wire.session import RpcError

replace = msgspec.structs.replace
SOON_MS, LATE_MS = 10_000, 3_600_000
"""How long until a reversal that did not leave is tried again: as long as it has been tried, within these."""
PUT_BACK = {
    State.CONFIRMING: Step.REVERT_LATER,
    State.SUCCEEDED: Step.REVERT_UNSENT,
    State.UNKNOWN: Step.REVERT_LOST,
}


async def sweep(ctx: Context) -> None:
    """One round: expire, count cooled-off keys, run what is ready, revert what nobody confirmed, mark the lost."""
    now = ctx.clock.now()
    if behind := await ctx.store.read(lambda tx: tx.behind(now)):
        log.error("nothing runs: the clock is %d s behind the journal's newest entry", behind // 1000)
        return
    mine = ctx.tools.upstreams()
    due = await ctx.store.read(lambda tx: _due(ctx, tx, now, mine))
    await _each(ctx, due["expired"], _expire)
    await _each(ctx, due["escalating"], _escalate)
    await _each(ctx, due["keyed"], _count_again)
    await _each(ctx, due["dead"], _bury)
    if await ctx.store.read(lambda tx: drills.due(ctx, tx, tx.now(now))):
        await ctx.store.write(lambda tx: drills.turn_over(ctx, tx))
    for record in due["unchecked"]:
        ctx.spawn(settle_by_check(ctx, record.id), f"checking {record.id}")
    for record in due["ready"]:
        ctx.spawn(run_ready(ctx, record.id), f"running {record.id}")
    for record in due["unconfirmed"]:
        if ctx.tools.definition(record.tool) is None:  # its server is away
            continue
        why = "its reversal did not leave before" if record.reversal_at else "nobody confirmed it in time"
        ctx.spawn(revert(ctx, record.id, "gate", why), f"reverting {record.id}")


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
        if current is None or current != record:  # a person was quicker
            return
        if effect is None:
            tx.put_action(replace(current, ended_by="nobody yet"))
        else:
            end(ctx, tx, current, step, now, "check", why, "settled")

    await ctx.store.write(write)
    ctx.changed(action_id)


class _Reversal(msgspec.Struct, frozen=True):
    """A reversal under way: the row as it was and as it is, and what the inverse's arguments are made of."""

    before: ActionRecord
    record: ActionRecord
    inverse: Call
    scope: dict[str, Any]
    by: str


async def revert(
    ctx: Context, action_id: str, by: str, because: str, may: Callable[[Tx, ActionRecord], None] | None = None
) -> ActionRecord:
    """Take an action back by its profile's inverse: the reversal is recorded before it leaves, and runs once.

    ``may`` raises if it may not be; None where it reverts by itself.
    Raises :class:`ToolNotSent` where it surely did not leave: then the action is where it was, and one that waits to
    be confirmed is taken back by the sweep, later and later as long as its server is away.
    """
    reversal = await ctx.store.write(lambda tx: _begin(ctx, tx, action_id, by, because, may))

    def write(tx: Tx) -> ActionRecord:
        now, record = tx.latest(ctx.clock.now()), replace(reversal.record, runner="")
        if unsent is not None:
            return _put_back(ctx, tx, reversal, unsent, now)
        return end(ctx, tx, record, step, now, by, why, "reverted" if step is Step.REVERT_DONE else "outcome")

    with ctx.at(action_id):
        step, why, unsent = Step.REVERT_LOST, "", None
        try:
            step, why = await _undo(ctx, reversal)
        except ToolNotSent as e:
            unsent = e
        done = await ctx.store.write(write)
    ctx.changed(action_id)
    if unsent is not None:
        hint = "it is tried again by itself" if done.state is State.CONFIRMING else "try again when its server is there"
        raise ToolNotSent(f"the reversal did not leave: {unsent.message}", hint=hint, action=action_id)
    return done


def _begin(
    ctx: Context, tx: Tx, action_id: str, by: str, because: str, may: Callable[[Tx, ActionRecord], None] | None
) -> _Reversal:
    now, before = tx.now(ctx.clock.now()), tx.action(action_id)
    if before is None:
        raise Conflict(f"there is no action {action_id}")
    if may is not None:
        may(tx, before)
    action, definition = action_of(tx, before), ctx.tools.definition(before.tool)
    if definition is None:
        raise Conflict(f"{before.tool} is not listed now", hint="try again when its server is there")
    inverse = profile_for(ctx, definition, action.arguments).inverse
    if inverse is None:
        raise Conflict(f"{before.tool} has no inverse", hint="undo it by hand, then note it in the case")
    if before.state is State.UNKNOWN and before.reversal_at and not _repeatable(ctx, before, inverse):
        raise Conflict(
            f"a reversal of {before.id} may have run, and {inverse.tool} is not known to be safe to repeat",
            hint="find out what became of it, then settle it",
        )
    record = replace(
        before,
        state=advance(before.state, Step.REVERT),
        changed_at=now,
        due_at=now + ctx.settings.execution_s * 1000,
        runner=ctx.runner,
        reversal_at=before.reversal_at or now,
    )
    tx.record("reverting", now, {"by": by, "because": because}, action=record.id, case=record.case)
    tx.put_action(record)
    preserved, result = tx.payload(action_id, "preserved"), tx.payload(action_id, "result")
    scope = {
        "arguments": action.arguments,
        "preserved": msgspec.json.decode(preserved) if preserved else {},
        "result": result_value(result) if result else None,
    }
    return _Reversal(before, record, inverse, scope, by)


def _repeatable(ctx: Context, record: ActionRecord, inverse: Call) -> bool:
    profile = ctx.knowledge.profile_named(ToolRef(record.tool.upstream, inverse.tool))
    return profile is not None and profile.idempotent


async def _undo(ctx: Context, reversal: _Reversal) -> tuple[Step, str]:
    inverse = reversal.inverse
    try:
        await ask_tool(ctx, reversal.record, inverse.tool, resolve(inverse.arguments, reversal.scope))
    except ToolNotSent:
        raise
    except ProfileError as e:
        return Step.REVERT_LOST, f"the reversal did not leave: {e.message}"
    except (KeyturnError, RpcError) as e:
        return Step.REVERT_LOST, f"the reversal's outcome is unknown: {str(e)[:300]}"
    return Step.REVERT_DONE, f"taken back with {inverse.tool}"


def _put_back(ctx: Context, tx: Tx, reversal: _Reversal, unsent: ToolNotSent, now: int) -> ActionRecord:
    """The reversal surely did not leave: the action is where it was, and the entry says so."""
    before, since, why = (
        reversal.before,
        reversal.record.reversal_at,
        f"the reversal did not leave: {unsent.message[:300]}",
    )
    after = replace(before, state=advance(reversal.record.state, PUT_BACK[before.state]), changed_at=now)
    body: dict[str, Any] = {"by": reversal.by, "because": why, "state": after.state.value}
    if after.state is State.CONFIRMING:
        again = now + min(max(now - since, SOON_MS), LATE_MS)
        body["again_at"] = again
        after = replace(after, due_at=again, ended_by=reversal.by, ended_because=why, reversal_at=since)
    entry = tx.record("reversal_unsent", now, body, action=after.id, case=after.case)
    tx.put_action(after)
    moved(ctx, tx, after, entry)
    return after
