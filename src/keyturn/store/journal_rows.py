"""The journal inside the database: entries, leaf hashes, full tiles and the tree's edge, in the state's transaction."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from keyturn.core.canonical import canonical_json
from keyturn.errors import JournalError
from keyturn.journal import MAX_ENTRY, Frontier, Tile, commit, leaf_hash, newly_full

HASH = 32
_Entry = tuple[int, str, str, str, bytes, bytes]
_Payload = tuple[int, str, str, bytes, bytes]


class JournalRows:
    """Appends entries within a transaction, and reads the tree's tiles for proofs (a ``TileReader``)."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._head: bytes | None = None
        self._decoded: tuple[bytes | None, Frontier] = (None, Frontier())
        self._entries: list[_Entry] = []
        self._payloads: list[_Payload] = []
        self._saved = (0, 0, 0, 0)
        self.at = 0
        self.ahead = 0

    @property
    def size(self) -> int:
        """How many entries there are, those of this transaction included."""
        return self._tree.size + len(self._entries)

    @property
    def _tree(self) -> Frontier:
        """The tree's edge as of the head; decoded when somebody asks, which most reads do not."""
        if self._decoded[0] != self._head:
            self._decoded = (self._head, Frontier.decode(self._head) if self._head is not None else Frontier())
        return self._decoded[1]

    def load(self) -> None:
        """Look at the head as it stands in the database (another process may have appended)."""
        row = self._db.execute("SELECT at, frontier, ahead FROM journal_head").fetchone()
        self._entries, self._payloads = [], []
        self.at, self._head, self.ahead = row if row else (0, None, 0)

    def save(self) -> None:
        """Remember this point in the transaction."""
        self._saved = (len(self._entries), len(self._payloads), self.at, self.ahead)

    def undo(self) -> None:
        """Forget what came after :meth:`save`."""
        entries, payloads, self.at, self.ahead = self._saved
        del self._entries[entries:], self._payloads[payloads:]

    def append(
        self, kind: str, at: int, body: Mapping[str, Any], payloads: Mapping[str, bytes], action: str, case: str
    ) -> int:
        """One entry and its payloads; its index. Raises :class:`JournalError` if it is too large for the log.

        The rows are written by :meth:`flush`, all of a commit together.
        """
        seq = self.size
        self.at = max(self.at, at)
        entry: dict[str, Any] = {"seq": seq, "at": self.at, "kind": kind, **body}
        if action:
            entry["action"] = action
        if case:
            entry["case"] = case
        if payloads:
            entry["payloads"] = {name: self._keep(seq, name, action, raw) for name, raw in payloads.items()}
        raw = canonical_json(entry)
        if len(raw) > MAX_ENTRY:
            raise JournalError(f"a {kind} entry of {len(raw)} bytes is too large", hint="keep it as a payload")
        self._entries.append((seq, kind, action, case, leaf_hash(raw), raw))
        return seq

    def _keep(self, seq: int, name: str, action: str, raw: bytes) -> str:
        salt = os.urandom(16)
        self._payloads.append((seq, name, action, salt, raw))
        return commit(salt, raw)

    def payload(self, action: str, name: str) -> bytes | None:
        """The newest payload of that name for an action, those of this transaction included."""
        for _, kept, of, _, raw in reversed(self._payloads):
            if of == action and kept == name:
                return raw
        sql = "SELECT body FROM payloads WHERE action=? AND name=? ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(sql, (action, name)).fetchone()
        return bytes(row[0]) if row else None

    def flush(self) -> None:
        """Before the commit: the entries and payloads, the tiles that became full, and the new head."""
        if not self._entries:
            return
        self._db.executemany("INSERT INTO journal VALUES (?,?,?,?,?,?)", self._entries)
        self._db.executemany("INSERT INTO payloads VALUES (?,?,?,?,?)", self._payloads)
        old = self._tree.size
        frontier = self._tree.extend([entry[4] for entry in self._entries])
        for level, index in newly_full(old, frontier.size):
            self._db.execute("INSERT INTO tiles VALUES (?,?,?)", (level, index, self._full(level, index)))
        head = frontier.encode()
        self._db.execute("INSERT OR REPLACE INTO journal_head VALUES (1,?,?,?)", (self.at, head, self.ahead))
        self._head, self._decoded = head, (head, frontier)
        self._entries, self._payloads = [], []

    def _full(self, level: int, index: int) -> bytes:
        if level == 0:
            return self._leaf_hashes(index * 256, 256)
        rows = self._db.execute(
            "SELECT hashes FROM tiles WHERE level=? AND idx BETWEEN ? AND ? ORDER BY idx",
            (level - 1, index * 256, index * 256 + 255),
        )
        return b"".join(Tile(level - 1, index * 256 + i, row[0]).root() for i, row in enumerate(rows))

    def _leaf_hashes(self, start: int, count: int) -> bytes:
        rows = self._db.execute(
            "SELECT leaf FROM journal WHERE seq BETWEEN ? AND ? ORDER BY seq", (start, start + count - 1)
        )
        return b"".join(row[0] for row in rows)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The first ``width`` hashes of a tile (``TileReader``); :class:`JournalError` if they are not there."""
        row = self._db.execute("SELECT hashes FROM tiles WHERE level=? AND idx=?", (level, index)).fetchone()
        if row:
            return bytes(row[0][: width * HASH])
        if level == 0:
            hashes = self._leaf_hashes(index * 256, width)
        else:
            rows = self._db.execute(
                "SELECT idx, hashes FROM tiles WHERE level=? AND idx BETWEEN ? AND ? ORDER BY idx",
                (level - 1, index * 256, index * 256 + width - 1),
            )
            hashes = b"".join(Tile(level - 1, idx, full).root() for idx, full in rows)
        if len(hashes) != width * HASH:
            raise JournalError(f"tile {level}/{index} has not {width} hashes yet")
        return hashes

    def frontier(self) -> Frontier:
        """The tree as committed."""
        row = self._db.execute("SELECT frontier FROM journal_head").fetchone()
        return Frontier.decode(row[0]) if row else Frontier()

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entries ``start`` up to, not including, ``end``."""
        rows = self._db.execute("SELECT entry FROM journal WHERE seq >= ? AND seq < ? ORDER BY seq", (start, end))
        return (bytes(row[0]) for row in rows)

    def payloads(self, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        """Salt and body of what is kept beside the entries ``start`` up to, not including, ``end``."""
        rows = self._db.execute("SELECT salt, body FROM payloads WHERE seq >= ? AND seq < ? ORDER BY seq", (start, end))
        return ((bytes(row[0]), bytes(row[1])) for row in rows)

    def of_case(self, case: str, after: int, limit: int) -> list[tuple[int, bytes, list[tuple[str, bytes, bytes]]]]:
        """A case's entries past the index ``after``: index, entry, and name, salt and body of what is kept of it."""
        rows = self._db.execute(
            "SELECT seq, entry FROM journal WHERE case_id = ? AND case_id <> '' AND seq > ? ORDER BY seq LIMIT ?",
            (case, after, limit),
        ).fetchall()
        kept = "SELECT name, salt, body FROM payloads WHERE seq = ? ORDER BY name"
        return [(seq, bytes(entry), self._db.execute(kept, (seq,)).fetchall()) for seq, entry in rows]
