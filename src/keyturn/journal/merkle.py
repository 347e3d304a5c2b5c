"""RFC 6962 Merkle trees: hashes, the growing edge, and proofs.

Pure: a proof reads the tree through :class:`TileReader`, and nothing else leaves this file.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from keyturn.errors import JournalError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


class TileReader(Protocol):
    """What a proof needs to see of a log."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first ``width`` (1..256) hashes of one tile, 32 bytes each, concatenated.

        Hash ``i`` of tile ``index`` at ``level`` is the root of the complete subtree over the
        ``256**level`` leaves that begin at ``(index * 256 + i) * 256**level``. An implementation
        raises :class:`JournalError` if it can't give all of them.
        """
        ...


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry as a leaf (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def complete_root(hashes: bytes) -> bytes:
    """Root of a complete subtree, given its bottom row: 2**n concatenated hashes."""
    row = hashes
    while len(row) > HASH_SIZE:
        row = b"".join(
            [sha256(b"\x01" + row[i : i + 2 * HASH_SIZE]).digest() for i in range(0, len(row), 2 * HASH_SIZE)]
        )
    return row


@dataclass(frozen=True, slots=True)
class Frontier:
    """The growing edge of a tree: all that is needed to append to it and to know its root.

    ``peaks`` are the roots of the complete subtrees that the binary digits of ``size`` name, largest
    first, so it never holds more than 63 hashes. A value: appending returns another one.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier after one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier after more leaf hashes; cheaper than as many calls of :meth:`append`."""
        size, peaks = self.size, list(self.peaks)
        pop, push, hashed = peaks.pop, peaks.append, sha256
        for leaf in leaves:
            if len(leaf) != HASH_SIZE:
                raise JournalError(f"a leaf hash has 32 bytes, this one has {len(leaf)}", hint="use leaf_hash")
            node, full = leaf, size
            while full & 1:
                node = hashed(b"\x01" + pop() + node).digest()
                full >>= 1
            push(node)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the root of the tree so far (:data:`EMPTY_ROOT` of an empty one)."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def encode(self) -> bytes:
        """Return the bytes to store: the size as 8 big-endian bytes, then the peaks."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks)

    @classmethod
    def decode(cls, data: bytes) -> "Frontier":
        """Read what :meth:`encode` wrote; raises :class:`JournalError` if it can't be that."""
        size = int.from_bytes(data[:8], "big")
        if len(data) < 8 or size > MAX_SIZE or len(data) != 8 + HASH_SIZE * size.bit_count():
            raise JournalError(
                f"a stored frontier of {len(data)} bytes is malformed",
                hint="rebuild it from the entries; the row was not written by this program",
            )
        return cls(size, tuple(data[i : i + HASH_SIZE] for i in range(8, len(data), HASH_SIZE)))


def inclusion_proof(index: int, size: int, read: TileReader) -> list[bytes]:
    """Prove that leaf ``index`` is in the tree of ``size`` leaves (RFC 6962 section 2.1.1).

    Raises :class:`JournalError` for an index outside the tree, or if a tile can't be read.
    """
    return next(inclusion_proofs((index,), size, read))


def inclusion_proofs(indexes: Iterable[int], size: int, read: TileReader) -> Iterator[list[bytes]]:
    """The proofs of several leaves in one tree, in order; what they share is read and hashed once."""
    root_of = functools.cache(_range_root(size, read))
    for index in indexes:
        if not 0 <= index < size <= MAX_SIZE:
            raise JournalError(f"no inclusion proof for index {index} in a tree of {size} entries")
        yield [root_of(low, high) for low, high in _siblings(index, size)]


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves beside the path from a leaf to the root, the leaf's own neighbour first."""
    siblings = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            siblings.append((middle, high))
            high = middle
        else:
            siblings.append((low, middle))
            low = middle
    return siblings[::-1]


def consistency_proof(old: int, new: int, read: TileReader) -> list[bytes]:
    """Prove that the tree of ``new`` leaves begins with that of ``old`` leaves (RFC 6962 section 2.1.2).

    Empty if ``old`` is 0 or equals ``new``. Raises :class:`JournalError` if ``old`` is the larger, or if
    a tile can't be read.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise JournalError(f"no consistency proof from {old} to {new} entries")
    if old == 0:
        return []
    ranges = []
    low, high = 0, new
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:
        ranges.append((low, high))
    root_of = _range_root(new, read)
    return [root_of(low, high) for low, high in reversed(ranges)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether ``proof`` shows that ``leaf`` (a leaf hash) is at ``index`` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or not _all_hashes(leaf, root, *proof):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether ``proof`` shows that the new tree extends the old one (RFC 9162 section 2.1.4.2).

    Every tree extends the empty one, and itself; the proof is then empty.
    """
    if not 0 <= old <= new or not _all_hashes(old_root, new_root, *proof):
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT and (new > 0 or new_root == EMPTY_ROOT)
    if old == new:
        return not proof and old_root == new_root
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    hashes = list(proof) if position else [old_root, *proof]
    if not hashes:
        return False
    old_node = new_node = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_node == old_root and new_node == new_root


def _split(width: int) -> int:
    """Leaves under the left child: the largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)


def _all_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)


def _range_root(size: int, read: TileReader) -> Callable[[int, int], bytes]:
    """Return the function that gives the root over leaves ``low`` to ``high``; it reads each tile once."""
    tiles: dict[tuple[int, int], bytes] = {}

    def tile(level: int, index: int) -> bytes:
        if (level, index) not in tiles:
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
            hashes = read.tile(level, index, width)
            if len(hashes) != width * HASH_SIZE:
                raise JournalError(
                    f"tile {level}/{index} has {len(hashes)} bytes where {width * HASH_SIZE} were expected"
                )
            tiles[level, index] = hashes
        return tiles[level, index]

    def root_of(low: int, high: int) -> bytes:
        peaks = []
        while low < high:
            height = (high - low).bit_length() - 1
            level, inside = divmod(height, TILE_HEIGHT)
            index, first = divmod(low >> TILE_HEIGHT * level, TILE_WIDTH)
            row = tile(level, index)[first * HASH_SIZE : (first + (1 << inside)) * HASH_SIZE]
            peaks.append(complete_root(row))
            low += 1 << height
        return Frontier(0, tuple(peaks)).root()

    return root_of
