"""Elasticsearch and OpenSearch: which API a request calls, and ES|QL queries.

``method`` and ``path`` name the API (``GET`` where there is no method); ``query`` alone is an ES|QL text or a search
body. Searching is a read by whatever method; every other call that is not a plain GET changes something.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from keyturn.catalogue.rules.rule import Rule, words
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

SEARCHES: Final = words(
    """
    _search _msearch _count _mget _source _explain _field_caps _validate _rank_eval _search_shards _termvectors
    _mtermvectors _terms_enum _query _sql _eql _async_search _knn_search _analyze _doc
    """
)
_ABOUT: Final = words(
    """
    _cat _cluster _nodes _mapping _mappings _settings _alias _aliases _stats _resolve _ilm _tasks _license
    _xpack _segments _recovery _data_stream _index_template _component_template _template _ingest _health_report
    _info
    """
)
_COMMANDS: Final = words(
    """
    from row show where eval stats inlinestats keep drop rename sort limit dissect grok enrich mv_expand lookup
    fork fuse sample change_point metadata ts
    """
)
_CONTROLS: Final = re.compile(
    r"^/?_(watcher|ilm|slm|security|ingest|scripts|cluster|snapshot|ml|transform|rollup|fleet)\b"
)
_DATA = frozenset({Touches.PRIVILEGED_DATA})
_QUOTED = re.compile(r'"""(?:.*?)"""|"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


_WORD = re.compile(r"\s*\(*\s*([A-Za-z_]+)")


def read(parts: Mapping[str, Any]) -> Reading:
    """``method``, ``path`` and ``body`` of a request, or a ``query`` alone. Any body of a search is only read."""
    if "path" not in parts:
        return _query(parts.get("query"))
    method, path = parts.get("method") or "GET", parts["path"]
    if not isinstance(method, str) or not isinstance(path, str):
        return Unread("the method and the path are not both text")
    method, bare = method.strip().upper(), path.strip().partition("?")[0]
    if "%" in bare or ".." in bare or "//" in bare.removeprefix("//") or bare.startswith(("http:", "https:")):
        return Unread("the path is not written plainly")
    words = [word for word in bare.split("/") if word]
    api = next((word for word in words if word.startswith("_")), "")
    indexes = tuple(
        Target("index", name) for name in (words[0].split(",") if words and not words[0].startswith("_") else ())
    )
    reads = method in ("GET", "HEAD") and (not api or api in SEARCHES or api in _ABOUT)
    if reads or (method == "POST" and api in SEARCHES and api != "_doc"):
        name = f"{method} {bare}"[:200]
        return Operation(
            name=name,
            stage=Stage.ANALYSE,
            reversible=Reversible.NO_EFFECT,
            touches=_DATA,
            targets=indexes,
            why="it only reads",
        )
    if method in ("GET", "HEAD") or method not in ("PUT", "POST", "PATCH", "DELETE"):
        return Unread(f"nobody knows what {method[:10]} {api[:40] or bare[:40]} does")
    return _changes(method, bare, api, indexes)


def _changes(method: str, path: str, api: str, indexes: tuple[Target, ...]) -> Reading:
    deletes = method == "DELETE" or api == "_delete_by_query"
    touches = {Touches.EVIDENCE, Touches.PRODUCTION, Touches.PRIVILEGED_DATA}
    if _CONTROLS.match(path):
        touches |= {Touches.DETECTION_CONTROLS, Touches.IDENTITY, Touches.SECRETS}
    wide = not indexes or any("*" in target.id or target.id.startswith(("_all", "-", "<")) for target in indexes)
    return Operation(
        name=f"{method} {path}"[:200],
        stage=Stage.RESPOND,
        reversible=Reversible.IRREVERSIBLE
        if deletes or api in ("_bulk", "_reindex", "_update_by_query")
        else Reversible.HARD,
        touches=frozenset(touches),
        targets=indexes,
        reach=EVERYTHING if wide or api in ("_delete_by_query", "_update_by_query") else 0,
        why="it deletes what is stored" if deletes else "it changes what is stored or how the cluster works",
    )


def _query(query: Any) -> Reading:
    if isinstance(query, dict):
        return Operation(
            name="search",
            stage=Stage.ANALYSE,
            reversible=Reversible.NO_EFFECT,
            touches=_DATA,
            why="a search body only reads",
        )
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no query")
    bare = _QUOTED.sub('""', query)
    if bare.count('"') % 2:
        return Unread("a quote never closes")
    stages = bare.split("|")
    found = [_WORD.match(stage) for stage in stages]
    known = [word is not None and word[1].casefold() in _COMMANDS for word in found]
    if not all(known):
        strange = stages[known.index(False)]
        return Unread(f"{strange.strip()[:40]!r} is no ES|QL command that is known to read")
    source = re.match(r"\s*from\s+([\w.*:,\s<>{}/-]+?)(?:\s+metadata\b.*)?\s*(?:\||$)", bare, re.IGNORECASE)
    names = [name.strip() for name in source[1].split(",")] if source else []
    names += ["*"] if any(word and word[1].casefold() in ("lookup", "enrich") for word in found) else []
    return Operation(
        name="ES|QL",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA,
        targets=tuple(sorted(Target("index", name) for name in names if name)),
        why="it only reads",
    )


ELASTICSEARCH: Final = Rule(
    name="elasticsearch", needs=frozenset(), may=frozenset({"method", "path", "body", "query"}), read=read
)
