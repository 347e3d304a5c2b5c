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
    as consume count datatable distinct evaluate extend facet find fork getschema graph-mark-components graph-
    match graph-shortest-paths graph-to-table invoke join limit lookup macro-expand make-graph make-series mv-
    apply mv-expand mvexpand order parse parse-kv parse-where partition print project project-away project-by-
    names project-keep project-rename project-reorder range reduce render sample sample-distinct scan search
    serialize sort summarize take top top-hitters top-nested union where filter
    """
)
PLUGINS: Final = words(
    """
    active_users_count activity_counts_metrics activity_engagement activity_metrics autocluster
    bag_unpack basket dcount_intersect diffpatterns diffpatterns_text
    funnel_sequence funnel_sequence_completion ipv4_lookup ipv6_lookup narrow
    new_activity_metrics pivot preview rolling_percentile rows_near sequence_detect session_count
    sliding_window_counts schema_merge estimate_data_size series_metrics_anomalies
    """
)
_OUTSIDE: Final = re.compile(
    r"\b(externaldata|external_data|external_table|http_request\w*|\w*sql_request|cosmosdb_sql_request|python|r|rlang"
    r"|cluster|adx|arg|ai_\w+)\s*\(|\bexternaldata\b",
    re.IGNORECASE,
)
_DATA = frozenset({Touches.PRIVILEGED_DATA})
_KEPT = frozenset({Touches.PRIVILEGED_DATA, Touches.EVIDENCE, Touches.DETECTION_CONTROLS})
_COMMANDS: Final[Mapping[str, Reversible]] = {
    **dict.fromkeys(("drop", "delete", "purge", "clear", "drop-pretend", "move", "replace"), Reversible.IRREVERSIBLE),
    **dict.fromkeys(
        (
            "alter",
            "alter-merge",
            "append",
            "set",
            "set-or-append",
            "set-or-replace",
            "ingest",
            "rename",
            "create-merge",
        ),
        Reversible.HARD,
    ),
    **dict.fromkeys(("create", "create-or-alter", "enable", "disable", "attach", "detach"), Reversible.HARD),
}
_SHOW: Final = re.compile(
    r"\.show\s+(tables?|databases?|functions?|schema|version|columns?|cluster)\b[\w\s.,*-]*", re.IGNORECASE
)
_TOKEN = re.compile(
    r"//[^\n]*|(?P<text>[hH]?@\"(?:[^\"]|\"\")*\"|[hH]?@'(?:[^']|'')*'|[hH]?\"(?:[^\"\\\n]|\\.)*\"|[hH]?'(?:[^'\\\n]|\\.)*'"
    r"|```.*?```|~~~.*?~~~)"
    r"|(?P<torn>[\"'])|(?P<pipe>\|)|(?P<end>;)|[^\"'|;/hH@`~]+|.",
    re.DOTALL,
)
_WORD = re.compile(r"\s*([\w-]+)")
_PLUGIN = re.compile(r"\s*evaluate\s+(?:hint\.\w+\s*=\s*\w+\s+)*(\w+)", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"(?<!\w)\(\s*[A-Za-z_]\w*\s*[|)]|\b(join|lookup|union|find|search|in|toscalar|materialize|database)\b", re.I
)
_TABLE = re.compile(r"\s*(?:\(\s*)*([A-Za-z_][\w]*)\s*(?:$|\))")


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: the whole text, as the service gets it."""
    query = parts["query"]
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no query text")
    try:
        statements = _statements(query)
    except ValueError as error:
        return Unread(str(error))
    if any(stages and stages[0].lstrip().startswith(".") for stages in statements):
        return _command(query, statements)
    tables: set[Target] = set()
    for stages in statements:
        for stage in stages[1:]:
            if why := _more_than_reads(stage):
                return Unread(why)
        if outside := next((match for stage in stages if (match := _OUTSIDE.search(stage))), None):
            return Unread(f"{outside[0].strip('( ')} reads from, or sends to, another place")
        table = _TABLE.match(stages[0])
        alone = table is not None and not any(_ELSEWHERE.search(stage) for stage in stages)
        tables.add(Target("table", table[1] if table is not None and alone else "*"))
    return Operation(
        name="query",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA,
        targets=tuple(sorted(tables)),
        why="it only reads",
    )


def _statements(query: str) -> list[list[str]]:
    """Each statement as its stages between pipes, with texts and comments left out."""
    found: list[list[str]] = []
    stages, text = [], ""
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup
        if kind == "torn":
            raise ValueError("a quote never closes")
        if kind == "text":
            text += '""'
        elif kind == "pipe":
            stages.append(text)
            text = ""
        elif kind == "end":
            found.append([*stages, text])
            stages, text = [], ""
        elif not match[0].startswith("//"):
            text += match[0]
    found.append([*stages, text])
    return [stages for stages in found if any(stage.strip() for stage in stages)]


def _more_than_reads(stage: str) -> str:
    word = _WORD.match(stage)
    name = word[1].casefold() if word else ""
    if name not in OPERATORS:
        return f"{name[:40]!r} is no operator that is known to read"
    if name == "evaluate":
        plugin = _PLUGIN.match(stage)
        if plugin is None or plugin[1].casefold() not in PLUGINS:
            return "evaluate runs a plug-in that is not known to read"
    return ""


def _command(query: str, statements: list[list[str]]) -> Reading:
    if len(statements) > 1:
        return Unread("a management command stands among other statements")
    first = statements[0][0].strip()
    if _SHOW.fullmatch(first) and len(statements[0]) == 1:
        return Operation(
            name=first[:60], stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, touches=_DATA, why="it only shows"
        )
    word = _WORD.match(first[1:])
    name = word[1].casefold() if word else ""
    if name not in _COMMANDS or first[1:2].isspace():
        return Unread(f"the management command {name[:40]!r} is not known")
    return Operation(
        name=f".{name}",
        stage=Stage.RESPOND,
        reversible=_COMMANDS[name],
        touches=_KEPT,
        reach=EVERYTHING,
        why="a management command changes the tables or what they hold",
    )


KQL: Final = Rule(name="kql", needs=frozenset({"query"}), read=read)
