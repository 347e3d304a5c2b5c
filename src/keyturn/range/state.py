"""The state of the simulated SOC: one SQLite file, its tables, and how to read it from outside.

Every change that a tool makes and its row in ``changes`` share one transaction, and tools that only read run on a
connection that can't write: ``changes`` is therefore the whole list of what was done to the range, in order.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from keyturn.errors import ConfigError
from keyturn.range import incident

SCHEMA_VERSION = 1

TABLES: dict[str, str] = {
    "hosts": "hostname TEXT PRIMARY KEY, device_id TEXT, platform TEXT, ip TEXT, owner TEXT, role TEXT,"
    " criticality TEXT, containment TEXT, contained_at TEXT, contained_by TEXT",
    "processes": "hostname TEXT, pid INTEGER, name TEXT, command_line TEXT, username TEXT, state TEXT,"
    " PRIMARY KEY (hostname, pid)",
    "quarantined_files": "file_id TEXT PRIMARY KEY, hostname TEXT, path TEXT, sha256 TEXT, verdict TEXT,"
    " quarantined_at TEXT",
    "script_runs": "run_id TEXT PRIMARY KEY, hostname TEXT, script TEXT, exit_code INTEGER, output TEXT,"
    " ran_at TEXT, ran_by TEXT",
    "alerts": "alert_id TEXT PRIMARY KEY, time TEXT, severity TEXT, status TEXT, title TEXT, hostname TEXT,"
    " username TEXT, tactic TEXT, technique TEXT, indicator TEXT, description TEXT",
    "events": "event_id TEXT PRIMARY KEY, time TEXT, hostname TEXT, kind TEXT, process TEXT, detail TEXT",
    "users": "username TEXT PRIMARY KEY, display_name TEXT, email TEXT, department TEXT, status TEXT,"
    " privileged INTEGER, must_change_password INTEGER, password_changed_at TEXT, status_changed_by TEXT",
    "sessions": "session_id TEXT PRIMARY KEY, username TEXT, ip TEXT, client TEXT, started_at TEXT, state TEXT,"
    " ended_at TEXT",
    "api_keys": "key_id TEXT PRIMARY KEY, owner TEXT, scopes TEXT, created_at TEXT, last_used_at TEXT,"
    " last_used_ip TEXT, status TEXT, revoked_at TEXT, revoked_by TEXT",
    "secrets": "path TEXT PRIMARY KEY, value TEXT, note TEXT",
    "messages": "message_id TEXT PRIMARY KEY, mailbox TEXT, folder TEXT, sender TEXT, recipient TEXT,"
    " subject TEXT, body TEXT, attachments TEXT, received_at TEXT",
    "mail_rules": "rule_id TEXT PRIMARY KEY, mailbox TEXT, name TEXT, sender_contains TEXT,"
    " subject_contains TEXT, move_to TEXT, mark_read INTEGER, created_at TEXT, created_from_ip TEXT",
    "blocks": "ip TEXT PRIMARY KEY, direction TEXT, reason TEXT, created_at TEXT, created_by TEXT",
    "allowlist": "cidr TEXT PRIMARY KEY, reason TEXT, created_at TEXT, created_by TEXT",
    "tickets": "ticket_id TEXT PRIMARY KEY, title TEXT, status TEXT, severity TEXT, assignee TEXT,"
    " description TEXT, opened_at TEXT, closed_at TEXT, closed_by TEXT, resolution TEXT, reopened INTEGER",
    "notes": "note_id TEXT PRIMARY KEY, ticket_id TEXT, time TEXT, author TEXT, text TEXT",
    "tags": "ticket_id TEXT, tag TEXT, PRIMARY KEY (ticket_id, tag)",
    "evidence": "evidence_id TEXT PRIMARY KEY, ticket_id TEXT, kind TEXT, hostname TEXT, name TEXT,"
    " sha256 TEXT, size INTEGER, content TEXT, collected_at TEXT, collected_by TEXT, legal_hold INTEGER",
}
LEDGERS: dict[str, str] = {
    "changes": "seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT, tool TEXT, arguments TEXT, effect TEXT",
    "numbers": "prefix TEXT PRIMARY KEY, last INTEGER",
}
LISTS = frozenset({"scopes", "attachments"})
FLAGS = frozenset({"privileged", "must_change_password", "mark_read", "legal_hold"})

Row = dict[str, Any]


def open_state(path: Path) -> sqlite3.Connection:
    """Open the state at ``path``; create and seed it in one transaction when it is missing or empty.

    Raises ConfigError when the file can't be used or is not a range's.
    """
    db = _connect(path.absolute().as_uri() + "?mode=rwc", path)
    try:
        db.execute("PRAGMA synchronous=FULL")
        db.execute("BEGIN IMMEDIATE")
        if not _is_seeded(db, path):
            _create(db)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        db.close()
        raise _unusable(path, error) from error
    except ConfigError:
        db.close()
        raise
    return db


def _connect(uri: str, path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    db.row_factory = sqlite3.Row
    return db


def _unusable(path: Path, error: sqlite3.Error) -> ConfigError:
    return ConfigError(
        f"the range's state {path} can't be used: {error}", hint="name a file that the range made or will"
    )


def _is_seeded(db: sqlite3.Connection, path: Path) -> bool:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return True
    if version or db.execute("SELECT 1 FROM sqlite_schema").fetchone():
        raise ConfigError(f"{path} is not a range's state of version {SCHEMA_VERSION}", hint="name a new file")
    return False


def _create(db: sqlite3.Connection) -> None:
    for name, columns in {**TABLES, **LEDGERS}.items():
        db.execute(f"CREATE TABLE {name} ({columns}) STRICT")
    for name, rows in incident.ROWS.items():
        for row in rows:
            insert(db, name, row)
    db.executemany("INSERT INTO numbers VALUES (?, ?)", incident.LAST_NUMBERS.items())
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Add one row; lists become JSON text. ``table`` and the names of the columns come from code, not from callers."""
    values = [json.dumps(value) if isinstance(value, list) else value for value in row.values()]
    # S608: identifiers are this package's own; every value is a parameter
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608
    db.execute(statement, values)


def rows(db: sqlite3.Connection, statement: str, *values: object) -> list[Row]:
    """All rows of a query, with lists and flags decoded."""
    return [_plain(row) for row in db.execute(statement, values)]


def row(db: sqlite3.Connection, statement: str, *values: object) -> Row | None:
    """The first row of a query, or None."""
    found = db.execute(statement, values).fetchone()
    return None if found is None else _plain(found)


def next_id(db: sqlite3.Connection, prefix: str) -> str:
    """The next free id, such as ``RUL-7003``; numbers are never used twice, even after a deletion."""
    statement = "INSERT INTO numbers VALUES (?, 1) ON CONFLICT (prefix) DO UPDATE SET last = last + 1 RETURNING last"
    return f"{prefix}-{db.execute(statement, (prefix,)).fetchone()[0]}"


def record_change(db: sqlite3.Connection, *, now: str, tool: str, arguments: Mapping[str, Any], effect: str) -> None:
    """Append to the list of changes, inside the caller's transaction."""
    text = json.dumps(arguments, sort_keys=True, ensure_ascii=True)
    insert(db, "changes", {"time": now, "tool": tool, "arguments": text, "effect": effect})


def snapshot(path: Path | str) -> dict[str, list[Row]]:
    """The whole state, table by table, rows in the order of their keys; without ``changes``.

    Reads the file and alters nothing; safe while the range runs. Raises ConfigError when there is no such state.
    """
    with closing(_reader(Path(path))) as db:
        # S608: the names are the keys of TABLES
        return {name: rows(db, f"SELECT * FROM {name} ORDER BY 1, 2") for name in TABLES}  # noqa: S608


def changes(path: Path | str) -> list[Row]:
    """All changes in order: ``{seq, time, tool, arguments, effect}``, arguments as a dict.

    A refused call changes nothing and is not in the list. Raises ConfigError when there is no such state.
    """
    with closing(_reader(Path(path))) as db:
        found = rows(db, "SELECT * FROM changes ORDER BY seq")
    return [{**change, "arguments": json.loads(change["arguments"])} for change in found]


def _reader(path: Path) -> sqlite3.Connection:
    # mode=rw, though it only reads, so that SQLite may undo what a killed server left half written
    db = _connect(path.absolute().as_uri() + "?mode=rw", path)
    try:
        db.execute("PRAGMA query_only=ON")
        db.execute("BEGIN")  # one consistent view over all tables
        if not _is_seeded(db, path):
            raise ConfigError(f"{path} is empty: no range was started on it yet")
    except sqlite3.Error as error:
        db.close()
        raise _unusable(path, error) from error
    except ConfigError:
        db.close()
        raise
    return db


def _plain(row: sqlite3.Row) -> Row:
    return {name: _decode(name, row[name]) for name in _names(row)}


def _names(row: sqlite3.Row) -> Iterable[str]:
    return row.keys()


def _decode(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in LISTS:
        return json.loads(value)
    return bool(value) if name in FLAGS else value
