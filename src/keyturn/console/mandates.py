"""Mandates: what an agent may do, in which case, how much of it is left; issued and revoked by leads and owners."""

from collections.abc import Mapping

from starlette.responses import Response

from keyturn.console.asking import REFUSALS, Question, ask, can, done
from keyturn.console.errors import status_of
from keyturn.console.listing import SIZE, listed, number_of, start_of
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.core.mandate import Budgets
from keyturn.errors import InvalidInput, KeyturnError
from keyturn.gate import MandateDraft

HOURS = 8
BUDGETS = (
    ("actions", "Calls", "reads and changes together"),
    ("responds", "Changes", "calls that change something"),
    ("targets", "Targets", "different things that it changes; beyond this it takes two keys"),
    ("open_holds", "Open holds", "how many of its actions may wait for keys at once"),
)


async def mandates(visit: Visit) -> Response:
    """The list, the newest first."""
    agent, live = visit.asked("agent"), visit.asked("all") != "1"
    found = await visit.gate.registry.mandates(visit.person, agent=agent, live=live, skip=start_of(visit), limit=SIZE)
    return await visit.page(
        "mandates.html",
        found=listed(visit, found.rows, found.total),
        agent=agent,
        live=live,
        can=can(visit.person),
        scope="",
    )


async def issue(visit: Visit) -> Response:
    """The form for a new one; the address may name the agent."""
    return await _form(visit, {"agent": visit.asked("agent"), "case": visit.asked("case")}, None)


async def issued(visit: Visit) -> Response:
    """Issue it."""
    try:
        made = await visit.gate.grant(visit.person, draft_of(visit.form))
    except REFUSALS as problem:
        return await _form(visit, dict(visit.form), problem)
    return visit.go(f"/console/mandates/{made.id}", "granted")


async def mandate(visit: Visit) -> Response:
    """One mandate and what is left of it."""
    found = await visit.gate.registry.mandate(visit.person, visit.request.path_params["id"][:100])
    if visit.asked("ask") == "revoke":
        return await ask(visit, _revoking(found.mandate.id, found.children))
    return await visit.page("mandate.html", row=found, m=found.mandate, can=can(visit.person), budgets=BUDGETS)


async def revoke(visit: Visit) -> Response:
    """End it now."""
    found = await visit.gate.registry.mandate(visit.person, visit.request.path_params["id"][:100])
    name = found.mandate.id
    work = visit.gate.revoke_mandate(visit.person, name, visit.form.get("reason", ""))
    return await done(visit, work, _revoking(name, found.children), f"/console/mandates/{name}", "revoked")


def draft_of(given: Mapping[str, str]) -> MandateDraft:
    """What the form asks for; :class:`InvalidInput` names the field that can't be used."""
    return MandateDraft(
        agent=given.get("agent", "").strip(),
        case=given.get("case", "").strip(),
        purpose=given.get("purpose", "").strip(),
        tools=_lines(given.get("tools", "")),
        targets=_lines(given.get("targets", "")),
        objects=_lines(given.get("objects", "")),
        budgets=Budgets(**{name: _count(given.get(f"budget-{name}", ""), label) for name, label, _ in BUDGETS}),
        lifetime_s=_count(given.get("hours", ""), "Hours") * 3600,
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def _count(text: str, label: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidInput(f"{label}: {text[:40]!r} is no whole number", hint="write digits, such as 20")
    return number_of(text, 0, 10**9)


def _revoking(name: str, children: tuple[str, ...]) -> Question:
    handed = f"What was narrowed from it ends with it: {len(children)} of them." if children else ""
    effects = (
        "Nothing runs under it, from the next call on; what waits under it can't be released any more.",
        handed,
        "This can't be undone; the work goes on under a new mandate.",
    )
    path = f"/console/mandates/{name}"
    return Question("Revoke the mandate", name, tuple(filter(None, effects)), "Revoke", path, path)


async def _form(visit: Visit, form: dict[str, str], problem: KeyturnError | None) -> Response:
    agents = [a.id for a in await visit.gate.agents(visit.person) if a.revoked_at is None]
    plain = Budgets()
    defaults = {"hours": str(HOURS), **{f"budget-{name}": str(getattr(plain, name)) for name, _, _ in BUDGETS}}
    return await visit.page(
        "mandate_form.html",
        status_of(problem),
        form={**defaults, **form},
        agents=agents,
        budgets=BUDGETS,
        problem=problem,
        can=can(visit.person),
    )


ROUTES = (
    Page("/mandates", mandates),
    Page("/mandates/new", issue),
    Deed("/mandates", issued),
    Page("/mandates/{id}", mandate),
    Deed("/mandates/{id}", revoke),
)
