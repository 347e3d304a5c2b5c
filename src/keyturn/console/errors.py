"""Pages that say what happened and what would do."""

import logging
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from keyturn.console.desk import Desk
from keyturn.console.visit import Visit, sayable, sign_in_path
from keyturn.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    KeyturnError,
    NotFound,
    ProviderError,
    StoreError,
    ToolError,
    Unauthenticated,
)
from keyturn.gate.pulse import Pulse

log = logging.getLogger("keyturn.console")
_STATUS: tuple[tuple[type[KeyturnError], int], ...] = (
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (ToolError, 502),
    (StoreError, 503),
    (ProviderError, 504),
)
_TITLES = {
    400: "That can't be used",
    401: "You are not signed in",
    403: "You may not do this",
    404: "There is nothing here",
    405: "That is not how this page is asked",
    409: "It is not as it was",
    421: "This is another address",
    429: "That was too often",
    502: "The tool's server failed",
    504: "The sign-in provider does not answer",
    503: "The database does not answer",
}


def status_of(error: KeyturnError | None) -> int:
    """The HTTP status that says this error; 200 for none."""
    if error is None:
        return 200
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


class Errors:
    """The error pages of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> dict[Any, Any]:
        """For Starlette's ``exception_handlers``."""
        return {KeyturnError: self.known, HTTPException: self.no_page, Exception: self.unexpected}

    def refused(self, status: int, message: str, hint: str) -> Response:
        """A refusal before any page was asked."""
        return self._page(None, None, status, message, hint)

    async def known(self, request: Request, error: KeyturnError) -> Response:
        """An error of the tree. Who is not signed in is led to where one signs in."""
        status = status_of(error)
        if status == 500:
            return await self.unexpected(request, error)
        if status == 401 and request.method == "GET" and not _is_part(request):
            return RedirectResponse(sign_in_path(request), 303)
        reasons = error.reasons if isinstance(error, Forbidden) else ()
        return await self._answer(request, status, error.message, error.hint, reasons)

    async def no_page(self, request: Request, error: HTTPException) -> Response:
        """A path or method that does not exist, or that is asked too often."""
        status, hint = error.status_code, "go back, and use the page's own buttons"
        message = _phrase(status)
        if status == 404:
            message, hint = f"no page is at {request.url.path[:200]}", "go back to the queue"
        elif status == 429:
            message, hint = error.detail, "wait a minute, then try again"
        response = await self._answer(request, status, message, hint)
        response.headers.update(error.headers or {})
        return response

    async def unexpected(self, request: Request, error: Exception) -> Response:
        """Anything else: the details stay in the server's log."""
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return await self._answer(request, 500, "the console failed", "nothing more is said here; see the server's log")

    async def _answer(
        self, request: Request, status: int, message: str, hint: str, reasons: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        if _is_script(request):
            said = {"message": sayable(message), "hint": sayable(hint), "reasons": reasons}
            return JSONResponse({"error": said}, status)
        signed_in, token = getattr(request.state, "who", (None, ""))
        visit = Visit(self._desk, request, signed_in, token)
        try:
            pulse = await self._desk.gate.pulse.now() if signed_in else None
        except KeyturnError:  # the very database may be what failed
            pulse = None
        return self._page(visit, pulse, status, message, hint, reasons)

    def _page(
        self,
        visit: Visit | None,
        pulse: Pulse | None,
        status: int,
        message: str,
        hint: str,
        reasons: tuple[tuple[str, str], ...] = (),
    ) -> Response:
        body = self._desk.pages.render(
            "error_part.html" if visit and _is_part(visit.request) else "error.html",
            visit=visit,
            pulse=pulse,
            now=self._desk.clock.now(),
            title=_TITLES.get(status, _phrase(status)),
            status=status,
            message=message,
            hint=hint,
            reasons=reasons,
        )
        return Response(sayable(body), status, media_type="text/html; charset=utf-8")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _is_part(request: Request) -> bool:
    """Asked for by a script to put into a page."""
    return "hx-request" in request.headers or request.headers.get("sec-fetch-dest") == "empty"


def _is_script(request: Request) -> bool:
    """A script sent JSON, and reads JSON."""
    return request.headers.get("content-type", "").startswith("application/json")
