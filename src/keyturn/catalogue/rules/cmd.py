"""Command lines of cmd.exe, as far as they are plain words: nothing is expanded, escaped, grouped or redirected.

Small on purpose: its quoting differs from program to program, so only words that need none are believed.
"""

import re
from functools import partial
from typing import Final

from keyturn.catalogue.rules import paths
from keyturn.catalogue.rules.answers import DATA, changes, of_all, reads
from keyturn.catalogue.rules.places import hunts, may_hunt, place
from keyturn.catalogue.rules.posix import exposed
from keyturn.catalogue.rules.rule import seen
from keyturn.catalogue.rules.windows import native
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Reading, Unread, gravest

MOST: Final = 64
_TOKEN: Final = re.compile(
    r"[ \t]*(?:(?P<quiet>[12]?>[ ]?nul(?![\w.\\/:])|2>&1(?![^ \t\n&|]))|(?P<end>&&|\|\||[&|\n])"
    r'|(?P<word>(?:[A-Za-z0-9_./:\\*?+~#{}\[\]$-]+|"[^"%!^\n&|<>]*")+))|(?P<odd>.)'
)
_LISTS: Final = re.compile(r"/(a(:?-?[dhsrail]+)?|b|s|q|w|l|n|x|4|o:?-?[nsedg]+|t:?[caw])(?=/|$)", re.I)
_FINDSTR: Final = re.compile(r"/([bielrsnmxvop]|c:.+|offline)", re.I)
_DELETES: Final = frozenset({"del", "erase", "rd", "rmdir"})
_WRITES: Final = {"md": paths.WRITE, "mkdir": paths.WRITE, "copy": paths.WRITE, "move": paths.MOVE, "ren": paths.MOVE}


def read(line: str) -> Reading:
    """Everything that the line runs, as one operation."""
    commands = split(line)
    hunting = not isinstance(commands, Unread) and may_hunt(commands)
    return of_all(commands, partial(_command, hunting=hunting))


def split(line: str) -> list[list[str]] | Unread:
    """The words of every command of the line."""
    if not seen(line):
        return Unread("it holds characters that can't be seen or that look like others")
    found: list[list[str]] = [[]]
    line = line.rstrip(" \t")
    for token in _TOKEN.finditer(line):
        kind = token.lastgroup
        if kind == "word":
            word = token["word"]
            if '"' in word:
                if word.count('"') != 2 or not word.endswith('"') or word.endswith('\\"'):
                    return Unread("its quotes may be read in more than one way")
                word = word.replace('"', "")
            found[-1].append(word)
        elif kind == "end":
            if not found[-1] and token["end"] != "\n":
                return Unread("a command is missing")
            if found[-1]:
                found.append([])
        elif kind == "odd":
            at = token.start()
            return Unread(f"cmd makes more of {line[at : at + 20].lstrip()!r} than plain words")
    found = found if found[-1] else found[:-1]
    return found if 0 < len(found) <= MOST else Unread("there is no command in it, or too many")


def _command(words: list[str], *, hunting: bool) -> Reading:
    name, shown = words[0].lower(), " ".join(words)
    if name == "echo":
        return exposed(shown, []) if hunting and hunts(words[1:]) else reads(shown, {DATA}, why="it shows text")
    if name in ("cd", "chdir", "vol", "ver") and len(words) == 1:
        return reads(shown, {DATA})
    if name in ("time", "date") and [word.lower() for word in words[1:]] == ["/t"]:
        return reads(shown, {DATA})
    if name in ("dir", "tree"):
        return _listed(words, shown, hunting=hunting)
    if name == "type":
        return _opened(words[1:], shown, hunting=hunting)
    if name in ("findstr", "find"):
        return _sought(words, shown, hunting=hunting)
    if name in _DELETES or name in _WRITES:
        return _changed(name, words, shown)
    return native(words)


def _listed(words: list[str], shown: str, *, hunting: bool) -> Reading:
    options = [word for word in words[1:] if word.startswith("/")]
    if not all(_LISTS.sub("", option) == "" or option.lower() in ("/f", "/a") for option in options):
        return Unread("nobody knows what dir does with its options")
    deep = words[0].lower() == "tree" or any("/s" in option.lower() for option in options)
    targets, reach = [], EVERYTHING if deep else 0
    for word in [word for word in words[1:] if not word.startswith("/")] or ["."]:
        at = place(word, beneath=deep)
        if at is None or at.device or at.remote:
            return Unread(f"nobody can say where {word[:80]} leads")
        if (hunting and hunts((word,))) or (at.secret and not at.wide):
            return exposed(shown, [at.path])
        targets.append(Target("file", at.path))
        reach = EVERYTHING if at.wide else reach
    return reads(shown, {DATA}, targets, reach=reach, why="it lists files")


def _opened(files: list[str], shown: str, *, hunting: bool, deep: bool = False) -> Reading:
    targets, reach = [], 0
    for word in files:
        at = place(word, beneath=deep)
        if at is None or at.device or at.remote or word.startswith("/"):
            return Unread(f"nobody can say where {word[:80]} leads")
        if at.secret or (hunting and hunts((word,))):
            return exposed(shown, [at.path])
        targets.append(Target("file", at.path))
        reach = EVERYTHING if at.wide else reach
    return reads(shown, {DATA}, targets, reach=reach, why="nothing tells beforehand what is in a file")


def _sought(words: list[str], shown: str, *, hunting: bool) -> Reading:
    options = [word for word in words[1:] if word.startswith("/")]
    if not all(_FINDSTR.fullmatch(option) for option in options) or (hunting and hunts(words[1:])):
        return Unread("it looks for credentials, or nobody knows its options")
    operands = [word for word in words[1:] if not word.startswith("/")]
    given = any(option.lower().startswith("/c:") for option in options)
    files = operands if given else operands[1:]
    return _opened(
        files, shown, hunting=hunting, deep=any("s" in option.lower()[:2] for option in options if len(option) == 2)
    )


def _changed(name: str, words: list[str], shown: str) -> Reading:
    options = {word.lower() for word in words[1:] if word.startswith("/")}
    files = [word for word in words[1:] if not word.startswith("/")]
    if not options <= {"/f", "/q", "/s", "/y", "/a"} or not files:
        return Unread(f"nobody knows what {name} does with its options")
    found = []
    for word in files:
        at = place(word, beneath="/s" in options)
        if at is None or at.device:
            return Unread(f"nobody can say where {word[:80]} leads")
        found.append(paths.done(paths.DELETE if name in _DELETES else _WRITES[name], at))
    one = gravest(*found)
    return changes(shown, one.reversible, one.touches, one.targets, reach=one.reach, why=one.why)
