"""The database: rows and a small state machine (ADR 0004). SQLite is the default."""

from keyturn.store.sqlite import SqliteStore

__all__ = ["SqliteStore"]
