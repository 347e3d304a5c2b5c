"""A log as a folder of files: reading it, and publishing to it so that a crash leaves no false state."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from keyturn.errors import JournalError
from keyturn.journal.checkpoint import Checkpoint
from keyturn.journal.entry import read_entry
from keyturn.journal.merkle import HASH_SIZE, TILE_WIDTH, Frontier, leaf_hash
from keyturn.journal.note import MAX_NOTE, Signer
from keyturn.journal.payload import commit, decode_payload, encode_payload, payload_path
from keyturn.journal.tiles import (
    MAX_BUNDLE,
    Tile,
    TileBuilder,
    bundle_path,
    edge_tiles,
    pack_bundle,
    tile_path,
    unpack_bundle,
)

MAX_TILE = TILE_WIDTH * HASH_SIZE
MAX_PAYLOAD = 1 << 30


class LogDirectory:
    """Reads a published log; a :class:`~keyturn.journal.merkle.TileReader`. Nothing that it returns is verified."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoint(self) -> bytes | None:
        """Return the signed checkpoint, or None if nothing was published yet."""
        return self.read("checkpoint", MAX_NOTE)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first ``width`` hashes of a tile, from the narrowest file that has them."""
        for have in self._widths(tile_path(level, index), width):
            data = self.read(tile_path(level, index, have), MAX_TILE)
            if data is not None and len(data) == have * HASH_SIZE:
                return data[: width * HASH_SIZE]
        raise JournalError(f"{tile_path(level, index, width)} is missing or has the wrong length")

    def bundle(self, index: int, width: int) -> list[bytes]:
        """Return the first ``width`` entries of a bundle, from the narrowest file that has them."""
        for have in self._widths(bundle_path(index), width):
            data = self.read(bundle_path(index, have), MAX_BUNDLE)
            if data is not None:
                return unpack_bundle(data, have)[:width]
        raise JournalError(f"{bundle_path(index, width)} is missing")

    def entry(self, index: int, size: int) -> bytes:
        """Return one entry of a log that has ``size`` of them."""
        if not 0 <= index < size:
            raise JournalError(f"there is no entry {index} among {size}")
        bundle, place = divmod(index, TILE_WIDTH)
        return self.bundle(bundle, min(TILE_WIDTH, size - bundle * TILE_WIDTH))[place]

    def payload(self, commitment: str) -> tuple[bytes, bytes] | None:
        """Return (salt, body) of a payload, or None if it was erased. The caller checks that it matches."""
        stored = self.read(payload_path(commitment), MAX_PAYLOAD)
        return None if stored is None else decode_payload(stored)

    def partial_widths(self, full_path: str) -> list[int]:
        """Return the widths of the partial files that stand beside ``full_path``, narrowest first."""
        try:
            names = os.listdir(f"{self.path}/{full_path}.p")  # noqa: PTH208 - names only, for every tile
        except (FileNotFoundError, NotADirectoryError):
            return []
        widths = {str(width): width for width in range(1, TILE_WIDTH)}
        return sorted(widths[name] for name in names if name in widths)

    def read(self, name: str, limit: int) -> bytes | None:
        """Return one file's bytes, or None if there is none; refuses what is too large or no plain file."""
        path = self.path / name
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                raise JournalError(f"{name} is not a plain file of at most {limit} bytes")
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(f"{name} can't be read: {error.strerror}") from error

    def _widths(self, full_path: str, width: int) -> Iterator[int]:
        yield width
        yield from (have for have in self.partial_widths(full_path) if have > width)
        if width < TILE_WIDTH:
            yield TILE_WIDTH


class Disk:
    """The five steps by which a folder changes: tests stop between any two of them."""

    def make_folder(self, path: Path) -> None:
        """Create one folder whose parent exists."""
        path.mkdir()

    def write(self, path: Path, data: bytes) -> None:
        """Write a file that nobody reads under this name, and make its content durable."""
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        """Put a written file in its place, at once."""
        source.replace(target)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        if os.name == "nt":  # folders can't be opened there, and renames are journalled
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove one file."""
        path.unlink()


class _Writer:
    """Puts whole files into a folder, and remembers which folders are not durable yet."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root, self.disk = root, disk
        self._unsynced: set[Path] = set()

    def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        self._folder(path.parent)
        temporary = path.with_name(f".{path.name}.new")
        self.disk.write(temporary, data)
        self.disk.rename(temporary, path)
        self._unsynced.add(path.parent)

    def sync(self) -> None:
        for folder in sorted(self._unsynced):
            self.disk.sync_folder(folder)
        self._unsynced.clear()

    def _folder(self, path: Path) -> None:
        if path in self._unsynced or path.is_dir():
            return
        self._folder(path.parent)
        self.disk.make_folder(path)
        self._unsynced |= {path, path.parent}


def publish(
    directory: Path,
    entries: Iterable[bytes],
    signer: Signer,
    *,
    payloads: Iterable[tuple[bytes, bytes]] = (),
    expect: Frontier | None = None,
    disk: Disk | None = None,
) -> Checkpoint:
    """Bring a published log up to date, and return its new checkpoint.

    ``entries`` begin where the directory ends (:func:`published`); ``payloads`` are (salt, body) pairs;
    ``expect`` is the tree that must result, and nothing is signed if another does. One publisher at a time.

    1. The directory must hold a log of this signer's whose tiles bear out its checkpoint.
    2. Entries, tiles and payloads are written, each under a temporary name, made durable, and renamed.
       The checkpoint does not cover them yet: a crash leaves the old log, and the next run writes them again.
    3. Their folders are made durable.
    4. The new checkpoint replaces the old one, in the same way.
    5. Partial files that full ones replace are removed.

    Raises :class:`JournalError` if the directory is not such a log, or for an entry that would not verify.
    """
    writer = _Writer(directory, disk or Disk())
    log = LogDirectory(directory)
    old = published(directory, signer)  # 1.
    start = old.size if old else 0
    builder, pending = _edge(log, old)
    for salt, body in payloads:  # 2.
        writer.put(payload_path(commit(salt, body)), encode_payload(salt, body))
    for entry in entries:
        read_entry(builder.size, entry)
        pending.append(entry)
        tiles = builder.append(leaf_hash(entry))
        if tiles:
            writer.put(bundle_path(tiles[0].index), pack_bundle(pending))
            _put_tiles(writer, tiles)
            pending.clear()
    tree = builder.frontier()
    if expect is not None and tree != expect:
        raise JournalError(
            f"{directory} would become a log of {tree.size} entries that is not the expected one of {expect.size}",
            hint="it was published from other entries; nothing was signed",
        )
    checkpoint = Checkpoint(signer.name, tree.size, tree.root())
    if checkpoint != old:
        if pending:
            writer.put(bundle_path(tree.size // TILE_WIDTH, len(pending)), pack_bundle(pending))
        standing = {tile_path(*place) for place in edge_tiles(start)}
        _put_tiles(writer, (tile for tile in builder.partial() if tile.path not in standing))
    writer.sync()  # 3.
    if checkpoint != old:
        writer.put("checkpoint", checkpoint.sign(signer))  # 4.
        writer.sync()
        _drop_partials(log, start, tree.size, writer.disk)  # 5.
    return checkpoint


def published(directory: Path, signer: Signer) -> Checkpoint | None:
    """Return the checkpoint that ``directory`` is published up to, or None; raises if it isn't this signer's."""
    message = LogDirectory(directory).checkpoint()
    return None if message is None else Checkpoint.open(message, [signer.verifier])


def erase_payload(directory: Path, commitment: str, *, disk: Disk | None = None) -> bool:
    """Erase a payload for good; return whether it was there. The log verifies as before."""
    path, disk = directory / payload_path(commitment), disk or Disk()
    try:
        disk.remove(path)
    except FileNotFoundError:
        return False
    disk.sync_folder(path.parent)
    return True


def _edge(log: LogDirectory, checkpoint: Checkpoint | None) -> tuple[TileBuilder, list[bytes]]:
    """Return the tree to append to and the entries of its partial bundle, both checked against the checkpoint."""
    if checkpoint is None:
        return TileBuilder(), []
    builder = TileBuilder.resume(checkpoint.size, log)
    index, width = divmod(checkpoint.size, TILE_WIDTH)
    pending = log.bundle(index, width) if width else []
    leaves = b"".join(map(leaf_hash, pending))
    if builder.frontier().root() != checkpoint.root or (width and log.tile(0, index, width) != leaves):
        raise JournalError(
            f"the files in {log.path} are not those of its checkpoint at {checkpoint.size} entries",
            hint="verify it, and publish to another folder",
        )
    return builder, pending


def _put_tiles(writer: _Writer, tiles: Iterable[Tile]) -> None:
    for tile in tiles:
        writer.put(tile.path, tile.hashes)


def _drop_partials(log: LogDirectory, old: int, new: int, disk: Disk) -> None:
    """Remove the partial files at the old edge that the new checkpoint's full ones replace."""
    level = 0
    while old >> 8 * level:
        index = old >> 8 * (level + 1)
        if new >> 8 * (level + 1) > index:
            paths = [tile_path(level, index)] + ([bundle_path(index)] if level == 0 else [])
            for path in paths:
                for width in log.partial_widths(path):
                    disk.remove(log.path / f"{path}.p" / str(width))
                with suppress(OSError):
                    (log.path / f"{path}.p").rmdir()
        level += 1
