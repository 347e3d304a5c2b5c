"""The one way in which people's verbs reach a gateway: its REST API, over HTTP or in this very process."""

import asyncio
import functools
import ipaddress
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx2
import msgspec

from keyturn.config import read_config
from keyturn.errors import ConfigError, Conflict, Forbidden, InvalidInput, KeyturnError, NotFound, Unauthenticated
from keyturn.journal import Excerpt

TOKEN = "KEYTURN_TOKEN"  # noqa: S105 - the variable's name
_ERRORS = {error.code: error for error in (Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated)}
_TIMEOUT_S = 60.0
_PATIENCE_S = 5.0
_AGAIN_S = 0.1


class Remote:
    """A person's (or an agent's) REST client. Close it, or use it as a context."""

    def __init__(self, client: httpx2.Client, close: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._close = close

    @classmethod
    def over_http(cls, url: str, token: str) -> "Remote":
        """A gateway elsewhere. A token travels unencrypted only to this very machine."""
        parsed = httpx2.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(f"{url[:200]!r} is no gateway's address", hint="such as http://127.0.0.1:8787")
        if parsed.scheme == "http" and not _is_here(parsed.host):
            raise ConfigError(f"a token would travel to {parsed.host} in the clear", hint="use https")
        return cls(httpx2.Client(base_url=url, headers=_headers(token), timeout=_TIMEOUT_S, trust_env=False))

    @classmethod
    def in_process(cls, path: Path, token: str) -> "Remote":
        """The same API over the database of a configuration; no network and no running gateway is needed."""
        from keyturn.house import NoTools, build, own_rest_app

        loop = asyncio.new_event_loop()
        try:
            house = build(read_config(path), NoTools())
        except BaseException:
            loop.close()
            raise

        def close() -> None:
            loop.run_until_complete(house.close())
            loop.close()

        transport = _InProcess(loop, httpx2.ASGITransport(app=own_rest_app(house), raise_app_exceptions=False))
        headers = _headers(token)
        return cls(httpx2.Client(transport=transport, base_url="http://localhost", headers=headers), close)

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, or the gate in this process."""
        self._client.close()
        self._close()

    def get(self, path: str, params: Mapping[str, Any] = {}) -> Any:
        """One read; the answer's JSON. Raises the error that the gateway names."""
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] = {}) -> Any:
        """One change; the answer's JSON. Raises the error that the gateway names."""
        return self._send("POST", path, body=body)

    def pages(self, path: str, params: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
        """Every row of a paged list."""
        after: Any = None
        while True:
            page = self.get(path, {**params, **({"after": after} if after is not None else {})})
            yield from page[key]
            after = page.get("next")
            if after is None:
                return

    def _send(self, method: str, path: str, *, params: Mapping[str, Any] = {}, body: Any = None) -> Any:
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            answer = self._answer(method, path, params=dict(params), content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise KeyturnError(
                f"the gateway at {self._client.base_url} does not answer: {error}", hint="start it: keyturn serve"
            ) from None
        try:
            value = msgspec.json.decode(answer.content) if answer.content else None
        except msgspec.DecodeError:
            raise KeyturnError(f"{self._client.base_url} answered {answer.status_code} without JSON") from None
        if answer.is_success:
            return value
        if answer.status_code == 401 and "authorization" not in self._client.headers:
            raise Unauthenticated("no token was given", hint=f"set {TOKEN}, or give --token-file")
        raise _error(value, answer.status_code)

    def _answer(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """The answer; a gateway that was started a moment ago is given time to listen."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._client.request(method, path, **more)
            except httpx2.ConnectError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_AGAIN_S)

    # Verbs: what people say, and where it goes

    def holds(self) -> Iterator[dict[str, Any]]:
        """What waits for keys, the next to expire first."""
        return self.pages("/v1/holds", {"limit": 200}, "holds")

    def in_need(self, what: str) -> list[dict[str, Any]]:
        """The actions that need a person: ``unknowns``, ``unconfirmed`` or ``reviews``."""
        return list(self.get(f"/v1/{what}")["actions"])

    def action(self, start: str) -> dict[str, Any]:
        """One action, whole, by its id or the unique beginning of it."""
        if not start.strip():
            raise InvalidInput("no action is named", hint="give its id, or the beginning of it: keyturn holds")
        return dict(self.get(f"/v1/actions/{_part(start)}"))

    def action_id(self, start: str) -> str:
        """The whole id of an action that a unique beginning names."""
        return str(self.action(start)["id"])

    def wait(self, action: str, timeout_s: float) -> dict[str, Any]:
        """One action once it is neither held nor running, or when the time is over."""
        return dict(self.get(f"/v1/actions/{_part(action)}/wait", {"timeout_s": timeout_s}))

    def explanation(self, action: str) -> dict[str, Any]:
        """Why its verdict, and what would change it."""
        return dict(self.get(f"/v1/actions/{_part(action)}/explanation"))

    def verb(self, action: str, what: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A step of an action: keys, rejection, withdrawal, confirmation, reversal, settlement."""
        return dict(self._send("POST", f"/v1/actions/{_part(action)}/{what}", body=body))

    def case_entries(self, case: str) -> Iterator[dict[str, Any]]:
        """A case's entries in order."""
        return (row["entry"] for row in self.pages(f"/v1/cases/{_part(case)}/entries", {"limit": 500}, "entries"))

    def cases(self) -> Iterator[dict[str, Any]]:
        """Every case, the one with the newest entry first."""
        skip = 0
        while rows := self.get("/v1/cases", {"limit": 500, "skip": skip})["cases"]:
            yield from rows
            skip += len(rows)

    def export(self, case: str, *, payloads: bool) -> Excerpt:
        """A case as an excerpt of the journal."""
        found = self.get(f"/v1/cases/{_part(case)}/export", {"payloads": payloads})
        return msgspec.convert(found, Excerpt)

    def proof(self, seq: int) -> dict[str, Any]:
        """An entry's inclusion proof."""
        return dict(self.get(f"/v1/journal/inclusion/{seq}"))

    def turn(self, action: str, digest: str) -> dict[str, Any]:
        """Turn a key on a digest."""
        return self.verb(action, "keys", {"digest": digest})

    def reject(self, action: str, reason: str) -> dict[str, Any]:
        """Refuse a held action."""
        return self.verb(action, "rejection", {"reason": reason})

    def add_person(self, name: str, roles: Sequence[str], aliases: Sequence[str]) -> dict[str, Any]:
        """A person; the answer holds their token."""
        return dict(self.post("/v1/people", {"name": name, "roles": roles, "aliases": aliases}))

    def invite(self, name: str, roles: Sequence[str]) -> dict[str, Any]:
        """A link to the page for a person; the answer holds it."""
        return dict(self.post("/v1/invitations", {"name": name, "roles": roles}))

    def add_agent(self, name: str, owner: str, purpose: str, days: int) -> dict[str, Any]:
        """An agent; the answer holds its token."""
        body = {"name": name, "owner": owner, "purpose": purpose, "token_days": days}
        return dict(self.post("/v1/agents", body))

    def new_token(self, agent: str, days: int) -> dict[str, Any]:
        """A new token for an agent."""
        return dict(self.post(f"/v1/agents/{_part(agent)}/token", {"token_days": days}))

    def listed(self, what: str) -> list[dict[str, Any]]:
        """All people, agents, mandates or stops."""
        return list(self.get(f"/v1/{what}")[what])

    def revoke(self, what: str, name: str, reason: str) -> None:
        """End a person, an agent or a mandate."""
        self._send("DELETE", f"/v1/{what}/{_part(name)}", params={"reason": reason})

    def recall(self, deputy: str) -> dict[str, Any]:
        """End a deputy's time."""
        return dict(self._send("DELETE", f"/v1/deputies/{_part(deputy)}"))

    def standing(self, action: str) -> dict[str, Any]:
        """Whether the caller may turn a key on an action, and why."""
        return dict(self.get(f"/v1/actions/{_part(action)}/turn"))

    def issue_mandate(self, draft: Mapping[str, Any]) -> dict[str, Any]:
        """Issue a mandate."""
        return dict(self.post("/v1/mandates", draft))

    def tool(self, tool: str) -> dict[str, Any]:
        """One tool: its profile, how far it is trusted, and what changed. :class:`Conflict` if another answers."""
        found = dict(self.get(_tool(tool)))
        if found["tool"] != tool:
            raise Conflict(f"the gateway answered {found['tool'][:200]!r} for {tool[:200]!r}", hint="use the console")
        return found

    def quarantined(self, upstream: str) -> list[str]:
        """The tools that wait for a person's look, of one upstream or (``""``) of all."""
        found = [str(row["tool"]) for row in self.get("/v1/tools", {"quarantined": True})["tools"]]
        return [tool for tool in found if upstream in ("", tool.partition("/")[0])]

    def accept_tool(self, tool: str, seen: str) -> None:
        """Trust a tool's definition, if ``seen`` is its fingerprint now."""
        self._send("POST", f"{_tool(tool)}/acceptance", params={"seen": seen})

    def stop(self, scope: str, subject: str, reason: str) -> dict[str, Any]:
        """Press the stop."""
        return dict(self.post("/v1/stops", {"scope": scope, "subject": subject, "reason": reason}))

    def resume(self, stop: str, reason: str) -> dict[str, Any]:
        """Lift a stop."""
        return dict(self.post(f"/v1/stops/{_part(stop)}/resumption", {"reason": reason}))


class _InProcess(httpx2.BaseTransport):
    """A synchronous transport around an ASGI application: each request runs on the application's own loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inner: httpx2.ASGITransport) -> None:
        self._loop = loop
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Run one request to its end."""
        return self._loop.run_until_complete(self._answer(request))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._inner.handle_async_request(request)
        content = await answer.aread()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=content, request=request)


def _part(text: str, safe: str = "") -> str:
    """A part of a path. A dot is no step of it: a server may call its tool ``../edr/isolate``."""
    return quote(text, safe=safe).replace(".", "%2E")


def _tool(tool: str) -> str:
    upstream, _, name = tool.partition("/")
    return f"/v1/tools/{_part(upstream)}/{_part(name, '/')}"


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _headers(token: str) -> dict[str, str]:
    if any(ch <= " " or ch > "~" for ch in token):
        raise ConfigError("the token holds characters that no token has", hint="copy it again, whole")
    return {"authorization": f"Bearer {token}"} if token else {}


def _error(value: Any, status: int) -> KeyturnError:
    told = value.get("error", value) if isinstance(value, dict) else {}
    told = told if isinstance(told, dict) else {}
    code, message = str(told.get("code", "")), str(told.get("message") or told.get("detail") or f"status {status}")
    return _ERRORS.get(code, KeyturnError)(message, hint=str(told.get("hint") or ""))


def token_from(file: Path | None) -> str:
    """The caller's token: of a file, else of the environment; never an argument, which every process could read."""
    if file is None:
        return os.environ.get(TOKEN, "")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token file {file} can't be read: {error}") from None


def REMOTE(command: Callable[..., Any]) -> Callable[..., Any]:  # noqa: N802 - it stands among click's decorators
    """Options that say which gateway, and the ``remote`` that they lead to."""

    @click.option("--url", envvar="KEYTURN_URL", help="The gateway's address (or KEYTURN_URL).")
    @click.option("-c", "--config", "config", type=click.Path(path_type=Path), help="Or its configuration, in process.")
    @click.option("--token-file", type=click.Path(path_type=Path), help=f"A file with your token (or {TOKEN}).")
    @functools.wraps(command)
    def run(*args: Any, url: str | None, config: Path | None, token_file: Path | None, **kwargs: Any) -> Any:
        token = token_from(token_file)
        with _chosen(url if config is None else None, config, token) as remote:
            return command(*args, remote=remote, **kwargs)

    return run


def _chosen(url: str | None, config: Path | None, token: str) -> Remote:
    if url is not None:
        return Remote.over_http(url, token)
    path = config or Path("keyturn.toml")
    if config is None and not path.exists():
        raise ConfigError("which gateway?", hint="give --url, KEYTURN_URL, or -c keyturn.toml")
    return Remote.in_process(path, token)
