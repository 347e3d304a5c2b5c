"""What a surface hands through the gate to the tools' side with a ``tools/call``: the way back to its client."""

from collections.abc import Mapping
from typing import Any

import msgspec

from keyturn.wire.session import Link, Session


class Caller(msgspec.Struct, frozen=True):
    """The live client behind one call. The gate carries it unread.

    ``session`` is this client's own session with the tool's server, ``None`` for the shared one. ``extra`` holds
    the params that travel beside name and arguments and are no part of the action: the ``inputResponses`` and
    ``requestState`` of a multi round-trip retry.
    """

    link: Link
    session: Session | None = None
    extra: Mapping[str, Any] = {}
