"""Agents: who they are, whose, what for, how their credential stands; added, renewed, marked and revoked by people."""

from urllib.parse import quote

from starlette.responses import Response

from keyturn.console.asking import REFUSALS, Deeds, Question, ask, can, chosen, done
from keyturn.console.errors import status_of
from keyturn.console.listing import listed, number_of
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.errors import KeyturnError, NotFound
from keyturn.gate.records import Agent, Scope

DAYS = 30


async def agents(visit: Visit) -> Response:
    """The list, those that are live first; and, for leads and owners, a form for a new one."""
    return await _list(visit, None)


async def add(visit: Visit) -> Response:
    """A new agent; its token is on the page that answers, and nowhere after."""
    form = visit.form
    try:
        days = number_of(form.get("days", ""), 0, 10_000, 0)
        made = await visit.gate.add_agent(
            visit.person, form.get("name", ""), form.get("owner", ""), form.get("purpose", ""), days
        )
    except REFUSALS as problem:
        return await _list(visit, problem)
    return await visit.page("token.html", issued=made, renewed=False, back=path_of(made.id))


async def agent(visit: Visit) -> Response:
    """One agent: its purpose and owner, its token, its mandates, its stops."""
    found = await _agent(visit)
    if word := visit.asked("ask"):
        return await ask(visit, question_of(found, word))
    grants = await visit.gate.registry.mandates(visit.person, agent=found.id, limit=20)
    stops = [s for s in await visit.gate.stops(visit.person) if s.scope is Scope.AGENT and s.subject == found.id]
    return await visit.page("agent.html", agent=found, grants=grants, stops=stops, can=can(visit.person), days=DAYS)


async def act(visit: Visit) -> Response:
    """A deed on one agent, by the form's word."""
    found = await _agent(visit)
    return await chosen(visit, DEEDS, visit.form.get("do", ""))(visit, found.id)


async def _revoke(visit: Visit, agent_id: str) -> Response:
    question = question_of(await _agent(visit), "revoke")
    work = visit.gate.revoke_agent(visit.person, agent_id, visit.form.get("reason", ""))
    return await done(visit, work, question, path_of(agent_id), "revoked")


async def _renew(visit: Visit, agent_id: str) -> Response:
    days = number_of(visit.form.get("days", ""), 1, 365, DAYS)
    made = await visit.gate.renew_token(visit.person, agent_id, days)
    return await visit.page("token.html", issued=made, renewed=True, back=path_of(agent_id))


async def _mark(visit: Visit, agent_id: str) -> Response:
    shared, exposed = "shared" in visit.form, "exposed" in visit.form
    await visit.gate.mark_agent(visit.person, agent_id, shared=shared, exposed=exposed)
    return visit.go(path_of(agent_id), "saved")


DEEDS: Deeds = {"revoke": _revoke, "renew": _renew, "mark": _mark}


def question_of(agent: Agent, word: str) -> Question:
    """What is asked before a deed on an agent."""
    if word == "revoke":
        return Question(
            title="Revoke the agent",
            subject=agent.id,
            effects=(
                "Its token opens nothing, from the next call on.",
                "Nothing runs under its mandates any more, nor under what it handed on.",
                "This can't be undone: the same work later takes a new agent, under another name.",
            ),
            button="Revoke",
            action=path_of(agent.id),
            back=path_of(agent.id),
            kept={"do": "revoke"},
        )
    if word == "renew":
        return Question(
            title="Renew the token",
            subject=agent.id,
            effects=(
                "The token it has now is void at once; give the agent the new one before its next call.",
                f"The new one is shown once, and lives {DAYS} days.",
                "The mark that its credential was exposed is taken away: the exposed one is void.",
            ),
            button="Renew the token",
            action=path_of(agent.id),
            back=path_of(agent.id),
            kept={"do": "renew", "days": str(DAYS)},
            reason=False,
            grave=False,
        )
    raise NotFound(f"nothing here is called {word[:40]!r}", hint="use the page's own buttons")


def path_of(agent_id: str) -> str:
    """Where one agent's page is."""
    return f"/console/agents/{quote(agent_id, safe='')}"


async def _agent(visit: Visit) -> Agent:
    wanted = visit.request.path_params["agent"][:300]
    for found in await visit.gate.agents(visit.person):
        if found.id == wanted:
            return found
    raise NotFound(f"there is no agent {wanted[:80]!r}", hint="look at the list")


async def _list(visit: Visit, problem: KeyturnError | None) -> Response:
    every = await visit.gate.agents(visit.person)
    wanted = visit.asked("q").strip().casefold()
    found = [a for a in every if wanted in a.id or wanted in a.owner or wanted in a.purpose.casefold()]
    found.sort(key=lambda a: (a.revoked_at is not None, a.id))
    people = [p.id for p in await visit.gate.people(visit.person) if p.revoked_at is None]
    return await visit.page(
        "agents.html",
        status_of(problem),
        found=listed(visit, found),
        any=bool(every),
        people=people,
        can=can(visit.person),
        form=visit.form,
        problem=problem,
        days=DAYS,
    )


ROUTES = (
    Page("/agents", agents),
    Deed("/agents", add),
    Page("/agents/{agent:path}", agent),
    Deed("/agents/{agent:path}", act),
)
