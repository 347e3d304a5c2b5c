"""Long lists, a page at a time: the address says from where on, and keeps whatever else it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from keyturn.console.visit import Visit

T = TypeVar("T")
SIZE = 50
_FARTHEST = 10**9


@dataclass(frozen=True)
class Listed(Generic[T]):
    """Some rows of ``total``: ``start`` of them come before. ``earlier`` and ``later`` are addresses, or empty.

    ``counted``: the total is known, not only that there is more.
    """

    rows: Sequence[T]
    total: int
    start: int
    earlier: str
    later: str
    counted: bool = True


def start_of(visit: Visit) -> int:
    """How many rows the address skips; nonsense skips none."""
    return number_of(visit.asked("from"), 0, _FARTHEST)


def listed(
    visit: Visit, rows: Sequence[T], total: int | None = None, *, size: int = SIZE, counted: bool = True
) -> Listed[T]:
    """A page of ``rows``; with a ``total`` they are that page already."""
    start = start_of(visit)
    part = rows[start : start + size] if total is None else rows
    count = len(rows) if total is None else total
    earlier = _address(visit, max(0, start - size)) if start else ""
    later = _address(visit, start + size) if start + size < count else ""
    return Listed(part, count, start, earlier, later, counted)


def number_of(text: str, least: int, most: int, otherwise: int | None = None) -> int:
    """A whole number within bounds; ``otherwise`` (or ``least``) for what is none."""
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return min(max(int(text), least), most)
    return least if otherwise is None else otherwise


def _address(visit: Visit, start: int) -> str:
    query = {name: value[:1000] for name, value in visit.request.query_params.items() if name not in ("from", "done")}
    if start:
        query["from"] = str(start)
    return f"?{urlencode(query, errors='replace')}"
