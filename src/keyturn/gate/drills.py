"""Drills: planned by chance, opened as any hold is, and ended with the truth. Nothing ever runs one.

A drill is a held action made from one of the last real ones; its reason speaks of another target than its arguments do.
It can't run: no key completes it, and :func:`keyturn.gate.submit.begin_execution`, which every release writes through,
refuses it.
"""

import secrets

import msgspec

from keyturn.core import drill as rules
from keyturn.core.action import Action, ModelOutput
from keyturn.core.execution import Step
from keyturn.core.facts import Oversight
from keyturn.errors import Conflict, KeyturnError
from keyturn.gate.context import Context, new_id
from keyturn.gate.drill_records import Drill, Plan, Result
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord
from keyturn.gate.situation import read_facts
from keyturn.gate.submit import action_of, enter

PLAN = "drill_plan"
LOOK_BACK = 50
RESULTS: dict[Step, Result] = {
    Step.REFUSE: "refused",
    Step.DRILLED: "turned",
    Step.EXPIRE: "expired",
    Step.WITHDRAW: "withdrawn",
    Step.DENY: "denied",
}
_WORDS = {
    "refused": "this was a drill, and refusing it was right",
    "turned": "this was a drill to be refused: its reason speaks of another target than its arguments; nothing has run",
    "expired": "this was a drill, and nobody answered it in time",
    "withdrawn": "this was a drill",
    "denied": "this was a drill",
}


def planned(tx: Tx) -> Plan | None:
    """The drill to come."""
    kept = tx.setting(PLAN)
    return msgspec.json.decode(kept, type=Plan) if kept else None


def due(ctx: Context, tx: Tx, now: int) -> bool:
    """There is something to plan, or to open."""
    if not ctx.care.drills_per_week:
        return False
    plan = planned(tx)
    return (plan is None or plan.at <= now) and not tx.care.drill_waits()


def turn_over(ctx: Context, tx: Tx) -> None:
    """Open the drill whose time has come, or plan the next.

    The next is planned once the last has ended: an entry right after a hold opened would say which it was.
    """
    now = tx.now(ctx.clock.now())
    if not due(ctx, tx, now):
        return
    plan = planned(tx)
    if plan is not None and open_drill(ctx, tx, bytes.fromhex(plan.mark), now, "gate") is not None:
        tx.put_setting(PLAN, b"")
        return
    _plan(tx, now + rules.pause_ms(ctx.chance(), ctx.care.drills_per_week), now)


def at_once(ctx: Context, tx: Tx, by: str) -> ActionRecord:
    """A drill because an owner wants one now: the one that is planned, if there is.

    Else its digest alone commits to the mark, through the nonce; an entry right before it would give it away.
    """
    now, plan = tx.now(ctx.clock.now()), planned(tx)
    opened = open_drill(ctx, tx, bytes.fromhex(plan.mark) if plan else secrets.token_bytes(32), now, by)
    if opened is None:
        hint = "a drill is made from one of the last actions that people answered, while its mandate is live"
        raise Conflict("there is nothing to make a drill from", hint=hint)
    tx.put_setting(PLAN, b"")
    return opened


def _plan(tx: Tx, at: int, now: int) -> None:
    mark = secrets.token_bytes(32)
    tx.put_setting(PLAN, msgspec.json.encode(Plan(mark.hex(), at)))
    tx.record("drill_planned", now, {"commitment": rules.commitment(mark), "by": "gate"})


def open_drill(ctx: Context, tx: Tx, mark: bytes, now: int, by: str) -> ActionRecord | None:
    """A drill from one of the last holds, as the mark says; None if none of them would be held now."""
    recent = tx.care.recent_holds(LOOK_BACK)
    chance = ctx.chance()
    first = int(chance * len(recent))
    known = [target for record in recent for target in record.targets]
    for record in (*recent[first:], *recent[:first]):
        try:
            action = _made(tx, record, mark, rules.rationale(record.targets[0], known, chance), now)
        except KeyturnError:  # its content is erased
            continue
        definition, fingerprint = ctx.tools.definition(action.tool), f"drill:{action.id}"
        facts, _ = read_facts(ctx, tx, action, definition, fingerprint)
        verdict = ctx.policy.decide(facts)
        if verdict.oversight is None or verdict.oversight < Oversight.ONE_KEY:
            continue
        opened = enter(ctx, tx, action, facts, verdict, fingerprint, drill=mark.hex())
        tx.care.put_drill(Drill(action=opened.id, mark=mark.hex(), opened_at=now, by=by))
        return opened
    return None


def _made(tx: Tx, record: ActionRecord, mark: bytes, reason: str, now: int) -> Action:
    before = action_of(tx, record)
    return msgspec.structs.replace(
        before,
        id=new_id("a", now),
        model_output=ModelOutput(reason, before.model_output.evidence, before.model_output.confidence),
        proposed_at=now,
        nonce=rules.nonce(mark),
        narrowed=None,
    )


def reveal(tx: Tx, record: ActionRecord, step: Step, now: int, by: str, because: str) -> str:
    """The end of a drill, with its mark: whoever reads the journal can tell now. What to say to the person."""
    result = RESULTS[step]
    found = tx.care.drill(record.id)
    if found is None or record.hold is None:
        raise Conflict(f"{record.id} is no drill")
    tx.care.put_drill(msgspec.structs.replace(found, ended_at=now, result=result, person=by))
    body = {"mark": found.mark, "result": result, "person": by, "by": found.by}
    tx.record("drill_ended", now, body, action=record.id, case=record.case)
    return f"{_WORDS[result]} ({because})" if result == "refused" else _WORDS[result]
