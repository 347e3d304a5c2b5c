"""The part of a transaction that keeps what is still to be told."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from keyturn.gate.notices import Notice

SENT, FAILED = "sent", "failed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One notice on its way to one target. Whoever claimed it is ``holder``, for the attempt of that number;
    ``because`` is why the last one failed."""

    id: int
    target: str
    notice: Notice
    attempts: int
    give_up_at: int
    holder: str
    because: str


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many notices for a target are in a state (waiting, sent, failed), and when the newest of them came there."""

    target: str
    state: str
    count: int
    newest: int


class OutboxRows(Protocol):
    """One row a notice and target. A claimed row is one whose time is put off; nobody else sees it until then."""

    def put(self, notice: Notice, target: str, due_at: int, give_up_at: int) -> None:
        """A new row; nothing if the notice stands there for that target already."""
        ...

    def due(self, now: int, targets: Iterable[str]) -> list[str]:
        """Those of the targets for which something is due."""
        ...

    def claim(self, target: str, now: int, limit: int, until: int, holder: str) -> list[Delivery]:
        """Take up to ``limit`` due rows, oldest first, until that time."""
        ...

    def end(self, delivery: Delivery, state: str, at: int) -> bool:
        """The row is sent or failed; False if the claim was somebody else's meanwhile."""
        ...

    def put_off(self, delivery: Delivery, until: int, because: str) -> bool:
        """Try again then, and remember why; False if the claim was somebody else's meanwhile."""
        ...

    def overdue(self, now: int, limit: int) -> list[Delivery]:
        """Rows that nobody holds, whose time to give up has come."""
        ...

    def forget(self, before: int) -> None:
        """Drop what was sent or given up before then."""
        ...

    def tally(self) -> list[Tally]:
        """Counts, by target and state."""
        ...
