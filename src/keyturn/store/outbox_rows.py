"""The outbox in SQL: see :class:`keyturn.gate.outbox_ports.OutboxRows`, where each method's contract stands."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from keyturn.gate.notices import Notice
from keyturn.gate.outbox_ports import Delivery, Tally

_pack = msgspec.msgpack.Encoder().encode
_notice = msgspec.msgpack.Decoder(Notice)
_COLUMNS = "id, target, body, attempts, give_up_at, holder, because"


def _delivery(row: tuple[Any, ...]) -> Delivery:
    number, target, body, attempts, give_up_at, holder, because = row
    return Delivery(
        id=number,
        target=target,
        notice=_notice.decode(body),
        attempts=attempts,
        give_up_at=give_up_at,
        holder=holder,
        because=because,
    )


class OutboxRows:
    """The rows within one transaction. A row's ``due_at`` is when it is next tried, or when it ended."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, notice: Notice, target: str, due_at: int, give_up_at: int) -> None:
        """A new row, unless it stands already."""
        sql = (
            "INSERT OR IGNORE INTO outbox (notice, target, state, due_at, give_up_at, attempts, holder, because, body)"
            " VALUES (?,?,'waiting',?,?,0,'','',?)"
        )
        self._db.execute(sql, (notice.id, target, due_at, give_up_at, _pack(notice)))

    def due(self, now: int, targets: Iterable[str]) -> list[str]:
        """Targets with something due."""
        sql = "SELECT 1 FROM outbox WHERE state = 'waiting' AND target = ? AND due_at <= ? AND give_up_at > ? LIMIT 1"
        return [target for target in targets if self._db.execute(sql, (target, now, now)).fetchone()]

    def claim(self, target: str, now: int, limit: int, until: int, holder: str) -> list[Delivery]:
        """Take due rows, oldest first."""
        sql = (
            "UPDATE outbox SET due_at = ?, attempts = attempts + 1, holder = ? WHERE id IN"  # noqa: S608 - our columns
            " (SELECT id FROM outbox WHERE state = 'waiting' AND target = ? AND due_at <= ? AND give_up_at > ?"
            f" ORDER BY due_at, id LIMIT ?) RETURNING {_COLUMNS}"
        )
        rows = self._db.execute(sql, (until, holder, target, now, now, limit)).fetchall()
        return sorted((_delivery(row) for row in rows), key=lambda delivery: delivery.id)

    def end(self, delivery: Delivery, state: str, at: int) -> bool:
        """Sent or failed, if the claim still holds."""
        return self._changed("state = ?, due_at = ?", (state, at), delivery)

    def put_off(self, delivery: Delivery, until: int, because: str) -> bool:
        """Again later, if the claim still holds."""
        return self._changed("due_at = ?, because = ?", (until, because), delivery)

    def _changed(self, what: str, values: tuple[Any, ...], claimed: Delivery) -> bool:
        sql = f"UPDATE outbox SET {what} WHERE id = ? AND holder = ? AND attempts = ? AND state = 'waiting'"  # noqa: S608 - ? marks only
        done = self._db.execute(sql, (*values, claimed.id, claimed.holder, claimed.attempts))
        return done.rowcount == 1

    def overdue(self, now: int, limit: int) -> list[Delivery]:
        """Rows whose time to give up has come."""
        sql = (
            f"SELECT {_COLUMNS} FROM outbox WHERE state = 'waiting' AND due_at <= ? AND give_up_at <= ?"  # noqa: S608 - our columns
            " ORDER BY id LIMIT ?"
        )
        return [_delivery(row) for row in self._db.execute(sql, (now, now, limit))]

    def forget(self, before: int) -> None:
        """Drop what ended before then."""
        self._db.execute("DELETE FROM outbox WHERE state <> 'waiting' AND due_at < ?", (before,))

    def tally(self) -> list[Tally]:
        """Counts by target and state."""
        sql = "SELECT target, state, count(*), max(due_at) FROM outbox GROUP BY target, state ORDER BY target, state"
        return [Tally(target=t, state=s, count=n, newest=at) for t, s, n, at in self._db.execute(sql)]
