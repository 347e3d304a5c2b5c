"""Signing in through an OpenID Connect provider, and the accounts there that are linked to people here.

The way there is a page that leads on, since the pages' own policy lets no form end elsewhere; so is the way back, since
the session's cookie does not go along with what another site asked for.
"""

from starlette.responses import Response

from keyturn.console.entry import user_agent
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit, own_path
from keyturn.errors import InvalidInput, KeyturnError, ProviderError, StoreError
from keyturn.gate.access_records import Opened
from keyturn.gate.oidc_records import Departed
from keyturn.gate.records import Person, Role

ACCOUNTS = "/console/oidc/accounts"
FIELDS = ("code", "state", "iss", "error")
MAX_FIELD = 4096


async def depart(visit: Visit) -> Response:
    """To the provider, to sign in."""
    visit.knock()
    return await _leave(visit, own_path(visit.form.get("next", "")), None)


async def link(visit: Visit) -> Response:
    """To the provider, to come back with the account that this person wants to link."""
    return await _leave(visit, ACCOUNTS, visit.person)


async def _leave(visit: Visit, then: str, who: Person | None) -> Response:
    try:
        departed = await visit.gate.oidc.depart(then, who)
    except ProviderError as error:
        return await _failed(visit, error)
    response = await visit.page("oidc_away.html", address=departed.address, back=False)
    _mark(visit, response, departed)
    return response


async def back(visit: Visit) -> Response:
    """From the provider: a session, or an account that waits to be linked."""
    try:
        arrived = await visit.gate.oidc.arrive(
            _answer(visit), visit.request.cookies.get(_cookie(visit), "")[:200], user_agent(visit)
        )
    except StoreError:
        raise
    except KeyturnError as error:
        response = await _failed(visit, error)
        _mark(visit, response, None)
        return response
    address = f"{ACCOUNTS}?journey={arrived.journey}" if arrived.journey else own_path(arrived.then)
    response = await visit.page("oidc_away.html", address=address, back=True)
    _mark(visit, response, None)
    if arrived.opened is not None:
        _open(visit, response, arrived.opened)
    return response


def _answer(visit: Visit) -> dict[str, str]:
    answer: dict[str, str] = {}
    for name, value in visit.request.query_params.multi_items():
        if name in FIELDS:
            if name in answer or len(value) > MAX_FIELD:
                raise InvalidInput("the provider's answer can't be read", hint="begin again")
            answer[name] = value
    return answer


async def _failed(visit: Visit, error: KeyturnError) -> Response:
    return await visit.page("oidc_failed.html", 504 if isinstance(error, ProviderError) else 403, error=error)


def _cookie(visit: Visit) -> str:
    return f"{visit.desk.cookie}-oidc"


def _mark(visit: Visit, response: Response, departed: Departed | None) -> None:
    """The browser's own secret for one journey. It must come along when the provider sends the browser back (Lax)."""
    response.set_cookie(
        _cookie(visit),
        departed.secret if departed is not None else "",
        max_age=600 if departed is not None else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=visit.desk.secure,
    )


def _open(visit: Visit, response: Response, opened: Opened) -> None:
    response.set_cookie(
        visit.desk.cookie, opened.token, path="/", httponly=True, samesite="strict", secure=visit.desk.secure
    )


async def accounts(visit: Visit) -> Response:
    """The page of linked accounts; with a journey, what would be linked."""
    journey = visit.asked("journey")
    linking = await visit.gate.oidc.linking(visit.person, journey) if journey else None
    return await visit.page(
        "oidc_accounts.html",
        issuer=visit.gate.oidc.issuer,
        identities=await visit.gate.oidc.identities(visit.person),
        linking=linking,
        journey=journey,
        owner=Role.OWNER in visit.person.roles,
    )


async def confirm(visit: Visit) -> Response:
    """Link the account that this person came back with."""
    await visit.gate.oidc.link_own(visit.person, visit.form.get("journey", "")[:200])
    return visit.go(ACCOUNTS, "saved")


async def assign(visit: Visit) -> Response:
    """Link an account to somebody, by its subject."""
    await visit.gate.oidc.link(visit.person, visit.form.get("person", ""), visit.form.get("subject", "").strip())
    return visit.go(ACCOUNTS, "saved")


async def unlink(visit: Visit) -> Response:
    """End what an account can do here."""
    await visit.gate.oidc.unlink(visit.person, visit.form.get("issuer", ""), visit.form.get("subject", ""))
    return visit.go(ACCOUNTS, "saved")


ROUTES = (
    Deed("/oidc", depart, open=True),
    Page("/oidc/back", back, open=True),
    Page("/oidc/accounts", accounts),
    Deed("/oidc/link", link),
    Deed("/oidc/confirm", confirm),
    Deed("/oidc/assign", assign),
    Deed("/oidc/unlink", unlink),
)
