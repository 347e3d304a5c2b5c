"""What the gate's pulse needs of a transaction."""

from typing import Protocol

from keyturn.gate.records import ActionRecord


class PulseRows(Protocol):
    """The part of a transaction that tells what is new."""

    def size(self) -> int:
        """How many entries the journal has."""
        ...

    def waiting(self) -> int:
        """How many actions are held."""
        ...

    def unsettled(self) -> int:
        """How many actions ran, and are unknown or unconfirmed."""
        ...

    def touched(self, after: int, limit: int) -> list[ActionRecord]:
        """The actions that the journal's entries from index ``after`` on speak of, each once as it is now."""
        ...
