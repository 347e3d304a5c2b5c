"""What the gate needs of the store to tell a case's story: its entries, what is kept beside them, its steps."""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from keyturn.gate.records import ActionRecord
from keyturn.journal import Frontier, TileReader


class Kept(msgspec.Struct, frozen=True):
    """One payload that is kept beside an entry: the entry's index, the action, the payload's name and body."""

    seq: int
    action: str
    name: str
    body: bytes


class CaseSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One case in a list: its first and last entry (index and time), and how many holds are open in it."""

    case: str
    first: int
    last: int
    began_at: int
    last_at: int
    open_holds: int


class CaseRows(TileReader, Protocol):
    """A part of the transaction; every method is a keyed or bounded read."""

    def first_entry(self, action: str) -> int | None:
        """The index of an action's first entry."""
        ...

    def kept_before(self, case: str, seq: int, names: tuple[str, ...]) -> Iterator[Kept]:
        """What is kept of a case before an index under these names, the newest first; read as it is iterated."""
        ...

    def steps_before(self, case: str, agent: str, seq: int, limit: int) -> tuple[int, list[tuple[int, ActionRecord]]]:
        """How many actions an agent proposed in a case before an index, and the newest of them, newest first."""
        ...

    def cases(self, limit: int, skip: int) -> list[CaseSeen]:
        """The cases, the one with the newest entry first."""
        ...

    def of_case(self, case: str, after: int, limit: int) -> list[tuple[int, bytes, list[tuple[str, bytes, bytes]]]]:
        """A case's entries past an index: index, entry, and name, salt and body of what is kept of it."""
        ...

    def frontier(self) -> Frontier:
        """The tree as committed."""
        ...
