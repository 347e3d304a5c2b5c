"""Server-sent events, as far as streamable HTTP uses them."""

import re

import msgspec

from keyturn.errors import InvalidInput

_line_end = re.compile(rb"\r\n|\n|\r")
COMMENT = b": \n\n"
"""Keeps an idle stream open; means nothing."""


class Event(msgspec.Struct, frozen=True):
    """One event. ``id`` is ``None`` where the event sets none; ``retry`` is in milliseconds."""

    data: bytes
    event: str = "message"
    id: str | None = None
    retry: int | None = None


def format_event(data: bytes, *, id: str | None = None, retry: int | None = None) -> bytes:
    """One message event; ``data`` must be one line (compact JSON is)."""
    head = b""
    if id is not None:
        head += b"id: %b\n" % id.encode()
    if retry is not None:
        head += b"retry: %d\n" % retry
    return b"event: message\n%bdata: %b\n\n" % (head, data)


class Parser:
    """Feed it bytes as they come, get whole events; at most ``limit`` bytes are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._more: list[bytes] = []
        self._waiting = 0
        self._skip_lf = False
        self._reset()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that ``chunk`` completes. Raises :class:`InvalidInput` beyond the limit."""
        if self._skip_lf and chunk:
            chunk, self._skip_lf = chunk.removeprefix(b"\n"), False
        events: list[Event] = []
        start = 0
        for end in _line_end.finditer(chunk):
            line = chunk[start : end.start()]
            if self._more:
                line, self._more, self._waiting = b"".join(self._more) + line, [], 0
            start = end.end()
            if (event := self._line(line)) is not None:
                events.append(event)
        self._skip_lf = start == len(chunk) and chunk.endswith(b"\r")
        if start < len(chunk):
            self._more.append(chunk[start:])
            self._waiting += len(chunk) - start
            self._check()
        return events

    def _check(self) -> None:
        if self._size + self._waiting > self._limit:
            raise InvalidInput(f"an event is longer than {self._limit} bytes")

    def _reset(self) -> None:
        self._data: list[bytes] = []
        self._event = ""
        self._id: str | None = None
        self._retry: int | None = None
        self._size = 0

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._finish()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value)
            self._check()
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit():
            self._retry = int(value[:9])
        return None

    def _finish(self) -> Event | None:
        event = None
        if self._data or self._id is not None or self._retry is not None:
            event = Event(b"\n".join(self._data), self._event or "message", self._id, self._retry)
        self._reset()
        return event
