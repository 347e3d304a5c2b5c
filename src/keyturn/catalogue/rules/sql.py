"""SQL: whether a text only selects, and which tables it meets.

A plain select, which is most of what agents send, is read by ``sql_plain`` in a fraction of a parser's time. Whatever
that is not sure of, ``sql_parsed`` reads; both answer the same where both answer. What would take a parser too long and
comments that some servers execute are unread before.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from keyturn.catalogue.rules import sql_plain
from keyturn.catalogue.rules.sql_select import selected, speaks_of_secrets
from keyturn.core.operation import Reading, Unread

_EXPLAIN: Final = re.compile(
    r"explain\s+(?:query\s+plan\s+|analyze\s+)?(?:verbose\s+)?(?=select\b|with\b|\()", re.IGNORECASE
)
_NESTED: Final = re.compile(r"/\*(?:(?!\*/).)*/\*", re.DOTALL)
_WORDS: Final = re.compile(r"\w+|[^\w\s]")
_JOINING: Final = re.compile(r"\b(?:join|on|using)\b")
_BRACKETS: Final = re.compile(r"[()\[\]{}]")
_STEPS: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_MOST: Final = 3_000
_DEEPEST: Final = 40
_CALLED: Final = 8
"""Calls within calls: sqlglot takes twice as long for each ``decimal(`` within another."""
_JOINED: Final = 8
"""Joins in a row without their condition: sqlglot takes twice as long for each."""
_REMEMBERED: Final = 4_096
"""Characters of a text that is remembered; what is longer is read each time."""


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: one or more statements; ``dialect``: sqlglot's name of the server's SQL, if it is known."""
    query, dialect = parts["query"], parts.get("dialect", "")
    if not isinstance(query, str) or not isinstance(dialect, str) or not query.strip():
        return Unread("there is no statement")
    return (_read if len(query) <= _REMEMBERED else _read.__wrapped__)(query, dialect)


@lru_cache(maxsize=256)
def _read(query: str, dialect: str) -> Reading:
    """An action is judged several times, at its proposal, at its release and for its page: read once."""
    if "/*!" in query or "/*M!" in query or "\0" in query or _NESTED.search(query):
        return Unread("it holds a comment that some servers execute, or end early")
    if why := _too_much(query):
        return Unread(why)
    query = query.strip()
    if (explained := _EXPLAIN.match(query)) is not None:
        query = query[explained.end() :]
    found = sql_plain.read(query, dialect)
    if found is not None and not speaks_of_secrets(found.names | found.tables):
        return selected(found.tables, secret=False)
    # sqlglot takes a fifth of a second to import, and most texts never need it.
    from keyturn.catalogue.rules import sql_parsed

    return sql_parsed.read(query, dialect)


def _too_much(query: str) -> str:
    """Why a text is more than may be parsed in time, or ``""``: words, joins, and how deep brackets go."""
    folded = query.casefold()
    if folded.count("join") > _JOINED and _joined(folded) > _JOINED:
        return f"it joins more than {_JOINED} tables without saying on what"
    many = len(query) > _MOST and len(_WORDS.findall(query)) > _MOST
    deepest = _deepest(query)
    if many or deepest > _DEEPEST or (deepest > _CALLED and _called(query) > _CALLED):
        return f"it has more than {_MOST:,} words, brackets more than {_DEEPEST} deep or calls more than {_CALLED}"
    return ""


def _joined(folded: str) -> int:
    """The most joins that wait for their condition."""
    waiting = most = 0
    for word in _JOINING.findall(folded):
        waiting = waiting + 1 if word == "join" else max(0, waiting - 1)
        most = max(most, waiting)
    return most


def _deepest(query: str) -> int:
    """How deep brackets go at most; one that closes nothing counts as if there had been another before."""
    depths = list(accumulate(map(_STEPS.__getitem__, _BRACKETS.findall(query)), initial=0))
    return max(depths) - min(depths)


def _called(query: str) -> int:
    """The most brackets within each other that may be a call's: a word or a quoted name stands before them."""
    noted = any(mark in query for mark in ("/*", "--", "#", "//"))
    opened: list[bool] = []
    most = 0
    words = _WORDS.findall(query)
    for before, word in zip(["", *words], words, strict=False):
        if word in "([{":
            opened.append(noted or before.isidentifier() or before in ('"', "`", "]"))
            most = max(most, sum(opened))
        elif word in ")]}" and opened:
            opened.pop()
    return most
