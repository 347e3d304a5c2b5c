"""Keyturn: the human checkpoint for AI in security operations.

``Client`` speaks to a gateway; ``Client.gated`` sends a function's calls through it. The rest of the package is the
gateway itself and is no public interface before 1.0.
"""

from typing import TYPE_CHECKING, Any

from keyturn.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    KeyturnError,
    NotFound,
    StoreError,
    ToolError,
    ToolLost,
    Unauthenticated,
)

if TYPE_CHECKING:
    from keyturn.sdk import ActionView, Client, Denied, Explanation, Held, NotDone, Unreachable

_SDK = frozenset({"ActionView", "Client", "Denied", "Explanation", "Held", "NotDone", "Unreachable"})

__all__ = [
    "ActionView",
    "Client",
    "Conflict",
    "Denied",
    "Explanation",
    "Forbidden",
    "Held",
    "InvalidInput",
    "KeyturnError",
    "NotDone",
    "NotFound",
    "StoreError",
    "ToolError",
    "ToolLost",
    "Unauthenticated",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    """The SDK's names, imported when asked for: the gateway's own modules need no HTTP client."""
    if name in _SDK:
        from keyturn import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
