"""What a command of Splunk's reads from or writes to: indexes, data models, look-ups, macros (:mod:`.spl`).

An index counts as the bound of a search only where every event must come from it; else the search reads ``index:*``.
"""

import re
from typing import Final

from keyturn.catalogue.rules.rule import words
from keyturn.core.action import Target

_GENERATES: Final = words(
    """
    tstats mstats metadata metasearch eventcount dbinspect mcatalog walklex typeahead union pivot audit history
    searchtxn
    """
)
"""Those that read events themselves wherever they stand, where no index says from where."""

_NAMED: Final = {
    **dict.fromkeys(("inputlookup", "lookup", "outputlookup"), "lookup"),
    **{name: name for name in ("inputcsv", "rest", "loadjob", "from", "datamodel", "inputintelligence")},
    "outputcsv": "file",
}
_INTO_INDEX: Final = words("collect summaryindex sumindex stash mcollect meventcollect")
_MOST: Final = 200
_UNBOUND: Final = words("pivot audit history searchtxn typeahead")
_ANYTHING = Target("index", "*")

_NAME = re.compile(r"\s*((?:``(?=\s|$)\s*)*)([^\s=(),]*)")
_ARGUMENT = re.compile(r'\s*(?:([\w.]+)\s*=\s*)?("[^"]*"|[^\s"]+)')
_SOME = re.compile(r'[iI\u0130\u0131](?<![^\s(].)(?i:ndex\s+IN\s*\(([^()"]*)\))')
"""``index IN (a, b)``. Its first letter, as ``(?i)`` takes it, stands alone, so that a search leaps to it."""

_SOURCE = re.compile(r'(i(?<![^\s(].)ndex|d(?<![^\s(].)atamodel)\s*(!?=)\s*("[^"]*"|[^\s")]+)')
_BETWEEN: Final = frozenset({"or", "not", "and"})
_NAMESPACE = re.compile(r"\bfrom\s+(?!datamodel\s*=)", re.IGNORECASE)
_FROM = re.compile(r'\s*from\s+"?(\w+)(?:\s*:\s*|\s+)"?([^\s"]+)', re.IGNORECASE)
_PASTED = re.compile(r"\b(?:search|query)\b|\$", re.IGNORECASE)


class Command:
    """One command, gathered token by token; it ``begins`` with plain words.

    In its ``text`` a quoted value is its number among the ``values``, so that nothing in it is taken for terms; another
    quoted text is empty, a macro two backticks. In ``whole`` they stand as written.
    ``piped``: behind a pipe; ``nested``: in a subsearch; ``first`` of its pipeline; ``pasted``: the subsearch's result
    becomes terms of the command around it.
    """

    __slots__ = ("first", "macros", "nested", "pasted", "piped", "shown", "values", "written")

    def __init__(self, piped: bool, nested: bool, first: bool, pasted: bool, begins: str = "") -> None:
        self.piped, self.nested, self.first, self.pasted = piped, nested, first, pasted
        self.shown, self.written = [begins], [begins]
        self.values: list[str] = []
        self.macros: list[str] = []

    def add(self, written: str, shown: str) -> None:
        """Takes a token."""
        self.written.append(written)
        self.shown.append(shown)

    @property
    def text(self) -> str:
        """Without what is quoted."""
        return "".join(self.shown)

    @property
    def whole(self) -> str:
        """With it."""
        return "".join(self.written)


def name_of(command: Command) -> str:
    """The command's name; two backticks for a macro alone, which may be all of a command.

    What follows a leading macro counts as the name, since the macro may be empty. Without a pipe in front the first
    word may be a command or a term: the graver counts.
    """
    macros, name = _NAME.match(command.text).groups()  # type: ignore[union-attr]  # each part of it may be empty
    return name.casefold() or ("``" if macros else "")


def argument(command: Command) -> str:
    """The first argument that is no option, without quotes; ``*`` if there is none."""
    if (dataset := _FROM.match(command.whole)) is not None:
        return f"{dataset[1].casefold()}:{dataset[2]}"
    at = _NAME.match(command.whole)
    position = at.end() if at else 0
    while (found := _ARGUMENT.match(command.whole, position)) is not None:
        if found[1] is None:
            return found[2].strip('"') or "*"
        position = found.end()
    return "*"


def sources(name: str, command: Command, known: bool) -> list[Target]:
    """Where a command (``known``: one of Splunk's own that reads) reads from or writes to."""
    found = [Target("macro", macro) for macro in command.macros]
    if name in _NAMED and (command.piped or command.nested or name.startswith("output")):
        found.append(Target(_NAMED[name], argument(command)))
    if name in _INTO_INDEX:
        named = [_value(command, match[3]) for match in _SOURCE.finditer(command.text)]
        found += [Target("index", index) for index in named or ["*"]]
    if command.pasted and _PASTED.search(command.whole[len(name) + 1 :]):
        found.append(_ANYTHING)
    terms = command.first and not command.piped and not (command.nested and known)
    if terms or name in _GENERATES or (name == "search" and command.first):
        found += _read_by(name, command)
    return found


def _read_by(name: str, command: Command) -> list[Target]:
    """The indexes and data models that a command's terms name, and ``index:*`` unless they bound it.

    A data model bounds only ``tstats``, and a macro only a search: its author, an administrator, says from where.
    """
    text = _SOME.sub(_spelled, command.text)
    found: list[Target] = []

    def atom(match: re.Match[str]) -> str:
        if match[2] == "!=" or (match[1] == "datamodel" and name != "tstats"):
            return " x "
        found.append(Target(match[1], _value(command, match[3])))
        return " \0 "

    marked = _SOURCE.sub(atom, text)
    bounds = ("\0",) if name in _GENERATES else ("\0", "``")
    if name in _UNBOUND or not _bound(marked, bounds) or (name == "tstats" and _NAMESPACE.search(text)):
        found.append(_ANYTHING)
    return found


def _value(command: Command, shown: str) -> str:
    """A value as it was written, without its quotes. Behind a comment it is not at hand, and may be any."""
    bare = shown.strip('"')
    return (command.values[int(bare)].strip('"') if bare and shown[0] == '"' else bare) or "*"


def _spelled(match: re.Match[str]) -> str:
    """``index IN (a, b)`` as ``(index=a OR index=b)``."""
    values = [value for value in re.split(r"[\s,]+", match[1]) if value]
    return "(" + " OR ".join(f"index={value}" for value in values[:_MOST]) + (" OR x)" if len(values) > _MOST else ")")


def _bound(text: str, bounds: tuple[str, ...]) -> bool:
    """Whatever the terms find must meet one of the bounds: AND needs one side that does, OR both, NOT never does.

    (OR binds more tightly than the AND between terms.)
    """
    if not any(bound in text for bound in bounds):
        return False
    terms = text.replace("(", " ( ").replace(")", " ) ").replace("``", " `` ").casefold().split()
    if not _balanced(terms):
        return False
    frames: list[tuple[bool, bool, bool, bool]] = []
    whole = chain = either = inverse = False
    for word in terms:
        if word == "(":
            frames.append((whole, chain, either, inverse))
            whole = chain = either = inverse = False
            continue
        if word in _BETWEEN:
            either, inverse = either or word == "or", inverse or word == "not"
            continue
        value = word in bounds
        if word == ")":
            value = whole or chain
            whole, chain, either, inverse = frames.pop()
        value = value and not inverse
        whole, chain = (whole, chain and value) if either else (whole or chain, value)
        either = inverse = False
        if whole and not frames:
            return True
    return whole or chain


def _balanced(terms: list[str]) -> bool:
    depth = 0
    for word in terms:
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0
