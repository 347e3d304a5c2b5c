"""An action in one plain sentence, and how it is taken back: by its profile and arguments, never the agent's words.

A sentence is a row of pieces: ours, and data (a target, an argument), which is hostile text. A surface shows data as
such (quoted, monospaced, hidden characters made visible), so that a host named "approved. Nothing to do" stays a name.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from keyturn.core.action import Action, Target
from keyturn.core.profile import Basis, Profile, Reversible, Stage, at_path, resolve
from keyturn.errors import ProfileError

MOST_NAMED = 3
MOST_SHOWN = 120


class Piece(msgspec.Struct, frozen=True):
    """Some words. ``data``: they come from the call; then ``left_out`` counts the characters that were cut off."""

    text: str
    data: bool = False
    left_out: int = 0


Sentence = tuple[Piece, ...]


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """How an action is taken back. ``words`` say it; ``tool`` is the inverse, with its ``arguments`` if they are known
    already (None: they come from what is preserved first, or from the result); ``by_hand`` is a person's way."""

    reversible: Reversible
    words: Sentence
    tool: str = ""
    arguments: dict[str, Any] | None = None
    by_hand: str = ""


def spoken(sentence: Sentence) -> str:
    """A sentence as one text, its data in quotes. Hostile text: make hidden characters visible before it is shown."""
    return "".join(
        f"“{piece.text}{f' … {piece.left_out} more characters' * bool(piece.left_out)}”" if piece.data else piece.text
        for piece in sentence
    )


def happens(action: Action, profile: Profile) -> Sentence:
    """What the call does to which target, beginning with a verb and ending with a full stop."""
    if profile.basis is Basis.UNKNOWN:
        named = (Piece(", naming "), *_targets(action.targets)) if action.targets else ()
        return (
            Piece("Call "), _data(str(action.tool)), *named,
            Piece(". Nobody has profiled this tool: it may do anything, to anything."),
        )  # fmt: skip
    if profile.does:
        return _joined((*_filled(profile.does, action.arguments), Piece(".")))
    return _joined((*_derived(action, profile), Piece(".")))


def takes_back(action: Action, profile: Profile) -> Back:
    """Whether and how it can be undone, from the profile alone."""
    kind, inverse, by_hand = profile.reversible, profile.inverse, profile.by_hand
    words: tuple[Piece, ...] = (Piece(_BACK[kind]),)
    arguments: dict[str, Any] | None = None
    if inverse is not None:
        words += (Piece(" by calling "), _data(inverse.tool))
        try:
            arguments = resolve(inverse.arguments, {"arguments": action.arguments})
        except ProfileError:
            words += (Piece(", with what is saved first or what the call returns"),)
    elif by_hand:
        words += (Piece(f" by hand only: {by_hand}"),)
    elif kind in (Reversible.REVERSIBLE, Reversible.HARD):
        words += (Piece(", and nobody has written down how"),)
    return Back(
        reversible=kind,
        words=_joined((*words, Piece("."))),
        tool=inverse.tool if inverse is not None else "",
        arguments=arguments,
        by_hand=by_hand,
    )


_BACK = {
    Reversible.NO_EFFECT: "It changes nothing, so there is nothing to take back",
    Reversible.REVERSIBLE: "It can be taken back",
    Reversible.HARD: "It can be taken back in part, and side effects stay,",
    Reversible.IRREVERSIBLE: "It can't be taken back: nothing can undo it",
}
_VERBS = {
    "contain": "contain", "allow": "let through", "deny": "block", "stop": "stop", "start": "start",
    "delete": "delete", "update": "change", "create": "create", "copy": "copy", "set": "set", "cancel": "end",
    "investigate": "investigate", "scan": "scan", "query": "look up", "locate": "locate", "restart": "restart",
    "restore": "restore", "redirect": "redirect", "remediate": "remediate", "detonate": "detonate",
}  # fmt: skip
HOLE = re.compile(r"\{([\w.-]+(?: [\w.-]+)*)\}")
"""Where a value of the call stands in a profile's phrase."""
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def holes(does: str, *, optional: bool = True) -> tuple[str, ...]:
    """The arguments (dotted paths) that a profile's ``does`` names; those in brackets only if ``optional``."""
    return tuple(HOLE.findall(does if optional else _OPTIONAL.sub("", does)))


def _filled(does: str, arguments: dict[str, Any]) -> Sentence:
    """The profile's own phrase with the call's values; a part in brackets stands only if the call has its values, and
    what else the call leaves out is said to be left out."""
    pieces: list[Piece] = []
    for index, part in enumerate(_OPTIONAL.split(does)):
        if index % 2 == 0 or all(_given(arguments, hole) not in _EMPTY for hole in holes(part)):
            pieces += _phrase(part, arguments)
    first = pieces[0]
    return (Piece(first.text[:1].upper() + first.text[1:], first.data, first.left_out), *pieces[1:])


_EMPTY: tuple[Any, ...] = (None, "", [], {})


def _given(arguments: dict[str, Any], path: str) -> Any:
    try:
        return at_path(arguments, path)
    except LookupError:
        return None


def _phrase(text: str, arguments: dict[str, Any]) -> Iterator[Piece]:
    for index, part in enumerate(HOLE.split(text)):
        if index % 2 == 0:
            yield Piece(part)
        elif (value := _given(arguments, part)) in _EMPTY:
            yield Piece(f"(no {part.replace('_', ' ')} given)")
        else:
            yield from _values(value)


def _values(value: Any) -> Sentence:
    items = value if isinstance(value, list) else [value]
    texts = [item if isinstance(item, str) else msgspec.json.encode(item).decode() for item in items]
    return _listed(texts)


def _derived(action: Action, profile: Profile) -> Sentence:
    verb, _, thing = profile.openc2.partition(" ")
    if (word := _VERBS.get(verb)) is not None:
        what = _targets(action.targets) or (Piece(f"a {_plain(thing)} that the call does not name"),)
        return (Piece(f"{word[0].upper()}{word[1:]} "), *what, Piece(" with "), _data(str(action.tool)))
    lead = {
        Stage.ANALYSE: "Read with ",
        Stage.RECORD: "Write a note with ",
        Stage.RESPOND: "Change something with ",
    }[profile.stage]
    about = (Piece(": "), *_targets(action.targets)) if action.targets else ()
    return (Piece(lead), _data(str(action.tool)), *about)


def _targets(targets: tuple[Target, ...]) -> Sentence:
    """``the host “h1”``, ``5 hosts “a”, “b”, “c” and 2 more``; several kinds one after the other."""
    kinds: dict[str, list[str]] = {}
    for target in targets:
        kinds.setdefault(target.kind, []).append(target.id)
    pieces: list[Piece] = []
    for kind, ids in kinds.items():
        pieces.append(Piece(" and " if pieces else ""))
        pieces.append(Piece(f"the {_plain(kind)} " if len(ids) == 1 else f"{len(ids):,} {_many(_plain(kind))} "))
        pieces += _listed(ids)
    return tuple(pieces)


def _listed(texts: list[str]) -> Sentence:
    pieces: list[Piece] = []
    named, rest = texts[:MOST_NAMED], len(texts) - MOST_NAMED
    for index, text in enumerate(named):
        if index:
            pieces.append(Piece(" and " if index == len(named) - 1 and rest <= 0 else ", "))
        pieces.append(_data(text))
    if rest > 0:
        pieces.append(Piece(f" and {rest:,} more"))
    return tuple(pieces)


def _data(text: str) -> Piece:
    return Piece(text[:MOST_SHOWN], True, max(0, len(text) - MOST_SHOWN))


def _plain(word: str) -> str:
    return word.removeprefix("x-keyturn:").replace("_", " ").replace("ipv4 net", "network address")


def _many(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch")) else f"{word}s"


def _joined(pieces: Sentence) -> Sentence:
    """Neighbouring words as one piece, empty ones left out."""
    found: list[Piece] = []
    for piece in pieces:
        if found and not piece.data and not found[-1].data:
            found[-1] = Piece(found[-1].text + piece.text)
        elif piece.text or piece.data:
            found.append(piece)
    return tuple(found)
