"""JSON-RPC 2.0 envelopes as MCP uses them. Params and results stay the bytes that they were."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from keyturn.errors import InvalidInput, InvalidJson
from keyturn.wire.session import RpcError

Id: TypeAlias = int | str
EMPTY = msgspec.Raw()
_ERROR_META = "keyturn/rpcError"

encode = msgspec.json.encode


class ErrorObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``error`` member of a response."""

    code: int
    message: str
    data: Any = msgspec.UNSET


class Message(msgspec.Struct, frozen=True):
    """One JSON-RPC message of any kind; ``kind`` says which. Absent members are empty."""

    jsonrpc: Literal["2.0"]
    id: Id | msgspec.UnsetType | None = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw = EMPTY
    result: msgspec.Raw = EMPTY
    error: ErrorObject | msgspec.UnsetType = msgspec.UNSET

    @property
    def kind(self) -> Literal["request", "notification", "result", "error", "invalid"]:
        """What the message is; ``invalid`` for none or several at once."""
        has_id = isinstance(self.id, int | str)
        if self.method is not msgspec.UNSET:
            if self.result or self.error is not msgspec.UNSET or self.id is None:
                return "invalid"
            return "request" if has_id else "notification"
        if self.error is not msgspec.UNSET:
            return "invalid" if self.result else "error"
        return "result" if has_id and self.result else "invalid"

    def params_dict(self) -> dict[str, Any]:
        """The params as a dict, empty if absent. Raises :class:`InvalidInput` for anything but an object."""
        if not self.params:
            return {}
        try:
            return _params.decode(self.params)
        except (msgspec.DecodeError, RecursionError) as e:
            raise InvalidInput(f"the params of {str(self.method)[:64]!r} can't be read: {e}") from None


_message = msgspec.json.Decoder(Message)
_params = msgspec.json.Decoder(dict[str, Any])
_document = msgspec.json.Decoder()


def decode(raw: bytes | bytearray | memoryview) -> Message:
    """One message.

    Raises :class:`InvalidJson` for what is not UTF-8 JSON and :class:`InvalidInput` for JSON that is no JSON-RPC
    message (a batch among them).
    """
    raw = bytes(raw)
    try:
        if not raw.isascii():
            raw.decode()
        return _message.decode(raw)
    except msgspec.ValidationError as e:
        raise InvalidInput(f"not a JSON-RPC 2.0 message: {e}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise InvalidJson(f"not JSON: {str(e)[:200]}") from None


def request(id: Id, method: str, params: Mapping[str, Any] | bytes = b"") -> bytes:
    """A request; ``params`` as bytes is JSON that goes out as it is."""
    return b'{"jsonrpc":"2.0","id":%b,"method":%b%b}' % (encode(id), encode(method), _params_member(params))


def notification(method: str, params: Mapping[str, Any] | bytes = b"") -> bytes:
    """A notification."""
    return b'{"jsonrpc":"2.0","method":%b%b}' % (encode(method), _params_member(params))


def result(id: Id, value: bytes | Any) -> bytes:
    """A response; ``value`` as bytes is JSON that goes out as it is."""
    body = value if isinstance(value, bytes) else encode(value)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (encode(id), body)


def error(id: Id | None, e: RpcError) -> bytes:
    """An error response."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (encode(id), encode(_error_object(e)))


def raised(found: ErrorObject) -> RpcError:
    """The error object as the exception that carries it on."""
    return RpcError(found.code, found.message, None if found.data is msgspec.UNSET else found.data)


def spliced(params: bytes, members: Mapping[str, Any]) -> bytes:
    """``params`` (a JSON object without these members, as bytes) with ``members`` in front, the rest byte for byte."""
    if not members:
        return params or b"{}"
    if not params:
        return encode(members)
    if params[:1] != b"{":
        raise InvalidInput("params must be a JSON object")
    rest = params[1:]
    return b"%b%b%b" % (encode(members)[:-1], b"" if rest.lstrip()[:1] == b"}" else b",", rest)


def error_as_result(e: RpcError) -> bytes:
    """A JSON-RPC error as the bytes of a CallToolResult, for those who know results only (the gate)."""
    return encode(
        {
            "content": [{"type": "text", "text": e.message}],
            "isError": True,
            "_meta": {_ERROR_META: _error_object(e)},
        }
    )


def error_in_result(result: bytes) -> RpcError | None:
    """The error that :func:`error_as_result` was given, or ``None`` for any other result."""
    if _ERROR_META.encode() not in result:
        return None
    try:
        return raised(msgspec.convert(_document.decode(result)["_meta"][_ERROR_META], ErrorObject))
    except (msgspec.MsgspecError, KeyError, TypeError, RecursionError):
        return None


def _error_object(e: RpcError) -> ErrorObject:
    return ErrorObject(e.code, e.message, msgspec.UNSET if e.data is None else e.data)


def _params_member(params: Mapping[str, Any] | bytes) -> bytes:
    body = params if isinstance(params, bytes) else encode(params)
    return b',"params":' + body if body else b""
