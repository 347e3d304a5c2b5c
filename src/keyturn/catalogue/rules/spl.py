"""Splunk's search language: which commands a search runs, and what it reads.

A search is a pipeline of commands, with further pipelines in square brackets. Only commands that are known to read
are free to be a read; what writes, sends or runs something is named; a command in no list may be anybody's script.
Single quotes are no quotes here: in a search term Splunk does not take them for such, and an agent could hide a pipe.
A macro is the Splunk administrator's own text and counts as a read; it is named among the targets.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from keyturn.catalogue.rules.rule import Rule, words
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Reversible, Stage, Touches

READS: Final = words(
    """
    abstract accum addcoltotals addinfo addtotals analyzefields anomalies anomalousvalue anomalydetection append
    appendcols appendpipe apply arules associate audit autoregress bin bucket bucketdir chart cluster cofilter
    concurrency contingency convert correlate ctable datamodel dbinspect dedup delta diff erex eval eventcount
    eventstats expand extract fieldformat fields fieldsummary filldown fillnull findkeywords findtypes flatten
    folderize foreach format from fromjson gauge gentimes geom geomfilter geostats head highlight history
    iconify  inputcsv inputintelligence inputlookup iplocation join kmeans kv kvform loadjob localize
    localop lookup makecontinuous makejson makemv makeresults mcatalog metadata metasearch mstats multikv
    multisearch mvcombine mvexpand nomv outlier outputtext overlap pivot predict rangemap rare redistribute
    regex relevancy reltime rename replace require rest return reverse rex rtorder search searchtxn selfjoin set
    setfields sichart sirare sistats sitimechart sitop sort spath stats strcat streamstats table tags tail
    timechart timewrap tojson top transaction transpose trendline tstats typeahead typelearner typer union uniq
    untable walklex where x11 xmlkv xmlunescape xpath xsDisplayWindow xyseries
    """
)

GENERATES: Final = words(
    "search tstats mstats metadata metasearch eventcount dbinspect mcatalog walklex typeahead union pivot"
)
"""Those that read events themselves, where no index says from where."""

_DATA = frozenset({Touches.PRIVILEGED_DATA})
_CONTROLS = frozenset({Touches.DETECTION_CONTROLS})
_INDEX = frozenset({Touches.EVIDENCE, Touches.DETECTION_CONTROLS})
_ALL = frozenset(Touches)


class _Change(NamedTuple):
    reversible: Reversible
    touches: frozenset[Touches]
    why: str


_WRITES_LOOKUP = _Change(Reversible.HARD, _CONTROLS | _DATA, "it writes a look-up table, which detections may rely on")
_WRITES_INDEX = _Change(
    Reversible.HARD, _INDEX | _DATA, "it writes events into an index, where they look like evidence"
)
_RUNS = _Change(Reversible.IRREVERSIBLE, _ALL, "it runs a program or an alert's action on the search head")
CHANGES: Final[Mapping[str, _Change]] = {
    "delete": _Change(Reversible.IRREVERSIBLE, _INDEX, "it makes events unsearchable for good"),
    "outputlookup": _WRITES_LOOKUP,
    "outputcsv": _Change(Reversible.HARD, _CONTROLS | _DATA, "it writes a file on the search head"),
    "dump": _Change(Reversible.HARD, _DATA, "it exports events to the search head's disk"),
    "collect": _WRITES_INDEX,
    "summaryindex": _WRITES_INDEX,
    "sumindex": _WRITES_INDEX,
    "stash": _WRITES_INDEX,
    "mcollect": _WRITES_INDEX,
    "meventcollect": _WRITES_INDEX,
    "tscollect": _WRITES_INDEX,
    "sendemail": _Change(Reversible.IRREVERSIBLE, _DATA, "it sends what it found by mail, which can't be unsent"),
    "sendalert": _RUNS,
    "script": _RUNS,
    "run": _RUNS,
    "runshellscript": _RUNS,
}
_OPAQUE: Final = {
    "map": "map runs a search that is made of other results",
    "savedsearch": "what a saved search runs is not in the text",
    "fit": "fit may save a model",
}

_TOKEN = re.compile(
    r'```.*?```|(?P<quoted>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<macro>`[^`]*`)|(?P<open>\[)|(?P<close>\])|(?P<pipe>\|)|(?P<torn>["`])'
    r'|[^"`\[\]|\\]+(?:\\.[^"`\[\]|\\]*)*|(?:\\.)+[^"`\[\]|\\]*|\\',
    re.DOTALL,
)
_HIDDEN_CHANGE = re.compile(r"[|\[]\s*(?:" + "|".join((*CHANGES, *_OPAQUE)) + r")\b", re.IGNORECASE)
_OWN = re.compile(r"passw|credential|secret|token|/auth|/users|/roles|license|certificat|/configs|conf-", re.IGNORECASE)
_METHOD = re.compile(r"method\s*=\s*\"?(?!get\b)", re.IGNORECASE)
_WORD = re.compile(r"[^\s=(),]+")
_SOURCE = re.compile(r'\b([iI](?i:ndex)|[dD](?i:atamodel))\s*(!?=)\s*("[^"]*"|[^\s")]+)')
_FIRST = re.compile(
    r'\s*(inputlookup|lookup|inputcsv|outputlookup|rest|loadjob|from|datamodel)\s+(?:[\w.]+\s*=\s*\S+\s+)*"?([^\s"]+)'
)
_EITHER = re.compile(r"index\s*=\s*\S+(?:\s+OR\s+index\s*=\s*[^\s)]+)*", re.IGNORECASE)
_FIELDS = re.compile(r"[\w\s.,:{}*-]*")
_BESIDE = re.compile(r"\b(?:OR|NOT)\s*$", re.IGNORECASE)
_AFTER = re.compile(r"\s+OR\b(?!\s+index\s*=)", re.IGNORECASE)
_LOOSE = re.compile(r"\b(?:OR|NOT)\b", re.IGNORECASE)


class _Command(NamedTuple):
    """One command: its own text (quoted values only where they are a field's), its macros, a pipe in front."""

    text: str
    macros: tuple[str, ...]
    piped: bool
    nested: bool


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: the whole search, as Splunk gets it; ``fields``: names that a tool pastes in behind it."""
    query = parts["query"]
    fields = parts.get("fields") or []
    names = fields if isinstance(fields, list) else [fields]
    if not all(isinstance(name, str) and _FIELDS.fullmatch(name) for name in names):
        return Unread("the fields are more than names")
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no search text")
    if '\\"' in query and (hidden := _HIDDEN_CHANGE.search(query)):
        return Unread(f"{hidden[0]!r} stands near an escaped quote, and may be a command")
    sources: set[Target] = set()
    changes: list[str] = []
    try:
        for command in _commands(query):
            name = _name(command)
            if name in CHANGES:
                changes.append(name)
            elif unread := _more_than_reads(name, command):
                return Unread(unread)
            sources.update(_sources(name, command))
    except ValueError as error:
        return Unread(str(error))
    return gravest(_search(sources), *(_change(name) for name in changes))


def _commands(query: str) -> Iterator[_Command]:
    """Every command of the search and of its subsearches; :class:`ValueError` if the text is torn."""
    outer: list[tuple[list[str], list[str], bool]] = []
    text: list[str] = []
    macros: list[str] = []
    piped = False
    for match in _TOKEN.finditer(query):
        kind, token = match.lastgroup, match[0]
        if kind is None:
            text.append(" " if token.startswith("```") else token)
        elif kind == "quoted":
            text.append(token if text and text[-1].rstrip().endswith(("=", ":")) else ' "" ')
        elif kind == "macro":
            macros.append(token[1:-1])
            text.append(" `` ")
        elif kind == "torn":
            raise ValueError("a quote never closes")
        elif kind == "open":
            outer.append((text, macros, piped))
            text, macros, piped = [], [], False
        else:
            if piped or "".join(text).strip():
                yield _Command("".join(text), tuple(macros), piped, bool(outer))
            if kind == "pipe":
                text, macros, piped = [], [], True
            elif not outer:
                raise ValueError("a bracket closes that never opened")
            else:
                text, macros, piped = outer.pop()
                text.append(" [] ")
    if outer:
        raise ValueError("a bracket never closes")
    yield _Command("".join(text), tuple(macros), piped, bool(outer))


def _name(command: _Command) -> str:
    """The command's name. Without a pipe in front the first word may be a command or a term: the graver counts."""
    word = _WORD.search(command.text)
    return "" if word is None else word[0].casefold()


def _more_than_reads(name: str, command: _Command) -> str:
    """Why nobody can say that this command only reads, or ``""``."""
    if name in _OPAQUE:
        return _OPAQUE[name]
    if command.piped and not name:
        return "a command is missing after a pipe"
    if command.piped and name not in READS and not name.startswith("`"):
        return f"{name[:40]!r} is not one of Splunk's own commands that only read"
    if "savedsearch:" in command.text.casefold():
        return _OPAQUE["savedsearch"]
    if name == "rest" and (_METHOD.search(command.text) or _OWN.search(command.text)):
        return "rest with a method, or about accounts, credentials and configuration, is more than a search"
    return ""


def _change(name: str) -> Operation:
    change = CHANGES[name]
    return Operation(
        name=name,
        stage=Stage.RESPOND,
        reversible=change.reversible,
        touches=change.touches,
        reach=EVERYTHING if change.reversible is Reversible.IRREVERSIBLE else 0,
        why=change.why,
    )


def _search(sources: set[Target]) -> Operation:
    return Operation(
        name="search",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA,
        targets=tuple(sorted(sources)),
        why="it only reads",
    )


def _sources(name: str, command: _Command) -> list[Target]:
    """Where a command reads from or writes to; ``index:*`` where it reads events and does not say from where."""
    found = [Target("macro", macro) for macro in command.macros]
    text = command.text
    if (first := _FIRST.match(text)) is not None:
        found.append(Target("lookup" if "lookup" in name else name, first[2]))
    first_of_all = not command.piped and (name in GENERATES or name not in READS or not command.nested)
    if first_of_all or (command.piped and name in GENERATES - {"search"}):
        found += _indexes(text) or ([] if found else [Target("index", "*")])
    return found


def _indexes(text: str) -> list[Target]:
    """The indexes and data models that a command's terms bound it to."""
    found: list[Target] = []
    folded = text.casefold()
    if "index" not in folded and "datamodel" not in folded:
        return found
    indexes = None
    for match in _SOURCE.finditer(text):
        kind = match[1].casefold()
        indexes = indexes or (match if kind == "index" else None)
        found.append(Target(kind, "*" if match[2] == "!=" else match[3].strip('"')))
    if indexes is not None and _LOOSE.search(text) and not _bound(text, indexes):
        found.append(Target("index", "*"))
    return found


def _bound(text: str, index: re.Match[str]) -> bool:
    """An ``index=`` holds for the whole command: it stands in no group, next to no OR and behind no NOT.

    (OR binds more tightly than the AND between terms.) ``index`` is the first one in the text.
    """
    if "(" not in text[: index.start()] and not _BESIDE.search(text[: index.start()]):
        return _AFTER.match(text, index.end()) is None
    marked = re.sub(r"\(\s*\0\s*\)", "\0", _EITHER.sub("\0", text))
    depth = 0
    words = re.findall(r"[()]|\0|[^\s()\0]+", marked)
    for at, word in enumerate(words):
        depth += (word == "(") - (word == ")")
        near = {words[at - 1].casefold() if at else "", words[at + 1].casefold() if at + 1 < len(words) else ""}
        if word == "\0" and depth == 0 and not near & {"or", "not"}:
            return True
    return False


SPL: Final = Rule(name="spl", needs=frozenset({"query"}), may=frozenset({"fields"}), read=read)
