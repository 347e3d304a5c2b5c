"""What a reader answers with: a read or a change, in one line each."""

from collections.abc import Callable, Iterable
from typing import Final

from keyturn.core.action import Target
from keyturn.core.operation import Operation, Reading, Unread, gravest
from keyturn.core.profile import Reversible, Stage, Touches

SECRETS, IDENTITY, DATA = Touches.SECRETS, Touches.IDENTITY, Touches.PRIVILEGED_DATA
PRODUCTION, EVIDENCE, DETECTION = Touches.PRODUCTION, Touches.EVIDENCE, Touches.DETECTION_CONTROLS
ALL: Final = frozenset(Touches)
REVERSIBLE, HARD, IRREVERSIBLE = Reversible.REVERSIBLE, Reversible.HARD, Reversible.IRREVERSIBLE
_ANALYSE, _RESPOND, _NO_EFFECT = Stage.ANALYSE, Stage.RESPOND, Reversible.NO_EFFECT
NAME: Final = 200
"""Characters of an operation's name that are kept: it is shown to people."""


def reads(
    name: str,
    touches: Iterable[Touches] = (),
    targets: Iterable[Target] = (),
    *,
    reach: int = 0,
    why: str = "it only reads",
) -> Operation:
    """A call that has no effect."""
    return Operation(
        name=name[:NAME],
        stage=_ANALYSE,
        reversible=_NO_EFFECT,
        touches=frozenset(touches),
        targets=_once(targets),
        reach=reach,
        why=why,
    )


def changes(
    name: str,
    reversible: Reversible,
    touches: Iterable[Touches] = (),
    targets: Iterable[Target] = (),
    *,
    reach: int = 0,
    why: str = "it changes something",
) -> Operation:
    """A call that changes something."""
    return Operation(
        name=name[:NAME],
        stage=_RESPOND,
        reversible=reversible,
        touches=frozenset(touches),
        targets=_once(targets),
        reach=reach,
        why=why,
    )


def _once(targets: Iterable[Target]) -> tuple[Target, ...]:
    found = tuple(targets)
    return tuple(dict.fromkeys(found)) if len(found) > 1 else found


def of_all(commands: Iterable[list[str]] | Unread, judge: Callable[[list[str]], Reading]) -> Reading:
    """The commands of a line as one operation; the first that can't be read leaves all of it unread."""
    if isinstance(commands, Unread):
        return commands
    found = []
    for words in commands:
        one = judge(words)
        if isinstance(one, Unread):
            return one
        found.append(one)
    return gravest(*found)
