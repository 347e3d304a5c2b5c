"""Query languages that are pipelines in which one command writes: PowerQuery, Sumo Logic's, Cortex XQL.

A text is split at its pipes, also those within brackets, so the commands of subqueries are met like all others. It
reads if every command is one that documentation shows to read (PowerQuery: others' reference, not the vendor's). The
word of the writing command is that command behind a pipe, and anywhere else outside of quotes it is unread: so nothing
has to be known about where a service begins a pipeline. Where a service may end a quote elsewhere (an escaped one),
the word is unread within quotes too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from keyturn.catalogue.rules.answers import DATA, DETECTION, HARD, changes, reads
from keyturn.catalogue.rules.rule import Rule, seen, words
from keyturn.core.action import Target
from keyturn.core.operation import Reading, Unread


class _Language(msgspec.Struct, frozen=True, kw_only=True):
    """How one language is read.

    ``token``: runs of plain text, quoted texts, comments (they begin like ``notes``), single signs. ``sources`` and
    ``into`` look for names (their one group) of what is read and written, of the ``kind``, in a text in small letters
    whose quoted texts are numbers in quotes. ``everything`` is what any query may read. ``opaque`` runs what stands
    elsewhere, an ``expression`` is a stage that only computes, ``addresses`` are schemes of the service's own.
    """

    known: frozenset[str]
    write: str
    token: re.Pattern[str]
    notes: tuple[str, ...] = ()
    sources: tuple[re.Pattern[str], ...]
    into: re.Pattern[str]
    kind: str
    everything: Target
    opaque: str = ""
    expression: re.Pattern[str] | None = None
    addresses: frozenset[str] = frozenset()


_RUN: Final = r"[^\"'/\\`{};]+"
_DOUBLE: Final = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*(?:"|\\?\n)'
_SINGLE: Final = r"'[^'\\\n]*(?:\\.[^'\\\n]*)*(?:'|\\?\n)"
"""One that does not close ends with its line, so that it is found at once."""

_POWERQUERY: Final = _Language(
    known=words(
        "columns compare dataset filter group inner join left let limit lookup nolimit outer parse sort sql top"
        " transpose union"
    ),
    write="savelookup",
    token=re.compile(rf"{_RUN}|{_DOUBLE}|{_SINGLE}|//[^\n]*|/\*|."),
    notes=("//",),
    sources=(re.compile(r'lookup\b[^|]{0,200}?\bfrom\s+([\w.-]+|"\d+")'), re.compile(r'dataset\s*("\d+")')),
    into=re.compile(r'savelookup\s*("\d+")'),
    kind="lookup",
    everything=Target("log", "*"),
)
_TABLE: Final = r'((?:\w+://)?(?:"\d+"|[^\s"|,()=]+))'
_SUMO: Final = _Language(
    known=words(
        """
        abs accum acos as asin atan atan2 avg backshift base64decode base64encode bin cat cbrt ceil compare
        comparecidrprefix compose concat contains cos cosh count count_distinct count_frequent csv dectohex dedup diff
        exp expm1 extract fields fillmissing filter first floor format formatdate geoip getcidrprefix hash haversine
        hextoascii hextodec hypot if ipv4tonumber isblank isempty isinfinity isnan isnull isnumeric isprivateip
        ispublicip isreservedip isvalidip join json jsonarraycontains jsonarraysize keyvalue kv last least_recent
        length limit log log10 log1p logcompare logexplain logreduce lookup lookupcontains luhn maskfromcidr matches
        max median merge min most_recent now num number order outlier parse parsedate parsehex pct pow predict
        queryendtime querystarttime querytimerange replace rollingstd round sessionize sin sinh smooth sort split sqrt
        stddev substring sum tan tanh threatip threatlookup timeslice todegrees tolong tolowercase top topk toradians
        tostring total touppercase tourl trace transaction transactionize transpose trim urldecode urlencode values
        where xml
        """
    ),
    write="save",
    token=re.compile(rf"{_RUN}|{_DOUBLE}|'[^'\"\\|()\[\]/\n]*'|(?<!:)//[^\n]*|/\*(?s:.*?)\*/|/\*|."),
    notes=("//", "/*"),
    sources=tuple(
        re.compile(begins + _TABLE)
        for begins in (r"lookup\b[^|]{0,200}?\bfrom\s+", r"cat(?<!\wcat)\s+", r"lookupcontains\s*\(\s*")
    ),
    into=re.compile(rf"save\s+(?:append\s+)?{_TABLE}"),
    kind="lookup",
    everything=Target("log", "*"),
    expression=re.compile(
        r'\s*(?:[\d("]|[\w.]+\s*(?:[-+*/%][\s\d(]|[=<>!]|matches\s))[^|]*?\bas\s+%?[\w"]+\s*(?=[)\],]|\Z)'
    ),
    addresses=words("path sumo geo asn threat"),
)
"""An apostrophe may be a quote or not, so only plain text stands between two."""

_XQL: Final = _Language(
    known=words(
        "alter arrayexpand bin comp config dataset dedup fields filter iploc join limit replacenull sort union"
        " windowcomp"
    ),
    write="target",
    token=re.compile(rf'{_RUN}|"[^"\n]*"|/[/*]|.'),
    sources=(re.compile(r"dataset\s*=\s*(\w+)"),),
    into=re.compile(r"target\s+type\s*=\s*\w+\s+(?:append\s*=\s*\w+\s+)?(\w+)\s*(?=[|)]|\Z)"),
    kind="dataset",
    everything=Target("dataset", "*"),
    opaque="call",
)
"""A backslash in double quotes is one."""

_LANGUAGES: Final[Mapping[str, _Language]] = {"powerquery": _POWERQUERY, "sumo": _SUMO, "xql": _XQL}
_MOST: Final = 2_000
_NOTES: Final = 50
_COMMAND: Final = re.compile(r"\|\s*([^\s|()\[\],\"]*)")
_SCHEME: Final = re.compile(r"[^\s|()\[\],\"]*\Z")
_MARKS: Final = frozenset("\"'/\\`{};")
"""Signs that are no plain text: quotes, what may begin a comment, escapes, macros, templates, second statements."""

_BEFORE: Final = frozenset(" \t\n|(),[]")
"""What may stand before a comment, so that nobody takes its slashes for a part of something."""

_QUOTED: Final = re.compile(r'"(\d+)"')
_FROM: Final = re.compile(r'(?:from|dataset)\s*"(\d+)"')
_TABLES: Final = "config://datatables/"


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``: the whole text, as the service gets it; ``language``: ``powerquery``, ``sumo`` or ``xql``."""
    query, name = parts["query"], parts["language"]
    language = _LANGUAGES.get(name) if isinstance(name, str) else None
    if language is None:
        return Unread("its language is not known")
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no query text")
    query = query.replace("\r\n", "\n")
    if not seen(query) or '"""' in query or query.count("|") > _MOST or query.count("/*") > _NOTES:
        return Unread(
            f"it holds what can't be seen, three quotes in a row, or more than {_MOST:,} stages or {_NOTES} /*"
        )
    try:
        bare, values = _bare(language, query)
    except ValueError as error:
        return Unread(str(error))
    lowered = bare.lower()
    if any("://" in value for value in values) and (far := _elsewhere(lowered, values)):
        return Unread(f"{far[:40]!r} is another place")
    commands = _COMMAND.findall(lowered)
    if why := _unread(language, query, lowered, commands):
        return Unread(why)
    found = {language.everything, *_named(language, language.sources, bare, lowered, values)}
    writes = commands.count(language.write)
    if not writes:
        return reads("query", {DATA}, sorted(found))
    into = _named(language, (language.into,), bare, lowered, values)
    if len(into) < writes:
        into.append(Target(language.kind, "*"))
    why = "it writes a table, which detections may rely on, and its former rows may be gone"
    return changes(language.write, HARD, {DATA, DETECTION}, sorted(found.union(into)), why=why)


def _bare(language: _Language, query: str) -> tuple[str, list[str]]:
    """The text without comments and with each quoted text as its number, and those texts. ``||`` is no pipe.

    Raises :class:`ValueError` for what is not read outside of quotes.
    """
    values: list[str] = []
    shown = [""]
    never_closes = query.rfind("*/") < query.find("/*") + 2
    plain = {"/", "/*"} if never_closes and "/*" in language.notes else {"/"}
    for piece in language.token.findall(f"{query}\n"):
        if piece[0] not in _MARKS or piece in plain:
            shown.append(piece)
        elif piece[0] in "\"'" and len(piece) > 1 and piece[-1] != "\n":
            shown.append(f'"{len(values)}"')
            values.append(piece[1:-1])
        elif piece.startswith(language.notes) and piece != "/*" and (not shown[-1] or shown[-1][-1] in _BEFORE):
            if _standing(language.write, piece.lower()):
                raise ValueError(f"{language.write} stands in a comment")
            shown.append(" ")
        else:
            raise ValueError(f"{piece[:20]!r} may be a quote that never closes, a comment, an escape or a macro")
    return "".join(shown).replace("||", "  "), values


def _unread(language: _Language, query: str, lowered: str, commands: list[str]) -> str:
    """Why nobody can say that these commands only read, or that they only write what they name, or ``""``."""
    write = language.write
    if ('\\"' in query or "\\'" in query) and _standing(write, query.lower()):
        return f"{write} stands beside an escaped quote, and may be a command"
    if write in lowered and _standing(write, lowered) != commands.count(write):
        return f"{write} stands where it may be a command or not"
    if language.opaque and _standing(language.opaque, lowered):
        return f"what {language.opaque} runs is not in the text"
    schemes = {_SCHEME.search(part[-20:])[0] for part in lowered.split("://")[:-1]}  # type: ignore[index]  # may be empty
    if far := schemes - language.addresses:
        return f"{min(far)}:// is another place"
    if {*commands} <= language.known:
        return ""
    for command, stage in zip(commands, lowered.split("|")[1:], strict=True):
        computes = language.expression is not None and language.expression.match(stage)
        if command not in language.known and command != write and not computes:
            return f"{command[:40]!r} is no command that is known to read"
    return ""


def _elsewhere(lowered: str, values: list[str]) -> str:
    """A quoted address that is read from, other than the service's own tables, or ``""``."""
    named = (values[int(at)].removeprefix(_TABLES) for at in _FROM.findall(lowered))
    return next((name for name in named if "://" in name), "")


def _standing(word: str, lowered: str) -> int:
    """How often the word stands for itself, as no part of a name."""
    return len(re.findall(rf"{word}(?<![\w.]{word})(?![\w.])", lowered)) if word in lowered else 0


def _named(
    language: _Language, patterns: Iterable[re.Pattern[str]], bare: str, lowered: str, values: list[str]
) -> list[Target]:
    """What the text names where the patterns say."""
    found = []
    for pattern in patterns:
        for match in pattern.finditer(lowered):
            name = bare[slice(*match.span(1))]
            quoted = _QUOTED.search(name)
            found.append(Target(language.kind, values[int(quoted[1])].removeprefix(_TABLES) if quoted else name))
    return found


PIPELINE: Final = Rule(name="pipeline", needs=frozenset({"query", "language"}), read=read)
