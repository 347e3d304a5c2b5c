"""The names that both sides write on the wire: headers, ``_meta`` keys, error codes (MCP 2026-07-28 and 2025)."""

import base64
import binascii
import re

VERSION_HEADER = "MCP-Protocol-Version"
SESSION_HEADER = "Mcp-Session-Id"
METHOD_HEADER = "Mcp-Method"
NAME_HEADER = "Mcp-Name"
PARAM_HEADER_PREFIX = "Mcp-Param-"
LAST_EVENT_HEADER = "Last-Event-ID"

META_VERSION = "io.modelcontextprotocol/protocolVersion"
META_CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
META_CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META_LOG_LEVEL = "io.modelcontextprotocol/logLevel"
META_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
META_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
META_PROGRESS = "progressToken"

ENVELOPE_META = frozenset({META_VERSION, META_CLIENT_INFO, META_CLIENT_CAPABILITIES})
"""The ``_meta`` keys that belong to one hop: each side writes its own."""

NAME_BEARING = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Method to the parameter that ``Mcp-Name`` repeats."""

INPUT_REQUIRED_METHODS = frozenset(NAME_BEARING)
"""The methods that a 2026-07-28 server may answer with ``resultType: input_required``."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
RESOURCE_NOT_FOUND = -32002
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022
URL_ELICITATION_REQUIRED = -32042

HTTP_STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""The HTTP status of a JSON-RPC error at 2026-07-28; any other code travels in a 200."""

_plain = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|")
_wrapped = re.compile(r"=\?base64\?(.*)\?=")


def encode_header(value: str) -> str:
    """A string as a header value: printable ASCII as it is, anything else wrapped as ``=?base64?…?=``."""
    if _plain.fullmatch(value) and not _wrapped.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def decode_header(value: str) -> str | None:
    """What :func:`encode_header` was given, or ``None`` for a wrapping that no encoder writes."""
    found = _wrapped.fullmatch(value)
    if found is None:
        return value
    try:
        raw = base64.b64decode(found[1], validate=True)
        return raw.decode() if base64.b64encode(raw).decode() == found[1] else None
    except (binascii.Error, UnicodeError):
        return None
