"""Identities and journeys in SQL: the gate's :class:`~keyturn.gate.oidc_ports.OidcRows`."""

import sqlite3

import msgspec

from keyturn.gate.oidc_records import Identity, Journey

_pack = msgspec.msgpack.Encoder().encode
_identity = msgspec.msgpack.Decoder(Identity)
_journey = msgspec.msgpack.Decoder(Journey)


class OidcRows:
    """A part of a transaction: it begins and commits nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def identity(self, issuer: str, subject: str) -> Identity | None:
        sql = "SELECT body FROM identities WHERE issuer = ? AND subject = ?"
        row = self._db.execute(sql, (issuer, subject)).fetchone()
        return _identity.decode(row[0]) if row else None

    def identities(self, person: str | None = None) -> list[Identity]:
        where, args = ("WHERE person = ?", (person,)) if person is not None else ("", ())
        sql = f"SELECT body FROM identities {where} ORDER BY person, issuer"  # noqa: S608 - fixed words
        return [_identity.decode(row[0]) for row in self._db.execute(sql, args)]

    def put_identity(self, identity: Identity) -> None:
        row = (identity.issuer, identity.subject, identity.person, _pack(identity))
        self._db.execute("INSERT OR REPLACE INTO identities VALUES (?,?,?,?)", row)

    def remove_identity(self, issuer: str, subject: str) -> None:
        self._db.execute("DELETE FROM identities WHERE issuer = ? AND subject = ?", (issuer, subject))

    def journey(self, state: str) -> Journey | None:
        row = self._db.execute("SELECT body FROM journeys WHERE state = ?", (state,)).fetchone()
        return _journey.decode(row[0]) if row else None

    def put_journey(self, journey: Journey) -> None:
        row = (journey.state, journey.expires_at, _pack(journey))
        self._db.execute("INSERT OR REPLACE INTO journeys VALUES (?,?,?)", row)

    def bound_journeys(self, before: int, keep: int) -> None:
        self._db.execute("DELETE FROM journeys WHERE expires_at < ?", (before,))
        oldest = "SELECT state FROM journeys ORDER BY expires_at DESC LIMIT -1 OFFSET ?"
        self._db.execute(f"DELETE FROM journeys WHERE state IN ({oldest})", (keep,))  # noqa: S608 - fixed words
