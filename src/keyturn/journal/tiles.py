"""C2SP tlog-tiles: how a log is cut into files, as pure functions on bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from keyturn.errors import JournalError
from keyturn.journal.merkle import (
    HASH_SIZE,
    MAX_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    TileReader,
    complete_root,
)

MAX_ENTRY = 65_535
MAX_BUNDLE = TILE_WIDTH * (2 + MAX_ENTRY)


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return where a tile is served, e.g. ``tile/0/x001/x234/067`` or ``tile/1/000.p/17``."""
    if not 0 <= level <= 63:
        raise JournalError(f"a tile's level is 0 to 63, not {level}")
    return f"tile/{level}/{_index_path(index, width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return where an entry bundle is served, e.g. ``tile/entries/x001/x234/067``."""
    return f"tile/entries/{_index_path(index, width)}"


def _index_path(index: int, width: int) -> str:
    if not (0 <= index <= MAX_SIZE and 1 <= width <= TILE_WIDTH):
        raise JournalError(f"there is no tile {index} of width {width}")
    rest, last = divmod(index, 1000)
    path = f"{last:03d}"
    while rest:
        rest, part = divmod(rest, 1000)
        path = f"x{part:03d}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """Join entries into a bundle: each after its length as two big-endian bytes."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise JournalError(
                f"an entry of {len(entry)} bytes is over the limit of {MAX_ENTRY}",
                hint="keep what is large as a payload beside the log, and its commitment in the entry",
            )
        parts += (len(entry).to_bytes(2, "big"), entry)
    if len(parts) > 2 * TILE_WIDTH:
        raise JournalError(f"a bundle holds at most {TILE_WIDTH} entries, not {len(parts) // 2}")
    return b"".join(parts)


def unpack_bundle(bundle: bytes, width: int) -> list[bytes]:
    """Split a bundle into exactly ``width`` entries; raises :class:`JournalError` if it holds others."""
    entries: list[bytes] = []
    at, end = 0, len(bundle)
    while at < end and len(entries) <= width:
        after = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if at + 2 > end or after > end:
            raise JournalError(f"entry {len(entries)} of the bundle is cut off")
        entries.append(bundle[at + 2 : after])
        at = after
    if len(entries) != width:
        more = "more" if len(entries) > width else str(len(entries))
        raise JournalError(f"the bundle should hold {width} entries, and holds {more}")
    return entries


@dataclass(frozen=True, slots=True)
class Tile:
    """Consecutive hashes of one level of the tree; ``hashes`` are ``width`` times 32 bytes."""

    level: int
    index: int
    hashes: bytes

    @property
    def width(self) -> int:
        """How many hashes it holds: 256, or fewer at the growing edge."""
        return len(self.hashes) // HASH_SIZE

    @property
    def path(self) -> str:
        """Where it is served."""
        return tile_path(self.level, self.index, self.width)

    def root(self) -> bytes:
        """Return the root over a full tile: its hash in the tile one level up."""
        if self.width != TILE_WIDTH:
            raise JournalError(f"{self.path} is partial: it has no place in a tile above")
        return complete_root(self.hashes)


def newly_full(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Name the tiles (level, index) that become full when a log grows from ``old`` to ``new`` entries.

    Lower levels come first. For a store that derives tiles from its own rows: a full tile at level 0 is
    256 leaf hashes, one at level ``n`` the :meth:`Tile.root` of 256 full tiles at level ``n - 1``.
    """
    for level in range(MAX_SIZE.bit_length() // TILE_HEIGHT + 1):
        shift = TILE_HEIGHT * (level + 1)
        if not new >> shift:
            return
        for index in range(old >> shift, new >> shift):
            yield level, index


def edge_tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Name the partial tiles (level, index, width) of a log of ``size`` entries, lowest level first."""
    level = 0
    while size >> TILE_HEIGHT * level:
        index, width = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
        if width:
            yield level, index, width
        level += 1


class TileBuilder:
    """Turns a stream of leaf hashes into tiles; holds the growing edge only, at most 8 KB a level."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytearray] = [bytearray()]

    @classmethod
    def resume(cls, size: int, read: TileReader) -> "TileBuilder":
        """Continue a log of ``size`` entries, whose partial tiles ``read`` gives.

        The caller compares :meth:`frontier`'s root with the one it trusts.
        """
        builder = cls()
        builder.size = size
        for level, index, width in edge_tiles(size):
            while len(builder._edge) <= level:
                builder._edge.append(bytearray())
            builder._edge[level] += read.tile(level, index, width)
        return builder

    def append(self, leaf: bytes) -> list[Tile]:
        """Add one leaf hash; return the tiles that it completes, lowest level first (mostly none)."""
        row = self._edge[0]
        row += leaf
        self.size += 1
        return [] if len(row) < TILE_WIDTH * HASH_SIZE else self._carry()

    def _carry(self) -> list[Tile]:
        full: list[Tile] = []
        level = 0
        while len(self._edge[level]) == TILE_WIDTH * HASH_SIZE:
            index = (self.size >> TILE_HEIGHT * (level + 1)) - 1
            full.append(Tile(level, index, bytes(self._edge[level])))
            self._edge[level].clear()
            if len(self._edge) == level + 1:
                self._edge.append(bytearray())
            level += 1
            self._edge[level] += full[-1].root()
        return full

    def partial(self) -> list[Tile]:
        """Return the partial tiles of the log so far, lowest level first."""
        return [Tile(level, index, bytes(self._edge[level])) for level, index, _ in edge_tiles(self.size)]

    def frontier(self) -> Frontier:
        """Return the tree so far as its frontier, which knows the root."""
        peaks: list[bytes] = []
        for row in reversed(self._edge):
            at, width = 0, len(row) // HASH_SIZE
            for bit in reversed(range(TILE_HEIGHT)):
                if width >> bit & 1:
                    peaks.append(complete_root(bytes(row[at : at + (HASH_SIZE << bit)])))
                    at += HASH_SIZE << bit
        return Frontier(self.size, tuple(peaks))
