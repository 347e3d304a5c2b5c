"""The id of a request that is too large to read: from its two ends, which are all that is kept of it."""

import re

import msgspec

from keyturn.mcp_gateway.messages import MAX_ID
from keyturn.wire.rpc import Id

KEPT = 2_048
_MEMBER = rb'"(?:jsonrpc|method|id)"\s*+:\s*+(?:-?\d++|"(?:[^"\\]|\\.)*+")'
_FIRST = re.compile(rb"\s*+\{((?:\s*+%b\s*+,)*+)" % _MEMBER)
_LAST = re.compile(rb"((?:,\s*+%b\s*+)++)\}\s*+\Z" % _MEMBER)


def id_of(first: bytes, last: bytes) -> Id | None:
    """The request's id, if it stands at either end of the message; ``None`` if not, or if it is no request.

    Clients write the few short members first or last. Only such members are read from an end inwards, so an ``id``
    within the params is never taken for the message's own.
    """
    try:
        members = _members(_FIRST.match(first[:KEPT])) | _members(_LAST.search(last[-KEPT:]))
    except msgspec.DecodeError:
        return None
    found = members.get("id")
    short = type(found) is int or (isinstance(found, str) and len(found) <= MAX_ID)
    return found if short and "method" in members else None


def _members(found: re.Match[bytes] | None) -> dict[str, Id]:
    text = found[1].strip(b", \t\r\n") if found is not None else b""
    return msgspec.json.decode(b"{%b}" % text, type=dict[str, Id])
