"""Command lines of a POSIX shell, as far as they say plainly what runs: words, quotes, pipes, lists, redirections.

Whatever a shell expands, substitutes, loads or repeats (``$x``, ``$(…)``, braces, escapes, here-documents, loops) is
not read at all: a plain word is one that means the same to every shell. So this needs no grammar, only tokens,
and a token that is not known here ends the reading (docs/adr/0012).
"""

import re
from typing import Any, Final

import msgspec

from keyturn.catalogue.rules.rule import seen
from keyturn.core.operation import Unread

MOST: Final = 64
"""Commands of a line that are looked at."""


class Simple(msgspec.Struct, frozen=True):
    """One command: its words without their quotes, which of them hold wildcards, the files it reads and writes by
    redirection, and what stands behind it (``&&``, ``|``, …)."""

    words: tuple[str, ...]
    wild: frozenset[int] = frozenset()
    sources: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    then: str = ""


_PLAIN: Final = r"[A-Za-z0-9_./:=,@%+^~*?\[\]-]++|\$HOME(?![A-Za-z0-9_])|\$\{HOME\}"
_DOUBLE: Final = r'"(?:[^"$`\\!\n]++|\\[^"$`\\!\n]|\$HOME(?![A-Za-z0-9_])|\$\{HOME\})*"'
_WORD: Final = rf"(?:(?:{_PLAIN})|'[^'\n]*'|{_DOUBLE})+"
_TOKEN: Final = re.compile(
    rf"[ \t]+|(?P<merge>[12]?>&[12](?![^ \t\n|&;]))|(?P<to>(?:[12]|&)?>>?(?![&|(>]))|(?P<from><(?![<(&>]))"
    rf"|(?P<end>\|\||&&|[|;&]|\n)|(?P<word>{_WORD})"
)
_FAST: Final = re.compile(
    rf"((?:[A-Za-z0-9_./:=,@%+^~ \t-]++|'[^'\n]*+'|{_DOUBLE})++)"
    r"(?:(>[ \t]*/dev/null|>&[12])(?![^ \t\n|&;])[ \t]*)?(\|\||&&|&(?![>&])|[|;\n]|\Z)"
)
_QUOTED_WORD: Final = re.compile(rf"(?:[^ \t'\"]++|'[^'\n]*'|{_DOUBLE})+")
_LIST: Final = frozenset({"", "\n", ";", "&", "&&", "||", "|"})
_NONE: Final[frozenset[int]] = frozenset()
_QUOTED: Final = re.compile(rf"'([^'\n]*)'|({_DOUBLE})")
_WILD: Final = re.compile(r"[*?\[]")


def split(line: str) -> list[Simple] | Unread:
    """Every command of the line, in order."""
    if not seen(line):
        return Unread("it holds characters that can't be seen or that look like others")
    found: list[Simple] = []
    at, ended, now, size = 0, "", _Open(), len(line)
    while at < size:
        if not now.touched and (fast := _FAST.match(line, at)) is not None and (quick := _quick(fast)) is not None:
            found.append(quick)
            at, ended = fast.end(), fast[3]
            continue
        token = _TOKEN.match(line, at)
        if token is None:
            return Unread(f"the shell makes more of {line[at : at + 20]!r} than plain words")
        at, kind = token.end(), token.lastgroup
        if kind == "end":
            if now.next or not (now.words or (token["end"] == "\n" and ended in _LIST and not now.touched)):
                return Unread("a command is missing")
            if now.words:
                ended = token["end"]
                found.append(now.closed(ended))
                now = _Open()
        elif kind is not None and not now.add(kind, token[kind]):
            return Unread("a redirection leads nowhere")
    if now.words and not now.next:
        found.append(now.closed(""))
    elif now.touched or ended in ("|", "||", "&&"):
        return Unread("the line is not finished")
    return found if 0 < len(found) <= MOST else Unread("there is no command in it, or too many")


def _quick(found: re.Match[str]) -> Simple | None:
    """A command of words and quotes alone, whose output may be thrown away or put together; None if it has no words."""
    text, to, then = found.groups()
    if "'" in text or '"' in text:
        words = [_bare(word) if "'" in word or '"' in word else word for word in _QUOTED_WORD.findall(text)]
    else:
        words = text.split()
    if to and words and words[-1] in ("1", "2") and text[-2:].strip(" \t") == words[-1] and len(text) > 1:
        words.pop()
    return Simple(tuple(words), _NONE, (), ("/dev/null",) if to and to[1] != "&" else (), then) if words else None


def _bare(word: str) -> str:
    """A word without its quotes."""
    if word[0] in "'\"" and word.find(word[0], 1) == len(word) - 1:
        return word[1:-1]
    return _QUOTED.sub(lambda part: part.group()[1:-1], word)


def after(program: str, command: Any) -> tuple[str, ...] | Unread:
    """The words behind a program's name on a line that is one plain command; the name itself may be left out."""
    if not isinstance(command, str):
        return Unread("the command is not text")
    found = split(command)
    if isinstance(found, Unread):
        return found
    if len(found) > 1 or found[0].wild or found[0].sources or found[0].sinks:
        return Unread("it is more than one plain command")
    given = found[0].words
    return given[1:] if given[0] == program else given


class _Open:
    """A command that is being read."""

    __slots__ = ("next", "sinks", "sources", "touched", "wild", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.wild: set[int] = set()
        self.sources: list[str] = []
        self.sinks: list[str] = []
        self.next = ""
        self.touched = False

    def add(self, kind: str, text: str) -> bool:
        """Take a token; False if it can't stand here."""
        self.touched = True
        if kind != "word":
            if self.next:
                return False
            self.next = "" if kind == "merge" else kind
            return True
        bare = text
        if "'" in text or '"' in text:
            bare = _QUOTED.sub("", text)
            text = _bare(text)
        wild = _WILD.search(bare) is not None
        if self.next:
            if wild:
                return False
            (self.sources if self.next == "from" else self.sinks).append(text)
            self.next = ""
            return True
        if wild:
            self.wild.add(len(self.words))
        self.words.append(text)
        return True

    def closed(self, then: str) -> Simple:
        """The command, and what stands behind it."""
        return Simple(tuple(self.words), frozenset(self.wild), tuple(self.sources), tuple(self.sinks), then)
