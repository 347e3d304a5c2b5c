"""Who must turn and the care for those who do: sets, deputies, one person's standing, reading, health, drills."""

from typing import Annotated

import msgspec
from fastapi import Query, Response

from keyturn.core.canonical import MAX_INTEGER
from keyturn.core.quorum import QuorumRule
from keyturn.gate.care_records import Deputy, Health, TurnRuling
from keyturn.rest.requests import TheGate, ThePerson, parsed
from keyturn.rest.routes import Route, answer
from keyturn.rest.views import ActionView, action_view

Since = Annotated[int, Query(ge=0, le=MAX_INTEGER)]


class NewDeputy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who stands in, until when (milliseconds), and for whom; for whoever asks, if ``absent`` is left out."""

    deputy: str
    until: int
    absent: str = ""


class DeputiesView(msgspec.Struct, frozen=True):
    """Who stands in for whom."""

    deputies: tuple[Deputy, ...]


class QuorumView(msgspec.Struct, frozen=True):
    """The threshold sets in force: the first rule that fits an action decides."""

    rules: tuple[QuorumRule, ...]


class OpenedView(msgspec.Struct, frozen=True):
    """When this person first opened the action."""

    opened_at: int


async def list_quorum(gate: TheGate, who: ThePerson) -> Response:
    """List the threshold sets, the operator's first, the defaults last."""
    return answer(QuorumView(gate.quorum.rules()))


async def explain_turn(
    gate: TheGate, who: ThePerson, action_id: str, person: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Say whether this person (or the one named) may turn a key on a hold, by which policies, and whether it helps."""
    return answer(await gate.quorum.explain_turn(who, action_id, person))


async def open_action(gate: TheGate, who: ThePerson, action_id: str) -> Response:
    """Record that this person has a held action before them, from when the reading time counts. Takes no body."""
    return answer(OpenedView(await gate.care.opened(who, action_id)))


async def add_deputy(gate: TheGate, who: ThePerson, body: Annotated[NewDeputy, parsed(NewDeputy)]) -> Response:
    """Let somebody stand in for an absent person: with the roles, and no more."""
    return answer(await gate.quorum.deputise(who, body.deputy, body.until, body.absent), 201)


async def list_deputies(gate: TheGate, who: ThePerson) -> Response:
    """List who stands in for whom."""
    return answer(DeputiesView(tuple(await gate.quorum.deputies(who))))


async def recall_deputy(gate: TheGate, who: ThePerson, deputy_id: str) -> Response:
    """End a deputy's time now."""
    return answer(await gate.quorum.recall(who, deputy_id))


async def care_health(gate: TheGate, who: ThePerson, since: Since = 0) -> Response:
    """Give the checkpoint's numbers since a moment: waiting times, answers by person and hour, drills."""
    return answer(await gate.care.health(who, since))


async def send_drill(gate: TheGate, who: ThePerson) -> Response:
    """Send a drill now, as an owner: an action that ought to be refused, and that nothing ever runs. Takes no body."""
    return answer(action_view(await gate.care.drill(who)), 201)


ROUTES = (
    Route("GET", "/v1/quorum", list_quorum, None, {200: QuorumView}),
    Route("GET", "/v1/actions/{action_id}/turn", explain_turn, None, {200: TurnRuling}),
    Route("POST", "/v1/actions/{action_id}/opening", open_action, None, {200: OpenedView}),
    Route("POST", "/v1/deputies", add_deputy, NewDeputy, {201: Deputy}),
    Route("GET", "/v1/deputies", list_deputies, None, {200: DeputiesView}),
    Route("DELETE", "/v1/deputies/{deputy_id}", recall_deputy, None, {200: Deputy}),
    Route("GET", "/v1/care/health", care_health, None, {200: Health}),
    Route("POST", "/v1/care/drills", send_drill, None, {201: ActionView}),
)
