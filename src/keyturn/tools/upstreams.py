"""The tools behind the gate: every configured server, its tools as it lists them, and one call to one of them."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map

from keyturn.core.action import ToolRef
from keyturn.core.canonical import canonical_json, parse_json, sha256_hex
from keyturn.errors import InvalidJson, KeyturnError, NotFound, ToolLost
from keyturn.gate.ports import Definition, ToolAnswer, ToolCall
from keyturn.tools.discreet import Discreet
from keyturn.tools.http import HttpUpstream
from keyturn.tools.pace import Pace
from keyturn.tools.settings import HttpSettings, Limits, StdioSettings
from keyturn.tools.stdio import StdioUpstream
from keyturn.wire import rpc
from keyturn.wire.caller import Caller
from keyturn.wire.session import RpcError, Session, Upstream

log = logging.getLogger(__name__)

UpstreamSettings: TypeAlias = StdioSettings | HttpSettings
MAX_TOOLS = 10_000
SPACING_S = 0.25
"""A server that keeps saying that its list changed is not asked more often than this."""


class _Page(msgspec.Struct, rename="camel"):
    tools: list[msgspec.Raw]
    next_cursor: str | None = None


class _Result(msgspec.Struct, rename="camel"):
    is_error: bool = False


_page = msgspec.json.Decoder(_Page)
_result = msgspec.json.Decoder(_Result)


class _Listed:
    """One tool as listed, and its fingerprint for the launch that it was last asked with."""

    def __init__(self, tool: ToolRef, raw: dict[str, Any]) -> None:
        schema, hints = raw.get("inputSchema"), raw.get("annotations")
        self.raw = raw
        self._tool = tool
        self._schema = schema if isinstance(schema, dict) else {}
        self._hints = hints if isinstance(hints, dict) else {}
        self._known: tuple[str, Definition] | None = None

    def definition(self, launch: str) -> Definition:
        if self._known is None or self._known[0] != launch:
            fingerprint = sha256_hex(canonical_json({"definition": self.raw, "launch": launch}))
            description = self.raw.get("description")
            self._known = (
                launch,
                Definition(
                    self._tool,
                    fingerprint,
                    self._schema,
                    self._hints,
                    description if isinstance(description, str) else "",
                    self.raw,
                    launch,
                ),
            )
        return self._known[1]

    def headers(self) -> Mapping[tuple[str, ...], str]:
        return {} if find_invalid_x_mcp_header(self._schema) else x_mcp_header_map(self._schema)


class _Launch(Protocol):
    def fingerprint(self) -> str: ...


class _Shelf:
    """One upstream's list, kept fresh by a task: at the start, when the server says so, on reconnect, after a while.

    ``tools`` is ``None`` while the server has not answered, or is away.
    """

    def __init__(self, upstream: StdioUpstream | HttpUpstream, limits: Limits, jitter: Callable[[], float]) -> None:
        self.upstream = upstream
        self.tools: dict[str, _Listed] | None = None
        self.launch: _Launch = upstream.launch
        self.tried = asyncio.Event()
        self._limits = limits
        self._pace = Pace(limits.backoff_s, limits.backoff_max_s, jitter)
        self._wanted = asyncio.Event()
        self._turn = asyncio.Condition()
        self._rounds = 0
        upstream.changed = self._wanted.set
        self._task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.clear()
            began = loop.time()
            try:
                await self._refresh()
                self._pace.worked()
                wait = self._limits.list_ttl_s
            except Exception as e:
                wait = self._failed(e, loop.time())
            self._rounds += 1
            self.tried.set()
            async with self._turn:
                self._turn.notify_all()
            if self.tools is None:
                await asyncio.sleep(wait)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wanted.wait()
            await asyncio.sleep(max(0.0, began + SPACING_S - loop.time()))

    def _failed(self, e: Exception, now: float) -> float:
        first, self.tools = self.tools is not None or not self.tried.is_set(), None
        if isinstance(e, KeyturnError | RpcError):
            log.log(logging.WARNING if first else logging.DEBUG, "upstream %s is away: %.300s", self.upstream.name, e)
        else:
            log.error("upstream %s: its list can't be read", self.upstream.name, exc_info=e)
        return self._pace.failed(now)

    async def _refresh(self) -> None:
        session = await self.upstream.shared()
        found = await self._list(session) if "tools" in session.server.capabilities else {}
        self.tools = found
        if isinstance(self.upstream, HttpUpstream):
            self.upstream.param_headers = {name: h for name, tool in found.items() if (h := tool.headers())}

    async def _list(self, session: Session) -> dict[str, _Listed]:
        found: dict[str, _Listed] = {}
        names: set[str] = set()
        cursor: str | None = None
        for _ in range(self._limits.list_pages):
            raw = await session.request("tools/list", {} if cursor is None else {"cursor": cursor})
            try:
                page = _page.decode(raw)
            except (msgspec.MsgspecError, RecursionError) as e:
                raise ToolLost(f"its answer to tools/list can't be read: {str(e)[:200]}") from None
            for tool in page.tools:
                self._put(found, names, bytes(tool))
            if page.next_cursor is None or page.next_cursor == cursor or len(found) >= MAX_TOOLS:
                return found
            cursor = page.next_cursor
        log.warning("upstream %s: its list has more than %d pages", self.upstream.name, self._limits.list_pages)
        return found

    def _put(self, found: dict[str, _Listed], names: set[str], raw: bytes) -> None:
        """Take one tool; one that can't be pinned is not offered, and of two by one name neither can be trusted."""
        upstream = self.upstream.name
        try:
            tool = parse_json(raw)
            name = tool["name"]
            if not isinstance(name, str) or not name:
                raise InvalidJson("it has no name")
            if name in names:
                found.pop(name, None)
                raise InvalidJson(f"{name[:80]!r} is listed twice")
            names.add(name)
            listed = _Listed(ToolRef(upstream, name), tool)
            listed.definition(self.launch.fingerprint())
        except (InvalidJson, KeyError, TypeError) as e:
            log.warning("upstream %s: a tool is not offered: %.300s", upstream, e)
        else:
            found[name] = listed

    async def listed_again(self) -> None:
        """Wait until the list has been asked for once more, from now on."""
        rounds = self._rounds
        self._wanted.set()
        async with self._turn:
            await self._turn.wait_for(lambda: self._rounds > rounds)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.upstream.close()


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 (spreads retries; no secret hangs on it)


class UpstreamTools:
    """The gate's :class:`~keyturn.gate.ports.Tools` over MCP servers. ``async with`` it: entering lists their tools."""

    def __init__(self, settings: Mapping[str, UpstreamSettings], *, jitter: Callable[[], float] = _jitter) -> None:
        self._settings = dict(settings)
        self._jitter = jitter
        self._shelves: dict[str, _Shelf] = {}

    async def __aenter__(self) -> "UpstreamTools":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Open every upstream and list its tools; one that is away is tried again in the background.

        Raises :class:`~keyturn.errors.ConfigError` for settings that can't be used.
        """
        opened = {name: _opened(name, settings, self._jitter) for name, settings in self._settings.items()}
        for name, upstream in opened.items():
            self._shelves[name] = _Shelf(upstream, self._settings[name].limits, self._jitter)
        await asyncio.gather(*(shelf.tried.wait() for shelf in self._shelves.values()))

    async def close(self) -> None:
        """Stop every process and connection."""
        shelves, self._shelves = self._shelves, {}
        await asyncio.gather(*(shelf.close() for shelf in shelves.values()))

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        """See :meth:`keyturn.gate.ports.Tools.call`.

        A server's JSON-RPC error is an answer too: :func:`keyturn.wire.rpc.error_in_result` reads it back.
        """
        session, link, extra = Caller(*caller) if isinstance(caller, tuple) else Caller(None, None)
        if session is None:
            session = await self.upstream(call.tool.upstream).shared()
        if link is not None and call.withholds:
            link = Discreet(link, call.withholds)
        params = b'{"name":%b,"arguments":%b}' % (rpc.encode(call.tool.name), call.arguments)
        try:
            result = await session.request("tools/call", rpc.spliced(params, extra), link)
        except RpcError as e:
            return ToolAnswer(rpc.error_as_result(e), True)
        try:
            return ToolAnswer(result, _result.decode(result).is_error)
        except (msgspec.MsgspecError, RecursionError) as e:
            raise ToolLost(f"{call.tool} answered with what is no tool result: {str(e)[:200]}") from None

    def definition(self, tool: ToolRef) -> Definition | None:
        """The definition as last listed, its fingerprint as of now."""
        shelf = self._shelves.get(tool.upstream)
        listed = shelf.tools.get(tool.name) if shelf is not None and shelf.tools is not None else None
        if shelf is None or listed is None:
            return None
        return listed.definition(shelf.launch.fingerprint())

    def upstreams(self) -> frozenset[str]:
        """The configured upstreams."""
        return frozenset(self._settings)

    def names(self, upstream: str) -> frozenset[str] | None:
        """The tools that the upstream lists; None while it is away."""
        shelf = self._shelves.get(upstream)
        return None if shelf is None or shelf.tools is None else frozenset(shelf.tools)

    def upstream(self, name: str) -> Upstream:
        """The upstream of that name; :class:`NotFound` if none is configured."""
        shelf = self._shelves.get(name)
        if shelf is None:
            raise NotFound(f"no upstream {name[:80]!r} is configured")
        return shelf.upstream

    def definitions(self, upstream: str) -> list[dict[str, Any]]:
        """The raw definitions of an upstream's tools, in its order; empty while it is away."""
        shelf = self._shelves.get(upstream)
        return [tool.raw for tool in shelf.tools.values()] if shelf is not None and shelf.tools is not None else []

    async def refresh(self, upstream: str) -> None:
        """List an upstream's tools again, and return when that is done (or has failed)."""
        if (shelf := self._shelves.get(upstream)) is not None:
            await shelf.listed_again()


def _opened(name: str, settings: UpstreamSettings, jitter: Callable[[], float]) -> StdioUpstream | HttpUpstream:
    if isinstance(settings, StdioSettings):
        return StdioUpstream(name, settings, jitter=jitter)
    return HttpUpstream(name, settings, jitter=jitter)
