"""What the surface hands through the gate to the upstream side, when a live client waits for the call."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from keyturn.wire.session import Link, Session


class Caller(NamedTuple):
    """``session`` is the client's own, or ``None`` for the gateway's. ``extra`` is added to the call's params: a
    modern client's ``inputResponses`` and ``requestState``."""

    session: Session | None
    link: Link | None
    extra: Mapping[str, Any] = {}
