"""How a page or a deed is declared, and what is checked before its handler runs.

A page is got and changes nothing. A deed is posted: it needs the session's mark
(:func:`~keyturn.console.visit.csrf_of`) in its form, or in the header ``X-Keyturn-Csrf`` of a script's JSON. Both need
a session unless they are ``open``.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn.console.desk import Desk
from keyturn.console.visit import CSRF_HEADER, Visit, check_csrf, read_form
from keyturn.errors import Unauthenticated
from keyturn.gate.access_records import SignedIn

Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """A path that is got. ``open``: nobody needs to be signed in. ``alone``: open pages ask for it by themselves, so
    it says nothing of whether a person is there."""

    path: str
    handler: Handler
    open: bool = False
    alone: bool = False
    method: str = "GET"


@dataclass(frozen=True)
class Deed:
    """A path that is posted to. ``open``: nobody needs to be signed in, and no mark of a session is asked for."""

    path: str
    handler: Handler
    open: bool = False
    method: str = "POST"


def routes_of(declared: Iterable[Page | Deed], desk: Desk) -> list[Route]:
    """Starlette's routes, all below ``/console``."""
    return [Route(f"/console{each.path}", _endpoint(each, desk), methods=[each.method]) for each in declared]


def _endpoint(declared: Page | Deed, desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        token = request.cookies.get(desk.cookie, "")[:200]
        alone = "hx-request" in request.headers or (isinstance(declared, Page) and declared.alone)
        found = await _session(desk, token, here=not alone)
        request.state.who = (found, token if found else "")
        if found is None and not declared.open:
            raise Unauthenticated("nobody is signed in here", hint="sign in with your passkey")
        pulse = await desk.gate.pulse.now() if found else None
        visit = Visit(desk, request, found, token if found else "", pulse=pulse)
        if isinstance(declared, Deed):
            form, said = await read_form(request)
            if not declared.open:
                check_csrf(visit, form.get("csrf") or request.headers.get(CSRF_HEADER, ""))
            visit = replace(visit, form=form, said=said)
        return await declared.handler(visit)

    return endpoint


async def _session(desk: Desk, token: str, *, here: bool) -> SignedIn | None:
    if not token:
        return None
    try:
        return await desk.gate.access.session_for(token, here=here)
    except Unauthenticated:
        return None
