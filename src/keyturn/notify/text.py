"""Notices in words, for a chat, a mail or a pager: our own words, ids and counts, and one link, to the page.

What others wrote (a tool's name, a case's, an agent's) may be hostile, and a channel may read it as Markdown, HTML, a
mention or a link. :func:`neutral` leaves none of these; nothing that an agent wrote as prose is told at all.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from keyturn.gate.notices import Event, Notice

MOST = 80
MOST_KINDS = 6
_PARTS = re.compile(r"(?P<word>[^\W_]+(?:_[^\W_]+)*)|(?P<clean>(?P<one>[ /-])(?!(?P=one)))|(?P<sign>[.:@])|.", re.S)
_LOOSE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_FILLERS = frozenset("\u115f\u1160")
_KEYS = {"one_key": "one key", "two_key": "two keys"}
_HEADLINES = {
    Event.HELD: "an action waits for {keys}",
    Event.CONFIRMING: "an action has run and is taken back unless somebody confirms it",
    Event.EXPIRING: "an action that waits for {keys} expires soon",
    Event.EXPIRED: "an action expired: nobody turned enough keys in time",
    Event.ESCALATED: "an action still waits for {keys}, and now concerns you",
    Event.UNKNOWN: "nobody knows what became of an action: a person must find out",
    Event.REVERTED: "an action was taken back",
    Event.STOPPED: "STOPPED",
    Event.RESUMED: "a stop was lifted",
    Event.DRILL_ENDED: "a drill ended",
    Event.TEST: "this is a test, and nothing waits",
}
_REVERSIBLE = {
    "reversible": "it can be taken back",
    "hard_to_reverse": "it is hard to take back",
    "irreversible": "it can't be taken back",
}
_DUE = {
    Event.HELD: "Expires",
    Event.EXPIRING: "Expires",
    Event.ESCALATED: "Expires",
    Event.CONFIRMING: "Taken back",
}
CLOSING = "Sign in there to act: no link, reply or reaction turns a key."


class Pages(msgspec.Struct, frozen=True):
    """Where the console is: the address that people use, without a slash at its end."""

    url: str

    def of(self, notice: Notice) -> str:
        """The one page that a notice points to."""
        return f"{self.url}/console/actions/{notice.action}" if notice.action else f"{self.url}/console"


class Message(msgspec.Struct, frozen=True):
    """What a person reads."""

    title: str
    body: str


def neutral(text: str, most: int = MOST) -> str:
    """``text`` as characters that no channel takes for markup, a mention or a link, cut at ``most``.

    Letters, digits, single spaces, ``-`` and ``/`` stay, and ``_`` within a word. ``.``, ``:`` and ``@`` are written as
    analysts write them, ``[.]``. Any other character is shown by its number, as in ‹U+202E›, and so is a letter that
    may only look like one, within a word of Latin ones.
    """
    shown = "".join(_shown(match) for match in _PARTS.finditer(text[:most]))
    left = len(text) - most
    return f"{shown} ‹{left} more›" if left > 0 else shown


def _shown(part: re.Match[str]) -> str:
    whole = part[0]
    if part["word"]:
        latin = any(ch.isascii() and ch.isalpha() for ch in whole)
        word = "".join(ch if ch.isascii() or _readable(ch, latin) else _number(ch) for ch in whole)
        return _LOOSE.sub(_number("_"), word)
    if part["sign"]:
        return f"[{whole}]"
    return whole if part["clean"] else _number(whole)


def _readable(ch: str, latin: bool) -> bool:
    kind = unicodedata.category(ch)
    if kind not in ("Ll", "Lu", "Lo", "Nd") or ch in _FILLERS or unicodedata.normalize("NFKC", ch) != ch:
        return False
    return not latin or kind == "Lo" or unicodedata.name(ch, "").startswith("LATIN")


def _number(ch: str) -> str:
    return f"‹U+{ord(ch):04X}›"


def headline(notice: Notice) -> str:
    """What happened, in our own words."""
    return _HEADLINES[notice.event].format(keys=_KEYS.get(notice.oversight, "a person"))


def message(notice: Notice, pages: Pages) -> Message:
    """One notice in full."""
    first = headline(notice)
    lines = [f"Keyturn: {first}.", pages.of(notice), *_details(notice), CLOSING]
    return Message(f"Keyturn: {first}", "\n".join(lines))


def digest(notices: Sequence[Notice], pages: Pages, room: int) -> Message:
    """Several notices as one message of at most about ``room`` characters; how many found no room is said."""
    if len(notices) == 1:
        return message(notices[0], pages)
    title = f"Keyturn: {len(notices)} notices"
    lines, left = [f"{title}."], room - len(title) - len(CLOSING) - len(pages.url) - 60
    for number, notice in enumerate(notices):
        words = [f"{neutral(notice.tool)} in {neutral(notice.case)}"] if notice.action else _details(notice)
        part = "\n".join(["", f"{headline(notice).capitalize()}: {'. '.join(words)}", pages.of(notice)])
        left -= len(part) + 1
        if left < 0:
            lines.append(f"\nAnd {len(notices) - number} more: {pages.url}/console")
            break
        lines.append(part)
    return Message(title, "\n".join([*lines, "", CLOSING]))


def moment(ms: int) -> str:
    """A time for people: UTC, to the minute."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _details(notice: Notice) -> list[str]:
    if notice.scope:
        what = f"{neutral(notice.scope)} {neutral(notice.subject)}".strip()
        return [f"What: {what}", f"By: {neutral(notice.by)}"]
    if not notice.action:
        return []
    lines = [f"Tool: {neutral(notice.tool)}"]
    if notice.reversible in _REVERSIBLE:
        lines[0] += f" ({_REVERSIBLE[notice.reversible]})"
    lines += [f"Case: {neutral(notice.case)}", f"Agent: {neutral(notice.agent)}", f"Targets: {_targets(notice)}"]
    if notice.due_at and notice.event in _DUE:
        lines.append(f"{_DUE[notice.event]}: {moment(notice.due_at)}")
    return lines


def _targets(notice: Notice) -> str:
    if not notice.targets:
        return "none named"
    kinds = sorted(notice.targets.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{count} {neutral(kind, 30)}" for kind, count in kinds[:MOST_KINDS]]
    if len(kinds) > MOST_KINDS:
        words.append(f"{len(kinds) - MOST_KINDS} more kinds")
    return ", ".join(words)
