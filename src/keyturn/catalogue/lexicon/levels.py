"""How grave a source of words says that a tool is, and the graver of two."""

from collections.abc import Iterable

import msgspec

from keyturn.core.profile import Reversible, Stage, Touches

MOST_SHOWN = 60


class Reason(msgspec.Struct, frozen=True):
    """Why a field holds what it holds; ``value`` is the touch or the argument where the field has several."""

    field: str
    why: str
    value: str = ""


class Level(msgspec.Struct, frozen=True):
    """What one source of words says. The default says nothing: it raises nothing."""

    stage: Stage = Stage.ANALYSE
    reversible: Reversible = Reversible.NO_EFFECT
    touches: frozenset[Touches] = frozenset()
    reasons: tuple[Reason, ...] = ()


def joined(one: Level, other: Level) -> Level:
    """The graver of both in every field, with the reasons of what stands."""
    stage = max(one.stage, other.stage, key=lambda each: each.rank)
    reversible = max(one.reversible, other.reversible, key=lambda each: each.rank)
    kept = [
        reason
        for level in (one, other)
        for reason in level.reasons
        if not (reason.field == "stage" and level.stage is not stage)
        and not (reason.field == "reversible" and level.reversible is not reversible)
    ]
    return Level(stage, reversible, one.touches | other.touches, tuple(kept))


def change(why: str, reversible: Reversible, touches: frozenset[Touches]) -> Level:
    """A change, for one reason in every field."""
    reasons = tuple(Reason(field, why) for field in ("stage", "reversible", "touches"))
    return Level(Stage.RESPOND, reversible, touches, reasons)


def worst(why: str) -> Level:
    """The worst case, for one reason."""
    return change(why, Reversible.IRREVERSIBLE, frozenset(Touches))


def touching(why: str, touches: Iterable[Touches]) -> Level:
    """A read that touches more."""
    found = frozenset(touches)
    return Level(touches=found, reasons=tuple(Reason("touches", why, touch.value) for touch in sorted(found)))


def shown(word: str) -> str:
    """A word of the server's, in quotes and bounded."""
    return f"“{word[:MOST_SHOWN]}”"


def quoted(words: Iterable[str]) -> str:
    """At most five words of the server's, each once."""
    return ", ".join(shown(word) for word in list(dict.fromkeys(words))[:5])
