"""The console as one ASGI application, below ``/console``. It reaches the world only through the gate's verbs."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from keyturn.console import (
    action,
    agents,
    cases,
    entry,
    health,
    mandates,
    oidc,
    passkeys,
    people,
    policies,
    queue,
    settings,
    stopping,
    stream,
    tools,
    turning,
)
from keyturn.console.desk import Desk, Settings
from keyturn.console.errors import Errors
from keyturn.console.guard import Guard, Receive, Scope, Send
from keyturn.console.live import Live
from keyturn.console.pages import Pages
from keyturn.console.queue import live_row
from keyturn.console.routes import Deed, Page, routes_of
from keyturn.console.visit import Visit
from keyturn.errors import NotFound
from keyturn.gate import Gate
from keyturn.gate.ports import Clock


async def _nowhere(visit: Visit) -> Response:
    raise NotFound(f"no page is at {visit.request.url.path[:200]}", hint="go back to the queue")


ROUTES: tuple[Page | Deed, ...] = (
    *entry.ROUTES,
    *oidc.ROUTES,
    *queue.ROUTES,
    *action.ROUTES,
    *turning.ROUTES,
    *stream.ROUTES,
    *stopping.ROUTES,
    *cases.ROUTES,
    *agents.ROUTES,
    *mandates.ROUTES,
    *people.ROUTES,
    *passkeys.ROUTES,
    *tools.ROUTES,
    *policies.ROUTES,
    *health.ROUTES,
    *settings.ROUTES,
    Page("/{rest:path}", _nowhere),
)


class Console:
    """The ASGI application. ``origin`` is its one address (scheme, host and port): passkeys answer to it alone.
    ``settings``: what is configured, without secrets, for people to read.

    :meth:`end` ends the streams of open pages, so that the server can stop; call :meth:`close` after that.
    """

    def __init__(self, gate: Gate, clock: Clock, origin: str, settings: Settings = ()) -> None:
        pages = Pages()
        self.live = Live(gate, live_row(pages))
        self.desk = Desk(gate, pages, self.live, clock, origin, settings)
        errors = Errors(self.desk)
        app = Starlette(
            routes=[
                Route("/console/static/{path:path}", _static(pages)),
                Route("/console", _front, methods=["GET"]),
                *routes_of(ROUTES, self.desk),
            ],
            exception_handlers=errors.handlers(),
        )
        app.router.redirect_slashes = False
        self._guard = Guard(app, origin, errors.refused)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._guard(scope, receive, send)

    def end(self) -> None:
        """End the streams of open pages; they come back to the next process."""
        self.live.end()

    async def close(self) -> None:
        """End what runs in the background."""
        await self.live.close()


async def _front(request: Request) -> Response:
    return RedirectResponse("/console/", 307)


def _static(pages: Pages) -> Any:
    async def static(request: Request) -> Response:
        found = pages.assets.at(request.url.path)
        return PlainTextResponse("no such file", 404) if found is None else found.response()

    return static
