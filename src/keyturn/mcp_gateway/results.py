"""Results as a client of its revision may read them. Bytes that need nothing stay the bytes that came."""

from collections.abc import Mapping
from typing import Any

import msgspec

from keyturn.errors import ToolLost

encode = msgspec.json.encode
Members = dict[str, msgspec.Raw]


class _Head(msgspec.Struct):
    resultType: msgspec.Raw = msgspec.Raw()  # noqa: N815 -- the wire's name
    ttlMs: msgspec.Raw = msgspec.Raw()  # noqa: N815
    cacheScope: msgspec.Raw = msgspec.Raw()  # noqa: N815


_head = msgspec.json.Decoder(_Head)
_members = msgspec.json.Decoder(Members)
PRIVATE = b'"private"'


def members(result: bytes) -> Members:
    """The members of a server's result, each as its bytes. Raises :class:`ToolLost` for anything but an object."""
    try:
        return _members.decode(result)
    except (msgspec.DecodeError, RecursionError) as e:
        raise ToolLost(f"the server's result can't be read: {e}") from None


def complete(result: bytes, modern: bool, *, cacheable: bool = False) -> bytes:
    """A server's result with what 2026-07-28 asks of every result, where it is missing.

    What may be cached is private: who may see it hangs on the token.
    """
    if not modern:
        return result
    try:
        head = _head.decode(result)
    except (msgspec.DecodeError, RecursionError) as e:
        raise ToolLost(f"the server's result can't be read: {e}") from None
    if cacheable and head.cacheScope and bytes(head.cacheScope) != PRIVATE:
        result = encode({**members(result), "cacheScope": msgspec.Raw(PRIVATE)})
    missing = b""
    if not head.resultType:
        missing += b'"resultType":"complete",'
    if cacheable and not head.ttlMs:
        missing += b'"ttlMs":0,'
    if cacheable and not head.cacheScope:
        missing += b'"cacheScope":"private",'
    if not missing:
        return result
    rest = result.lstrip()[1:]
    return b"{" + (missing[:-1] if rest.strip() == b"}" else missing) + rest


def made(value: Mapping[str, Any], modern: bool, *, kind: str = "complete") -> bytes:
    """A result of the gateway's own."""
    return encode({"resultType": kind, **value} if modern else value)


def text_result(text: str, structured: Mapping[str, Any], modern: bool, *, is_error: bool) -> bytes:
    """A CallToolResult that says ``text``; ``structured`` goes under ``keyturn``."""
    return made(
        {
            "content": [{"type": "text", "text": text}],
            "structuredContent": {"keyturn": structured},
            "isError": is_error,
        },
        modern,
    )
