"""SQL, read by sqlglot: whether a text only selects, and which tables it meets.

Only statements that sqlglot understands whole are believed. A function that it does not know may do anything (run a
program, read a file, call another server), so it makes the text unread, as does a comment that some servers execute.
Where the dialect is not known and the text has what dialects read differently, the gravest of the readings counts.
"""

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Reversible, Stage, Touches

# What it can't parse whole it logs, with the text: hostile, and perhaps full of secrets.
logging.getLogger("sqlglot").disabled = True

_DATA = frozenset({Touches.PRIVILEGED_DATA})
_KEPT = frozenset({Touches.PRIVILEGED_DATA, Touches.EVIDENCE, Touches.PRODUCTION})
_CHANGES: Final[Mapping[type[exp.Expr], tuple[str, Reversible]]] = {
    exp.Insert: ("insert", Reversible.HARD),
    exp.Update: ("update", Reversible.HARD),
    exp.Merge: ("merge", Reversible.IRREVERSIBLE),
    exp.Delete: ("delete", Reversible.IRREVERSIBLE),
    exp.Drop: ("drop", Reversible.IRREVERSIBLE),
    exp.TruncateTable: ("truncate", Reversible.IRREVERSIBLE),
    exp.Alter: ("alter", Reversible.HARD),
    exp.Create: ("create", Reversible.REVERSIBLE),
    exp.Into: ("select into", Reversible.HARD),
}
_PLAIN: Final = (exp.Query, exp.Describe, exp.Show)
_OPAQUE: Final = (
    *(exp.Command, exp.Anonymous, exp.Placeholder, exp.Lock, exp.ReadCSV, exp.ReadParquet, exp.NextValueFor),
    *(exp.Copy, exp.Attach, exp.Pragma, exp.Set, exp.Use, exp.Grant),
)

_KNOWN: Final = frozenset(
    {"now", "version", "current_database", "current_user", "pg_size_pretty", "inet_ntoa", "inet_aton"}
)
_SECRET: Final = ("shadow", "authid", "password", "credential", "secret", "mysql.user", "user_mapping", "sys.user$")
_TWO_WAYS: Final = ("\\", "#", "$$", "`", "--")
_DIALECTS: Final = ("", "mysql", "postgres")


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: one or more statements; ``dialect``: sqlglot's name of the server's SQL, if it is known."""
    query, dialect = parts["query"], parts.get("dialect", "")
    if not isinstance(query, str) or not isinstance(dialect, str) or not query.strip():
        return Unread("there is no statement")
    return _read(query, dialect)


@lru_cache(maxsize=256)
def _read(query: str, dialect: str) -> Reading:
    """An action is judged several times, at its proposal, at its release and for its page: parsed once."""
    if "/*!" in query or "/*M!" in query or "\0" in query:
        return Unread("it holds a comment that some servers execute")
    ways = (dialect,) if dialect or not any(mark in query for mark in _TWO_WAYS) else _DIALECTS
    found = [_parsed(query, way) for way in ways]
    unread = next((one for one in found if isinstance(one, Unread)), None)
    return unread or gravest(*(one for one in found if isinstance(one, Operation)))


def _parsed(query: str, dialect: str) -> Reading:
    try:
        statements = [statement for statement in sqlglot.parse(query, dialect=dialect or None) if statement is not None]
    except (SqlglotError, ValueError, RecursionError) as error:
        return Unread(f"it is no SQL that can be read: {str(error).splitlines()[0][:120]}")
    if not statements:
        return Unread("there is no statement")
    found = [_judged(statement) for statement in statements]
    unread = next((one for one in found if isinstance(one, Unread)), None)
    return unread or gravest(*(one for one in found if isinstance(one, Operation)))


def _judged(statement: exp.Expr) -> Reading:
    if not isinstance(statement, (*_PLAIN, *_CHANGES)):
        return Unread(f"{statement.key} is no statement that a rule knows")
    changes: list[tuple[str, Reversible]] = []
    tables: set[Target] = set()
    for node in statement.walk():
        if isinstance(node, _OPAQUE) and node.name.casefold() not in _KNOWN:
            return Unread(f"{node.name[:40] or node.key!r} may do anything")
        if isinstance(node, exp.Table):
            name = ".".join(part.name for part in node.parts)
            if any(word in name.casefold() for word in _SECRET) or "/" in name or "\\" in name or not _named(node):
                return Unread(f"the table {name[:60]!r} holds credentials, or is a file or a function")
            tables.add(Target("table", name))
        changes += [change for kind, change in _CHANGES.items() if isinstance(node, kind)]
    if not changes:
        return Operation(
            name="select",
            stage=Stage.ANALYSE,
            reversible=Reversible.NO_EFFECT,
            touches=_DATA,
            targets=tuple(sorted(tables)),
            why="it only selects",
        )
    name, reversible = max(changes, key=lambda change: change[1].rank)
    bounded = statement.find(exp.Where) is not None or name in ("insert", "create")
    return Operation(
        name=name,
        stage=Stage.RESPOND,
        reversible=reversible,
        touches=_KEPT,
        targets=tuple(sorted(tables)),
        reach=0 if bounded else EVERYTHING,
        why="it changes what the database holds" + ("" if bounded else ", in every row"),
    )


def _named(table: exp.Table) -> bool:
    """The table is a name, no file (``FROM 'x.csv'``, ``x.parquet``) and no function that reads one."""
    if not isinstance(table.this, exp.Identifier):
        return False
    last = table.name.casefold().rsplit(".", 1)
    return len(last) == 1 or last[1] not in (
        "csv",
        "tsv",
        "json",
        "jsonl",
        "ndjson",
        "parquet",
        "xlsx",
        "db",
        "sqlite",
        "gz",
    )
