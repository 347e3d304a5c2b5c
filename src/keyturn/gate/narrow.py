"""Narrowing: a person changes a held action to a smaller one, which is decided anew and signed as what it now is.

The agent stays the one who proposes, the person is named beside it in the signed content, and counts as involved from
then on: whoever wrote an action is not the independent person who looks at it (guardrail 9). An edit can't switch the
tool or skip its policy (langchain#40166): the new action goes the whole way in.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from keyturn.core.action import Action, ModelOutput, Narrowing, ToolRef, digest_of
from keyturn.core.canonical import canonical_json
from keyturn.core.execution import State, Step
from keyturn.core.facts import Oversight
from keyturn.core.policy import Reason, Verdict
from keyturn.core.profile import TargetRule, at_path, named_targets, no_graver
from keyturn.errors import Conflict, Forbidden, InvalidArguments
from keyturn.gate.answers import answered
from keyturn.gate.context import Context, new_id
from keyturn.gate.execute import end
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord, How, Person
from keyturn.gate.review import need, need_deed, words
from keyturn.gate.situation import profile_for, read_facts
from keyturn.gate.submit import Draft, action_of, check, fingerprint_of, row_of, write_proposal

NARROWED = Reason("narrowed", "a person changed what the agent proposed, so people sign what it now is", "forbid")


class _Narrowed(msgspec.Struct, frozen=True):
    tool: ToolRef
    arguments: dict[str, Any]
    mandate: str | None
    model_output: ModelOutput


def draft_of(ctx: Context, tx: Tx, action_id: str, arguments: dict[str, Any]) -> Draft:
    """The smaller call, checked as a proposal is. Raises ``NotFound``, :class:`Forbidden`, ``InvalidArguments``."""
    record = need(tx, action_id)
    said = action_of(tx, record).model_output
    return check(ctx, _Narrowed(record.tool, arguments, record.mandate, said))


def narrow(
    ctx: Context, who: Person, action_id: str, draft: Draft, how: How
) -> Callable[[Tx], tuple[ActionRecord, ActionRecord]]:
    """One transaction: the original ends ``withdrawn``, the smaller action is held. Both rows, in that order.

    A drill ends there, and becomes nothing: twice its row.
    """

    def work(tx: Tx) -> tuple[ActionRecord, ActionRecord]:
        record = need(tx, action_id)
        person, _ = need_deed(ctx, tx, who, record, how, "narrow an action")
        if record.state is not State.HELD:
            raise Conflict(f"{record.id} is {record.state.value}, not held", hint="look at it again")
        original = action_of(tx, record)
        now = tx.now(ctx.clock.now())
        action = _smaller(ctx, original, draft, person, new_id("a", now), now)
        fingerprint = fingerprint_of(action.tool, action.case, draft.arguments)
        twin = tx.held_twin(action.agent, fingerprint) or tx.unconfirmed_twin(action.agent, fingerprint)
        if twin is not None:
            raise Conflict(f"the very same call waits already, as {twin.id}", hint="look at that one")
        if record.drill:
            answered(tx, record, person.id, "turned", now)
            drilled = end(ctx, tx, record, Step.DRILLED, now, person.id, "", "withdrawn")
            return drilled, drilled
        why = f"narrowed by {person.id} to {action.id}"
        ended = end(ctx, tx, record, Step.WITHDRAW, now, person.id, why, "withdrawn")
        facts, _ = read_facts(ctx, tx, action, draft.definition, fingerprint)
        verdict = ctx.policy.decide(facts)
        if verdict.oversight is None:
            raise Forbidden(
                f"what it would become is denied: {'; '.join((*facts.outside, words(verdict.reasons)))}",
                hint="the original still waits",
            )
        if verdict.oversight < Oversight.ONE_KEY:
            verdict = Verdict(Oversight.ONE_KEY, (*verdict.reasons, NARROWED), verdict.policy)
        content = action.content()
        narrowed = row_of(ctx, action, digest_of(content), facts, verdict, fingerprint)
        write_proposal(ctx, tx, narrowed, action, content, facts, verdict)
        return ended, narrowed

    return work


def _smaller(ctx: Context, original: Action, draft: Draft, person: Person, new: str, now: int) -> Action:
    """The action that the draft makes of the original; :class:`InvalidArguments` unless it surely is a smaller one."""
    if draft.definition is None:
        raise Conflict(f"no server lists {original.tool} now", hint="wait until it is there, or refuse the action")
    arguments = draft.proposal.arguments
    before = profile_for(ctx, draft.definition, original.arguments)
    targets = named_targets(draft.profile, arguments)
    more = sorted(set(targets) - set(original.targets))
    if draft.arguments == canonical_json(original.arguments):
        raise InvalidArguments("these are the same arguments", hint="leave targets out, or refuse the action")
    if more:
        raise InvalidArguments(
            f"the original does not name the target {more[0].kind}:{more[0].id[:80]}", hint="only leave targets out"
        )
    if original.targets and not targets:
        raise InvalidArguments("no target would be left, which may mean all of them", hint="keep at least one")
    if not no_graver(draft.profile, before):
        raise InvalidArguments("it would do something graver than the original", hint="refuse it instead")
    _only_fewer_targets(tuple(rule for rule in before.targets if rule in draft.profile.targets), original, arguments)
    by = original.narrowed.by if original.narrowed is not None else ()
    return msgspec.structs.replace(
        original,
        id=new,
        definition=draft.definition.fingerprint,
        arguments=arguments,
        targets=targets,
        proposed_at=now,
        nonce=secrets.token_hex(16),
        narrowed=Narrowing(original.id, tuple(dict.fromkeys((*by, person.id)))),
    )


def _only_fewer_targets(rules: tuple[TargetRule, ...], original: Action, arguments: dict[str, Any]) -> None:
    """Items may be left out of lists that name targets; all else stays, for what a smaller number or a missing filter
    would do, nobody can tell from here."""
    before, after = original.arguments, arguments
    for path in (rule.argument for rule in rules):
        try:
            old, new = at_path(before, path), at_path(after, path)
        except LookupError:
            continue
        if isinstance(old, list) and isinstance(new, list) and new and _counted(new) <= _counted(old):
            before, after = _without(before, path.split(".")), _without(after, path.split("."))
    if canonical_json(before) != canonical_json(after):
        raise InvalidArguments(
            "more than its targets would change", hint="only leave items out of a list of targets; else refuse it"
        )


def _counted(items: list[Any]) -> Counter[bytes]:
    return Counter(map(canonical_json, items))


def _without(value: Any, path: list[str]) -> Any:
    """The value with nothing at the path, which leads somewhere."""
    if not path:
        return None
    if isinstance(value, dict):
        return {**value, path[0]: _without(value[path[0]], path[1:])}
    at = int(path[0])
    return [*value[:at], _without(value[at], path[1:]), *value[at + 1 :]]
