"""The way in: propose, decide once, and either run, hold or deny (design, section 2).

The steps, repeated below: (1) the tool's definition and the arguments against its schema; (2) the profile's targets;
(3) in one transaction: the mandate, the facts, the verdict, the entries, the row. Nothing has run until that
transaction is durable.
"""

import secrets
from typing import Any, Protocol

import jsonschema_rs
import msgspec

from keyturn.core.action import MAX_ARGUMENTS, Action, ModelOutput, Target, ToolRef, digest_of
from keyturn.core.canonical import canonical_json, sha256_hex
from keyturn.core.execution import State
from keyturn.core.facts import Facts, Oversight
from keyturn.core.hidden import says_something
from keyturn.core.hold import Hold
from keyturn.core.mandate import Mandate
from keyturn.core.policy import Verdict
from keyturn.core.profile import Basis, Profile, Stage, named_targets
from keyturn.core.quorum import escalations, sets_for
from keyturn.errors import Forbidden, InvalidArguments, InvalidInput
from keyturn.gate.context import Context, new_id
from keyturn.gate.notices import moved
from keyturn.gate.ports import Definition, Tx
from keyturn.gate.records import FIRST_USE, ActionRecord, Agent, ToolPin
from keyturn.gate.situation import agents_of, facts_json, lineage, profile_for, read_facts

MAX_PINNED = 65_536
NAME_ONE = 'name one: _meta["keyturn/mandate"] or the header Keyturn-Mandate over MCP, the field mandate over REST'


class Proposal(Protocol):
    """One call that an agent proposes. ``mandate`` ``None``: the agent's only live one."""

    @property
    def tool(self) -> ToolRef: ...  # noqa: D102 - a field
    @property
    def arguments(self) -> dict[str, Any]: ...  # noqa: D102 - a field
    @property
    def mandate(self) -> str | None: ...  # noqa: D102 - a field
    @property
    def model_output(self) -> ModelOutput: ...  # noqa: D102 - a field


class Draft(msgspec.Struct, frozen=True):
    """A checked proposal: what the transaction needs. ``arguments`` are the canonical bytes."""

    proposal: Any
    definition: Definition | None
    arguments: bytes
    profile: Profile


def check(ctx: Context, proposal: Proposal) -> Draft:
    """Steps 1 and 2, before anything is written. Raises :class:`InvalidArguments` or ``InvalidInput``."""
    definition = ctx.tools.definition(proposal.tool)
    arguments = canonical_json(proposal.arguments)
    if len(arguments) > MAX_ARGUMENTS:
        raise InvalidArguments(
            f"the arguments of {proposal.tool} have {len(arguments)} bytes", hint=f"at most {MAX_ARGUMENTS}"
        )
    if definition is not None:
        _fit(definition, proposal.arguments)
    profile = profile_for(ctx, definition, proposal.arguments)
    changes = definition is not None and profile.stage is Stage.RESPOND
    if changes and not says_something(proposal.model_output.rationale):
        what = f"{proposal.tool} changes something"
        if profile.basis is Basis.UNKNOWN:
            what = f"nobody has profiled {proposal.tool}, so it counts as a change"
        raise InvalidArguments(f"{what}, and the call says not why", hint="give a rationale with the call")
    return Draft(proposal, definition, arguments, profile)


def admit(ctx: Context, tx: Tx, agent: Agent, draft: Draft) -> tuple[ActionRecord, Action | None, Profile]:
    """Step 3. The row as it now stands: denied, held, or executing (then the caller must run it).

    Without an action it is the row of the same call, made before: held still, or under ``confirm`` and not over yet
    (the reversal of one would undo the other, which somebody kept).
    """
    now = tx.now(ctx.clock.now())
    proposal: Proposal = draft.proposal
    mandate, case = choose_mandate(tx, agent.id, proposal.mandate, now)
    fingerprint = fingerprint_of(proposal.tool, case, draft.arguments)
    _pin(tx, draft.definition, now)
    action = drafted(draft, agent.id, mandate, case, now, id=new_id("a", now), nonce=secrets.token_hex(16))
    facts, profile = read_facts(ctx, tx, action, draft.definition, fingerprint)
    verdict = ctx.policy.decide(facts)
    if verdict.oversight is not Oversight.FREE:
        twin = tx.held_twin(agent.id, fingerprint)
        if twin is not None and twin.mandate == mandate:
            return twin, None, profile
        if verdict.oversight is not None and (twin := tx.unconfirmed_twin(agent.id, fingerprint)) is not None:
            return twin, None, profile
    return enter(ctx, tx, action, facts, verdict, fingerprint), action, profile


def drafted(draft: Draft, agent: str, mandate: str, case: str, now: int, *, id: str = "", nonce: str = "") -> Action:
    """The action of a checked proposal; without an id it is only supposed."""
    proposal: Proposal = draft.proposal
    return Action(
        id=id,
        agent=agent,
        mandate=mandate,
        case=case,
        tool=proposal.tool,
        definition=draft.definition.fingerprint if draft.definition else "",
        arguments=proposal.arguments,
        targets=named_targets(draft.profile, proposal.arguments),
        model_output=proposal.model_output,
        proposed_at=now,
        nonce=nonce,
    )


def enter(
    ctx: Context, tx: Tx, action: Action, facts: Facts, verdict: Verdict, fingerprint: str, *, drill: str = ""
) -> ActionRecord:
    """Write an action with its verdict: denied, held, or executing. ``drill``: the mark of a test action."""
    content = action.content()
    record = row_of(ctx, action, digest_of(content), facts, verdict, fingerprint, drill=drill)
    write_proposal(ctx, tx, record, action, content, facts, verdict)
    return record


def fingerprint_of(tool: ToolRef, case: str, arguments: bytes) -> str:
    """The same for the same tool, case and canonical arguments."""
    return sha256_hex(f"{tool}\n{case}\n".encode() + arguments)


def choose_mandate(tx: Tx, agent: str, named: str | None, now: int) -> tuple[str, str]:
    """The mandate's id and its case; ``("", "")`` if there is none. Several without a name is the caller's error."""
    if named is not None:
        mandate = tx.mandate(named)
        return (mandate.id, mandate.case) if mandate and mandate.agent == agent else (named[:100], "")
    live = tx.mandates(agent=agent, live_at=now)
    if len(live) > 1:
        left = len(live) - 5
        names = ", ".join(f"{m.id} ({m.case[:80]})" for m in live[:5]) + (f" … and {left} more" if left > 0 else "")
        raise InvalidInput(f"the agent has {len(live)} live mandates: {names}", hint=NAME_ONE)
    return (live[0].id, live[0].case) if live else ("", "")


def action_of(tx: Tx, record: ActionRecord) -> Action:
    """The action of a row, from the bytes that its digest covers; :class:`Forbidden` if they are not those."""
    content = tx.payload(record.id, "action")
    if content is None or digest_of(content) != record.digest:
        raise Forbidden(f"the content of {record.id} is erased or altered", hint="the agent must propose it again")
    return Action.from_content(content)


def begin_execution(tx: Tx, record: ActionRecord, facts: Facts, now: int, keys: list[Any]) -> None:
    """What every release writes, in the release's own transaction: the entry, and what the mandate has spent."""
    if record.drill:
        raise Forbidden(f"{record.id} is a drill, and a drill never runs")
    charge(tx, record.agent, tx.mandate(record.mandate), record.case, record.tool, facts.stage, record.targets)
    body = {"digest": record.digest, "policy": record.policy, "oversight": record.oversight_word, "keys": keys}
    tx.record("released", now, body, action=record.id, case=record.case)


def charge(
    tx: Tx,
    agent: str,
    mandate: Mandate | None,
    case: str,
    tool: ToolRef,
    stage: Stage,
    targets: tuple[Target, ...] = (),
) -> None:
    """What one call costs: its mandate's budgets, and the chain, of it and of all that it was narrowed from."""
    responds = stage is Stage.RESPOND
    grants = lineage(tx, mandate) if mandate else []
    for granted in grants:
        tx.spend(granted.id, actions=1, responds=int(responds), targets=targets if responds else ())
    for who in agents_of(agent, grants):
        tx.note_chain(who, case, tool, analysed=stage is Stage.ANALYSE)


def row_of(
    ctx: Context, action: Action, digest: str, facts: Facts, verdict: Verdict, fingerprint: str, *, drill: str = ""
) -> ActionRecord:
    """The row of a proposed action under its verdict: denied, held with an open hold, or executing."""
    now = facts.now
    state, due, hold = State.EXECUTING, now + ctx.settings.execution_s * 1000, None
    if verdict.oversight is None:
        state, due = State.DENIED, 0
    elif verdict.oversight >= Oversight.ONE_KEY:
        state, due = State.HELD, now + ctx.settings.hold_s * 1000
        escalates = escalations(sets_for(ctx.quorum, verdict.oversight, facts), now)
        hold = Hold(
            action=action.id,
            digest=digest,
            policy=verdict.policy,
            definition=action.definition,
            oversight=verdict.oversight,
            opened_at=now,
            expires_at=due,
            touches=facts.touches,
            escalates_at=next(iter(escalates), 0),
            drill=drill,
        )
    return ActionRecord(
        id=action.id,
        digest=digest,
        fingerprint=fingerprint,
        agent=action.agent,
        mandate=action.mandate,
        case=action.case,
        tool=action.tool,
        targets=action.targets,
        definition=action.definition,
        stage=facts.stage,
        reversible=facts.reversible,
        oversight=verdict.oversight,
        policy=verdict.policy,
        reasons=verdict.reasons,
        outside=facts.outside,
        state=state,
        proposed_at=now,
        changed_at=now,
        due_at=due,
        hold=hold,
        runner=ctx.runner if state is State.EXECUTING else "",
    )


def write_proposal(
    ctx: Context, tx: Tx, record: ActionRecord, action: Action, content: bytes, facts: Facts, verdict: Verdict
) -> None:
    """The entries of a proposal and of its verdict, that of its release if it runs at once, and the row."""
    who: dict[str, Any] = {
        "agent": record.agent,
        "mandate": record.mandate,
        "tool": str(record.tool),
        "digest": record.digest,
    }
    if action.narrowed is not None:
        who["narrowed"] = {"of": action.narrowed.of, "by": list(action.narrowed.by)}
    tx.record("proposed", facts.now, who, {"action": content}, action=record.id, case=record.case)
    entry = tx.record(
        "decided", facts.now, verdict_body(verdict), {"facts": facts_json(facts)}, action=record.id, case=record.case
    )
    if record.state is State.EXECUTING:
        begin_execution(tx, record, facts, facts.now, [])
    tx.put_action(record)
    moved(ctx, tx, record, entry)


def verdict_body(verdict: Verdict) -> dict[str, Any]:
    """A verdict as entries carry it: the word, the policy set's hash, the ids and reasons that determined it."""
    reasons = [{"policy": r.policy, "why": r.why, "effect": r.effect} for r in verdict.reasons]
    return {"verdict": verdict.word, "policy": verdict.policy, "reasons": reasons}


def _pin(tx: Tx, definition: Definition | None, now: int) -> None:
    if definition is not None and tx.pin(definition.tool) is None:
        tx.put_pin(pin_of(definition, now, FIRST_USE))
        tx.record("tool_pinned", now, {"tool": str(definition.tool), "definition": definition.fingerprint})


def pin_of(definition: Definition, now: int, by: str) -> ToolPin:
    """The pin on a definition as it is now."""
    text = canonical_json(definition.raw).decode()
    return ToolPin(
        tool=definition.tool,
        fingerprint=definition.fingerprint,
        pinned_at=now,
        pinned_by=by,
        definition=text if len(text) <= MAX_PINNED else "",
        launch=definition.launch,
    )


def _never_fetch(uri: str) -> Any:
    raise ValueError(f"a schema may not refer to {uri[:80]}")


_validators: dict[str, Any] = {}


def _fit(definition: Definition, arguments: dict[str, Any]) -> None:
    """The arguments against the tool's own schema. A schema that can't be used refuses every call."""
    validator = _validators.get(definition.fingerprint)
    if validator is None:
        try:
            validator = jsonschema_rs.validator_for(definition.input_schema, retriever=_never_fetch)
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as e:
            raise InvalidArguments(f"the schema of {definition.tool} can't be used: {str(e)[:200]}") from None
        if len(_validators) > 4096:
            _validators.clear()
        _validators[definition.fingerprint] = validator
    if validator.is_valid(arguments):
        return
    error = next(validator.iter_errors(arguments))
    where = "/".join(str(part) for part in error.instance_path) or "the arguments"
    raise InvalidArguments(
        f"{definition.tool}: {where[:200]}: {error.message[:300]}", hint="send what the tool's schema asks for"
    )
