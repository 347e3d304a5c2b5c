"""Files: what is done to a path, and what lies there (:mod:`keyturn.catalogue.rules.places`)."""

from collections.abc import Mapping
from typing import Any, Final

from keyturn.catalogue.rules.answers import (
    DATA,
    DETECTION,
    EVIDENCE,
    HARD,
    IDENTITY,
    IRREVERSIBLE,
    PRODUCTION,
    SECRETS,
    changes,
    reads,
)
from keyturn.catalogue.rules.places import Place, place
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Touches

MOST: Final = 1_000
READ, WRITE, DELETE, MOVE = "read", "write", "delete", "move"


def read(parts: Mapping[str, Any]) -> Reading:
    """``path``: one, or a list; ``operation``: ``read``, ``write``, ``delete`` or ``move`` (both ends are paths)."""
    paths, operation = parts["path"], parts["operation"]
    paths = [paths] if isinstance(paths, str) else paths
    if operation not in (READ, WRITE, DELETE, MOVE) or not isinstance(paths, list) or not 0 < len(paths) <= MOST:
        return Unread("it names no paths, or nothing that is known to be done to them")
    if not all(isinstance(path, str) for path in paths):
        return Unread("a path is not text")
    found = [place(path) for path in paths]
    sure = [each for each in found if each is not None and not each.device]
    if len(sure) < len(found):
        return Unread("nobody can say where one of the paths leads")
    return gravest(*(done(operation, each) for each in sure))


def done(operation: str, at: Place) -> Operation:
    """One operation on one place."""
    name = f"{operation} {at.path}"
    targets, reach = (Target("file", at.path),), EVERYTHING if at.wide else 0
    if operation == READ:
        touches = {DATA} | ({SECRETS} if at.secret else set()) | ({EVIDENCE} if at.quarantine else set())
        return reads(name, touches, targets, reach=reach, why="nothing tells beforehand what is in a file")
    return changes(
        name,
        IRREVERSIBLE if operation == DELETE or at.wide or at.evidence else HARD,
        touched(at),
        targets,
        reach=reach,
        why="what it held is gone" if operation == DELETE else "what stood there before is replaced",
    )


def touched(at: Place) -> frozenset[Touches]:
    """What a change at a place touches."""
    return frozenset(
        touch
        for touch, there in (
            (SECRETS, at.secret),
            (IDENTITY, at.identity),
            (EVIDENCE, at.evidence),
            (DETECTION, at.detection),
            (PRODUCTION, at.system),
        )
        if there
    )
