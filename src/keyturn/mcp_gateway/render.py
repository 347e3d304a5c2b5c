"""An action in words and as a value, for the agent that proposed it. Agents learn how many keys, not whose."""

from datetime import UTC, datetime
from typing import Any

from keyturn.core.execution import State
from keyturn.gate.records import ActionRecord

WAITING = frozenset({State.HELD, State.READY, State.EXECUTING})
_WORDS = {
    State.DENIED: "was denied; nothing has run",
    State.HELD: "is held: it runs when people turn their keys; nothing has run yet",
    State.READY: "has its keys and is about to run",
    State.EXECUTING: "is running",
    State.CONFIRMING: "has run, and is taken back unless a person confirms it in time",
    State.REVERTING: "has run and is being taken back",
    State.SUCCEEDED: "has run",
    State.FAILED: "was tried and failed",
    State.UNKNOWN: "was sent and no usable answer came: what happened is unknown, a person settles it",
    State.REVERTED: "had run and was taken back",
    State.REFUSED: "was refused by a person; nothing has run",
    State.EXPIRED: "expired before enough keys were turned; nothing has run",
    State.WITHDRAWN: "was withdrawn; nothing has run",
}


def iso(at_ms: int) -> str:
    """A time as clients write it: ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def value(record: ActionRecord) -> dict[str, Any]:
    """The action as structured content."""
    shown: dict[str, Any] = {
        "action": record.id,
        "state": record.state.value,
        "tool": str(record.tool),
        "case": record.case,
        "oversight": record.oversight.word if record.oversight is not None else "denied",
        "reasons": [{"policy": r.policy, "why": r.why} for r in record.reasons],
        "digest": record.digest,
    }
    if record.outside:
        shown["outside_mandate"] = list(record.outside)
    if record.hold is not None and record.state is State.HELD:
        shown["keys"] = {"turned": len(record.hold.counted()), "missing": record.hold.missing()}
        shown["expires_at"] = iso(record.hold.expires_at)
    if record.ended_because:
        shown["because"] = record.ended_because
    return shown


def text(record: ActionRecord, *, own_tools: bool = True) -> str:
    """The action in plain words: what became of it, why, and what would do."""
    lines = [f"{record.tool} (action {record.id}) {_WORDS[record.state]}."]
    if record.state is State.HELD and record.hold is not None:
        missing = record.hold.missing()
        lines.append(f"Missing: {missing} key{'s' * (missing != 1)}. The hold ends {iso(record.hold.expires_at)}.")
    if record.ended_because:
        lines.append(f"Because: {record.ended_because}")
    lines += [f"Outside the mandate: {why}." for why in record.outside]
    if record.state in (State.DENIED, State.HELD):
        lines += [f"Policy {r.policy}: {r.why}" for r in record.reasons]
    if record.state in WAITING:
        lines.append(
            "Go on with other work; look at it with keyturn_action, or take it back with keyturn_withdraw."
            if own_tools
            else "Go on with other work; the same call again answers with its result once it has run."
        )
    elif record.state is State.DENIED:
        lines += _what_would_do(record)
    return "\n".join(lines)


def _what_would_do(record: ActionRecord) -> list[str]:
    """What an agent can do about a denial, by the guardrail that it met."""
    erred = sorted({r.policy for r in record.reasons if r.erred})
    met = {r.policy for r in record.reasons}
    if erred:
        return [f"A policy erred: {', '.join(erred)}. Tell a person who keeps the policies; the call is not at fault."]
    if any(policy.startswith("guardrail-10-") for policy in met):
        return ["A stop is in force: ask again when a person has resumed."]
    if "guardrail-6-outside-mandate" in met:
        return ["The same call will be denied again. Ask a person for a mandate that covers it, or do without."]
    if "guardrail-6-quarantined" in met:
        return ["The tool's definition changed: ask a person to look at it, or do without."]
    if "guardrail-6-refused-before" in met:
        return ["A person has refused this very call: do without, or ask them."]
    return ["Ask a person, or do without."]
