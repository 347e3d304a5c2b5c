"""Kusto's query language (Azure Data Explorer, Log Analytics, Sentinel, Defender's hunting).

A query can't change anything; a management command, which begins with a dot, can. A query that calls out of its
cluster (a URL, another service, a script) is not free to be a read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from keyturn.catalogue.rules.rule import Rule, words
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

OPERATORS: Final = words(
    """
    as consume count distinct evaluate extend facet filter find fork getschema graph-mark-components graph-match
    graph-shortest-paths graph-to-table invoke join limit lookup macro-expand make-graph make-series mv-apply mv-expand
    mvexpand order parse parse-kv parse-where partition project project-away project-by-names project-keep
    project-rename project-reorder range reduce render sample sample-distinct scan search serialize sort summarize take
    top top-hitters top-nested union where
    """
)
_ROWS: Final = words(
    """
    as consume count distinct extend filter getschema limit make-series mv-expand mvexpand order parse parse-kv
    parse-where project project-away project-by-names project-keep project-rename project-reorder reduce render sample
    sample-distinct serialize sort summarize take top top-hitters top-nested where
    """
)
"""Operators that work on the rows they get, and name no other table."""

PLUGINS: Final = words(
    """
    active_users_count activity_counts_metrics activity_engagement activity_metrics autocluster
    bag_unpack basket dcount_intersect diffpatterns diffpatterns_text
    funnel_sequence funnel_sequence_completion ipv4_lookup ipv6_lookup narrow
    new_activity_metrics pivot preview rolling_percentile rows_near sequence_detect session_count
    sliding_window_counts schema_merge estimate_data_size series_metrics_anomalies
    """
)
_OF_ROWS: Final = words("bag_unpack narrow pivot autocluster basket diffpatterns preview estimate_data_size")
_OUTSIDE: Final = re.compile(
    r"\b(externaldata|external_data|external_table|python|r|rlang|cluster|adx|arg|ai_\w+)\s*\("
    r"|\bexternaldata\b|\]\s*\("
)
_REQUEST: Final = re.compile(r"\b\w*_request\w*\s*\(")
_DATA = frozenset({Touches.PRIVILEGED_DATA})
_KEPT = frozenset({Touches.PRIVILEGED_DATA, Touches.EVIDENCE, Touches.DETECTION_CONTROLS})
_COMMANDS: Final[Mapping[str, Reversible]] = {
    **dict.fromkeys(
        ("drop", "delete", "purge", "clear", "move", "replace", "set-or-replace", "alter"), Reversible.IRREVERSIBLE
    ),
    **dict.fromkeys(
        (
            "alter-merge",
            "append",
            "set",
            "set-or-append",
            "ingest",
            "rename",
            "create",
            "create-merge",
            "create-or-alter",
        ),
        Reversible.HARD,
    ),
}
_ON: Final = re.compile(
    r"\.[\w-]+\s+(?:async\s+)?(?:(?:inline\s+)?into\s+table|(?:tables?|functions?|columns?|extents?|materialized-views?)\b"
    r"|\w+\s*(?:with\s*\([^()]*\)\s*)?<$)",
    re.IGNORECASE,
)
"""Tables, their columns, what they hold, and functions. Roles, policies, external tables and exports are the worst."""

_UNLIKE: Final = re.compile(
    r"\b(?:policy|role|admins|users|viewers|unrestrictedviewers|ingestors|monitors|principals|external)\b",
    re.IGNORECASE,
)
_SHOW: Final = re.compile(
    r"\.show\s+(tables?|databases?|functions?|schema|version|columns?|cluster)\b(?:[ \t,]+\w[\w-]*(?:\.\w+)*)*\s*",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"[^\"'|;/@`~hH][^\"'|;/@`~]*|[|;]|//[^\n]*"
    r"|[hH]?\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|[hH]?'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|[hH]?@\"[^\"]*(?:\"\"[^\"]*)*\"|[hH]?@'[^']*(?:''[^']*)*'|```.*?```|~~~.*?~~~"
    r"|[^\"'|;/@`~]+|.",
    re.DOTALL,
)
_QUOTES: Final = frozenset("\"'`~")
_OPERATOR = re.compile(r"\|\s*([\w-]*)")
_NAME = re.compile(r"\s*([\w-]*)")
_PLUGIN = re.compile(r"\s*evaluate\s+(?:hint\.\w+\s*=\s*\w+\s+)*(\w+)", re.IGNORECASE)
_EVALUATE = re.compile(r"\bevaluate\b", re.IGNORECASE)
_CALLED = re.compile(r"\(\s*(?:\w+|\])")
"""A bracket and what stands before it, in a text that is read backwards: so a search leaps from bracket to bracket."""

_BRACKETED = re.compile(r"\((?:\s*[a-z_]\w*\s*(?:\||$)|(?<!\w\()\s*[a-z_]\w*\s*\))")
_LISTED = re.compile(r"(?:in(?<!\win)|has_any(?<!\whas_any)|has_all(?<!\whas_all))~?\s*\((?!\s*(?:[\"\d-]|dynamic\b))")
_ELSEWHERE = re.compile(
    r"\b(?:union|toscalar|materialize|database|table|workspace|app|resource|entity_group|view)\s*\("
)
_LINE = re.compile(r"\n[ \t]*\.[ \t]*[A-Za-z]")
_START = re.compile(r"\s*[A-Za-z_(\[]")
_NO_WIDTH = re.compile("[\u200b\ufeff]")
_FUNCTION = re.compile(r"\s*invoke\s+(?:FileProfile|DeviceFromIP)\s*\(", re.IGNORECASE)
_MOST: Final = 2_000
_TABLE = re.compile(r"\s*(?:\(\s*)*([A-Za-z_][\w]*)\s*(?:$|\))")


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: the whole text, as the service gets it."""
    query = parts["query"]
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no query text")
    try:
        statements = _statements(query if query.isascii() else _NO_WIDTH.sub(" ", query))
    except ValueError as error:
        return Unread(str(error))
    if any(statement.lstrip().startswith(".") for statement in statements):
        return _command(statements)
    tables: set[Target] = set()
    for statement in statements:
        lowered = statement.lower()
        calls = "|".join(set(_CALLED.findall(lowered[::-1])))[::-1]
        if why := _more_than_queries(statement, lowered, calls):
            return Unread(why)
        tables.add(Target("table", _table(statement, lowered, calls)))
    return Operation(
        name="query",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA,
        targets=tuple(sorted(tables)),
        why="it only reads",
    )


def _more_than_queries(statement: str, lowered: str, calls: str) -> str:
    """Why nobody can say that this statement only reads here, or ``""``.

    ``calls``: every name that stands before a bracket, once, with the bracket. There are few.
    """
    if not _START.match(statement):
        return f"{statement.partition('|')[0].strip()[:20]!r} begins no query"
    if _LINE.search(statement):
        return "a line begins with a dot, and may be a management command"
    names = _OPERATOR.findall(statement)
    if (strange := next((name for name in map(str.casefold, names) if name not in OPERATORS), None)) is not None:
        return f"{strange[:40]!r} is no operator that is known to read"
    if "externaldata" in lowered or _OUTSIDE.search(calls) or _REQUEST.search(calls):
        outside = _OUTSIDE.search(lowered) or _REQUEST.search(lowered)
        if outside is not None:
            return f"{outside[0].strip('( ')} reads from, or sends to, another place"
    for called in _EVALUATE.finditer(statement) if "evaluate" in statement.casefold() else ():
        plugin = _PLUGIN.match(statement, called.start())
        if plugin is None or plugin[1].casefold() not in PLUGINS:
            return "evaluate runs a plug-in that is not known to read"
    return ""


def _table(statement: str, lowered: str, calls: str) -> str:
    """The one table that a statement reads, or ``*``."""
    source, *stages = statement.split("|")
    table = _TABLE.match(source)
    if table is None or _ELSEWHERE.search(calls) or _BRACKETED.search(lowered) or _LISTED.search(lowered):
        return "*"
    return table[1] if all(map(_of_rows, stages)) else "*"


def _of_rows(stage: str) -> bool:
    """The stage works on the rows that it gets: an operator, a plug-in or a function that reads no other table."""
    name = _name(stage)
    if name in _ROWS:
        return True
    plugin = _PLUGIN.match(stage) if name == "evaluate" else None
    return _FUNCTION.match(stage) is not None or (plugin is not None and plugin[1].casefold() in _OF_ROWS)


def _name(stage: str) -> str:
    return _NAME.match(stage)[1].casefold()  # type: ignore[index]


def _statements(query: str) -> list[str]:
    """The statements, with texts and comments left out: a pipe in one parts two stages."""
    if query.count("|") + query.count(";") > _MOST:
        raise ValueError(f"it has more than {_MOST} stages")
    tokens = _TOKEN.findall(query)
    if '"' in tokens or "'" in tokens:
        raise ValueError("a quote never closes")
    bare = "".join(
        ["" if token[:2] == "//" else '""' if token[-1] in _QUOTES and len(token) > 1 else token for token in tokens]
    )
    return [statement for statement in bare.split(";") if statement.replace("|", "").strip()]


def _command(statements: list[str]) -> Reading:
    if len(statements) > 1:
        return Unread("a management command stands among other statements")
    first, pipe, _ = statements[0].partition("|")
    first = first.strip()
    if _SHOW.fullmatch(first) and not pipe:
        return Operation(
            name=first[:60], stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, touches=_DATA, why="it only shows"
        )
    name = _name(first[1:])
    if name not in _COMMANDS or first[1:2].isspace() or not _ON.match(first) or _UNLIKE.search(first):
        return Unread(f"the management command {name[:40]!r} is not known, or not on what it changes")
    return Operation(
        name=f".{name}",
        stage=Stage.RESPOND,
        reversible=_COMMANDS[name],
        touches=_KEPT,
        reach=EVERYTHING,
        why="a management command changes the tables or what they hold",
    )


KQL: Final = Rule(name="kql", needs=frozenset({"query"}), read=read)
