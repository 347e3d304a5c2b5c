"""What holds for every request before any page is asked: the address, where it comes from, and the headers.

A page of another site can't reach the console (rebinding), frame it, post to it, or read it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FEATURES = (
    "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=(), "
    "payment=(), usb=(), serial=(), clipboard-read=(), display-capture=()"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": FEATURES,
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """An ASGI application in front of the pages. ``origin`` is the console's one address, such as
    ``https://keyturn.example.com``; ``refused`` makes the page that says why not (status, what happened, what would
    do).
    """

    def __init__(self, app: App, origin: str, refused: Callable[[int, str, str], Response]) -> None:
        self._app = app
        self._origin = origin
        self._host = urlsplit(origin).netloc.lower()
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def sealed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, sealed)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if headers.get("host", "").lower() != self._host:
            return self._elsewhere(request)
        if request.method in SAFE:
            return self._embedded(headers)
        if request.method != "POST":
            return self._refused(405, f"{request.method[:20]} is not served here", "pages are got, deeds are posted")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        # A browser sends Origin with every POST (but null under the referrer policy no-referrer, even to the page's own
        # server), and the console's own pages are the only ones that may post.
        if origin != self._origin or site not in (None, "same-origin"):
            return self._refused(403, "another site sent this", f"open {self._origin}/console and do it there")
        return None

    def _elsewhere(self, request: Request) -> Response:
        """Another name for this server: passkeys would not fit, so the way is shown; a strange one gets no page."""
        given = urlsplit(f"//{request.headers.get('host', '')}")
        if request.method in SAFE and _name(given.netloc) in _LOOPBACK and _name(self._host) in _LOOPBACK:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{self._origin}{request.url.path}{query}", 307)
        return self._refused(421, "the console is not at this address", f"open {self._origin}/console")

    def _embedded(self, headers: Headers) -> Response | None:
        """Another site may lead people here by a link; it may not load the pages into its own."""
        if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
            return None
        if headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in (None, "document"):
            return None
        return self._refused(403, "another site asked for this", f"open {self._origin}/console")


def _name(netloc: str) -> str:
    try:
        return (urlsplit(f"//{netloc}").hostname or "").lower()
    except ValueError:
        return ""
