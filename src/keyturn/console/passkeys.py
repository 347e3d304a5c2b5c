"""A person's own sessions and passkeys; approving another person's passkey; ending either."""

import msgspec
from starlette.responses import JSONResponse, Response

from keyturn.console.asking import Question, ask, can, done
from keyturn.console.entry import Finish, begun, parsed, user_agent
from keyturn.console.listing import listed
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.errors import InvalidInput, NotFound
from keyturn.gate.access_records import Passkey


async def sessions(visit: Visit) -> Response:
    """The live sessions (an owner sees everybody's), and one's own passkeys."""
    found = await visit.gate.access.sessions(visit.person)
    own = visit.signed_in.session.id if visit.signed_in else ""
    found.sort(key=lambda s: (s.id != own, s.person != visit.person.id, s.person, -s.seen_at))
    keys = await visit.gate.access.passkeys(visit.person, visit.person.id)
    return await visit.page("sessions.html", found=listed(visit, found), own=own, passkeys=keys, can=can(visit.person))


async def end(visit: Visit) -> Response:
    """End a session: that browser is signed out at its next step."""
    await visit.gate.access.revoke_session(visit.person, visit.form.get("session", ""))
    return visit.go("/console/sessions", "revoked")


async def add_begin(visit: Visit) -> Response:
    """Ask for a further passkey of one's own."""
    return begun(await visit.gate.access.begin_registration(visit.person))


async def add_finish(visit: Visit) -> Response:
    """It is kept, and waits for another person, or, where nobody can approve it, for an older one of one's own."""
    said = parsed(visit)
    enrolled = await visit.gate.access.finish_registration(
        said.ceremony, said.answer, visit.person, label=said.label, user_agent=user_agent(visit)
    )
    return visit.told(JSONResponse({"next": "/console/sessions"}), "waits" if enrolled.passkey.pending else "added")


async def approve_begin(visit: Visit) -> Response:
    """Ask this person to sign for another's passkey."""
    return begun(await visit.gate.access.begin_approval(visit.person, _credential(visit)))


async def approve_finish(visit: Visit) -> Response:
    """It is live from now on."""
    said: Finish = parsed(visit)
    await visit.gate.access.finish_approval(visit.person, said.ceremony, said.answer)
    return visit.told(JSONResponse({"next": "/console/people"}), "approved")


async def passkey(visit: Visit) -> Response:
    """The question before a passkey is revoked."""
    return await ask(visit, _revoking(await _found(visit, visit.asked("credential"))))


async def revoke(visit: Visit) -> Response:
    """The passkey signs no more."""
    found = await _found(visit, visit.form.get("credential", ""))
    work = visit.gate.access.revoke_passkey(visit.person, found.credential, visit.form.get("reason", ""))
    own = found.person == visit.person.id
    return await done(visit, work, _revoking(found), f"/console/{'sessions' if own else 'people'}", "revoked")


class _Credential(msgspec.Struct, frozen=True):
    credential: str


def _credential(visit: Visit) -> str:
    try:
        return msgspec.convert(visit.said, _Credential).credential
    except msgspec.ValidationError:
        raise InvalidInput("which passkey?", hint="load the page again") from None


async def _found(visit: Visit, credential: str) -> Passkey:
    for found in await visit.gate.access.passkeys(visit.person):
        if found.credential == credential:
            return found
    raise NotFound("there is no such passkey", hint="look at the list again")


def _revoking(found: Passkey) -> Question:
    if found.pending:
        effects: tuple[str, ...] = ("It never becomes live. Its person can make another one.",)
    else:
        effects = (
            "It signs in nobody and turns no key any more, and the sessions that it opened end.",
            "Keys that it turned on what has not run yet count no more.",
            "Whoever has no other passkey needs a new invitation to come back.",
        )
    return Question(
        title="Refuse the passkey" if found.pending else "Revoke the passkey",
        subject=f"{found.name} of {found.person}",
        effects=effects,
        button="Refuse" if found.pending else "Revoke",
        action="/console/passkeys/revoke",
        back="/console/sessions",
        kept={"credential": found.credential},
    )


ROUTES = (
    Page("/sessions", sessions),
    Deed("/sessions", end),
    Deed("/passkeys/add/begin", add_begin),
    Deed("/passkeys/add/finish", add_finish),
    Deed("/passkeys/approve/begin", approve_begin),
    Deed("/passkeys/approve/finish", approve_finish),
    Page("/passkeys/revoke", passkey),
    Deed("/passkeys/revoke", revoke),
)
