"""Verifying a published log from its files alone: offline, in one pass, in bounded memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from keyturn.errors import JournalError
from keyturn.journal.checkpoint import Checkpoint
from keyturn.journal.directory import MAX_TILE, LogDirectory
from keyturn.journal.entry import read_entry
from keyturn.journal.merkle import HASH_SIZE, TILE_WIDTH, consistency_proof, leaf_hash, verify_consistency
from keyturn.journal.note import Verifier
from keyturn.journal.payload import DOMAIN, payload_path
from keyturn.journal.tiles import MAX_BUNDLE, Tile, TileBuilder, bundle_path, pack_bundle, tile_path, unpack_bundle

MAX_PROBLEMS = 100
PayloadState = Literal["present", "erased", "wrong"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a log is refused: ``where`` is the file, ``what`` says the rest."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found. ``problems`` are the first hundred; any makes the log refused.

    ``entries`` were read and ``size`` is what the checkpoint promises. ``uncovered`` counts files that the
    checkpoint does not speak for, as a publisher that was interrupted leaves them; nothing is said of those.
    Payloads are counted once for each entry that refers to them.
    """

    origin: str = ""
    size: int = 0
    root: bytes = b""
    entries: int = 0
    payloads_present: int = 0
    payloads_erased: int = 0
    payloads_wrong: int = 0
    uncovered: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the log is what its signer's checkpoint says."""
        return bool(self.origin) and self.entries == self.size and not self.problems


@dataclass(frozen=True, slots=True)
class Extension:
    """Whether today's log begins with the one that somebody kept a checkpoint of."""

    old: Checkpoint
    new: Checkpoint | None
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing that the old checkpoint covers was changed or taken away."""
        return self.new is not None and not self.problems


def verify_directory(
    path: Path, verifier: Verifier, *, on_entry: Callable[[int, dict[str, Any]], None] | None = None
) -> Report:
    """Verify a published log against its signer's public key; the answer is a value, whatever the files hold.

    1. The checkpoint's signature, and that it speaks for this log.
    2. Each entry: canonical JSON, ``seq`` in place, payloads present, erased, or wrong.
    3. Each tile and bundle file that the checkpoint covers: recomputed from the entries, byte by byte.
    4. The root over all entries is the checkpoint's.

    ``on_entry(index, content)`` sees every entry as it is read. The caller must not rely on what it saw
    unless the report is ``ok``.
    """
    log = LogDirectory(path)
    try:
        checkpoint = _signed_checkpoint(log, verifier)
    except JournalError as error:
        return Report(problems=(Problem("checkpoint", str(error)),))
    return _Pass(log, checkpoint, on_entry).run()


def verify_extension(old: Checkpoint, path: Path, verifier: Verifier) -> Extension:
    """Check that the log in ``path`` extends the one that ``old``, opened earlier, describes.

    It reads today's checkpoint and a few tiles; whether the entries are those of today's checkpoint is for
    :func:`verify_directory` to say.
    """
    log = LogDirectory(path)
    try:
        new = _signed_checkpoint(log, verifier)
    except JournalError as error:
        return Extension(old, None, (Problem("checkpoint", str(error)),))
    reason = _broken_extension(old, new, log)
    return Extension(old, new, (Problem("checkpoint", reason),) if reason else ())


def _broken_extension(old: Checkpoint, new: Checkpoint, log: LogDirectory) -> str:
    if old.origin != new.origin:
        return f"is of the log {new.origin!r}, the earlier one of {old.origin!r}"
    if new.size < old.size:
        return f"covers {new.size} entries where an earlier one covered {old.size}: entries were taken away"
    try:
        proof = consistency_proof(old.size, new.size, log)
    except JournalError as error:
        return f"can't be shown to extend the earlier one: {error}"
    if not verify_consistency(old.size, new.size, old.root, new.root, proof):
        return f"does not extend the earlier one of {old.size} entries: the log was changed behind it"
    return ""


def _signed_checkpoint(log: LogDirectory, verifier: Verifier) -> Checkpoint:
    message = log.checkpoint()
    if message is None:
        raise JournalError(f"there is none in {log.path}", hint="name the folder that a log was published to")
    return Checkpoint.open(message, [verifier])


@dataclass(slots=True)
class _Pass:
    """One reading of a log; the counters and problems that it gathers."""

    log: LogDirectory
    checkpoint: Checkpoint
    on_entry: Callable[[int, dict[str, Any]], None] | None
    problems: list[Problem] = field(default_factory=list)
    payloads: dict[PayloadState, int] = field(default_factory=lambda: {"present": 0, "erased": 0, "wrong": 0})
    files: int = 0
    builder: TileBuilder = field(default_factory=TileBuilder)

    def run(self) -> Report:
        size, root = self.checkpoint.size, self.checkpoint.root
        state = lru_cache(maxsize=4096)(self._payload_state)
        for start in range(0, size, TILE_WIDTH):
            if not self._bundle(start // TILE_WIDTH, min(TILE_WIDTH, size - start), state):
                break
        else:
            for tile in self.builder.partial():
                self._tile(tile)
            computed = self.builder.frontier().root()
            if computed != root:
                self._problem("checkpoint", f"its root is {root.hex()}, the {size} entries hash to {computed.hex()}")
        return Report(
            origin=self.checkpoint.origin,
            size=size,
            root=root,
            entries=self.builder.size,
            payloads_present=self.payloads["present"],
            payloads_erased=self.payloads["erased"],
            payloads_wrong=self.payloads["wrong"],
            uncovered=self._files_below(f"{self.log.path}/tile") - self.files,
            problems=tuple(self.problems),
        )

    def _problem(self, where: str, what: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(where, what))

    def _bundle(self, index: int, width: int, state: Callable[[str], PayloadState]) -> bool:
        """Read one bundle; False if there is no going on."""
        where = bundle_path(index, width)
        try:
            data = self.log.read(where, MAX_BUNDLE)
            if data is None:
                raise JournalError("the file is missing")
            entries = unpack_bundle(data, width)
        except JournalError as error:
            size = self.builder.size
            after = f"nothing after entry {size - 1} was verified" if size else "no entry was verified"
            self._problem(where, f"{error}; {after}")
            return False
        self.files += 1
        for entry in entries:
            self._entry(where, entry, state)
            for tile in self.builder.append(leaf_hash(entry)):
                self._tile(tile)
        for narrow in self.log.partial_widths(bundle_path(index)):
            if narrow < width:
                self._same(bundle_path(index, narrow), pack_bundle(entries[:narrow]), MAX_BUNDLE)
        return True

    def _entry(self, where: str, entry: bytes, state: Callable[[str], PayloadState]) -> None:
        index = self.builder.size
        try:
            content = read_entry(index, entry)
        except JournalError as error:
            self._problem(where, str(error))
            return
        for name, commitment in content.get("payloads", {}).items():
            found = state(commitment)
            self.payloads[found] += 1
            if found == "wrong":
                self._problem(payload_path(commitment), f"is not what entry {index} committed to as {name!r:.80}")
        if self.on_entry:
            self.on_entry(index, content)

    def _tile(self, tile: Tile) -> None:
        """Compare a tile, and its narrower partial files, with what the entries hash to."""
        self._same(tile.path, tile.hashes, MAX_TILE, tile)
        for narrow in self.log.partial_widths(tile_path(tile.level, tile.index)):
            if narrow < tile.width:
                path = tile_path(tile.level, tile.index, narrow)
                self._same(path, tile.hashes[: narrow * HASH_SIZE], MAX_TILE, tile)

    def _same(self, where: str, expected: bytes, limit: int, tile: Tile | None = None) -> None:
        try:
            data = self.log.read(where, limit)
        except JournalError as error:
            self._problem(where, str(error))
            return
        if data is None:
            self._problem(where, "the file is missing")
            return
        self.files += 1
        if data != expected:
            self._problem(where, _difference(data, expected, tile))

    def _payload_state(self, commitment: str) -> PayloadState:
        digest = sha256(DOMAIN)
        path = self.log.path / payload_path(commitment)
        if not path.exists():
            return "erased"
        if not path.is_file():
            return "wrong"
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        except OSError:
            return "wrong"
        return "present" if digest.hexdigest() == commitment else "wrong"

    def _files_below(self, folder: str) -> int:
        return sum(len(names) for _, _, names in os.walk(folder))


def _difference(data: bytes, expected: bytes, tile: Tile | None) -> str:
    at = next((i for i, (a, b) in enumerate(zip(data, expected, strict=False)) if a != b), len(expected))
    if tile is None or len(data) != len(expected):
        return f"has {len(data)} bytes and differs at byte {at} from the {len(expected)} that the entries make"
    place = tile.index * TILE_WIDTH + at // HASH_SIZE
    if tile.level == 0:
        return f"hash {at // HASH_SIZE} is not that of entry {place} in {bundle_path(tile.index, tile.width)}"
    return f"hash {at // HASH_SIZE} is not the root of {tile_path(tile.level - 1, place)}"
