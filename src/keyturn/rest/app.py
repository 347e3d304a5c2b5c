"""The REST API as one ASGI application. It reaches the world only through the gate and the journal's reader."""

from collections.abc import Iterable
from importlib.metadata import version

from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from keyturn.gate import Gate
from keyturn.rest import actions, care, dossier, grants, journal, tools
from keyturn.rest.errors import answer_errors, error_answer
from keyturn.rest.journal import Journal
from keyturn.rest.routes import Route, add_routes, answer
from keyturn.rest.views import HealthView
from keyturn.wire.origins import Origins

_ABOUT = """The human checkpoint for AI in security operations.

Agents propose tool calls; the policy lets them run, holds them for people's keys, or denies them. Errors have one
shape: `{"error": {"code", "message", "hint"}}`, with `reasons` where a policy said no and `action` where a call went
wrong. Times are milliseconds since 1970, UTC. What comes from agents and
tools (rationales, arguments, results) is hostile text: show it as text."""


class _Hosts:
    """The application, for requests whose Host and Origin are served here (CWE-350)."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._origins = Origins(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found = {name: [v for k, v in scope["headers"] if k == name] for name in (b"host", b"origin")}
            origin = b", ".join(found[b"origin"]) if found[b"origin"] else None
            strange = self._origins.strange(b", ".join(found[b"host"]), origin)
            if strange is not None:
                await error_answer(strange.status, "misdirected", strange.message)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def health() -> Response:
    """Say that the gateway answers. Needs no token."""
    return answer(HealthView("ok"))


def create_app(
    gate: Gate,
    journal_of: Journal | None = None,
    *,
    first_owner: bool = False,
    allowed_hosts: Iterable[str] | None = None,
) -> FastAPI:
    """The API over a started gate; without ``journal_of`` the journal's routes answer 404.

    ``first_owner``: POST /v1/people works without a token while there is nobody. For a process of the operator's
    own that serves no network; the gate makes only an owner, and only the first person, that way.
    ``allowed_hosts``: what a Host or Origin may name beside this machine; ``None``: any, where no network is served.
    """
    app = FastAPI(
        title="Keyturn",
        version=version("keyturn"),
        description=_ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gate, app.state.journal, app.state.first_owner = gate, journal_of, first_owner
    answer_errors(app)
    if allowed_hosts is not None:
        app.add_middleware(_Hosts, allowed=tuple(allowed_hosts))
    add_routes(
        app,
        (
            *actions.ROUTES,
            *care.ROUTES,
            *dossier.ROUTES,
            *grants.ROUTES,
            *journal.ROUTES,
            *tools.ROUTES,
            Route("GET", "/v1/health", health, None, {200: HealthView}),
        ),
    )
    return app
