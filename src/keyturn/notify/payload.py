"""A notice as JSON for a webhook: the schema stands in docs/spec/notifications.md."""

from datetime import UTC, datetime
from typing import Any

from keyturn.core.canonical import canonical_json
from keyturn.gate.notices import Notice
from keyturn.notify.text import Pages

MOST = 200
_TEXTS = ("case", "tool", "agent", "subject", "by")


def payload(notice: Notice, pages: Pages) -> bytes:
    """The canonical bytes that are signed and sent: the same for the same notice, at each attempt."""
    data: dict[str, Any] = {"id": notice.id, "page": pages.of(notice)}
    if notice.entry >= 0:
        data["entry"] = notice.entry
    for name in ("action", "oversight", "reversible", "scope", *_TEXTS):
        if value := getattr(notice, name):
            data[name] = bounded(value) if name in _TEXTS else value
    if notice.action:
        data["targets"] = {bounded(kind): count for kind, count in sorted(notice.targets.items())[:50]}
    if notice.due_at:
        data["due_at"] = _time(notice.due_at)
    if notice.roles:
        data["roles"] = list(notice.roles)
    return canonical_json({"type": f"keyturn.{notice.event.value}", "timestamp": _time(notice.at), "data": data})


def bounded(text: str) -> str:
    """What others wrote: at most :data:`MOST` characters, and those that can't be seen as ``\\u{…}``."""
    cut = text if len(text) <= MOST else f"{text[:MOST]}…"
    return "".join(ch if ch.isprintable() else f"\\u{{{ord(ch):x}}}" for ch in cut)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
