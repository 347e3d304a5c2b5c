"""Which generation a server speaks: ``server/discover`` first, a handshake if it does not know that."""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from keyturn.errors import ToolError, ToolLost, ToolNotSent
from keyturn.tools.settings import Generation
from keyturn.wire.names import (
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_SERVER_INFO,
    META_VERSION,
    UNSUPPORTED_VERSION,
)
from keyturn.wire.session import HANDSHAKE, MODERN, ClientFacts, RpcError, ServerFacts

OLDEST = "2024-11-05"
GATEWAY = ClientFacts(MODERN, {"name": "keyturn", "version": version("keyturn")}, {})
"""What the gateway says of itself where it speaks for no client."""

Send = Callable[[str, Mapping[str, Any], str], Awaitable[bytes]]
"""Sends method and params at a revision and returns the result."""


class Refused(ToolNotSent):
    """The server's HTTP layer turned the request away before any MCP was spoken."""


class _Discovered(msgspec.Struct, rename="camel"):
    supported_versions: list[str]
    capabilities: dict[str, Any] = {}
    instructions: str | None = None
    meta: dict[str, Any] = msgspec.field(name="_meta", default_factory=dict)


class _Initialized(msgspec.Struct, rename="camel"):
    protocol_version: str
    capabilities: dict[str, Any] = {}
    server_info: dict[str, Any] = {}
    instructions: str | None = None


_discovered = msgspec.json.Decoder(_Discovered)
_initialized = msgspec.json.Decoder(_Initialized)


def modern_meta(client: ClientFacts) -> dict[str, Any]:
    """The envelope that every request carries at 2026-07-28."""
    info = client.info or GATEWAY.info
    return {META_VERSION: MODERN, META_CLIENT_INFO: info, META_CLIENT_CAPABILITIES: client.capabilities}


async def greet(send: Send, generation: Generation, client: ClientFacts) -> ServerFacts:
    """Find out what the server speaks, and shake hands if that takes it. A server that speaks both generations is
    spoken to in the client's: only so can it ask a client of a 2025 revision something while a call runs.

    Raises :class:`ToolNotSent` where the server can't be reached, and :class:`ToolLost` or :class:`RpcError` where
    it can and makes no sense.
    """
    if generation == "auto" and client.revision != MODERN:
        try:
            return await _initialize(send, client)
        except (RpcError, ToolNotSent):
            return await _discover(send, client)
    if generation != "handshake":
        try:
            return await _discover(send, client)
        except (RpcError, Refused, ToolLost) as e:
            if generation == "modern" or _only_unknown(e):
                raise
    try:
        return await _initialize(send, client)
    except RpcError as e:
        if e.code == UNSUPPORTED_VERSION and generation == "auto":  # a slow start: the probe came through after all
            return await _discover(send, client)
        raise


async def _discover(send: Send, client: ClientFacts) -> ServerFacts:
    raw = await send("server/discover", {"_meta": modern_meta(client)}, MODERN)
    try:
        found = _discovered.decode(raw)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise ToolLost(f"its answer to server/discover can't be read: {str(e)[:200]}") from None
    if MODERN not in found.supported_versions:
        raise RpcError(UNSUPPORTED_VERSION, "no common revision", {"supported": found.supported_versions})
    info = found.meta.get(META_SERVER_INFO)
    return ServerFacts(MODERN, info if isinstance(info, dict) else {}, found.capabilities, found.instructions or "")


async def _initialize(send: Send, client: ClientFacts) -> ServerFacts:
    params = {
        "protocolVersion": HANDSHAKE[0],
        "capabilities": {k: v for k, v in client.capabilities.items() if k != "extensions"},
        "clientInfo": client.info or GATEWAY.info,
    }
    raw = await send("initialize", params, HANDSHAKE[0])
    try:
        found = _initialized.decode(raw)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise ToolLost(f"its answer to initialize can't be read: {str(e)[:200]}") from None
    if found.protocol_version not in (*HANDSHAKE, OLDEST):
        raise ToolLost(f"it speaks MCP {found.protocol_version[:40]!r}, which the gateway does not")
    return ServerFacts(found.protocol_version, found.server_info, found.capabilities, found.instructions or "")


def _only_unknown(e: RpcError | ToolError) -> bool:
    """True if the server says that it speaks newer revisions only, none of them known here."""
    if not isinstance(e, RpcError) or e.code != UNSUPPORTED_VERSION or not isinstance(e.data, Mapping):
        return False
    supported = e.data.get("supported")
    return isinstance(supported, list) and not any(v in (*HANDSHAKE, OLDEST) for v in supported)
