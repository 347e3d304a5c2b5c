"""Passkeys, ceremonies, sessions and invitations in SQL: the gate's :class:`~keyturn.gate.access_ports.AccessRows`."""

import sqlite3
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from keyturn.gate.access_records import Ceremony, Invitation, Passkey, Session

V = TypeVar("V", bound=msgspec.Struct)

_pack = msgspec.msgpack.Encoder().encode
_passkey = msgspec.msgpack.Decoder(Passkey)
_ceremony = msgspec.msgpack.Decoder(Ceremony)
_session = msgspec.msgpack.Decoder(Session)
_invitation = msgspec.msgpack.Decoder(Invitation)


class AccessRows:
    """A part of a transaction: it begins and commits nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def _one(self, decoder: "msgspec.msgpack.Decoder[V]", sql: str, *args: Any) -> V | None:
        row = self._db.execute(sql, args).fetchone()
        return decoder.decode(row[0]) if row else None

    def _all(self, decoder: "msgspec.msgpack.Decoder[V]", sql: str, args: Iterable[Any] = ()) -> list[V]:
        return [decoder.decode(row[0]) for row in self._db.execute(sql, tuple(args))]

    # Passkeys

    def passkey(self, credential: str) -> Passkey | None:
        return self._one(_passkey, "SELECT body FROM passkeys WHERE credential = ?", credential)

    def passkeys(self, person: str | None = None) -> list[Passkey]:
        where, args = ("WHERE person = ?", (person,)) if person is not None else ("", ())
        return self._all(_passkey, f"SELECT body FROM passkeys {where} ORDER BY created_at, credential", args)  # noqa: S608 - fixed words

    def has_passkey(self, person: str) -> bool:
        sql = "SELECT 1 FROM passkeys WHERE person = ? AND state <> 'pending' LIMIT 1"
        return self._db.execute(sql, (person,)).fetchone() is not None

    def holders(self) -> frozenset[str]:
        return frozenset(
            row[0] for row in self._db.execute("SELECT DISTINCT person FROM passkeys WHERE state = 'live'")
        )

    def put_passkey(self, passkey: Passkey) -> None:
        state = "pending" if passkey.live_at is None else "live" if passkey.live else "revoked"
        row = (passkey.credential, passkey.person, state, passkey.created_at, _pack(passkey))
        self._db.execute("INSERT OR REPLACE INTO passkeys VALUES (?,?,?,?,?)", row)

    # Ceremonies

    def ceremony(self, ceremony_id: str) -> Ceremony | None:
        return self._one(_ceremony, "SELECT body FROM ceremonies WHERE id = ?", ceremony_id)

    def put_ceremony(self, ceremony: Ceremony) -> None:
        row = (ceremony.id, ceremony.expires_at, _pack(ceremony))
        self._db.execute("INSERT OR REPLACE INTO ceremonies VALUES (?,?,?)", row)

    def forget_ceremonies(self, before: int) -> None:
        self._db.execute("DELETE FROM ceremonies WHERE expires_at < ?", (before,))

    def bound_open(self, start: str, keep: int) -> None:
        span = (start, start + "\uffff")
        (count,) = self._db.execute("SELECT count(*) FROM ceremonies WHERE id >= ? AND id < ?", span).fetchone()
        if count > keep:
            oldest = "SELECT id FROM ceremonies WHERE id >= ? AND id < ? ORDER BY expires_at, id LIMIT ?"
            self._db.execute(f"DELETE FROM ceremonies WHERE id IN ({oldest})", (*span, count - keep))  # noqa: S608 - fixed words

    # Sessions

    def session(self, session_id: str) -> Session | None:
        return self._one(_session, "SELECT body FROM sessions WHERE id = ?", session_id)

    def session_by_token(self, token_hash: str) -> Session | None:
        return self._one(_session, "SELECT body FROM sessions WHERE token_hash = ?", token_hash)

    def sessions(self, person: str | None, live_at: int) -> list[Session]:
        where, args = (" AND person = ?", (live_at, person)) if person is not None else ("", (live_at,))
        sql = f"SELECT body FROM sessions WHERE live = 1 AND expires_at > ?{where} ORDER BY id DESC"  # noqa: S608 - fixed words
        found = self._all(_session, sql, args)
        return sorted(found, key=lambda s: (-s.created_at, s.id))

    def put_session(self, session: Session) -> None:
        live = int(session.revoked_at is None)
        row = (session.id, session.token_hash, session.person, live, session.expires_at, _pack(session))
        self._db.execute("INSERT OR REPLACE INTO sessions VALUES (?,?,?,?,?,?)", row)

    # Invitations

    def invitation(self, invitation_id: str) -> Invitation | None:
        return self._one(_invitation, "SELECT body FROM invitations WHERE id = ?", invitation_id)

    def invitation_by_token(self, token_hash: str) -> Invitation | None:
        return self._one(_invitation, "SELECT body FROM invitations WHERE token_hash = ?", token_hash)

    def invitations(self, live_at: int) -> list[Invitation]:
        return self._all(
            _invitation, "SELECT body FROM invitations WHERE used = 0 AND expires_at > ? ORDER BY id", (live_at,)
        )

    def put_invitation(self, invitation: Invitation) -> None:
        used = int(invitation.used_at is not None)
        row = (invitation.id, invitation.token_hash, used, invitation.expires_at, _pack(invitation))
        self._db.execute("INSERT OR REPLACE INTO invitations VALUES (?,?,?,?,?)", row)
