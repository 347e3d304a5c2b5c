"""People: roles, invitations, deputies; a person's passkeys, and those that wait for another person's yes."""

from datetime import UTC, datetime
from urllib.parse import quote

from starlette.responses import Response

from keyturn.console.asking import REFUSALS, Deeds, Question, ask, can, chosen, done
from keyturn.console.errors import status_of
from keyturn.console.listing import listed
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.errors import InvalidInput, KeyturnError, NotFound
from keyturn.gate.access_records import Passkey
from keyturn.gate.records import DECIDERS, Person, Role

ROLES = (
    (Role.OWNER, "grants, invites, configures, and turns keys"),
    (Role.LEAD, "issues mandates, resumes, and turns keys"),
    (Role.ANALYST, "turns keys, refuses, and stops"),
    (Role.AUDITOR, "sees everything, and decides nothing"),
)


async def people(visit: Visit) -> Response:
    """Everybody; what waits for somebody's yes stands on top."""
    return await _list(visit, None)


async def invite(visit: Visit) -> Response:
    """A link that lets one person in, on the page that answers, and nowhere after."""
    roles = _roles(visit)
    try:
        made = await visit.gate.access.invite(visit.person, visit.form.get("name", ""), roles)
    except REFUSALS as problem:
        return await _list(visit, problem, at="invite")
    return await visit.page("invited.html", invited=made)


async def void_invitation(visit: Visit) -> Response:
    """A link lets nobody in any more."""
    await visit.gate.access.revoke_invitation(visit.person, visit.form.get("invitation", ""))
    return visit.go("/console/people", "revoked")


async def deputise(visit: Visit) -> Response:
    """Somebody stands in for somebody who is absent, until then."""
    form = visit.form
    try:
        until = moment_of(form.get("until", ""))
        await visit.gate.quorum.deputise(visit.person, form.get("deputy", ""), until, form.get("absent", ""))
    except REFUSALS as problem:
        return await _list(visit, problem, at="deputise")
    return visit.go("/console/people", "saved")


async def recall(visit: Visit) -> Response:
    """End a deputy's time now."""
    await visit.gate.quorum.recall(visit.person, visit.form.get("deputy", ""))
    return visit.go("/console/people", "saved")


async def person(visit: Visit) -> Response:
    """One person: roles, passkeys, who stands in for them."""
    found = await _person(visit)
    if word := visit.asked("ask"):
        if word != "revoke":
            raise NotFound(f"nothing here is called {word[:40]!r}", hint="use the page's own buttons")
        return await ask(visit, _revoking(found))
    return await _one(visit, found, None)


async def act(visit: Visit) -> Response:
    """A deed on one person, by the form's word."""
    found = await _person(visit)
    return await chosen(visit, DEEDS, visit.form.get("do", ""))(visit, found.id)


async def _revoke(visit: Visit, name: str) -> Response:
    work = visit.gate.revoke_person(visit.person, name, visit.form.get("reason", ""))
    return await done(visit, work, _revoking(await _person(visit)), path_of(name), "revoked")


async def _change(visit: Visit, name: str) -> Response:
    roles, reason = _roles(visit), visit.form.get("reason", "")
    try:
        await visit.gate.registry.change_roles(visit.person, name, roles, reason)
    except REFUSALS as problem:
        return await _one(visit, await _person(visit), problem)
    return visit.go(path_of(name), "saved")


DEEDS: Deeds = {"revoke": _revoke, "roles": _change}


def moment_of(text: str) -> int:
    """Milliseconds of a moment as a form's ``datetime-local`` sends it, in UTC; :class:`InvalidInput` for none."""
    try:
        found = datetime.fromisoformat(text.strip())
        return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(f"{text[:40]!r} is no date and time", hint="write it as 2030-01-31T18:00, in UTC") from None


def path_of(name: str) -> str:
    """Where one person's page is."""
    return f"/console/people/{quote(name, safe='')}"


def _roles(visit: Visit) -> tuple[Role, ...]:
    return tuple(role for role in Role if f"role-{role.value}" in visit.form)


def _revoking(found: Person) -> Question:
    return Question(
        title="Revoke the person",
        subject=found.id,
        effects=(
            "They can't sign in, and every session of theirs ends.",
            "Keys that they turned on what still waits count no more.",
            "Agents that they own stay, and need another owner in time.",
            "This can't be undone.",
        ),
        button="Revoke",
        action=path_of(found.id),
        back=path_of(found.id),
        kept={"do": "revoke"},
    )


async def _person(visit: Visit) -> Person:
    wanted = visit.request.path_params["person"][:300]
    for found in await visit.gate.people(visit.person):
        if found.id == wanted:
            return found
    raise NotFound(f"there is no person {wanted[:80]!r}", hint="look at the list")


async def _one(visit: Visit, found: Person, problem: KeyturnError | None) -> Response:
    deputies = [d for d in await visit.gate.quorum.deputies(visit.person) if found.id in (d.absent, d.deputy)]
    return await visit.page(
        "person.html",
        status_of(problem),
        person=found,
        passkeys=await visit.gate.access.passkeys(visit.person, found.id),
        deputies=deputies,
        owns=[a for a in await visit.gate.agents(visit.person) if a.owner == found.id and a.revoked_at is None],
        can=can(visit.person),
        roles=ROLES,
        form=visit.form,
        problem=problem,
    )


async def _list(visit: Visit, problem: KeyturnError | None, at: str = "") -> Response:
    every = await visit.gate.people(visit.person)
    wanted = visit.asked("q").strip().casefold()
    found = [p for p in every if wanted in p.id or any(wanted in alias for alias in p.aliases)]
    found.sort(key=lambda p: (p.revoked_at is not None, p.id))
    keys = await visit.gate.access.passkeys(visit.person)
    deciders = {p.id for p in every if p.revoked_at is None and DECIDERS & set(p.roles)}
    return await visit.page(
        "people.html",
        status_of(problem),
        found=listed(visit, found),
        passkeys=_by_person(keys),
        pending=[key for key in keys if key.pending],
        alone={key.person for key in keys if key.live and key.person in deciders} <= {visit.person.id},
        invitations=await visit.gate.access.invitations(visit.person),
        deputies=await visit.gate.quorum.deputies(visit.person),
        live=[p.id for p in every if p.revoked_at is None],
        can=can(visit.person),
        roles=ROLES,
        form=visit.form,
        problem=problem,
        at=at,
    )


def _by_person(keys: list[Passkey]) -> dict[str, list[Passkey]]:
    found: dict[str, list[Passkey]] = {}
    for key in keys:
        if key.revoked_at is None:
            found.setdefault(key.person, []).append(key)
    return found


ROUTES = (
    Page("/people", people),
    Deed("/people/invite", invite),
    Deed("/people/invitation", void_invitation),
    Deed("/people/deputise", deputise),
    Deed("/people/recall", recall),
    Page("/people/{person:path}", person),
    Deed("/people/{person:path}", act),
)
