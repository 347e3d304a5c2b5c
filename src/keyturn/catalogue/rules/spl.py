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
from keyturn.catalogue.rules.spl_sources import Command, argument, name_of, sources
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
    setfields sichart sirare sistats sitimechart sitop sort spath stats strcat streamstats summary table tags tail
    timechart timewrap tojson top transaction transpose trendline tstats typeahead typelearner typer union uniq
    untable walklex where x11 xmlkv xmlunescape xpath xsDisplayWindow xyseries
    """
)

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
    r'(?P<comment>```.*?```)|(?P<quoted>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<macro>`[^`]*`)|(?P<open>\[)|(?P<close>\])|(?P<pipe>\|[^"`\[\]|\\]*)'
    r'|(?P<torn>["`]|\\[\[\]])|[^"`\[\]|\\]+(?:\\[^\[\]][^"`\[\]|\\]*)*|(?:\\[^\[\]])+[^"`\[\]|\\]*|\\',
    re.DOTALL,
)
_HIDDEN_CHANGE = re.compile(r"[|\[]\s*(?:" + "|".join((*CHANGES, *_OPAQUE)) + r")\b", re.IGNORECASE)
_REST = re.compile(
    r"/?services(?:NS/[^/]+/[^/]+)?/(?:server/(?:info|status|health|sysinfo)|data/(?:indexes|indexes-extended|models"
    r"|lookup-table-files|transforms/\w+|props/[\w-]+|ui/views)|datamodel/model|apps/local|saved/(?:searches|eventtypes)"
    r"|search/(?:jobs|fields|tags|distributed/peers)|alerts/fired_alerts|admin/macros"
    r"|configs/conf-(?:macros|savedsearches|props|transforms|eventtypes|tags|indexes))(?:/\w[\w.-]*)?/?"
)
_MOST: Final = 2_000
_METHOD = re.compile(r"method\s*=\s*\"?(?!get\b)", re.IGNORECASE)
_GLUE = re.compile(r"[^\s|\[\]]")
_BARE = re.compile(r"\s*[A-Za-z_][\w-]*(?=\s|$)(?!\s*(?:[=<>,)]|!=|IN\b))")
_FIELDS = re.compile(r"[\w\s.,:{}*-]*")
_BESIDES: Final = words("append appendcols appendpipe foreach join multisearch selfjoin set union")
"""Commands whose subsearches stand for themselves; any other takes its subsearch's result for terms."""


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: the whole search, as Splunk gets it; ``fields``: names that a tool pastes in behind it."""
    query = parts["query"]
    fields = parts.get("fields") or []
    names = fields if isinstance(fields, list) else [fields]
    if not all(isinstance(name, str) and _FIELDS.fullmatch(name) for name in names):
        return Unread("the fields are more than names")
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no search text")
    if "\0" in query:
        return Unread("it holds a character that no search has")
    if "\0" in query:
        return Unread("it holds a character that no search has")
    if ('\\"' in query or "<<" in query) and (hidden := _HIDDEN_CHANGE.search(query)):
        return Unread(f"{hidden[0]!r} stands in a text that may be cut or pasted, and may be a command")
    found: set[Target] = set()
    changes: list[str] = []
    try:
        for command in _commands(query):
            name = name_of(command)
            if name in CHANGES:
                changes.append(name)
            elif unread := _more_than_reads(name, command):
                return Unread(unread)
            found.update(sources(name, command, name in READS))
    except ValueError as error:
        return Unread(str(error))
    return gravest(_search(found), *(_change(name) for name in changes))


def _commands(query: str) -> Iterator[Command]:
    """Every command of the search and of its subsearches; :class:`ValueError` if the text is torn."""
    if query.count("|") + query.count("[") > _MOST or query.count('"') + query.count("`") > 10 * _MOST:
        raise ValueError(f"it has more than {_MOST} commands, or ten times as many quotes")
    outer: list[Command] = []
    now = Command(piped=False, nested=False, first=True, pasted=False)
    for match in _TOKEN.finditer(query):
        kind, written = match.lastgroup, match[0]
        if kind is None:
            now.add(written, written)
        elif kind == "quoted":
            now.add(written, _aside(now, written))
        elif kind == "pipe" or kind == "close":
            blank = not (now.piped or now.text.strip())
            if not blank:
                yield now
            if kind == "pipe":
                now = Command(True, now.nested, now.first and blank, now.pasted, written[1:])
            elif not outer:
                raise ValueError("a bracket closes that never opened")
            else:
                now = outer.pop()
                now.add(" [] ", " [] ")
        elif kind == "open":
            outer.append(now)
            now = Command(piped=False, nested=True, first=True, pasted=name_of(now) not in _BESIDES)
        else:
            _gather(now, query, match)
    if outer:
        raise ValueError("a bracket never closes")
    yield now


def _aside(now: Command, quoted: str) -> str:
    """What a quoted text counts for among the terms: none. A value is kept aside."""
    if not now.shown[-1].rstrip().endswith("="):
        return ' "" '
    now.values.append(quoted)
    return f' "{len(now.values) - 1}" '


def _gather(now: Command, query: str, match: re.Match[str]) -> None:
    """A macro, a comment, which is a space, or what is torn."""
    kind, written = match.lastgroup, match[0]
    if kind == "macro":
        if any(mark in written for mark in "|[]"):
            raise ValueError("a macro's argument holds a pipe or a bracket, and may become a command")
        now.macros.append(written[1:-1])
        now.add(written, "``")
    elif kind == "torn":
        raise ValueError("a quote never closes, or a bracket is escaped outside of one")
    elif _GLUE.match(query, match.end()) and match.start() and _GLUE.match(query, match.start() - 1):
        raise ValueError("a comment stands within a word")
    else:
        now.add(" ", " ")


def _more_than_reads(name: str, command: Command) -> str:
    """Why nobody can say that this command only reads, or ``""``."""
    if name in _OPAQUE:
        return _OPAQUE[name]
    if command.piped and not name:
        return "a command is missing after a pipe"
    known = name in READS
    if not known and (command.piped or command.nested) and name not in ("``", ""):
        return f"{name[:40]!r} is not one of Splunk's own commands that only read"
    if not known and not command.piped and name != "not" and _BARE.match(command.text):
        return f"{name[:40]!r} may be a command: begin with search, or with a field"
    if name in ("from", "union") and "savedsearch" in command.whole.casefold():
        return _OPAQUE["savedsearch"]
    if name == "from" and not argument(command).startswith(("datamodel", "inputlookup", "lookup", "index")):
        return "from reads what is no data model, look-up or index"
    if name == "rest" and (_METHOD.search(command.whole) or not _REST.fullmatch(argument(command))):
        return "rest with a method, or about what no list has, may show credentials or change something"
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


def _search(found: set[Target]) -> Operation:
    return Operation(
        name="search",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA,
        targets=tuple(sorted(found)),
        why="it only reads",
    )


SPL: Final = Rule(name="spl", needs=frozenset({"query"}), may=frozenset({"fields"}), read=read)
