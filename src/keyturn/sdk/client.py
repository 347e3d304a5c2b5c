"""The client: an agent's or a person's verbs over REST. It holds no rule; the gateway decides."""

import contextlib
import ipaddress
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from keyturn import errors
from keyturn.errors import Forbidden, InvalidInput, KeyturnError, ToolError
from keyturn.sdk.gated import Gated
from keyturn.sdk.views import ActionView, Explanation

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V", bound=msgspec.Struct)
LONGEST_WAIT_S = 25.0
_BY_CODE = {e.code: e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, KeyturnError)}


class Unreachable(KeyturnError):
    """No usable answer came from the gateway. A proposal may have arrived: look before you propose it again."""

    code = "unreachable"


class Client:
    """One token's view of a gateway. Blocking; a client may be shared by threads. Use as a context, or close it.

    Every method raises the gateway's own error, by the tree of :mod:`keyturn.errors`, or :class:`Unreachable`. A
    ``Forbidden`` has the policies' ``reasons``, a ``ToolError`` the ``action`` whose call was lost or did not leave.
    ``transport`` is an httpx2 transport, for tests and proxies of your own. A token goes over plain HTTP to this very
    machine only: anything else raises :class:`InvalidInput`.
    """

    def __init__(
        self, base_url: str, token: str, *, transport: httpx2.BaseTransport | None = None, timeout_s: float = 150.0
    ) -> None:
        url = httpx2.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise InvalidInput(f"{base_url[:200]!r} is no gateway's address", hint="such as http://127.0.0.1:8787")
        if url.scheme == "http" and transport is None and not _is_here(url.host):
            raise InvalidInput(f"the token would travel to {url.host} in the clear", hint="use https")
        if not token or any(ch <= " " or ch > "~" for ch in token):
            raise InvalidInput("the token is empty, or holds characters that no token has", hint="copy it whole")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(
            base_url=base_url, headers=headers, timeout=timeout_s, transport=transport, trust_env=False
        )

    def __repr__(self) -> str:
        return f"Client({str(self._http.base_url)!r})"

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    # Agents' verbs

    def propose(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        rationale: str = "",
        evidence: Sequence[str] = (),
        confidence: float | None = None,
        mandate: str | None = None,
    ) -> ActionView:
        """Propose a call of ``upstream/tool``. What became of it is in ``state``: denied is an answer, no error."""
        body = {
            "tool": tool,
            "arguments": arguments or {},
            "mandate": mandate,
            "rationale": rationale,
            "evidence": evidence,
            "confidence": confidence,
        }
        return self._action("POST", "/v1/actions", body)

    def look(self, action: str) -> ActionView:
        """An action as it is now, with its arguments."""
        return self._action("GET", f"/v1/actions/{_part(action)}")

    def wait(self, action: str, timeout_s: float | None = None) -> ActionView:
        """The action once it neither waits nor runs, or as it is when the time is over. None: as long as it takes."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = LONGEST_WAIT_S if until is None else min(LONGEST_WAIT_S, max(0.0, until - time.monotonic()))
            found = self._action("GET", f"/v1/actions/{_part(action)}/wait", params={"timeout_s": left})
            if not found.under_way or (until is not None and time.monotonic() >= until):
                return found

    def withdraw(self, action: str, reason: str) -> ActionView:
        """Take a hold back before it runs."""
        return self._step(action, "withdrawal", {"reason": reason})

    def suppose(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, mandate: str | None = None, agent: str = ""
    ) -> Explanation:
        """What would happen if ``tool`` were called so: its profile, the facts, the verdict, what would change it.

        Nothing is written, and nothing runs. A person names the mandate, or the agent, that the call would be of.
        """
        body = {"tool": tool, "arguments": arguments or {}, "mandate": mandate, "agent": agent}
        return _converted(self.post("/v1/explanations", body), Explanation)

    def explain(self, action: str) -> Explanation:
        """Why an action got its verdict, on the facts of now, and what would change it."""
        return _converted(self.get(f"/v1/actions/{_part(action)}/explanation"), Explanation)

    def gated(
        self, tool: str, *, mandate: str | None = None, wait_s: float = 0.0
    ) -> Callable[[Callable[P, R]], Gated[P, R]]:
        """A decorator: calling the function proposes ``tool`` with its arguments (see :class:`Gated`)."""
        return lambda function: Gated(self, tool, function, mandate=mandate, wait_s=wait_s)

    # People's verbs

    def holds(self) -> Iterator[ActionView]:
        """What waits for keys, the next to expire first."""
        after: str | None = ""
        while after is not None:
            page = self.get("/v1/holds", {"after": after})
            yield from (_view(one) for one in page["holds"])
            after = page["next"]

    def content(self, action: str) -> bytes:
        """The canonical bytes whose SHA-256 is the digest: what a key says yes to."""
        return self._send("GET", f"/v1/actions/{_part(action)}/content").content

    def turn(self, action: str, digest: str) -> ActionView:
        """Turn your key on the digest that you saw."""
        return self._step(action, "keys", {"digest": digest})

    def reject(self, action: str, reason: str) -> ActionView:
        """Refuse a held action."""
        return self._step(action, "rejection", {"reason": reason})

    def confirm(self, action: str) -> ActionView:
        """Keep what ran and would be taken back by itself."""
        return self._step(action, "confirmation")

    def revert(self, action: str, reason: str) -> ActionView:
        """Take an action back."""
        return self._step(action, "reversal", {"reason": reason})

    def settle(self, action: str, outcome: str, reason: str) -> ActionView:
        """Say what became of an unknown action: succeeded, failed, reverted, or retry."""
        return self._step(action, "settlement", {"outcome": outcome, "reason": reason})

    def unknowns(self) -> list[ActionView]:
        """The actions whose outcome nobody knows."""
        return [_view(one) for one in self.get("/v1/unknowns")["actions"]]

    def unconfirmed(self) -> list[ActionView]:
        """What ran and is taken back by itself unless a person confirms it in time."""
        return [_view(one) for one in self.get("/v1/unconfirmed")["actions"]]

    def reviews(self) -> list[ActionView]:
        """What one person released alone and nobody has looked at since."""
        return [_view(one) for one in self.get("/v1/reviews")["actions"]]

    def review(self, action: str, note: str) -> ActionView:
        """Record that you looked afterwards, and what you found."""
        return self._step(action, "review", {"note": note})

    def issue_mandate(self, agent: str, case: str, purpose: str, tools: Sequence[str], **more: Any) -> dict[str, Any]:
        """Issue a mandate; ``more``: targets, objects, budgets, lifetime_s. Its JSON view."""
        body = {"agent": agent, "case": case, "purpose": purpose, "tools": tools, **more}
        return dict(self.post("/v1/mandates", body))

    def stop(self, scope: str, subject: str = "", *, reason: str) -> dict[str, Any]:
        """Stop ``everything``, or one ``agent``, ``tool`` or ``mandate``. The stop's JSON view."""
        return dict(self.post("/v1/stops", {"scope": scope, "subject": subject, "reason": reason}))

    def resume(self, stop: str, reason: str) -> dict[str, Any]:
        """Lift a stop."""
        return dict(self.post(f"/v1/stops/{_part(stop)}/resumption", {"reason": reason}))

    # Any route

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Any other read, by its path (``/v1/openapi.json`` lists them): the answer's JSON."""
        return _json(self._send("GET", path, params=params))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Any other change, by its path: the answer's JSON."""
        return _json(self._send("POST", path, body))

    def _step(self, action: str, what: str, body: Mapping[str, Any] | None = None) -> ActionView:
        return self._action("POST", f"/v1/actions/{_part(action)}/{what}", body)

    def _action(self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None) -> ActionView:
        return _view(_json(self._send(method, path, body, params)))

    def _send(
        self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> httpx2.Response:
        try:
            content = None if body is None else msgspec.json.encode(_finite(msgspec.to_builtins(body)))
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as e:
            raise InvalidInput(f"this can't be sent as JSON: {e}", hint="plain values only") from None
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, path, content=content, params=params, headers=headers)
        except httpx2.HTTPError as e:
            raise Unreachable(f"no answer from {self._http.base_url}: {e}", hint="is the gateway running?") from None
        if not answer.is_success:
            raise _error(answer)
        return answer


def _finite(value: Any) -> Any:
    """The value; ``ValueError`` if a number in it is none, which JSON can't carry."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        _finite(inner)
    return value


def _view(value: Any) -> ActionView:
    return _converted(value, ActionView)


def _converted(value: Any, kind: type[V]) -> V:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as e:
        raise Unreachable(f"the answer is no {kind.__name__}: {e}", hint="is this a Keyturn gateway?") from None


def _json(answer: httpx2.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        raise Unreachable("the answer is not JSON", hint="is this a Keyturn gateway?") from None


def _error(answer: httpx2.Response) -> KeyturnError:
    value = None
    with contextlib.suppress(msgspec.DecodeError):
        value = msgspec.json.decode(answer.content)
    told = value.get("error") if isinstance(value, dict) else None
    if not isinstance(told, dict):
        return Unreachable(f"status {answer.status_code} without an error of Keyturn's", hint="is this a gateway?")
    code, message = str(told.get("code")), str(told.get("message"))
    kind = _BY_CODE.get(code, InvalidInput if 400 <= answer.status_code < 500 else KeyturnError)
    error = kind(message, hint=str(told.get("hint") or ""))
    if isinstance(error, Forbidden):
        listed = (r for r in told.get("reasons") or () if isinstance(r, dict))
        error.reasons = tuple((str(r.get("policy")), str(r.get("why"))) for r in listed)
    elif isinstance(error, ToolError):
        error.action = str(told.get("action") or "")
    return error


def _part(name: str) -> str:
    return quote(name, safe="")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
