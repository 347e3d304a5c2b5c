"""Elasticsearch and OpenSearch: which API a request calls, and ES|QL queries.

``method`` and ``path`` name the API (``GET`` where there is no method); a ``body`` without a path is a search's, in
the indexes that ``index`` names; ``query`` alone is an ES|QL text or a search body. Searching is a read by whatever
method; every other call that is not a plain GET changes something.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from keyturn.catalogue.rules.rule import Rule, words
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

SEARCHES: Final = words(
    """
    _search _msearch _count _mget _source _explain _field_caps _validate _rank_eval _search_shards _termvectors
    _mtermvectors _terms_enum _query _sql _eql _async_search _knn_search _analyze _doc _pit
    """
)
_ABOUT: Final = words(
    """
    _cat _cluster _nodes _mapping _mappings _settings _alias _aliases _stats _resolve _ilm _tasks _license
    _segments _recovery _data_stream _index_template _component_template _template _ingest _health_report
    _info
    """
)
_COMMANDS: Final = words(
    """
    from row show where eval stats inline inlinestats keep drop rename sort limit dissect grok enrich mv_expand lookup
    fork fuse sample change_point ts
    """
)
_CONTROLS: Final = re.compile(
    r"^/?_(watcher|ilm|slm|security|ingest|scripts|cluster|snapshot|ml|transform|rollup|fleet)\b"
)
_ELSEWHERE: Final = words("_msearch _mget _mtermvectors _sql _query _pit _rank_eval")
"""Searches whose body says which indexes they read, and those of an open search."""

_OPEN: Final = words(".ds- .alerts .internal.alerts .siem-signals .lists .items .monitoring .ml- .logs- .entities .apm")
"""Beginnings of hidden indexes that hold what others do; the rest (``.security``, ``.fleet``) holds credentials."""

_DATA = frozenset({Touches.PRIVILEGED_DATA})
_PATH = re.compile(r"/?(?:[\w.,*:+=~$@!-]+/)*[\w.,*:+=~$@!-]*")
_INDEX = re.compile(r"_all|(?!_|\.\.?$)[\w.,*:+-]+", re.ASCII)
_ALSO = re.compile(r"[?&](?:source|index)=", re.IGNORECASE)
_METHOD = re.compile(r"[A-Za-z]+")
_TEXT = re.compile(
    r'(?P<text>"""(?:.*?)"""|"(?:[^"\\]|\\.)*"|`[^`]*`)|//[^\n]*|/\*.*?\*/|(?P<torn>["`]|/\*)', re.DOTALL
)
_WORD = re.compile(r"[\s(]*([A-Za-z_]+)")
_FROM = re.compile(r"\s*from\s([\w.*:,\s<>{}/+-]+)$", re.IGNORECASE)
_METADATA = re.compile(r"\bmetadata\b", re.IGNORECASE)


def read(parts: Mapping[str, Any]) -> Reading:
    """A request's parts; ``index`` and ``body`` that a tool sends to ``_search``; or a ``query`` alone.

    Any body of a search is only read.
    """
    if "path" not in parts:
        return _pasted(parts.get("index"), parts["body"]) if "body" in parts else _query(parts.get("query"))
    method, path = parts.get("method") or "GET", parts["path"]
    if not isinstance(method, str) or not isinstance(path, str) or not _METHOD.fullmatch(method.strip()):
        return Unread("the method and the path are not both text")
    method, bare = method.strip().upper(), path.strip().partition("?")[0]
    words = [word for word in bare.split("/") if word]
    if not _PATH.fullmatch(bare) or not {".", ".."}.isdisjoint(words):
        return Unread("the path is not written plainly")
    api = next((word for word in words if word.startswith("_")), "")
    indexes = tuple(
        Target("index", name) for name in (words[0].split(",") if words and not words[0].startswith("_") else ())
    )
    if (method in ("GET", "HEAD") and not api) or (method in ("GET", "HEAD", "POST") and _searches(method, api)):
        body = parts.get("body")
        beyond = (
            [Target("index", "*")]
            if api in _ELSEWHERE or (api in SEARCHES and not indexes) or _ALSO.search(path)
            else []
        )
        hidden = [Target("index", ".*")] if "expand_wildcards" in path else []
        return _search(f"{method} {bare}"[:200], {*indexes, *beyond, *hidden, *_named(body)})
    if method in ("GET", "HEAD") and api in _ABOUT:
        return _search(f"{method} {bare}"[:200], set(indexes))
    if method in ("GET", "HEAD") or method not in ("PUT", "POST", "PATCH", "DELETE"):
        return Unread(f"nobody knows what {method[:10]} {api[:40] or bare[:40]} does")
    return _changes(method, bare, api, indexes)


def _pasted(index: Any, body: Any) -> Reading:
    """A search in an index whose name a tool pastes into the address: odd text there reaches another API."""
    index = index or "*"
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        return Unread("the index is no plain name")
    indexes = {Target("index", name) for name in index.split(",")}
    return _search(f"POST {index}/_search"[:200], {*indexes, *_named(body)})


def _searches(method: str, api: str) -> bool:
    return api in SEARCHES and not (method == "POST" and api == "_doc") and not (method != "POST" and api == "_pit")


def _search(name: str, indexes: set[Target]) -> Operation:
    """A read of these indexes. What a hidden index holds may be credentials, and a pattern may mean one."""
    hidden = [target.id.rpartition(":")[2].lstrip("<-+") for target in indexes]
    secret = any(name.startswith(".") and not name.startswith(tuple(_OPEN)) for name in hidden)
    return Operation(
        name=name,
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA | {Touches.SECRETS} if secret else _DATA,
        targets=tuple(sorted(indexes)),
        why="it reads a hidden index, which may hold credentials" if secret else "it only reads",
    )


def _named(body: Any) -> Iterator[Target]:
    """Other indexes that a search's body looks values up in (``terms``, ``percolate``, an indexed shape, ``like``)."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            yield Target("index", "*")
            return
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("index", "_index", "pit"):
                    yield Target("index", inner if isinstance(inner, str) else "*")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


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
        return _search("search", set(_named(query)))
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no query")
    try:
        bare = _TEXT.sub(_left, query)
    except ValueError as error:
        return Unread(str(error))
    stages = [part for stage in bare.split("|") for part in _branches(stage)]
    for stage in stages:
        word = _WORD.match(stage)
        if word is None or word[1].casefold() not in _COMMANDS:
            return Unread(f"{stage.strip()[:40]!r} is no ES|QL command that is known to read")
    return _search("ES|QL", {Target("index", name) for name in _sources(stages)})


def _left(match: re.Match[str]) -> str:
    """What is left of a text or a comment."""
    if match.lastgroup == "torn":
        raise ValueError("a quote or a comment never closes")
    return " " if match.lastgroup is None else '""'


def _branches(stage: str) -> list[str]:
    """A stage, or each command that the branches of FORK begin with."""
    word = _WORD.match(stage)
    if word is None or word[1].casefold() != "fork":
        return [stage]
    return ["fork", *re.split(r"(?:^|\))\s*\(", stage[word.end() :])[1:]]


def _sources(stages: list[str]) -> list[str]:
    """The indexes that ES|QL reads, and ``*`` where the text does not say them plainly."""
    found: list[str] = []
    for stage in stages:
        word = _WORD.match(stage)
        command = word[1].casefold() if word else ""
        if command in ("from", "ts", "lookup", "enrich"):
            plain = _FROM.match(_METADATA.split(stage, maxsplit=1)[0].rstrip()) if command == "from" else None
            found += [name for part in plain[1].split(",") if (name := part.strip())] if plain else ["*"]
    return found


ELASTICSEARCH: Final = Rule(
    name="elasticsearch", needs=frozenset(), may=frozenset({"method", "path", "body", "query", "index"}), read=read
)
