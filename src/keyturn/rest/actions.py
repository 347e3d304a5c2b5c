"""Actions and holds: the agents' verbs, and people's."""

from typing import Annotated

import msgspec
from fastapi import Query, Response

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.execution import State
from keyturn.errors import Forbidden, NotFound
from keyturn.gate import Gate
from keyturn.gate.records import ActionRecord, Person
from keyturn.rest.requests import (
    Anyone,
    Because,
    Limit,
    Propose,
    Review,
    Settle,
    Suppose,
    TheAgent,
    TheGate,
    ThePerson,
    Turn,
    parsed,
)
from keyturn.rest.routes import Route, answer
from keyturn.rest.views import (
    ActionsView,
    ActionView,
    ExplanationView,
    HoldsView,
    SuppositionView,
    action_view,
    explanation_view,
    story_view,
    supposition_view,
)

UNDER_WAY = frozenset({State.HELD, State.READY, State.EXECUTING, State.REVERTING})


class _Proposal(msgspec.Struct, frozen=True):
    tool: ToolRef
    arguments: dict[str, object]
    mandate: str | None
    model_output: ModelOutput


def _now(record: ActionRecord, result: bytes | None = None) -> Response:
    """200 for an action that has come to rest, 202 for one that is under way."""
    return answer(action_view(record, result), 202 if record.state in UNDER_WAY else 200)


async def propose(gate: TheGate, who: TheAgent, body: Annotated[Propose, parsed(Propose)]) -> Response:
    """Propose a tool call.

    200: it ran (`result` is the tool's), or the policy denied it (`state` is denied, with reasons): a denial is a
    decision, not an error. 202: it waits for keys; wait for it with GET /v1/actions/{id}/wait. The same call proposed
    again while it is held, or while it ran and is not yet confirmed, is the same action.
    """
    said = ModelOutput(body.rationale, body.evidence, body.confidence)
    proposal = _Proposal(ToolRef.parse(body.tool), body.arguments, body.mandate, said)
    proposed = await gate.propose(who, proposal)
    return _now(proposed.record, proposed.answer.result if proposed.answer else None)


async def look(gate: TheGate, who: Anyone, action_id: str) -> Response:
    """Look at one action, with its arguments and what its keys still lack.

    An agent sees its own only. For a person the unique beginning of an id is enough.
    """
    if isinstance(who, Person):
        action_id = await _whole_id(gate, who, action_id)
    result = await gate.result(who, action_id)
    try:
        return answer(story_view(await gate.story(who, action_id), result))
    except Forbidden:  # the content is erased: the row is what is left
        return answer(action_view(await gate.look(who, action_id), result))


async def _whole_id(gate: Gate, who: Person, start: str) -> str:
    try:
        return (await gate.look(who, start)).id
    except NotFound:
        return (await gate.find(who, start)).id


async def wait(
    gate: TheGate, who: Anyone, action_id: str, timeout_s: Annotated[float, Query(ge=0, le=60)] = 25.0
) -> Response:
    """Wait until the action is neither held nor running, or the time is over (then 202)."""
    record = await gate.wait(who, action_id, timeout_s)
    return _now(record, await gate.result(who, action_id))


async def content(gate: TheGate, who: Anyone, action_id: str) -> Response:
    """The canonical bytes that the digest covers, exactly: SHA-256 over them is the digest that a key signs."""
    story = await gate.story(who, action_id)
    return Response(story.content, 200, {"Cache-Control": "no-store"}, media_type="application/json")


async def explanation(gate: TheGate, who: Anyone, action_id: str) -> Response:
    """Why this verdict, on the facts of now, and which single facts would change it."""
    return answer(explanation_view(await gate.explain(who, action_id)))


async def suppose(gate: TheGate, who: Anyone, body: Annotated[Suppose, parsed(Suppose)]) -> Response:
    """Ask what would happen if a tool were called so. Nothing is written, and nothing runs.

    Whether the agent gives a rationale is not asked here; a change needs one when it is proposed.
    """
    call = _Proposal(ToolRef.parse(body.tool), body.arguments, body.mandate, ModelOutput("what would happen if"))
    return answer(supposition_view(await gate.suppose(who, call, body.agent)))


async def turn_key(gate: TheGate, who: ThePerson, action_id: str, body: Annotated[Turn, parsed(Turn)]) -> Response:
    """Turn a key: one person's yes to the digest that they saw."""
    return _now(await gate.turn(who, action_id, body.digest))


async def reject(gate: TheGate, who: ThePerson, action_id: str, body: Annotated[Because, parsed(Because)]) -> Response:
    """Refuse a held action; one refusal ends it."""
    return _now(await gate.reject(who, action_id, body.reason))


async def withdraw(gate: TheGate, who: Anyone, action_id: str, body: Annotated[Because, parsed(Because)]) -> Response:
    """Take a hold back before it runs: the agent that proposed it, or a person."""
    return _now(await gate.withdraw(who, action_id, body.reason))


async def confirm(gate: TheGate, who: ThePerson, action_id: str) -> Response:
    """Keep what ran and would be taken back by itself. Takes no body."""
    return _now(await gate.confirm(who, action_id))


async def revert(gate: TheGate, who: ThePerson, action_id: str, body: Annotated[Because, parsed(Because)]) -> Response:
    """Take an action back by its profile's inverse."""
    return _now(await gate.revert(who, action_id, body.reason))


async def settle(gate: TheGate, who: ThePerson, action_id: str, body: Annotated[Settle, parsed(Settle)]) -> Response:
    """Say what became of an action whose outcome is unknown."""
    return _now(await gate.settle(who, action_id, body.outcome, body.reason))


async def review(gate: TheGate, who: ThePerson, action_id: str, body: Annotated[Review, parsed(Review)]) -> Response:
    """Look afterwards at what one person released alone."""
    return _now(await gate.reviewed(who, action_id, body.note))


async def holds(
    gate: TheGate, who: ThePerson, after: Annotated[str, Query(max_length=100)] = "", limit: Limit = 50
) -> Response:
    """List what waits for keys, the next to expire first."""
    found = await gate.holds(who, after=after, limit=limit)
    return answer(HoldsView(tuple(map(action_view, found)), found[-1].id if len(found) == limit else None))


async def unknowns(gate: TheGate, who: ThePerson) -> Response:
    """List the actions that left and whose outcome nobody knows: settle them."""
    found = await gate.in_state(who, (State.UNKNOWN,))
    return answer(ActionsView(tuple(map(action_view, found))))


async def unconfirmed(gate: TheGate, who: ThePerson) -> Response:
    """List what ran and is taken back by itself unless a person confirms it in time."""
    found = await gate.in_state(who, (State.CONFIRMING,))
    return answer(ActionsView(tuple(map(action_view, found))))


async def reviews(gate: TheGate, who: ThePerson) -> Response:
    """List what one person released alone and nobody has looked at since: look, then POST its review."""
    return answer(ActionsView(tuple(map(action_view, await gate.reviews(who)))))


_ONE = "/v1/actions/{action_id}"
_EITHER = {200: ActionView, 202: ActionView}

ROUTES = (
    Route("POST", "/v1/actions", propose, Propose, _EITHER),
    Route("GET", _ONE, look, None, {200: ActionView}),
    Route("GET", f"{_ONE}/wait", wait, None, _EITHER),
    Route("GET", f"{_ONE}/content", content, None, {200: "application/json"}),
    Route("GET", f"{_ONE}/explanation", explanation, None, {200: ExplanationView}),
    Route("POST", "/v1/explanations", suppose, Suppose, {200: SuppositionView}),
    Route("POST", f"{_ONE}/keys", turn_key, Turn, _EITHER),
    Route("POST", f"{_ONE}/rejection", reject, Because, _EITHER),
    Route("POST", f"{_ONE}/withdrawal", withdraw, Because, _EITHER),
    Route("POST", f"{_ONE}/confirmation", confirm, None, _EITHER),
    Route("POST", f"{_ONE}/reversal", revert, Because, _EITHER),
    Route("POST", f"{_ONE}/settlement", settle, Settle, _EITHER),
    Route("POST", f"{_ONE}/review", review, Review, _EITHER),
    Route("GET", "/v1/holds", holds, None, {200: HoldsView}),
    Route("GET", "/v1/unknowns", unknowns, None, {200: ActionsView}),
    Route("GET", "/v1/unconfirmed", unconfirmed, None, {200: ActionsView}),
    Route("GET", "/v1/reviews", reviews, None, {200: ActionsView}),
)
