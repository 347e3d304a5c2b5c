"""Writing a case's report, and finding the excerpt in one again."""

import html
import unicodedata
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import jinja2
import msgspec

from keyturn.core.hidden import Shown, shown
from keyturn.core.sentence import Sentence
from keyturn.core.told import told
from keyturn.errors import JournalError
from keyturn.journal import Checkpoint, Excerpt, Proven, read_excerpt

MOST = 20_000
_BEGIN, _END = '<pre id="keyturn-excerpt" hidden>', "</pre>"
_MADE = '<meta name="generator" content="Keyturn '
_WRITER = f"{version('keyturn')}, Unicode {unicodedata.unidata_version}, Jinja {version('jinja2')}"
_sorted = msgspec.json.Encoder(order="sorted")
_HEAD = frozenset({"seq", "at", "kind", "case", "payloads"})


class Kept(msgspec.Struct, frozen=True):
    """A payload on the page: ``text`` None, it is not in this file."""

    name: str
    text: Shown | None


class Line(msgspec.Struct, frozen=True):
    """An entry on the page."""

    index: int
    when: str
    kind: str
    action: str
    said: Sentence
    body: Shown
    kept: tuple[Kept, ...]


def render(excerpt: Excerpt) -> str:
    """The report of an excerpt. The same excerpt gives the same text; raises :class:`JournalError` for a broken one."""
    lines = tuple(_line(proven) for proven in excerpt.entries)
    checkpoint = _size_of(excerpt)
    return _template.render(
        writer=_WRITER,
        case=excerpt.where.get("case", ""),
        lines=lines,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        verifier=excerpt.verifier,
        checkpoint=excerpt.checkpoint,
        kinds=_counted(lines),
        excerpt=excerpt.encode().decode(),
    )


def excerpt_in(raw: bytes) -> Excerpt:
    """The excerpt in a file: the JSON itself, or a report that holds it; :class:`JournalError` if none is there."""
    if raw.lstrip()[:1] == b"{":
        return read_excerpt(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise JournalError("the file is neither a report nor an excerpt: it is not UTF-8") from None
    start = text.find(_BEGIN)
    end = text.find(_END, start)
    if start < 0 or end < 0:
        raise JournalError("the file holds no excerpt of a journal", hint="give a report or its JSON, whole")
    return read_excerpt(html.unescape(text[start + len(_BEGIN) : end]).encode("utf-8", "surrogatepass"))


def same_words(raw: bytes, excerpt: Excerpt) -> bool | None:
    """Whether a report says what its entries say: written again it is the same file. None if another version of Keyturn
    wrote it, or it is the excerpt alone: then nothing can be said of its words."""
    if raw.lstrip()[:1] == b"{" or f'{_MADE}{_WRITER}">'.encode() not in raw[:2_000]:
        return None
    return render(excerpt).encode() == raw


def _line(proven: Proven) -> Line:
    try:
        entry: dict[str, Any] = msgspec.json.decode(proven.entry)
        when = datetime.fromtimestamp(entry["at"] / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        named = sorted(entry.get("payloads", {}))
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, OverflowError, OSError, AttributeError):
        raise JournalError(f"entry {proven.index} of the excerpt can't be read") from None
    body = {name: value for name, value in entry.items() if name not in _HEAD}
    kept = tuple(Kept(str(name), _text(proven, str(name))) for name in named)
    text = _pretty(body)
    return Line(
        proven.index,
        when,
        str(entry.get("kind", "")),
        str(entry.get("action", "")),
        told(entry),
        shown(text, MOST),
        kept,
    )


def _text(proven: Proven, name: str) -> Shown | None:
    payload = proven.payloads.get(name)
    if payload is None:
        return None
    try:
        text = _pretty(msgspec.json.decode(payload.body))
    except (msgspec.MsgspecError, RecursionError):
        text = payload.body.decode("utf-8", "backslashreplace")
    return shown(text, MOST, lines=True)


def _pretty(value: Any) -> str:
    return msgspec.json.format(_sorted.encode(value), indent=1).decode()


def _counted(lines: tuple[Line, ...]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.kind] = counts.get(line.kind, 0) + 1
    return sorted(counts.items())


def _size_of(excerpt: Excerpt) -> Checkpoint:
    """The checkpoint as it stands, unverified: whoever checks the file opens it with the key."""
    return Checkpoint.parse(excerpt.checkpoint.partition("\n\n")[0] + "\n")


def _seen(text: object) -> Shown:
    return shown(str(text), MOST, lines=True)


_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("keyturn.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["seen"] = _seen
_template = _environment.get_template("case.html")
