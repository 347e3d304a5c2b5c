"""What one connection remembers of rows that change seldom, so that no action asks for them again.

Grants, stops, pins and chains share one version in the table ``seldom``; whoever changes one of them raises it in
the same transaction. What is remembered counts for that version only, and never outlives a rollback.
"""

import sqlite3
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

V = TypeVar("V")
MAX_REMEMBERED = 10_000


class Remembered:
    """A memory for the length of one version. Call :meth:`look` at the start of each transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._version: int | None = None
        self._found: dict[Hashable, Any] = {}

    def look(self) -> None:
        """Forget everything if somebody has changed something since."""
        (version,) = self._db.execute("SELECT version FROM seldom").fetchone()
        if version != self._version:
            self._found.clear()
            self._version = version

    def get(self, key: Hashable, load: Callable[[], V]) -> V:
        """What is remembered under ``key``, else what ``load`` reads now."""
        try:
            found: V = self._found[key]
        except KeyError:
            found = load()
            if len(self._found) >= MAX_REMEMBERED:
                self._found.clear()
            self._found[key] = found
        return found

    def changed(self) -> None:
        """This transaction changed such a row."""
        (self._version,) = self._db.execute("UPDATE seldom SET version = version + 1 RETURNING version").fetchone()
        self._found.clear()

    def forget(self) -> None:
        """What this transaction changed was taken back, in part or whole."""
        self._found.clear()
        self._version = None
