"""Stop, within reach on every page: what, why, and who resumes (guardrail 10)."""

from starlette.responses import Response

from keyturn.console.asking import REFUSALS, Question, can, done
from keyturn.console.asking import ask as ask_first
from keyturn.console.errors import status_of
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.errors import InvalidInput, KeyturnError, NotFound
from keyturn.gate.records import Scope, Stop

MOST_NAMED = 500


async def stop(visit: Visit) -> Response:
    """The page: what is stopped now, and what can be. Asked to resume one, it asks for the reason."""
    if wanted := visit.asked("resume"):
        return await ask_first(visit, _resuming(await _in_force(visit, wanted)))
    return await _page(visit, {"scope": visit.asked("scope"), "subject": visit.asked("subject")}, None)


async def press(visit: Visit) -> Response:
    """Stop it; effective on the next call."""
    form = visit.form
    try:
        scope = _scope(form.get("scope", ""))
        subject = "" if scope is Scope.EVERYTHING else form.get("subject", "").strip()
        await visit.gate.stop(visit.person, scope, subject, form.get("reason", ""))
    except REFUSALS as problem:
        return await _page(visit, dict(form), problem)
    return visit.go("/console/stop", "stopped")


async def resume(visit: Visit) -> Response:
    """Lift a stop."""
    standing = await _in_force(visit, visit.form.get("stop", ""))
    work = visit.gate.resume(visit.person, standing.id, visit.form.get("reason", ""))
    return await done(visit, work, _resuming(standing), "/console/stop", "resumed")


async def _page(visit: Visit, form: dict[str, str], problem: KeyturnError | None) -> Response:
    agents = [agent.id for agent in await visit.gate.agents(visit.person) if agent.revoked_at is None]
    grants = await visit.gate.registry.mandates(visit.person, live=True, limit=MOST_NAMED)
    upstreams = await visit.gate.registry.upstreams(visit.person)
    tools = [str(tool.tool) for upstream in upstreams for tool in upstream.tools or ()]
    return await visit.page(
        "stop.html",
        status_of(problem),
        form=form,
        problem=problem,
        can=can(visit.person),
        named=((*agents[:MOST_NAMED], *(row.mandate.id for row in grants.rows), *tools[:MOST_NAMED])),
        stops=await visit.gate.stops(visit.person),
    )


def _scope(word: str) -> Scope:
    try:
        return Scope(word)
    except ValueError:
        raise InvalidInput("what is to be stopped?", hint="choose everything, or one of the others") from None


async def _in_force(visit: Visit, stop_id: str) -> Stop:
    for standing in await visit.gate.stops(visit.person):
        if standing.id == stop_id:
            return standing
    raise NotFound(f"no stop {stop_id[:40]!r} is in force", hint="somebody may have lifted it; look at the list")


def _resuming(standing: Stop) -> Question:
    what = standing.subject or "everything"
    return Question(
        title="Resume",
        subject=what if not standing.subject else f"{standing.scope.value} {what}",
        effects=(
            "What the stop covers may run again, from the next call on.",
            "What waited, waits on for its keys; what expired meanwhile stays expired.",
        ),
        button="Resume",
        action="/console/resume",
        back="/console/stop",
        kept={"stop": standing.id},
        grave=False,
    )


ROUTES = (Page("/stop", stop), Deed("/stop", press), Deed("/resume", resume))
