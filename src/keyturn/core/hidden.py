"""What the eye misses in hostile text: controls, bidi overrides, zero-width and tag characters, look-alikes.

Agents and tools write what people decide by ("lies in the loop"): a text is cut into plain and marked segments, so
that every surface can show each marked one for what it is. Nothing is removed, nothing is normalised: the segments'
texts put together are the text again, and what is beyond a limit is counted.
"""

import functools
import re
import unicodedata
from enum import StrEnum

import msgspec


class Mark(StrEnum):
    """Why a segment is not what it seems."""

    LINE = "line"
    SPACE = "space"
    CONTROL = "control"
    BIDI = "bidi"
    ZERO_WIDTH = "zero_width"
    TAG = "tag"
    PRIVATE = "private"
    UNASSIGNED = "unassigned"
    SURROGATE = "surrogate"
    COMBINING = "combining"
    LOOKALIKE = "lookalike"


class Segment(msgspec.Struct, frozen=True):
    """A piece of a text as it stands. ``mark`` None is plain; else ``why`` says in words what it is."""

    text: str
    mark: Mark | None = None
    why: str = ""

    @property
    def shown(self) -> str:
        """What to put on a page or a terminal: plain text as it is, each character of a marked one as ``\\u{…}``."""
        if self.mark is None:
            return self.text
        return "".join(_SHORT.get(ch) or f"\\u{{{ord(ch):x}}}" for ch in self.text)


class Shown(msgspec.Struct, frozen=True):
    """The segments of a text, and how many characters behind them were left out."""

    segments: tuple[Segment, ...]
    left_out: int

    @property
    def marked(self) -> tuple[Mark, ...]:
        """Which marks there are, each once; a line break is none to worry about."""
        return tuple(sorted({s.mark for s in self.segments if s.mark not in (None, Mark.LINE)}))

    @property
    def text(self) -> str:
        """All of it on one line; the count of what was left out is said."""
        shown = "".join(segment.shown for segment in self.segments)
        return f"{shown} … [{self.left_out} more characters]" if self.left_out else shown


def shown(text: str, most: int = 2_000, start: int = 0, *, lines: bool = False) -> Shown:
    """The segments of ``text`` from ``start`` on, at most ``most`` characters of it."""
    cut = text[start : start + most]
    return Shown(segments(cut, lines=lines), max(0, len(text) - start - len(cut)))


def segments(text: str, *, lines: bool = False) -> tuple[Segment, ...]:
    """Every character of the text, in plain and marked segments; neighbours of one kind are one segment.

    ``lines``: line breaks are plain, for a surface that shows them as such.
    """
    if not text:
        return ()
    if (_PLAIN_LINES if lines else _PLAIN).fullmatch(text):
        return (Segment(text),)
    marks = _marks(text)
    if lines:
        marks = {index: mark for index, mark in marks.items() if mark[0] is not Mark.LINE}
    found: list[Segment] = []
    start, plain = 0, (None, "")
    last: tuple[Mark | None, str] = marks.get(0, plain)
    for index in sorted({*marks, *(i + 1 for i in marks)}):
        now = marks.get(index, plain) if index < len(text) else plain
        if index > start and now != last:
            found.append(Segment(text[start:index], *last))
            start, last = index, now
    if start < len(text):
        found.append(Segment(text[start:], *last))
    return tuple(found)


def says_something(text: str) -> bool:
    """There is a letter or a digit in it that can be seen."""
    return any(ch.isalnum() and ch not in _FILLERS for ch in text)


def mixes_alphabets(text: str) -> bool:
    """A word of it has Latin letters beside those of an alphabet that looks like them."""
    for match in _WORD.finditer(text) if not text.isascii() else ():
        found = {_script(ch) for ch in match.group()}
        if "LATIN" in found and found & (_TWINS.keys() - {"LATIN"}):
            return True
    return False


def skeleton(text: str) -> str:
    """The text in the Latin letters that it looks like: two texts with one skeleton can be mistaken for each other."""
    return "".join(_TWINS.get(_script(ch), {}).get(ch, ch) for ch in text).casefold()


def marks_in(text: str) -> tuple[Mark, ...]:
    """Which marks a whole text has, each once, but for line breaks: for a warning above a text that is shown in part.

    Quick for long texts, whatever is in them: it looks at each different character and word once.
    """
    if _PLAIN_LINES.fullmatch(text):
        return ()
    kinds = {ch for ch in set(text) if not " " <= ch <= "~"}
    found = {mark[0] for mark in map(_mark, kinds) if mark is not None}
    heaps = "".join(re.escape(ch) for ch in kinds if _combines(ch))
    if heaps and re.search(f"^[{heaps}]|[{heaps}]{{{_MOST_COMBINING + 1},}}", text):
        found.add(Mark.COMBINING)
    words = " ".join({word for word in _WORD.findall(text) if not word.isascii()})
    marked: dict[int, tuple[Mark, str]] = {}
    _mark_words(words, marked)
    return tuple(sorted((found | {mark for mark, _ in marked.values()}) - {Mark.LINE}))


_PLAIN, _PLAIN_LINES = re.compile(r"[ -~]*"), re.compile(r"[ -~\n]*")
_WORD = re.compile(r"[^\W\d_]+")
_SHORT = {"\n": "\\n", "\t": "\\t"}
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ZERO_WIDTH = frozenset("\u00ad\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\ufff9\ufffa\ufffb")
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
_CATEGORIES = {
    "Cc": (Mark.CONTROL, "a control character"),
    "Cf": (Mark.ZERO_WIDTH, "an invisible format character"),
    "Cn": (Mark.UNASSIGNED, "a code point that stands for nothing"),
    "Co": (Mark.PRIVATE, "a private-use character, which every font draws differently"),
    "Cs": (Mark.SURROGATE, "half a character, which is none"),
    "Zl": (Mark.SPACE, "a line separator"),
    "Zp": (Mark.SPACE, "a paragraph separator"),
    "Zs": (Mark.SPACE, "a space that is not the plain one"),
}
_MOST_COMBINING = 3

# Letters that are drawn like a Latin one, by script; what is not here is told apart by eye.
_TWINS = {
    "CYRILLIC": dict(
        zip("аеорсухіјѕԁһӏԛԝьвкмнтзАВЕЗКМНОРСТУХІЈЅҮԌԚԜ", "aeopcyxijsdhlqwbBKMHT3ABE3KMHOPCTYXIJSYGQW", strict=True)
    ),
    "GREEK": dict(zip("ορνυικταγωΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ", "opvuiktaywABEZHIKMNOPTYXcj", strict=True)),
    "ARMENIAN": dict(zip("ոսօհցզնրԼՍՕ", "nuohgqnrLUO", strict=True)),
    "CHEROKEE": dict(zip("ᎪᎬᎢᏚᎻᎳᏞᏀᏃᏢᏒᏴᏔᎶᎷᎯᏙᏦ", "AEISHWLGZPRBWGMHVK", strict=True)),
    "LATIN": dict(zip("ıɑɡⅼſǃɩʟɪꞮ", "iagls!iLIl", strict=True)),
}
_SIGNS = {
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2212": "-", "\u02d7": "-", "\u2044": "/", "\u2215": "/",
    "\u29f8": "/", "\u29f9": "\\", "\u2216": "\\", "\u2024": ".", "\u0701": ".", "\u0660": ".", "\u06d4": ".",
    "\u3002": ".", "\u201a": ",", "\u2236": ":", "\ua789": ":", "\u02d0": ":", "\u0589": ":", "\u05c3": ":",
    "\u037e": ";", "\u02bc": "'", "\u2032": "'", "\u2223": "|", "\u01c0": "|", "\u0965": "|", "\u2217": "*",
    "\u204e": "*", "\u02bb": "'", "\u2039": "<", "\u203a": ">", "\ufe68": "\\", "\u2f02": "\\",
}  # fmt: skip


# Whatever is no letter or digit, and those letters and digits that are not what they seem by themselves.
_ODD = re.compile(
    rf"[^ -~\w]|[\u115f\u1160\u17b4\u17b5\u3164\u2100-\u214f\uff00-\uffef{''.join(_SIGNS)}]"
    r"|[\U0001d400-\U0001d7ff\U0001fbf0-\U0001fbf9]"
)


def _marks(text: str) -> dict[int, tuple[Mark, str]]:
    marks: dict[int, tuple[Mark, str]] = {}
    stacked = 0
    for match in _ODD.finditer(text):
        index, ch = match.start(), match.group()
        if _combines(ch):
            stacked = stacked + 1 if index and (index - 1 in marks or _combines(text[index - 1])) else 1
            if index == 0 or stacked > _MOST_COMBINING:
                marks[index] = (Mark.COMBINING, "one of a heap of combining marks, which draw over their neighbours")
                continue
        mark = _mark(ch)
        if mark is not None:
            marks[index] = mark
    if not text.isascii():
        _mark_words(text, marks)
    return marks


@functools.lru_cache(8_192)
def _combines(ch: str) -> bool:
    return ch > "~" and unicodedata.category(ch) in ("Mn", "Me")


@functools.lru_cache(8_192)
def _mark(ch: str) -> tuple[Mark, str] | None:
    """What one character is by itself, if it is not plain."""
    category = unicodedata.category(ch)
    if ch == "\n":
        return Mark.LINE, "a line break"
    if ch == "\t":
        return Mark.SPACE, "a tab"
    if ch in _BIDI:
        return Mark.BIDI, f"changes the direction of text: {_name(ch)}"
    if ch in _ZERO_WIDTH or ch in _FILLERS:
        return Mark.ZERO_WIDTH, f"takes no visible room: {_name(ch)}"
    if "\U000e0000" <= ch <= "\U000e007f":
        return Mark.TAG, f"a tag character, which hides {chr(ord(ch) - 0xE0000)!r}"
    if "\ufe00" <= ch <= "\ufe0f" or "\U000e0100" <= ch <= "\U000e01ef":
        return Mark.ZERO_WIDTH, "a variation selector, which can carry hidden bytes"
    if category in _CATEGORIES:
        return _CATEGORIES[category]
    if ch in _SIGNS:
        return Mark.LOOKALIKE, f"looks like {_SIGNS[ch]!r}: {_name(ch)}"
    styled = unicodedata.decomposition(ch)
    if styled.startswith(("<font>", "<wide>", "<narrow>")) and (plain := unicodedata.normalize("NFKC", ch)).isascii():
        return Mark.LOOKALIKE, f"looks like {plain!r}: {_name(ch)}"
    return None


def _mark_words(text: str, marks: dict[int, tuple[Mark, str]]) -> None:
    """Letters that pass for Latin ones: in a word that mixes scripts, or in one made of nothing else.

    A word of twins alone is taken for its own language if the text shows that it is written in that script.
    """
    words = [match for match in _WORD.finditer(text) if not match.group().isascii()]
    clearly = {script for match in words for script in _own_script(match.group())}
    for match in words:
        word = match.group()
        scripts = _scripts(word)
        mixed = len(scripts) > 1
        for script in scripts:
            twins = _TWINS.get(script, {})
            if not mixed and script != "LATIN" and (script in clearly or not twins.keys() >= set(word)):
                continue
            for offset, ch in enumerate(word):
                if ch in twins:
                    why = f"looks like {twins[ch]!r}: {_name(ch)}"
                    marks.setdefault(match.start() + offset, (Mark.LOOKALIKE, why))
        if mixed and "LATIN" in scripts:
            _mark_strangers(match, marks)


def _scripts(word: str) -> frozenset[str]:
    return frozenset(map(_script, set(word))) - {""}


def _own_script(word: str) -> frozenset[str]:
    """The script that a word is clearly written in: it has a letter that looks like no Latin one."""
    scripts = _scripts(word)
    return (
        scripts
        if len(scripts) == 1 and any(not _TWINS.get(s, {}).keys() >= set(word) for s in scripts)
        else frozenset()
    )


def _mark_strangers(match: "re.Match[str]", marks: dict[int, tuple[Mark, str]]) -> None:
    """In a word with Latin letters, what is of another alphabet, look-alike or not."""
    for offset, ch in enumerate(match.group()):
        if (script := _script(ch)) in _TWINS and script != "LATIN":
            why = f"a letter of another alphabet within the word: {_name(ch)}"
            marks.setdefault(match.start() + offset, (Mark.LOOKALIKE, why))


@functools.lru_cache(8_192)
def _script(ch: str) -> str:
    """The script of a letter, as the first word of its name says; ``""`` for what belongs to none."""
    if ch.isascii():
        return "LATIN"
    name = unicodedata.name(ch, "").partition(" ")[0]
    return "" if name in ("MODIFIER", "MICRO", "COMBINING") else name


def _name(ch: str) -> str:
    return unicodedata.name(ch, f"U+{ord(ch):04X}").lower()
