"""HTTP requests: the method says whether anything changes, the path what it meets (RFC 9110, section 9.2.1)."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from keyturn.catalogue.rules.rule import Rule
from keyturn.core.action import Target
from keyturn.core.operation import Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CHANGING: Final = {"PUT": Reversible.HARD, "PATCH": Reversible.HARD, "DELETE": Reversible.IRREVERSIBLE}
_READS: Final = frozenset({Touches.SECRETS, Touches.IDENTITY, Touches.PRIVILEGED_DATA})


def read(parts: Mapping[str, Any]) -> Reading:
    """``method`` and ``url`` (absolute, or a path). Which API answers is unknown, so a read may show anything."""
    method, url = parts["method"], parts["url"]
    if not isinstance(method, str) or not isinstance(url, str):
        return Unread("the method and the address are not both text")
    method = method.strip().upper()
    try:
        split = urlsplit(url.strip())
    except ValueError:
        return Unread("the address can't be read")
    if not url.strip() or split.scheme not in ("http", "https", "") or split.username is not None:
        return Unread("the address is no plain http or https address")
    name = f"{method} {split.netloc}{split.path}"[:200]
    targets = (Target("url", f"{split.netloc}{split.path}"),)
    if method in SAFE:
        return Operation(
            name=name,
            stage=Stage.ANALYSE,
            reversible=Reversible.NO_EFFECT,
            touches=_READS,
            targets=targets,
            why="a request that only reads, and may show whatever the service holds",
        )
    return Operation(
        name=name,
        stage=Stage.RESPOND,
        reversible=CHANGING.get(method, Reversible.IRREVERSIBLE),
        touches=frozenset(Touches),
        targets=targets,
        why="a request that changes something at the service",
    )


HTTP: Final = Rule(name="http", needs=frozenset({"method", "url"}), may=frozenset({"body"}), read=read)
