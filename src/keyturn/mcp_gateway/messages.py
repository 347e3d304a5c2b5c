"""What clients send, read strictly: one JSON meaning, one JSON-RPC message (the upstream side has its own reader)."""

from typing import Any, Literal

import msgspec

from keyturn.core.canonical import parse_json
from keyturn.errors import InvalidJson
from keyturn.wire.names import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from keyturn.wire.rpc import Id
from keyturn.wire.session import RpcError

MAX_ID = 256


class BadMessage(RpcError):
    """Not one JSON-RPC message. ``id`` is the message's own where it could be told."""

    def __init__(self, code: int, message: str, id: Id | None = None) -> None:
        super().__init__(code, message)
        self.id = id


class Inbound(msgspec.Struct, frozen=True):
    """One message of a client. ``outcome`` of a response is its ``result``, or the :class:`RpcError` it holds."""

    kind: Literal["request", "notification", "response"]
    id: Id | None
    method: str
    params: dict[str, Any]
    outcome: Any = None


def read_json(raw: bytes) -> Any:
    """The body's JSON value. Raises :class:`BadMessage` for what two parsers may read differently."""
    try:
        return parse_json(raw)
    except InvalidJson as e:
        raise BadMessage(PARSE_ERROR, f"Parse error: {e}") from None


def read_message(value: Any) -> Inbound:
    """One message from a JSON value. Raises :class:`BadMessage`."""
    if not isinstance(value, dict):
        what = "a batch" if isinstance(value, list) else type(value).__name__
        raise BadMessage(INVALID_REQUEST, f"the body must be one JSON-RPC object, not {what}")
    id = value.get("id")
    known = id if type(id) is int or (isinstance(id, str) and len(id) <= MAX_ID) else None
    if value.get("jsonrpc") != "2.0":
        raise BadMessage(INVALID_REQUEST, 'jsonrpc must be "2.0"', known)
    if "id" in value and known is None and "method" in value:
        raise BadMessage(INVALID_REQUEST, f"id must be an integer or a string of at most {MAX_ID} characters")
    if "method" not in value:
        return _response(value, known)
    method, params = value["method"], value.get("params", {})
    if not isinstance(method, str) or not 0 < len(method) <= MAX_ID:
        raise BadMessage(INVALID_REQUEST, "method must be a short string", known)
    if not isinstance(params, dict):
        raise BadMessage(INVALID_PARAMS, "params must be an object", known)
    if not isinstance(params.get("_meta", {}), dict):
        raise BadMessage(INVALID_PARAMS, "params._meta must be an object", known)
    return Inbound("request" if "id" in value else "notification", known, method, params)


def _response(value: dict[str, Any], id: Id | None) -> Inbound:
    if id is None or ("result" in value) == ("error" in value):
        raise BadMessage(INVALID_REQUEST, "neither a request, a notification nor a response", id)
    if "result" in value:
        return Inbound("response", id, "", {}, value["result"])
    error = value["error"] if isinstance(value["error"], dict) else {}
    code, message = error.get("code"), error.get("message")
    outcome = RpcError(
        code if type(code) is int else INVALID_REQUEST, str(message or "the client failed")[:2_000], error.get("data")
    )
    return Inbound("response", id, "", {}, outcome)


def text_param(params: dict[str, Any], name: str, limit: int = 8_192) -> str:
    """A required string parameter, or ``-32602``."""
    value = params.get(name)
    if not isinstance(value, str) or not value or len(value) > limit:
        raise RpcError(INVALID_PARAMS, f"params.{name} must be a string of 1 to {limit} characters")
    return value
