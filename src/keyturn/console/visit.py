"""One request of a person: who is there, what they sent, and how a page is answered."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from keyturn.console.desk import Desk
from keyturn.core.canonical import parse_json
from keyturn.errors import Forbidden, InvalidInput, Unauthenticated
from keyturn.gate import Gate
from keyturn.gate.access_records import SignedIn
from keyturn.gate.pulse import Pulse
from keyturn.gate.records import How, Person

MAX_BODY = 2 * 1024 * 1024
MAX_FIELDS = 200
CSRF_HEADER = "x-keyturn-csrf"
NOTICE_S = 60


@dataclass(frozen=True)
class Visit:
    """A request, the desk it came to, and who is signed in. ``token`` is the session's secret.

    ``pulse`` is how things stood before anything was read for the page: what changed since, the stream tells it.
    """

    desk: Desk
    request: Request
    signed_in: SignedIn | None = None
    token: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    said: Any = None
    pulse: Pulse | None = None

    @property
    def gate(self) -> Gate:
        """The verbs."""
        return self.desk.gate

    @property
    def person(self) -> Person:
        """Who is there; :class:`Unauthenticated` for nobody."""
        if self.signed_in is None:
            raise Unauthenticated("nobody is signed in here", hint="sign in with your passkey")
        return self.signed_in.person

    @property
    def how(self) -> How:
        """How this person is known: a session of a passkey's had its user verified, one of a provider's did not."""
        return "passkey" if self.signed_in is not None and self.signed_in.session.method == "passkey" else "token"

    @property
    def csrf(self) -> str:
        """The session's own mark for forms: another site can't know it."""
        return csrf_of(self.token) if self.token else ""

    def knock(self) -> None:
        """Count a stranger who begins to come in; 429 if there are too many (:mod:`keyturn.console.rate`)."""
        client = self.request.client
        self.desk.door.take(client.host if client is not None else "", self.desk.clock.now())

    def asked(self, name: str, default: str = "") -> str:
        """A value of the query, within bounds."""
        return self.request.query_params.get(name, default)[:1000]

    async def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page (or a part of one) with what every page shows around it."""
        now = self.pulse.at if self.pulse is not None else self.desk.clock.now()
        body = self.desk.pages.render(template, visit=self, pulse=self.pulse, now=now, **values)
        response = Response(sayable(body), status, media_type="text/html; charset=utf-8")
        if self.notice and "hx-request" not in self.request.headers:
            self._tell(response, "", 0)
        return response

    @property
    def notice(self) -> str:
        """What this session's own last deed was, for the one page after it: no link can make a page say so."""
        word, _, mark = self.request.cookies.get(self._notice_cookie, "").partition(".")
        own = self.token and hmac.compare_digest(mark.encode("utf-8", "replace"), _notice_mark(self.token, word))
        return word if own else ""

    def go(self, path: str, done: str = "") -> Response:
        """To another page, after a deed; ``done``: the word of what that page says of it."""
        return self.told(RedirectResponse(path, 303), done)

    def told(self, response: Response, done: str) -> Response:
        """The answer, after which the next page says what was done."""
        if done and self.token:
            self._tell(response, f"{done}.{_notice_mark(self.token, done).decode()}", NOTICE_S)
        return response

    def _tell(self, response: Response, value: str, seconds: int) -> None:
        response.set_cookie(
            self._notice_cookie,
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            samesite="strict",
            secure=self.desk.secure,
        )

    @property
    def _notice_cookie(self) -> str:
        return f"{self.desk.cookie}-done"


def sayable(text: str) -> str:
    """Without lone surrogates, which can't go out as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def csrf_of(token: str) -> str:
    """What a form of this session carries (HMAC-SHA256, base64url); it does not tell the token."""
    return _mark(token, b"keyturn/csrf/1").decode()


def _notice_mark(token: str, word: str) -> bytes:
    return _mark(token, b"keyturn/done/1\n" + word.encode("utf-8", "replace"))


def _mark(token: str, what: bytes) -> bytes:
    mac = hmac.digest(token.encode("utf-8", "surrogatepass"), what, hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=")


def check_csrf(visit: Visit, given: str) -> None:
    """Refuse (:class:`Forbidden`) a deed that does not carry its session's mark."""
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), visit.csrf.encode()):
        raise Forbidden("this form is not of your session", hint="load the page again, then do it once more")


async def read_body(request: Request) -> bytes:
    """The whole body within bounds; :class:`InvalidInput` as soon as it is too large."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_BODY:
            raise InvalidInput(f"more than {MAX_BODY} bytes were sent", hint="send less")
    return bytes(found)


async def read_form(request: Request) -> tuple[dict[str, str], Any]:
    """The fields of a form, or the JSON of a script; the other is empty. A field that stands twice is refused."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request)
    if media == "application/json":
        return {}, parse_json(body)
    if media != "application/x-www-form-urlencoded":
        raise InvalidInput(f"a body of type {media[:60] or 'none'} can't be read here", hint="use the page's own form")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise InvalidInput("the form can't be read", hint="load the page again") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        form[name] = f"{form[name]}\n{value}" if name in form else value.replace("\r\n", "\n")
    return form, None


def sign_in_path(request: Request) -> str:
    """The sign-in page, from which the person comes back to what they asked for."""
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = f"{request.url.path}{query}" if request.method == "GET" else "/console/"
    return f"/console/sign-in?next={quote(wanted[:1000], safe='')}"


def own_path(given: str) -> str:
    """A path of the console's own, or its first page: nothing leads a person elsewhere after signing in."""
    plain = given.isascii() and given.isprintable() and "\\" not in given and "//" not in given and ".." not in given
    return given if plain and given.startswith("/console/") else "/console/"
