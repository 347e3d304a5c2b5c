"""One shape for every error, and the status that each kind has: ``{"error": {"code", "message", "hint"}}``.

Beside these, ``reasons`` where a policy said no, and ``action`` where a call went wrong: the one to look at.
"""

import logging
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from keyturn.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    KeyturnError,
    NotFound,
    StoreError,
    ToolError,
    Unauthenticated,
)
from keyturn.wire.session import RpcError

log = logging.getLogger("keyturn.rest")


class TooLarge(InvalidInput):
    """The body is over the limit; it was not read to its end."""

    code = "too_large"


class NotJsonMedia(InvalidInput):
    """The body is not declared as ``application/json``."""

    code = "unsupported_media_type"


_STATUS: tuple[tuple[type[KeyturnError], int], ...] = (
    (TooLarge, 413),
    (NotJsonMedia, 415),
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (ToolError, 502),
    (StoreError, 503),
)


class Refusal(msgspec.Struct, frozen=True):
    """A policy that said no: its id, and why."""

    policy: str
    why: str


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """``code`` is stable; ``message`` says what happened and where; ``hint`` says what would do.

    ``reasons``: where a policy said no. ``action``: the id of the action whose call was lost, or did not leave.
    """

    code: str
    message: str
    hint: str = ""
    reasons: tuple[Refusal, ...] | msgspec.UnsetType = msgspec.UNSET
    action: str | msgspec.UnsetType = msgspec.UNSET


class ErrorView(msgspec.Struct, frozen=True):
    """The body of every answer that is an error."""

    error: ErrorBody


def error_answer(status: int, code: str, message: str, hint: str = "", error: Exception | None = None) -> Response:
    """An error as it goes out, with what ``error`` has more to tell. A 401 says which scheme would do (RFC 9110)."""
    headers = {"WWW-Authenticate": 'Bearer realm="keyturn"'} if status == 401 else {}
    reasons = tuple(Refusal(*each) for each in error.reasons) if isinstance(error, Forbidden) else ()
    action = error.action if isinstance(error, ToolError) else ""
    told = ErrorBody(
        code=code,
        message=_sayable(message),
        hint=_sayable(hint),
        reasons=reasons or msgspec.UNSET,
        action=action or msgspec.UNSET,
    )
    return Response(msgspec.json.encode(ErrorView(told)), status, headers, media_type="application/json")


def _sayable(text: str) -> str:
    """Without lone surrogates, which no JSON can carry as UTF-8."""
    return text.encode("utf-8", "replace").decode()


async def keyturn_error(request: Request, error: Exception) -> Response:
    """An error of Keyturn's own; of those that are nobody's fault outside, only that it happened."""
    if isinstance(error, KeyturnError):
        for kind, status in _STATUS:
            if isinstance(error, kind):
                return error_answer(status, error.code, error.message, error.hint, error)
    return await unexpected(request, error)


async def upstream_error(_: Request, error: Exception) -> Response:
    """The tool's server answered with an error instead of a result."""
    return error_answer(502, ToolError.code, f"the tool's server answered with an error: {error}"[:1000])


async def unusable_request(_: Request, error: Exception) -> Response:
    """A path or query parameter that does not fit."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    words = "; ".join(f"{'.'.join(map(str, p['loc']))[:100]}: {p['msg'][:200]}" for p in problems[:5])
    return error_answer(400, InvalidInput.code, words or "the request can't be used", "see /v1/openapi.json")


async def no_such_route(_: Request, error: Exception) -> Response:
    """A path or method that does not exist."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = {404: NotFound.code, 405: "method_not_allowed"}.get(status, InvalidInput.code)
    answer = error_answer(status, code, HTTPStatus(status).phrase, "see /v1/openapi.json")
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def unexpected(request: Request, error: Exception) -> Response:
    """Anything else: the details stay in the server's log."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_answer(500, "error", "the gateway failed", "nothing more is said here; see the gateway's log")


def answer_errors(app: FastAPI) -> None:
    """Have ``app`` answer every error in the one shape."""
    app.add_exception_handler(KeyturnError, keyturn_error)
    app.add_exception_handler(RpcError, upstream_error)
    app.add_exception_handler(RequestValidationError, unusable_request)
    app.add_exception_handler(HTTPException, no_such_route)
    app.add_exception_handler(Exception, unexpected)
