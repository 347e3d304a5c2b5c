"""A drill as it is kept: the mark that the journal committed to before, and how it ended."""

from typing import Literal

import msgspec

Result = Literal["refused", "turned", "expired", "withdrawn", "denied"]


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """One drill. ``mark``: 32 secret bytes, hex; the journal holds their hash beforehand, and the mark at the end.

    ``by``: who had it sent, ``gate`` for one that came by chance."""

    action: str
    mark: str
    opened_at: int
    by: str = "gate"
    ended_at: int | None = None
    result: Result | None = None
    person: str = ""


class Plan(msgspec.Struct, frozen=True):
    """The drill to come: its mark, and when."""

    mark: str
    at: int
