"""Where each value of a call was seen before: in the case, the mandate, a tool's result, an earlier call, or nowhere.

A value that no tool ever showed and no person wrote is the agent's own ("the agent introduced this"): made up,
guessed, or slipped in by a text that it read. A tool that only echoes what the agent asked it for shows nothing new,
so what counts is the first place in the order of time.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import accumulate
from typing import Any

import msgspec

from keyturn.core.action import Action, ToolRef
from keyturn.core.mandate import Mandate
from keyturn.gate.case_ports import Kept
from keyturn.gate.ports import Tx

KEPT = ("action", "preserved", "result")
MOST_SEARCHED = 4 * 1024 * 1024
MOST_WORK = 64 * 1024 * 1024
MOST_TRACED = 64
MOST_REJECTED = 300
LONG = 4_096
SHORTEST = 3
BETWEEN = b"\xff"  # in no UTF-8 text, so that nothing is found across two places


class Origin(StrEnum):
    """The first place where a value was seen, before this call."""

    CASE = "case"
    MANDATE = "mandate"
    RESULT = "result"
    ARGUMENT = "argument"
    NOWHERE = "nowhere"
    TRIVIAL = "trivial"
    UNTRACED = "untraced"


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the arguments: its dotted path, itself as JSON, where it was first seen, and that in words.

    ``action``, ``tool`` and ``seq`` name the earlier step and its entry, for a result or an argument.
    """

    path: str
    value: Any
    origin: Origin
    words: str
    action: str = ""
    tool: str = ""
    seq: int | None = None


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Every value of a call. ``searched`` payloads were looked through; ``older``: there were more, too many to search,
    so that *nowhere* means nowhere in those."""

    values: tuple[Traced, ...]
    searched: int
    older: bool


class _Place(msgspec.Struct, frozen=True):
    """An earlier text of the case: the arguments of a call, or what a tool answered."""

    seq: int
    action: str
    origin: Origin


class _Past(msgspec.Struct, frozen=True):
    """All that can be searched as one text, the oldest first, and where each place begins in it. ``older``: there was
    more than that."""

    text: bytes
    starts: tuple[int, ...]
    places: tuple[_Place, ...]
    older: bool

    def first(self, needles: Iterable[bytes]) -> _Place | None:
        """The first place that holds one of the needles whole. Raises :class:`GaveUp`."""
        found = [at for at in (_find(needle, self.text) for needle in needles) if at >= 0]
        return self.places[bisect_right(self.starts, min(found)) - 1] if found else None


def trace(tx: Tx, action: Action, mandate: Mandate | None, before: int, late: Callable[[], bool]) -> Provenance:
    """Where each value of the action's arguments was seen before the entry ``before``, by exact text.

    ``late`` says that the time for it is over: what is left by then is untraced, and says so. An agent chooses what is
    looked for and some of what is searched, so a bound on sizes alone would not hold.
    """
    past = _past(tx.cases.kept_before(action.case, before, KEPT) if action.case else ())
    most = max(1, min(MOST_TRACED, MOST_WORK // max(1, len(past.text))))
    found: list[Traced] = []
    traced = 0
    for path, value in _leaves(action.arguments, ""):
        if traced >= most or late():
            found.append(_says(path, value, Origin.UNTRACED, "not looked up: there is too much to search"))
            continue
        known = _known(path, value, action.case, mandate)
        if known is None:
            traced += 1
            known = _searched(tx, path, value, past)
        found.append(known)
    return Provenance(values=tuple(found), searched=len(past.places), older=past.older)


def _past(kept: Iterable[Kept]) -> _Past:
    """What can be searched of what is kept, which comes the newest first."""
    texts: list[bytes] = []
    places: list[_Place] = []
    size, older = 0, False
    for each in kept:
        proposed = each.name == "action"
        text = _arguments(each.body) if proposed else each.body
        size += len(text)
        if size > MOST_SEARCHED:
            older = True
            break
        texts.append(text)
        places.append(_Place(each.seq, each.action, Origin.ARGUMENT if proposed else Origin.RESULT))
    texts.reverse()
    places.reverse()
    starts = tuple(accumulate((len(text) + len(BETWEEN) for text in texts[:-1]), initial=0))
    return _Past(BETWEEN.join(texts), starts, tuple(places), older)


def _arguments(content: bytes) -> bytes:
    """The arguments' bytes within an action's canonical content, whose members are sorted: agent, arguments, case."""
    start, end = content.find(b'"arguments":'), content.rfind(b',"case":"')
    return content[start + 12 : end] if 0 <= start < end else b""


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, with its dotted path, in the order of the canonical bytes: nothing of the
    arguments stands outside these, an empty list or object is one of them."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{_named(key)}" if path else _named(key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{index}")
    elif path:
        yield path, value


def _named(key: str) -> str:
    """A key as a step of a path: in quotes where it could be taken for several steps, a place in a list, or another."""
    plain = key and key == key.strip() and not key.isdigit() and not set(key) & set('."')
    return key if plain else msgspec.json.encode(key).decode()


def _known(path: str, value: Any, case: str, mandate: Mandate | None) -> Traced | None:
    """A value that needs no search: a plain one, the case's, or one that a person wrote into the mandate."""
    if value is None or isinstance(value, bool | list | dict):
        return _says(path, value, Origin.TRIVIAL, "a plain value, which says nothing of where it is from")
    text = _text(value)
    if text and _stands(text, case):
        return _says(path, value, Origin.CASE, "the name of the case")
    if mandate is not None and text:
        exact = (pattern for pattern in mandate.targets if not set(pattern) & set("*?["))
        names = {name.partition(":")[2] for name in (*mandate.objects, *exact)}
        if text in names or (len(text) >= SHORTEST and _stands(text, mandate.purpose)):
            return _says(path, value, Origin.MANDATE, f"the mandate, which {mandate.issued_by} issued")
    if len(text.strip()) < SHORTEST:
        return _says(path, value, Origin.TRIVIAL, "too short to tell where it is from")
    return None


def _stands(value: str, text: str) -> bool:
    try:
        return _find(value.encode("utf-8", "replace"), text.encode("utf-8", "replace")) >= 0
    except GaveUp:
        return False


def _searched(tx: Tx, path: str, value: Any, past: _Past) -> Traced:
    try:
        place = past.first(_spellings(_text(value)))
    except GaveUp:
        return _says(path, value, Origin.UNTRACED, "not looked up: it stands within other words too often to tell")
    if place is None:
        where = "the part of the case that was searched" if past.older else "this case"
        words = f"the agent introduced this: it stands in no earlier result or argument of {where}, nor in the mandate"
        return _says(path, value, Origin.NOWHERE, words)
    record = tx.action(place.action)
    tool: ToolRef | str = record.tool if record is not None else "a tool"
    if place.origin is Origin.RESULT:
        words = f"a result of {tool}"
    else:
        own = "the agent introduced this" if record is None else f"{record.agent} introduced this"
        words = f"{own} as an argument of {tool}, before any tool had shown it"
    return Traced(
        path=path, value=value, origin=place.origin, words=words, action=place.action, tool=str(tool), seq=place.seq
    )


def _says(path: str, value: Any, origin: Origin, words: str) -> Traced:
    return Traced(path=path, value=value, origin=origin, words=words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _spellings(text: str) -> tuple[bytes, ...]:
    """How a text may stand in JSON, and in JSON within JSON: plain, escaped once, escaped twice."""
    found: dict[bytes, None] = {text.encode("utf-8", "replace"): None}
    for ascii_only in (False, True):
        once = text
        for _ in range(2):
            once = _escaped(once, ascii_only)
            found[once.encode("utf-8", "replace")] = None
    return tuple(found)


def _escaped(text: str, ascii_only: bool) -> str:
    raw = msgspec.json.encode(text).decode()[1:-1]
    if not ascii_only or raw.isascii():
        return raw
    return "".join(ch if ch.isascii() else "".join(f"\\u{u:04x}" for u in _units(ch)) for ch in raw)


def _units(ch: str) -> tuple[int, ...]:
    raw = ch.encode("utf-16-be")
    return tuple(int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2))


class GaveUp(Exception):
    """The search would take too long."""


def _find(needle: bytes, text: bytes) -> int:
    """Where the needle stands as a whole, or -1: 10.0.0.1 is not in 10.0.0.12, nor dc01 in dc013.

    An agent chooses the needle and may have chosen the text, so the work is bounded: a long needle counts wherever it
    stands, and for one that keeps standing within other words :class:`GaveUp` is raised.
    """
    at = text.find(needle)
    if len(needle) > LONG:
        return at
    for _ in range(MOST_REJECTED):
        if at < 0:
            return -1
        end = at + len(needle)
        before = at > 0 and _word(needle[0]) and _word(text[at - 1]) and not _escape_ends(text, at)
        behind = end < len(text) and _word(needle[-1]) and _word(text[end])
        if not before and not behind:
            return at
        at = text.find(needle, at + 1)
    raise GaveUp


def _escape_ends(text: bytes, at: int) -> bool:
    """The letter before is the end of an escape such as ``\\n``, no letter of a longer word."""
    return at > 1 and text[at - 2 : at - 1] == b"\\" and text[at - 1 : at] in (b"n", b"r", b"t", b"b", b"f")


def _word(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95 or 128 <= byte < 255
