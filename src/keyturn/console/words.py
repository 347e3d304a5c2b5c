"""The system's own words on the pages: times, states, oversight. Pure."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from keyturn.core.canonical import canonical_json
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.profile import Reversible, Stage

STATES = {
    State.HELD: ("waits for keys", "Nothing has run."),
    State.READY: ("has its keys", "It is about to run."),
    State.EXECUTING: ("is running", "The call has left."),
    State.CONFIRMING: ("has run", "It is taken back by itself unless somebody confirms it."),
    State.REVERTING: ("is being taken back", "Its inverse has left."),
    State.SUCCEEDED: ("has run", "It did what it should."),
    State.FAILED: ("failed", "The tool answered that it did not work, or the check found no effect."),
    State.UNKNOWN: ("outcome unknown", "It was sent, and nobody knows what happened. Somebody must settle it."),
    State.REVERTED: ("was taken back", "Its inverse has run."),
    State.DENIED: ("was denied", "Nothing has run."),
    State.REFUSED: ("was refused", "Nothing has run, and the agent was told why."),
    State.EXPIRED: ("expired", "Nothing has run: not enough keys were turned in time."),
    State.WITHDRAWN: ("was withdrawn", "Nothing has run."),
}
OVERSIGHT = {
    Oversight.FREE: "runs free",
    Oversight.CONFIRM: "runs, reverts unless confirmed",
    Oversight.ONE_KEY: "one key",
    Oversight.TWO_KEY: "two keys",
}
UNDO = {
    Reversible.NO_EFFECT: "changes nothing",
    Reversible.REVERSIBLE: "can be undone",
    Reversible.HARD: "undone in part",
    Reversible.IRREVERSIBLE: "no way back",
}
STAGES = {
    Stage.ANALYSE: "reads",
    Stage.RECORD: "writes a note",
    Stage.RESPOND: "changes something",
}
NOTICES = {
    "turned": "Your key is turned.",
    "narrowed": "The smaller action is proposed in its place; it is decided anew.",
    "refused": "Refused. The agent is told your reason.",
    "withdrawn": "Withdrawn. Nothing has run.",
    "confirmed": "Confirmed: it stays as it is.",
    "reverting": "It is being taken back.",
    "settled": "Settled.",
    "reviewed": "Noted as reviewed.",
    "stopped": "Stopped. Nothing of it runs from now on.",
    "resumed": "Resumed.",
    "revoked": "Revoked.",
    "granted": "Issued.",
    "added": "Added.",
    "accepted": "Accepted as it is now.",
    "saved": "Saved.",
    "waits": "Your passkey is made. It waits until it is approved, on the page People; by another person, if one can.",
    "approved": "Approved: that passkey may sign in and turn keys from now on.",
    "drilled": "The drill is in the queue. Its end shows here.",
}
"""What a page says after a deed of its own session, once (:meth:`~keyturn.console.visit.Visit.told`)."""


def iso(ms: int) -> str:
    """A moment for ``<time datetime>``."""
    return _moment(ms).isoformat(timespec="seconds").replace("+00:00", "Z")


def clock(ms: int) -> str:
    """A moment for people, in UTC; the page's script shows it in their own zone beside."""
    return f"{_moment(ms):%Y-%m-%d %H:%M:%S} UTC"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(min(max(ms, 0), 253_402_300_799_000) / 1000, UTC)


def span(ms: int) -> str:
    """A time span in its two largest units, such as ``1 h 05 min``, ``4 min 30 s``."""
    seconds = max(0, ms) // 1000
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if days:
        return f"{days} d {h} h" if h else f"{days} d"
    if hours:
        return f"{hours} h {m:02} min" if m else f"{hours} h"
    if minutes:
        return f"{m} min {s:02} s" if m < 10 else f"{m} min"
    return f"{s} s"


def left(due: int, now: int) -> str:
    """How long until ``due``, or that it is over."""
    return span(due - now) if due > now else "over"


def ago(at: int, now: int) -> str:
    """How long since ``at``."""
    return f"{span(now - at)} ago" if now - at >= 1000 else "just now"


def spaced(text: str) -> str:
    """A word of the code as words: ``two_key`` becomes ``two key``."""
    return text.replace("_", " ")


def number(value: int) -> str:
    """With a comma at each thousand."""
    return f"{value:,}"


def many(count: int, one: str, more: str = "") -> str:
    """``1 hold``, ``2 holds``."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def json(value: Any) -> str:
    """A value as canonical JSON."""
    return canonical_json(value).decode()


def pretty(value: Any) -> str:
    """A value as JSON on lines of its own, its order kept."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def host(url: str) -> str:
    """The server's name in an address of the operator's."""
    return urlsplit(url).hostname or url
