"""A plain SELECT, read without a parser: which tables it meets and which names stand in it, or nothing.

A text becomes a *shape*, one letter a word, and regular expressions hold it against a grammar. Brackets and
``case … end`` are read from the inside out, and each leaves a letter for what it is, so that every level of a text is
regular. What is not in the grammar is not read here: a comment, a semicolon but the last, a parameter, a word that some
dialect gives a meaning, a function that is not listed. ``sql_parsed`` reads it then, and
``tests/unit/catalogue/rules/test_sql_plain.py`` holds that both answer the same wherever this one answers.
"""

import re
from string import ascii_letters
from typing import Final, NamedTuple

from keyturn.catalogue.rules.rule import words

_KEYWORDS: Final = {
    "S": "select",
    "D": "distinct",
    "p": "top",
    "F": "from",
    "J": "join",
    "2": "inner",
    "j": "left right full",
    "o": "outer",
    "X": "cross",
    "@": "on",
    "U": "using",
    "W": "where",
    "G": "group",
    "O": "order",
    "P": "partition",
    "Y": "by",
    "H": "having",
    "d": "asc desc",
    "y": "nulls",
    "z": "first last",
    "L": "limit",
    "Z": "offset",
    "A": "as",
    "&": "and",
    "|": "or",
    "!": "not",
    "I": "in",
    "B": "between",
    "K": "like ilike",
    "?": "is",
    "T": "true false null",
    "Q": "current_date current_timestamp",
    "e": "exists",
    "C": "case",
    "w": "when",
    "h": "then",
    "l": "else",
    "E": "end",
    "c": "cast",
    "x": "extract",
    "i": "interval",
    "u": "union except intersect",
    "a": "all",
    "M": "with",
    "R": "recursive",
    "V": "over",
    "k": "date timestamp",
    "r": "second minute hour day week month quarter year",
    "t": "int integer bigint smallint tinyint float double real numeric decimal number boolean bool varchar nvarchar"
    " char text string json jsonb uuid inet int64 datetime time timestamptz",
}
"""Letter → words. The last three (typed literals, units, types) are also names, as are functions (``f``)."""

_RESERVED: Final = words(
    """
    alter analyze anti any apply array asof asymmetric attach auto_increment autoincrement backup begin bigdecimal
    bignum bignumeric bigserial binary bit blob bpchar bulk byte bytea byteint cache call character charset
    checkpoint clob clustered collate commit connect_by_root constraint copy create cstring cube current_catalog
    current_datetime current_schema current_time current_user datemultirange daterange datetime2 datetimeoffset
    dbcc deallocate dec decfloat decimal128 decimal256 decimal32 decimal64 declare default delete deny describe
    detach disable discard distinctrow div do drop dump elseif enable enum escape exception exec execute explain
    fetch filter fixed float4 float64 float8 for force format geography geometry get glob go grant grouping
    high_priority hstore hugeint if ignore image inout insert install int1 int128 int16 int2 int256 int32 int4
    int4multirange int4range int8 int8multirange int8range integration into isnull keep key kill lateral list load
    localtime localtimestamp lock long longblob longtext longvarchar loop ls map match match_condition
    match_recognize mediumblob mediumint mediumtext member merge minus mod money natural nchar next nonclustered
    notnull ntext nullable nummultirange numrange nvarchar2 oid only operator optimize option ordinality out
    output overlaps overwrite partitioned_by percent pivot point pool pragma precision prepare print proc put
    qualify raiserror range reconfigure ref references refresh regclass regcollation regconfig regdictionary
    regexp regnamespace regoper regoperator regproc regprocedure regrole regtype reindex remove rename repeat
    replace reset restore returning revert revoke rlike rm rollback rollup row rows rowversion sample save
    semantic semi separator serial session_user set settings short show shutdown signed similar smalldatetime
    smallmoney smallserial some sql sql_big_result sql_buffer_result sql_calc_found_rows sql_double sql_no_cache
    sql_small_result sql_varchar sql_variant start str straight_join streamlit struct symmetric system_user table
    tablesample temp temporary throw time_ns timestamp_ltz timestamp_ntz timestamp_tz timestampltz timestampntz
    timetz tinyblob tinytext truncate tsmultirange tsrange tstzmultirange tstzrange uhugeint uint uint128 uint256
    uncache undrop unique uniqueidentifier unknown unlock unnest unpivot unsigned update use vacuum values
    varbinary varchar2 variadic variant varying vector volatile waitfor warehouse while window xml xor
    """
)
"""What the parser gives a meaning in some dialect, or takes for the beginning of another statement."""

_FUNCTIONS: Final = {
    (0, 0): "now getdate getutcdate sysdatetime row_number rank dense_rank percent_rank cume_dist",
    (1, 1): "sum avg min max stddev stddev_pop stddev_samp variance median any_value approx_count_distinct array_agg"
    " bool_or bool_and first_value last_value ntile lower upper length char_length len trim ltrim rtrim reverse ascii"
    " initcap md5 sha1 to_hex abs sqrt ln exp sign floor ceil ceiling countif count_if typeof host unix_timestamp"
    " from_unixtime date second minute hour day week month quarter year",
    (1, 2): "round isnull group_concat strftime",
    (1, 3): "lag lead",
    (2, 2): "nullif ifnull nvl mod power pow date_trunc timestamp_trunc date_diff starts_with ends_with contains strpos"
    " instr string_agg split_part safe_divide regexp_like",
    (2, 3): "replace substr substring lpad rpad charindex locate regexp_replace regexp_extract",
    (1, 99): "count coalesce concat concat_ws greatest least",
}
"""What these compute harms nothing, and the parser takes them in each dialect with that many arguments."""

_ARITY: Final = {name: bounds for bounds, names in _FUNCTIONS.items() for name in names.split()}
_LETTERS: Final = (
    dict.fromkeys(_RESERVED, "#")
    | {name: "^" if name in _RESERVED else "f" for name in _ARITY}
    | {word: letter for letter, group in _KEYWORDS.items() for word in group.split()}
    | {mark: mark for mark in "(),.*-"}
    | dict.fromkeys(("=", "<", ">", "<=", ">=", "<>", "!="), "=")
    | {"+": "+", "/": "+", "%": "+", "||": "~", "::": ":"}
)
_NAMES: Final = "nfkrt"
_QUOTES: Final = '"`[]'
_ANY: Final = "any"
"""The dialect is not known, and the text has what dialects read differently (:data:`TWO_WAYS`)."""

TWO_WAYS: Final = ("\\", "#", "$$", "`", "--")


class _Dialect(NamedTuple):
    """Which quoted names are read, what but ``'`` stands around texts, and which shapes are not read."""

    quoted: re.Pattern[str]
    texts: str
    unsure: re.Pattern[str]


def _dialect(quoted: str, texts: str, unsure: str) -> _Dialect:
    return _Dialect(re.compile(quoted, re.ASCII), texts, re.compile(unsure))


_DIALECTS: Final = {
    "": _dialect(r'"[A-Za-z][\w\x20]*"', "", "[#p]"),
    _ANY: _dialect("(?!)", "", "[#p~]"),
    "bigquery": _dialect(r"`[A-Za-z][\w-]*(?:\.[\w-]+){0,2}`", '"', rf"[#p]|u(?![aD])|XJ|U|F[{_NAMES}5.A]+,"),
    "mysql": _dialect(r"`[A-Za-z][\w\x20]*`", '"', "[#p~]"),
    "postgres": _dialect(r'"[A-Za-z][\w\x20]*"', "", "[#p]"),
    "snowflake": _dialect(r'"[A-Za-z][\w\x20]*"', "", r"[#p]|k\("),
    "sqlite": _dialect(r'"[A-Za-z][\w\x20]*"', "", "[#p]"),
    "tsql": _dialect(r"\[[A-Za-z][\w\x20]*\]", "", "#|p.*[LZ]"),
}
_TOKEN: Final = re.compile(
    r"""[\x20\t\r\n]*+( [A-Za-z]\w*+ | '[^'\\]*+(?:(?:''|\\++[^'"\\])[^'\\]*+)*+' | \d[\w.]*+"""
    r"""| "[^"'`\\]*+"(?!") | `[\w\x20.-]*+`(?!`) | \[[\w\x20]*+\](?!\])"""
    r"""| <[=>]? | >=? | != | \|\| | :: | -- | [^\x20\t\r\n] )""",
    re.ASCII | re.VERBOSE,
)
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")

# The grammar of a level. 0 is a number, 1 a text of digits, s another text, q a query in brackets, g another expression
# in brackets, m several, b the call of a function, v any other value, % a type with its size, 5 a path in one quote,
# 9 the columns of USING.
_NAME: Final = f"[{_NAMES}]"
_ALIAS: Final = f"(?:A?{_NAME})?+"
_PATH: Final = rf"(?:5|{_NAME}(?:\.{_NAME}){{0,2}}+)"
_OPERAND: Final = rf"-?+(?:[0s1vbqgTQ]|eq|k[s1]|is(?!r)|i1r?+|i0r|{_NAME}(?:\.{_NAME}){{0,3}}+)(?::[kt%])?+"
_SUM: Final = rf"{_OPERAND}(?:[-+*~]{_OPERAND})*+"
_TEST: Final = rf"!{{0,3}}+{_SUM}(?:(?:=|!?+K|!?+B{_SUM}&){_SUM}|\?!?+T|!?+I[gmq])?+"
_EXPRESSION: Final = rf"{_TEST}(?:[&|]{_TEST})*+"
_LIST: Final = rf"{_TEST}(?:[&|,]{_TEST})*+"
_SORT: Final = rf"{_EXPRESSION}d?+(?:yz)?+"
_ORDER: Final = rf"OY{_SORT}(?:,{_SORT})*+"
_ITEM: Final = rf"(?:(?:{_NAME}\.)?\*(?!u)|{_EXPRESSION}{_ALIAS})"
_SOURCE: Final = rf"(?:{_PATH}|q){_ALIAS}"
_FROM: Final = (
    rf"F(?:{_PATH}{_ALIAS}(?:,{_PATH}{_ALIAS})*+(?:,q{_ALIAS})*+|q{_ALIAS}(?:,q{_ALIAS})*+)"
    rf"(?:XJ{_SOURCE}|(?:jo?+|2)?+J{_SOURCE}(?:@{_EXPRESSION}|9))*+"
)
_SELECT: Final = (
    rf"SD?+(?:p0)?+{_ITEM}(?:,{_ITEM})*+(?:{_FROM}(?:W{_EXPRESSION})?+(?:GY{_LIST})?+(?:H{_EXPRESSION})?+)?+"
)
_query = re.compile(rf"{_SELECT}(?:u[aD]?+{_SELECT})*+(?:{_ORDER})?+(?:L0(?:[,Z]0)?+)?+").fullmatch
_with = re.compile(rf"(?:MR?+{_NAME}Aq(?:,{_NAME}Aq)*+)?+").match
_one = re.compile(_EXPRESSION).fullmatch
_several = re.compile(_LIST).fullmatch
_sums = re.compile(rf"{_SUM}(?:,{_SUM})*+").fullmatch
_case = re.compile(rf"(?:{_SUM})?+(?:w{_EXPRESSION}h{_EXPRESSION})++(?:l{_EXPRESSION})?+").fullmatch
_INSIDE: Final = {
    "c": re.compile(rf"{_EXPRESSION}A[kt%]"),
    "x": re.compile(rf"[nr]F{_SUM}"),
    "V": re.compile(rf"(?:PY{_LIST})?+(?:{_ORDER})?+"),
    "U": re.compile(rf"{_NAME}(?:,{_NAME})*+"),
}
"""What may stand in the brackets after CAST, EXTRACT, OVER and USING."""

_DEEPEST: Final = 20
"""What goes deeper may be more than the parser can take."""

_SIZE: Final = re.compile("0(?:,0)?+")
_OPEN: Final = re.compile("([()CE])")
_GIVEN: Final = re.compile(rf"[MR,](?={_NAME}A\(S)")
_SOURCES: Final = re.compile(rf"[FJ](?<!x\([nr]F)(?P<paths>{_PATH}{_ALIAS}(?:,{_PATH}{_ALIAS})*+)")
_path = re.compile(_PATH).match


class Plain(NamedTuple):
    """What a plain select meets: its tables, their parts joined by dots, and every name that stands in it."""

    tables: frozenset[str]
    names: frozenset[str]


def read(text: str, dialect: str) -> Plain | None:
    """The tables and names of one select, or ``None`` if that is not sure. ``dialect`` is sqlglot's name, or empty."""
    if not dialect and any(mark in text for mark in TWO_WAYS):
        dialect = _ANY
    if dialect not in _DIALECTS:
        return None
    spoken = _DIALECTS[dialect]
    tokens = _TOKEN.findall(text.rstrip().removesuffix(";"))
    letters = {token: _letter(token, spoken) for token in set(tokens)}
    shape = "".join(map(letters.__getitem__, tokens))
    if spoken.unsure.search(shape) or (dialect == "bigquery" and any("''" in token[1:-1] for token in letters)):
        return None
    closings = _closings(shape, tokens)
    given = None if closings is None else _given(shape, tokens, closings)
    if given is None:
        return None
    names = frozenset(token.strip(_QUOTES) for token, letter in letters.items() if letter in _NAMES)
    return Plain(_tables(shape, tokens, given), names)


def _letter(token: str, dialect: _Dialect) -> str:
    if letter := _LETTERS.get(token.lower()):
        return letter
    first = token[0]
    if first in ascii_letters:
        return "n"
    if (first == "'" or first == dialect.texts) and len(token) > 1:
        return "1" if token[1:-1].isdigit() else "s"
    if first.isdigit():
        return "0" if _NUMBER.fullmatch(token) else "#"
    if dialect.quoted.fullmatch(token):
        return "5" if "." in token else "n"
    return "#"


def _closings(shape: str, tokens: list[str]) -> dict[int, int] | None:
    """Where the brackets close, by where they open, if the whole is one select that is in the grammar."""
    outside, closings, level, here = list[tuple[int, str]](), dict[int, int](), "", 0
    pieces = _OPEN.split(shape)
    for before, mark in zip(pieces[::2], pieces[1::2], strict=False):
        level += before
        here += len(before)
        if mark in "(C":
            outside.append((here, level))
            level = ""
        elif not outside or len(outside) > _DEEPEST or (mark == "E") != (shape[outside[-1][0]] == "C"):
            return None
        else:
            start, outer = outside.pop()
            closings[start] = here
            if mark == ")":
                level = _bracket(outer, level, tokens[start - 1].lower())
            else:
                level = outer + ("v" if _case(level) else "#")
        here += 1
    level += pieces[-1]
    given = _with(level)
    return closings if not outside and given and _query(level, given.end()) else None


def _bracket(outer: str, inner: str, word: str) -> str:
    """What stands before a bracket, with a letter for the bracket; ``word`` is the last before it."""
    before, rest = outer[-1:], outer[:-1]
    if inner[:1] == "S":
        return outer + ("q" if _query(inner) else "#")
    if rest[-1:] in ("A", ":") and before == "t":
        return rest + ("%" if _SIZE.fullmatch(inner) else "#")
    if before and before in _NAMES + "^":
        return rest + ("b" if rest[-1:] != "." and _called(word, inner) else "#")
    if before in _INSIDE:
        if not _INSIDE[before].fullmatch(inner) or (before == "V" and rest[-1:] != "b"):
            return "#"
        return {"V": rest[:-1] + "v", "U": rest + "9"}.get(before, rest + "v")
    return outer + ("g" if _one(inner) else "m" if _several(inner) else "#")


def _called(name: str, inner: str) -> bool:
    if name == "count" and (inner == "*" or inner[:1] == "D"):
        return inner == "*" or _one(inner, 1) is not None
    least, most = _ARITY.get(name, (1, 0))
    given = inner.count(",") + 1 if inner else 0
    return least <= given <= most and (not inner or _sums(inner) is not None)


def _given(shape: str, tokens: list[str], closings: dict[int, int]) -> dict[str, int] | None:
    """The names that the text's own WITH gives, and from where on they hold; nothing if it gives one twice."""
    if shape[:1] != "M":
        return {}
    places = [found.end() for found in _GIVEN.finditer(shape)]
    given = {tokens[at]: at if shape[1:2] == "R" else closings[at + 2] for at in places}
    return given if len(given) == len(places) else None


def _tables(shape: str, tokens: list[str], given: dict[str, int]) -> frozenset[str]:
    """The names after FROM and JOIN, but for those that the text's own WITH gave before."""
    tables = set[str]()
    for found in _SOURCES.finditer(shape):
        at = found.start("paths")
        for source in found["paths"].split(","):
            path = _path(source)
            parts = tokens[at : at + path.end()] if path else []
            if at < given.get("".join(parts), at + 1):
                tables.add("".join(part.strip(_QUOTES) for part in parts))
            at += len(source) + 1
    return frozenset(tables)
