"""SQL, read by sqlglot: whether a text only selects, and which tables it meets.

Only statements that sqlglot understands whole are believed. A function that it does not know may do anything (run a
program, read a file, call another server), so it makes the text unread, as does a comment that some servers execute.
Where the dialect is not known and the text has what dialects read differently, the gravest of the readings counts.
"""

import logging
import re
from collections.abc import Mapping
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from keyturn.catalogue.rules.rule import words
from keyturn.catalogue.rules.sql_select import is_secret_column, is_secret_table, selected
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Reversible, Stage, Touches

# What it can't parse whole it logs, with the text: hostile, and perhaps full of secrets.
logging.getLogger("sqlglot").disabled = True

_KEPT = frozenset({Touches.PRIVILEGED_DATA, Touches.EVIDENCE, Touches.PRODUCTION})
_CHANGES: Final[Mapping[type[exp.Expr], tuple[str, Reversible]]] = {
    exp.Insert: ("insert", Reversible.HARD),
    exp.DropPartition: ("drop partition", Reversible.IRREVERSIBLE),
    exp.Update: ("update", Reversible.HARD),
    exp.Merge: ("merge", Reversible.IRREVERSIBLE),
    exp.Delete: ("delete", Reversible.IRREVERSIBLE),
    exp.Drop: ("drop", Reversible.IRREVERSIBLE),
    exp.TruncateTable: ("truncate", Reversible.IRREVERSIBLE),
    exp.Alter: ("alter", Reversible.HARD),
    exp.Create: ("create", Reversible.REVERSIBLE),
    exp.Into: ("select into", Reversible.HARD),
}
_PLAIN: Final = (exp.Query, exp.Describe, exp.Show, exp.Values)
_OPAQUE: Final = (
    *(exp.Command, exp.Anonymous, exp.Placeholder, exp.Lock, exp.ReadCSV, exp.ReadParquet, exp.NextValueFor),
    *(exp.Copy, exp.Attach, exp.Pragma, exp.Set, exp.Use, exp.Grant, exp.Kill, exp.Directory, exp.QueryTransform),
    *(exp.ToFile, exp.DynamicIdentifier, exp.AIAgg, exp.AIClassify, exp.AIEmbed, exp.AIForecast, exp.AIGenerate),
    *(exp.AISimilarity, exp.AISummarizeAgg, exp.GenerateBool, exp.GenerateDouble, exp.GenerateEmbedding),
    *(exp.GenerateInt, exp.GenerateTable, exp.GenerateText, exp.MLForecast, exp.MLTranslate, exp.Predict),
)
"""What may do anything: run a program or a lock, read a file, reach another server or a model."""

_KNOWN: Final = words(
    """
    now version current_database current_user pg_size_pretty inet_ntoa inet_aton inet6_ntoa inet6_aton host masklen
    getdate sysdatetime getutcdate iif isnull ifnull charindex patindex datalength len instr julianday strftime printf
    total sysdate from_unixtime unix_timestamp field find_in_set regexp_substr age make_date to_hex clock_timestamp
    json_unquote string_split datetime to_timestamp_ntz to_timestamp_ltz to_timestamp_tz try_to_timestamp_ntz
    """
)
_STATEMENTS: Final = words(
    """
    delete shutdown exec execute drop truncate insert update merge commit rollback checkpoint kill reconfigure grant
    revoke deny backup restore use go begin save set waitfor raiserror dbcc throw disable enable alter create bulk
    deallocate declare fetch revert dump load copy call do vacuum reset discard replace attach detach pragma install
    """
)
"""Where a server needs no semicolon (T-SQL), these begin the next statement, though sqlglot takes them for a name."""

_HINTS: Final = words("nolock readpast readuncommitted readcommitted rowlock noexpand forceseek forcescan")
_CREATED: Final = ("TABLE", "VIEW", "INDEX", "SCHEMA", "DATABASE")
_FILE: Final = re.compile(
    r"\.(?:csv|tsv|txt|json|jsonl|ndjson|geojson|parquet|arrow|avro|orc|xlsx?|db|duckdb|sqlite\d?|gz|zst|bz2|zip)\b",
    re.IGNORECASE,
)
_TWO_WAYS: Final = ("\\", "#", "$$", "`", "--")
_DIALECTS: Final = ("", "mysql", "postgres")


def read(query: str, dialect: str) -> Reading:
    """What the statements do; ``dialect`` is sqlglot's name of the server's SQL, or empty."""
    escaped = "\\'" in query or '\\"' in query
    ways: tuple[str, ...] = (dialect,)
    if (not dialect and any(mark in query for mark in _TWO_WAYS)) or (dialect in _DIALECTS and escaped):
        ways = _DIALECTS
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
    inner = statement.this if isinstance(statement, exp.Describe) else None
    if not isinstance(statement, (*_PLAIN, *_CHANGES)) or not isinstance(
        inner, (exp.Table, *_PLAIN, *_CHANGES, type(None))
    ):
        return Unread(f"{statement.key} is no statement that a rule knows")
    changes: list[tuple[str, Reversible, bool]] = []
    tables: set[Target] = set()
    common: set[Target] = set()
    secret = False
    names = _CommonNames(statement)
    for node in statement.walk():
        if why := _opaque(node):
            return Unread(why)
        if isinstance(node, exp.Table):
            name = ".".join(part.name for part in node.parts)
            if is_secret_table(name) or "/" in name or "\\" in name or "@" in name or not _named(node):
                return Unread(f"the table {name[:60]!r} holds credentials, or is a file or a function")
            if isinstance(node.this, exp.Identifier):
                (common if names.hold(node) else tables).add(Target("table", name))
        elif isinstance(node, exp.Column):
            secret = secret or is_secret_column(node.name)
        changes += [(*change, _bounded(node)) for kind, change in _CHANGES.items() if isinstance(node, kind)]
        if isinstance(node, exp.Insert) and node.args.get("overwrite"):
            changes.append(("insert overwrite", Reversible.IRREVERSIBLE, False))
    if any(isinstance(node, exp.Create) for node in (statement, inner)):
        return _created(statement if isinstance(statement, exp.Create) else None, tables | common)
    return _changed(changes, tables | common) if changes else selected({table.id for table in tables}, secret=secret)


def _opaque(node: exp.Expr) -> str:
    """Why this part of a statement may do anything, or ``""``."""
    known = isinstance(node, exp.Anonymous) and node.name.casefold() in _KNOWN and not isinstance(node.parent, exp.Dot)
    rows = isinstance(node, exp.TableFromRows) and not isinstance(node.this, exp.Func)
    hint = isinstance(node, exp.WithTableHint) and any(each.name.casefold() not in _HINTS for each in node.expressions)
    if (isinstance(node, _OPAQUE) and not known) or rows or hint:
        return f"{node.name[:40] or node.key!r} may do anything"
    if isinstance(node, exp.Alias | exp.TableAlias):
        name = node.args.get("alias" if isinstance(node, exp.Alias) else "this")
        if isinstance(name, exp.Identifier) and not name.args.get("quoted") and name.name.casefold() in _STATEMENTS:
            return f"{name.name[:40]!r} may begin another statement"
    return ""


class _CommonNames:
    """The names that a statement's own WITH gives: what the main text or a later one reads by them is no table."""

    def __init__(self, statement: exp.Expr) -> None:
        found = statement.args.get("with_")
        given = list(enumerate(found.expressions)) if found else []
        self._order = {_spelled(each.args["alias"].this): number for number, each in given}
        self._definitions = {id(each): number for number, each in given}
        self._recursive = bool(found and found.args.get("recursive"))

    def hold(self, table: exp.Table) -> bool:
        number = self._order.get(_spelled(table.this))
        if number is None or table.db:
            return False
        above: exp.Expr | None = table
        while above is not None and id(above) not in self._definitions:
            above = above.parent
        inside = len(self._order) if above is None else self._definitions[id(above)]
        return number < inside or (self._recursive and number == inside)


def _spelled(name: exp.Expr) -> tuple[str, bool]:
    """A name as it is written: servers fold the case of those without quotes."""
    return name.name, bool(name.args.get("quoted"))


def _bounded(node: exp.Expr) -> bool:
    """An insert, or a change whose condition compares a column with given values, so that not every row may meet it."""
    if isinstance(node, exp.Insert):
        return not node.args.get("overwrite")
    where = node.args.get("where")
    if not isinstance(where, exp.Where):
        return False
    terms = where.this.flatten() if isinstance(where.this, exp.And) else (where.this,)
    return any(_compares(term) for term in terms)


def _compares(term: exp.Expr) -> bool:
    if isinstance(term, exp.EQ):
        return {type(term.left), type(term.right)} == {exp.Column, exp.Literal}
    given = isinstance(term, exp.In) and isinstance(term.this, exp.Column) and bool(term.expressions)
    return given and all(isinstance(value, exp.Literal) for value in term.expressions)


def _changed(changes: list[tuple[str, Reversible, bool]], tables: set[Target]) -> Operation:
    name, reversible, _ = max(changes, key=lambda change: change[1].rank)
    bounded = all(change[2] for change in changes)
    return Operation(
        name=name,
        stage=Stage.RESPOND,
        reversible=reversible,
        touches=_KEPT,
        targets=tuple(sorted(tables)),
        reach=0 if bounded else EVERYTHING,
        why="it changes what the database holds" + ("" if bounded else ", perhaps in every row"),
    )


def _created(statement: exp.Create | None, tables: set[Target]) -> Reading:
    """A new table, view, index or schema; what replaces one destroys what was there."""
    properties = statement.args.get("properties") if statement is not None else None
    plain = properties is None or all(isinstance(each, exp.TemporaryProperty) for each in properties.expressions)
    if statement is None or statement.kind not in _CREATED or not plain or statement.find(exp.Delete, exp.Update):
        return Unread("it creates what may run by itself, or what lies elsewhere")
    return Operation(
        name="create",
        stage=Stage.RESPOND,
        reversible=Reversible.IRREVERSIBLE if statement.args.get("replace") else Reversible.REVERSIBLE,
        touches=_KEPT,
        targets=tuple(sorted(tables)),
        reach=EVERYTHING if statement.args.get("replace") else 0,
        why="it changes what the database holds",
    )


def _named(table: exp.Table) -> bool:
    """The table is a name or rows that the text itself makes; no file (``FROM 'x.csv'``) and no unknown function."""
    if not isinstance(table.this, exp.Identifier):
        return isinstance(table.this, exp.Func) and not isinstance(table.this, _OPAQUE)
    return not any(_FILE.search(part.name) for part in table.parts)
