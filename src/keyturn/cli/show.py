"""An action for an on-call analyst at 3 a.m.: what will happen to what, whether it can be taken back, who asks and
why, why it waits, what is missing, and how long is left."""

import sys
from typing import Any

from keyturn.cli.plain import plain, plain_json
from keyturn.cli.times import clock, left

SHORT = 8_000
RESULT = 2_000
_BACK = {
    "no_effect": "nothing to take back: it only reads",
    "reversible": "yes",
    "hard_to_reverse": "in part: side effects stay",
    "irreversible": "NO. Nothing can undo it",
}
_STATES = {
    "held": "waits for keys; nothing has run",
    "ready": "has its keys and is about to run",
    "executing": "is running",
    "confirming": "HAS RUN; it is taken back unless somebody confirms it",
    "unknown": "WAS SENT, and nobody knows what happened: settle it",
    "succeeded": "has run",
    "failed": "was tried, and failed",
    "reverting": "HAS RUN, and is being taken back",
    "reverted": "had run, and was taken back",
    "denied": "was denied; nothing has run",
    "expired": "expired before enough keys were turned; nothing has run",
    "refused": "was refused; nothing has run",
    "withdrawn": "was withdrawn; nothing has run",
}


def row(action: dict[str, Any], now: int) -> str:
    """One line of the queue."""
    targets = ", ".join(plain(target(t), 80) for t in action.get("targets", ())) or "targets unknown"
    waits = left(action["due_at"], now) if action.get("due_at") else ""
    return (
        f"{plain(action['id'])}  {plain(action.get('oversight') or 'denied'):<8} {waits:<17} "
        f"{plain(action['tool'], 80)} -> {targets}  ({plain(action['agent'], 40)}, {plain(action['case'], 40)})"
    )


def whole(action: dict[str, Any], now: int, *, everything: bool = False) -> str:
    """Everything that a person needs before a key is turned. Nothing is left out without saying so.

    Arguments are cut after :data:`SHORT` characters unless ``everything`` is asked for.
    """
    state = str(action["state"])
    lines = [
        f"{plain(action['tool'])}  {plain(state)}: {_STATES.get(state, 'see below')}",
        "",
        "  to       " + (", ".join(plain(target(t)) for t in action.get("targets", ())) or "targets that nobody named"),
        _arguments(action, everything),
        f"  undo     {_undo(action)}",
        f"  asks     agent {plain(action['agent'])}, case {plain(action['case'])}, mandate {plain(action['mandate'])}",
    ]
    lines += _said(action.get("model_output") or {})
    lines += [f"  because  {plain(r['why'])} [{plain(r['policy'])}]" for r in action.get("reasons", ())]
    lines += [f"  outside  {plain(why)}" for why in action.get("outside", ())]
    lines += _keys(action, now)
    lines += _times(action)
    if action.get("ended_because"):
        by = f" ({plain(action['ended_by'])})" if action.get("ended_by") else ""
        lines.append(f"  ended    {plain(action['ended_because'])}{by}")
    lines += _result(action, everything)
    if action.get("review_due"):
        lines.append(f"  review   {released(action)}; nobody has looked at it since")
    lines += ["", f"  action   {plain(action['id'])}", f"  digest   {plain(action['digest'])}"]
    return "\n".join(lines)


def _arguments(action: dict[str, Any], everything: bool) -> str:
    arguments = action.get("arguments", {})
    shown = plain_json(arguments, sys.maxsize if everything else SHORT)
    cut = not everything and shown != plain_json(arguments, sys.maxsize)
    return f"  with     {shown}" + (f"; all of it: keyturn show {plain(action['id'])} --all" if cut else "")


def _times(action: dict[str, Any]) -> list[str]:
    """When it was asked for, and since when it stands as it does."""
    lines = [f"  asked    {clock(action['proposed_at'])}"] if action.get("proposed_at") else []
    if action.get("changed_at") and action["state"] not in ("held", "ready"):
        lines.append(f"  since    {clock(action['changed_at'])}: {plain(action['state'])}")
    return lines


def _result(action: dict[str, Any], everything: bool) -> list[str]:
    if "result" not in action:
        return []
    said = "the tool says it failed" if action.get("is_error") else "the tool says"
    return [f"  result   {said}: {plain_json(action['result'], sys.maxsize if everything else RESULT)}"]


def released(action: dict[str, Any]) -> str:
    """Whose keys released it, and when."""
    keys = (action.get("hold") or {}).get("keys") or ()
    alone = " alone" if len(keys) == 1 else ""
    people = ", ".join(f"{plain(key['person'])}{alone} at {clock(key['turned_at'])}" for key in keys)
    return f"released by {people or 'nobody that is known'}"


def target(value: Any) -> str:
    """A target as ``kind:id``."""
    return f"{value.get('kind')}:{value.get('id')}" if isinstance(value, dict) else str(value)


def _undo(action: dict[str, Any]) -> str:
    words = _BACK.get(str(action.get("reversible")), f"unknown ({plain(action.get('reversible'))})")
    how = action.get("inverse") or action.get("by_hand")
    return f"{words}: {plain(how) if isinstance(how, str) else plain_json(how)}" if how else words


def _said(output: dict[str, Any]) -> list[str]:
    """The agent's own words, marked as such."""
    if not output.get("rationale"):
        return ["  reason   the agent gave none"]
    lines = [f"  reason   the agent says: {plain(output['rationale'], 16_000)}"]
    evidence = output.get("evidence") or ()
    if evidence:
        lines.append("  evidence the agent names: " + ", ".join(plain(ref, 1_000) for ref in evidence))
    if output.get("confidence") is not None:
        lines.append(f"  sure     the agent says: {plain(output['confidence'])} of 1")
    return lines


def _keys(action: dict[str, Any], now: int) -> list[str]:
    hold = action.get("hold")
    if not isinstance(hold, dict):
        due = action.get("due_at")
        return [f"  time     until {clock(due)}, {left(due, now)}"] if due and action["state"] == "confirming" else []
    turned = [f"{plain(key['person'])} at {clock(key['turned_at'])}" for key in hold.get("keys", ())]
    lines = [f"  keys     {'; '.join(turned) or 'none turned yet'}"]
    if action["state"] == "held":
        lines.append(f"  missing  {_missing(action, hold)}")
        lines.append(
            f"  time     until {clock(hold['expires_at'])}, {left(hold['expires_at'], now)}; then it is denied"
        )
    return lines


def _missing(action: dict[str, Any], hold: dict[str, Any]) -> str:
    """Whose keys, in words; without that how many, while there are none; then, what the policy still asks for."""
    if action.get("wanted"):
        return " and ".join(plain(who) for who in action["wanted"])
    reasons = [plain(reason["why"]) for reason in action.get("missing") or ()]
    if hold.get("keys"):
        return "; ".join(reasons) or f"{plain(hold.get('missing', 'some'))} more"
    return "the keys of two people" if action.get("oversight") == "two_key" else "the key of one person"
