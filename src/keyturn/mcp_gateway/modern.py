"""MCP 2026-07-28 over HTTP: each POST stands alone, says who asks in ``_meta``, and repeats it in headers."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from keyturn.gate.records import Agent
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.messages import Inbound, read_message
from keyturn.mcp_gateway.surface import Surface
from keyturn.mcp_gateway.view import View
from keyturn.mcp_gateway.web import Headers, Receive, Refused, Reply, Send, Watch, respond
from keyturn.wire import rpc
from keyturn.wire.names import (
    HEADER_MISMATCH,
    HTTP_STATUS,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_VERSION,
    METHOD_NOT_FOUND,
    NAME_BEARING,
    UNSUPPORTED_VERSION,
    decode_header,
)
from keyturn.wire.session import HANDSHAKE, MODERN, ClientFacts, RpcError

log = logging.getLogger("keyturn.mcp_gateway")
MANDATE_HEADER = b"keyturn-mandate"
_NAMED = {**NAME_BEARING, **dict.fromkeys(("tasks/get", "tasks/update", "tasks/cancel"), "taskId")}
_handshake = frozenset(revision.encode() for revision in HANDSHAKE)


def is_modern(headers: Headers, value: Any) -> bool:
    """Whether a POST speaks the stateless revision, or one that is not known at all (it is told so)."""
    revision = headers.get(b"mcp-protocol-version")
    if revision is not None:
        return revision not in _handshake
    if b"mcp-session-id" in headers or not isinstance(value, dict) or not isinstance(value.get("params"), dict):
        return False
    meta = value["params"].get("_meta")
    return isinstance(meta, dict) and META_VERSION in meta


def read_envelope(message: Inbound, headers: Headers | None) -> ClientFacts:
    """Who asks, from ``_meta``; ``headers`` must say the same (``None``: no HTTP). Raises :class:`RpcError`."""
    meta = message.params.get("_meta")
    missing = [k for k in (META_VERSION, META_CLIENT_CAPABILITIES) if not isinstance(meta, dict) or k not in meta]
    if missing or not isinstance(meta, dict):
        raise RpcError(INVALID_PARAMS, f"params._meta must hold {' and '.join(missing)}")
    revision = meta[META_VERSION]
    if headers is not None:
        _compare(message, revision, headers)
    if not isinstance(revision, str):
        raise RpcError(INVALID_PARAMS, f"_meta[{META_VERSION!r}] must be a string")
    if revision != MODERN:
        data = {"supported": [MODERN], "requested": revision[:64]}
        raise RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", data)
    capabilities, info = meta[META_CLIENT_CAPABILITIES], meta.get(META_CLIENT_INFO)
    if not isinstance(capabilities, dict) or not isinstance(info or {}, dict):
        raise RpcError(INVALID_PARAMS, "clientCapabilities and clientInfo must be objects")
    return ClientFacts(revision, info or {}, capabilities)


def _compare(message: Inbound, revision: Any, headers: Headers) -> None:
    said = {name: value.decode("latin-1") for name, value in headers.items() if name.startswith(b"mcp-")}
    if said.get(b"mcp-protocol-version") != revision:
        raise RpcError(HEADER_MISMATCH, "the MCP-Protocol-Version header does not match params._meta")
    if said.get(b"mcp-method") != message.method:
        raise RpcError(HEADER_MISMATCH, "the Mcp-Method header does not match the request's method")
    key = _NAMED.get(message.method)
    if key is None or (value := message.params.get(key)) is None:
        return
    named = said.get(b"mcp-name")
    if named is None or decode_header(named) != value:
        raise RpcError(HEADER_MISMATCH, f"the Mcp-Name header does not match params.{key}")


class _Channel:
    """A stateless client hears what comes with its answer, and can't be asked anything else."""

    def __init__(self, reply: Reply) -> None:
        self.send = reply.send

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        raise RpcError(METHOD_NOT_FOUND, f"a 2026-07-28 client can't be asked {method[:64]}")


async def answer_modern(
    surface: Surface, agent: Agent, view: View, headers: Headers, value: Any, receive: Receive, send: Send
) -> None:
    """One POST of a stateless client."""
    message = read_message(value)
    if message.kind == "notification":
        if headers.get(b"mcp-protocol-version") != MODERN.encode():
            raise Refused(400, "Unsupported protocol version", UNSUPPORTED_VERSION)
        await respond(send, 202)
        return
    if message.kind == "response" or message.id is None:
        raise Refused(400, "a 2026-07-28 client sends requests and notifications only", INVALID_REQUEST)
    reply = Reply(send)
    body, status = b"", 200
    with Watch(receive, reply, surface.settings.ping_s, cancels=True) as watch:
        try:
            client = read_envelope(message, headers)
            mandate = headers.get(MANDATE_HEADER)
            x = Exchange(
                agent,
                client,
                message.method,
                message.params,
                _Channel(reply),
                id=message.id,
                mandate=mandate.decode("latin-1") if mandate else None,
                headers=headers,
            )
            body = rpc.result(message.id, await surface.handle(x, view))
        except RpcError as e:
            body, status = rpc.error(message.id, e), HTTP_STATUS.get(e.code, 200)
        except asyncio.CancelledError:
            if watch.gone:
                return
            raise
        except Exception:
            log.exception("%s failed", message.method[:64])
            body = rpc.error(message.id, RpcError(INTERNAL_ERROR, "internal error; nothing more is known to be done"))
    await reply.end(body, status)
