"""Who may do what: people, agents, mandates, and the stop."""

from typing import Annotated

from fastapi import Response

from keyturn.core.mandate import Mandate
from keyturn.gate import MandateDraft
from keyturn.gate.records import Stop
from keyturn.rest.requests import (
    Anyone,
    Because,
    Marks,
    NewAgent,
    NewInvitation,
    NewPerson,
    NewStop,
    NewToken,
    PersonOrNobodyYet,
    Reason,
    TheAgent,
    TheGate,
    ThePerson,
    parsed,
)
from keyturn.rest.routes import Route, answer
from keyturn.rest.views import (
    AgentsView,
    AgentView,
    InvitedView,
    IssuedView,
    MandatesView,
    PeopleView,
    PersonView,
    StopsView,
    agent_view,
    person_view,
)

Draft = Annotated[MandateDraft, parsed(MandateDraft)]


async def issue_mandate(gate: TheGate, who: ThePerson, body: Draft) -> Response:
    """Issue a mandate: one agent, one case, named tools and targets, budgets, an end."""
    return answer(await gate.grant(who, body), 201)


async def list_mandates(gate: TheGate, who: Anyone) -> Response:
    """List the mandates; an agent sees its own."""
    return answer(MandatesView(tuple(await gate.mandates(who))))


async def revoke_mandate(gate: TheGate, who: ThePerson, mandate_id: str, reason: Reason) -> Response:
    """End a mandate now, and those narrowed from it."""
    return answer(await gate.revoke_mandate(who, mandate_id, reason))


async def delegate_mandate(gate: TheGate, who: TheAgent, mandate_id: str, body: Draft) -> Response:
    """Hand a part of an agent's own mandate to another agent: never more than it has."""
    return answer(await gate.narrow(who, mandate_id, body), 201)


async def press_stop(gate: TheGate, who: ThePerson, body: Annotated[NewStop, parsed(NewStop)]) -> Response:
    """Stop everything, an agent, a tool or a mandate; effective on the next call."""
    return answer(await gate.stop(who, body.scope, body.subject, body.reason), 201)


async def list_stops(gate: TheGate, who: Anyone) -> Response:
    """List the stops in force."""
    return answer(StopsView(tuple(await gate.stops(who))))


async def resume(gate: TheGate, who: ThePerson, stop_id: str, body: Annotated[Because, parsed(Because)]) -> Response:
    """Lift a stop."""
    return answer(await gate.resume(who, stop_id, body.reason))


async def add_agent(gate: TheGate, who: ThePerson, body: Annotated[NewAgent, parsed(NewAgent)]) -> Response:
    """Add an agent; its token is shown this once."""
    made = await gate.add_agent(who, body.name, body.owner, body.purpose, body.token_days)
    return answer(IssuedView(made.id, made.token), 201)


async def list_agents(gate: TheGate, who: ThePerson) -> Response:
    """List the agents, revoked ones included."""
    return answer(AgentsView(tuple(map(agent_view, await gate.agents(who)))))


async def renew_token(
    gate: TheGate, who: ThePerson, agent_id: str, body: Annotated[NewToken, parsed(NewToken)]
) -> Response:
    """Give an agent a new token; the old one is void at once."""
    made = await gate.renew_token(who, agent_id, body.token_days)
    return answer(IssuedView(made.id, made.token), 201)


async def mark_agent(gate: TheGate, who: ThePerson, agent_id: str, body: Annotated[Marks, parsed(Marks)]) -> Response:
    """Say that an agent's credential is shared or exposed: it then changes nothing any more."""
    return answer(agent_view(await gate.mark_agent(who, agent_id, shared=body.shared, exposed=body.exposed)))


async def revoke_agent(gate: TheGate, who: ThePerson, agent_id: str, reason: Reason) -> Response:
    """Revoke an agent: nothing of it runs any more."""
    return answer(agent_view(await gate.revoke_agent(who, agent_id, reason)))


async def add_person(gate: TheGate, who: PersonOrNobodyYet, body: Annotated[NewPerson, parsed(NewPerson)]) -> Response:
    """Add a person; their token is shown this once."""
    made = await gate.add_person(who, body.name, body.roles, body.aliases)
    return answer(IssuedView(made.id, made.token), 201)


async def invite_person(
    gate: TheGate, who: ThePerson, body: Annotated[NewInvitation, parsed(NewInvitation)]
) -> Response:
    """Give a person a link to enrol a passkey on the page; it is shown this once."""
    made = await gate.access.invite(who, body.name, body.roles)
    return answer(InvitedView(made.person, made.link, made.expires_at), 201)


async def list_people(gate: TheGate, who: ThePerson) -> Response:
    """List the people, revoked ones included."""
    return answer(PeopleView(tuple(map(person_view, await gate.people(who)))))


async def revoke_person(gate: TheGate, who: ThePerson, person_id: str, reason: Reason) -> Response:
    """Revoke a person: their keys on open holds count no more."""
    return answer(person_view(await gate.revoke_person(who, person_id, reason)))


ROUTES = (
    Route("POST", "/v1/mandates", issue_mandate, MandateDraft, {201: Mandate}),
    Route("GET", "/v1/mandates", list_mandates, None, {200: MandatesView}),
    Route("DELETE", "/v1/mandates/{mandate_id}", revoke_mandate, None, {200: Mandate}),
    Route("POST", "/v1/mandates/{mandate_id}/delegations", delegate_mandate, MandateDraft, {201: Mandate}),
    Route("POST", "/v1/stops", press_stop, NewStop, {201: Stop}),
    Route("GET", "/v1/stops", list_stops, None, {200: StopsView}),
    Route("POST", "/v1/stops/{stop_id}/resumption", resume, Because, {200: Stop}),
    Route("POST", "/v1/agents", add_agent, NewAgent, {201: IssuedView}),
    Route("GET", "/v1/agents", list_agents, None, {200: AgentsView}),
    Route("POST", "/v1/agents/{agent_id}/token", renew_token, NewToken, {201: IssuedView}),
    Route("POST", "/v1/agents/{agent_id}/marks", mark_agent, Marks, {200: AgentView}),
    Route("DELETE", "/v1/agents/{agent_id}", revoke_agent, None, {200: AgentView}),
    Route("POST", "/v1/people", add_person, NewPerson, {201: IssuedView}),
    Route("POST", "/v1/invitations", invite_person, NewInvitation, {201: InvitedView}),
    Route("GET", "/v1/people", list_people, None, {200: PeopleView}),
    Route("DELETE", "/v1/people/{person_id}", revoke_person, None, {200: PersonView}),
)
