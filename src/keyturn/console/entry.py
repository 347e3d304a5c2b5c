"""How a person comes in: the first owner's link, an invitation, signing in with a passkey, signing out."""

import msgspec
from starlette.responses import JSONResponse, Response

from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit, own_path
from keyturn.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from keyturn.gate.access_records import Begun, Opened

WHYS = {
    "ended": "Your session has ended: it was not used for a while, its time was over, or it was revoked.",
    "signed-out": "You are signed out.",
}


class Finish(msgspec.Struct, frozen=True):
    """What the page's script sends at the end of a ceremony."""

    ceremony: str
    answer: dict[str, object]
    token: str = ""
    name: str = ""
    label: str = ""
    next: str = ""


def parsed(visit: Visit) -> Finish:
    """What came, as :class:`Finish`; a begin has no ceremony yet."""
    value = visit.said if isinstance(visit.said, dict) else {}
    try:
        return msgspec.convert({"ceremony": "", "answer": {}, **value}, Finish)
    except msgspec.ValidationError as e:
        raise InvalidInput(f"the page sent what can't be read: {e}"[:300], hint="load the page again") from None


def begun(ceremony: Begun) -> Response:
    """The options that the browser hands to the authenticator."""
    return JSONResponse({"ceremony": ceremony.ceremony, "options": ceremony.options})


def signed_in(visit: Visit, opened: Opened, then: str) -> Response:
    """The session's cookie: out of scripts' reach, sent to this host only, never along with another site's request."""
    response = JSONResponse({"next": own_path(then)})
    response.set_cookie(
        visit.desk.cookie, opened.token, path="/", httponly=True, samesite="strict", secure=visit.desk.secure
    )
    return response


def user_agent(visit: Visit) -> str:
    """What the browser calls itself, cut."""
    return visit.request.headers.get("user-agent", "")[:200]


async def sign_in(visit: Visit) -> Response:
    """The page. Who follows a link from elsewhere has a session that the browser did not send along: it asks again."""
    then = own_path(visit.asked("next"))
    if visit.signed_in is not None:
        return visit.go(then)
    elsewhere = visit.request.headers.get("sec-fetch-site") == "cross-site" and not visit.asked("again")
    return await visit.page(
        "sign_in.html", then=then, again=elsewhere, why=WHYS.get(visit.asked("why"), ""), first=False
    )


async def sign_in_begin(visit: Visit) -> Response:
    """Ask whoever is there."""
    visit.knock()
    return begun(await visit.gate.access.begin_sign_in())


async def sign_in_finish(visit: Visit) -> Response:
    """A session for whoever's passkey it is."""
    said = parsed(visit)
    opened = await visit.gate.access.finish_sign_in(said.ceremony, said.answer, user_agent(visit))
    return signed_in(visit, opened, said.next)


async def sign_out(visit: Visit) -> Response:
    """End this session."""
    await visit.gate.access.end_session(visit.token)
    response = visit.go("/console/sign-in?why=signed-out")
    response.delete_cookie(visit.desk.cookie, path="/", httponly=True, samesite="strict", secure=visit.desk.secure)
    return response


async def join(visit: Visit) -> Response:
    """The page of a link that enrols a passkey: the first owner's, or an invitation."""
    token = visit.request.path_params["token"][:200]
    try:
        invitation = await visit.gate.access.open_invitation(token)
    except Unauthenticated as gone:  # signing in would not help, and whoever is signed in would be led in a circle
        raise NotFound(gone.message, hint=gone.hint) from None
    return await visit.page("join.html", invitation=invitation, token=token)


async def join_begin(visit: Visit) -> Response:
    """Ask for the new passkey of the link's holder."""
    visit.knock()
    said = parsed(visit)
    return begun(await visit.gate.access.begin_registration(invitation=_given(said), name=said.name))


async def join_finish(visit: Visit) -> Response:
    """The passkey is kept, and its person is in, unless another person must approve it first."""
    said = parsed(visit)
    enrolled = await visit.gate.access.finish_registration(
        said.ceremony, said.answer, invitation=_given(said), label=said.label, user_agent=user_agent(visit)
    )
    if enrolled.opened is None:
        return JSONResponse({"next": "/console/waiting"})
    return signed_in(visit, enrolled.opened, "/console/")


def _given(said: Finish) -> str:
    if not said.token:
        raise Forbidden("a link is needed to come in", hint="ask an owner for an invitation")
    return said.token


async def waiting(visit: Visit) -> Response:
    """After a passkey that another person must approve."""
    return await visit.page("waiting.html")


ROUTES = (
    Page("/sign-in", sign_in, open=True),
    Deed("/sign-in/begin", sign_in_begin, open=True),
    Deed("/sign-in/finish", sign_in_finish, open=True),
    Deed("/sign-out", sign_out),
    Page("/setup/{token}", join, open=True),
    Page("/join/{token}", join, open=True),
    Deed("/enrol/begin", join_begin, open=True),
    Deed("/enrol/finish", join_finish, open=True),
    Page("/waiting", waiting, open=True),
)
