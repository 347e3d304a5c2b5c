"""What a command of Splunk's reads from or writes to: indexes, data models, look-ups, macros (:mod:`.spl`).

An index counts as the bound of a search only where every event must come from it; else the search reads ``index:*``.
"""

import re
from typing import Final, NamedTuple

from keyturn.catalogue.rules.rule import words
from keyturn.core.action import Target

GENERATES: Final = words(
    """
    search tstats mstats metadata metasearch eventcount dbinspect mcatalog walklex typeahead union pivot audit history
    searchtxn
    """
)
"""Those that read events themselves, where no index says from where."""

_NAMED: Final = {
    **dict.fromkeys(("inputlookup", "lookup", "outputlookup"), "lookup"),
    **{name: name for name in ("inputcsv", "rest", "loadjob", "from", "datamodel", "inputintelligence")},
    "outputcsv": "file",
}
_INTO_INDEX: Final = words("collect summaryindex sumindex stash mcollect meventcollect")
_MOST: Final = 200
_UNBOUND: Final = words("pivot audit history searchtxn typeahead")
_ANYTHING = Target("index", "*")

_NAME = re.compile(r"(?P<macros>(?:\s*``(?=\s|$))*)\s*(?P<name>[^\s=(),]*)")
_ARGUMENT = re.compile(r'\s*(?:([\w.]+)\s*=\s*)?("[^"]*"|[^\s"]+)')
_IN = re.compile(r'(?<![^\s(])index\s+IN\s*\(([^()"]*)\)', re.IGNORECASE)
_SOURCE = re.compile(r'(?<![^\s(])(index|datamodel)\s*(!?=)\s*("[^"]*"|[^\s")]+)')
_TERM = re.compile(r"[()]|``|[^\s()`]+|`")
_NAMESPACE = re.compile(r"\bfrom\s+(?!datamodel\s*=)", re.IGNORECASE)
_FROM = re.compile(r'\s*from\s+"?(\w+)(?:\s*:\s*|\s+)"?([^\s"]+)', re.IGNORECASE)
_PASTED = re.compile(r"\b(?:search|query)\b|\$", re.IGNORECASE)


class Command(NamedTuple):
    """One command. ``text`` without what is quoted, ``whole`` with it; a macro is two backticks.

    In ``text`` a quoted value is its number among the ``values``, so that nothing in it is taken for terms.
    ``piped``: behind a pipe; ``nested``: in a subsearch; ``first`` of its pipeline; ``pasted``: the subsearch's result
    becomes terms of the command around it.
    """

    text: str
    whole: str
    values: tuple[str, ...]
    macros: tuple[str, ...]
    piped: bool
    nested: bool
    first: bool
    pasted: bool


def name_of(command: Command) -> str:
    """The command's name; two backticks for a macro alone, which may be all of a command.

    What follows a leading macro counts as the name, since the macro may be empty. Without a pipe in front the first
    word may be a command or a term: the graver counts.
    """
    match = _NAME.match(command.text)
    if match is None:
        return ""
    return match["name"].casefold() or ("``" if match["macros"] else "")


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
    if terms or name in GENERATES - {"search"} or (name == "search" and command.first):
        found += _read_by(name, command)
    return found


def _read_by(name: str, command: Command) -> list[Target]:
    """The indexes and data models that a command's terms name, and ``index:*`` unless they bound it.

    A data model bounds only ``tstats``, and a macro only a search: its author, an administrator, says from where.
    """
    text = _IN.sub(_spelled, command.text)
    found: list[Target] = []

    def atom(match: re.Match[str]) -> str:
        if match[2] == "!=" or (match[1] == "datamodel" and name != "tstats"):
            return " x "
        found.append(Target(match[1], _value(command, match[3])))
        return " \0 "

    marked = _SOURCE.sub(atom, text) if "index" in text or "datamodel" in text else text
    bounds = ("\0",) if name in GENERATES - {"search"} else ("\0", "``")
    if name in _UNBOUND or not _bound(marked, bounds) or (name == "tstats" and _NAMESPACE.search(text)):
        found.append(_ANYTHING)
    return found


def _value(command: Command, shown: str) -> str:
    """A value as it was written, without its quotes."""
    bare = shown.strip('"')
    return command.values[int(bare)].strip('"') if bare and shown[0] == '"' else bare


def _spelled(match: re.Match[str]) -> str:
    """``index IN (a, b)`` as ``(index=a OR index=b)``."""
    values = [value for value in re.split(r"[\s,]+", match[1]) if value]
    return "(" + " OR ".join(f"index={value}" for value in values[:_MOST]) + (" OR x)" if len(values) > _MOST else ")")


def _bound(text: str, bounds: tuple[str, ...]) -> bool:
    """Whatever the terms find must meet one of the bounds: AND needs one side that does, OR both, NOT never does.

    (OR binds more tightly than the AND between terms.)
    """
    frames: list[tuple[bool, bool]] = []
    whole = chain = either = inverse = False
    for word in _TERM.findall(text):
        folded = word.casefold()
        if word == "(":
            frames.append((whole, chain))
            frames.append((either, inverse))
            whole = chain = either = inverse = False
            continue
        if folded in ("or", "not", "and"):
            either, inverse = either or folded == "or", inverse or folded == "not"
            continue
        value = word in bounds
        if word == ")":
            value = whole or chain
            if not frames:
                return False
            either, inverse = frames.pop()
            whole, chain = frames.pop()
        value = value and not inverse
        whole, chain = (whole, chain and value) if either else (whole or chain, value)
        either = inverse = False
    return not frames and (whole or chain)
