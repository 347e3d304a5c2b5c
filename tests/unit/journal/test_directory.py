"""Publishing: what a folder holds, and what a crash at any step leaves of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from keyturn.errors import JournalError
from keyturn.journal import (
    Checkpoint,
    Frontier,
    LogDirectory,
    Signer,
    commit,
    erase_payload,
    inclusion_proof,
    leaf_hash,
    publish,
    published,
    verify_directory,
    verify_inclusion,
)
from keyturn.journal.directory import Disk

SALT = b"s" * 32


class Crash(BaseException):
    """The machine stops."""


class FailingDisk(Disk):
    """Stops at one step; ``lost`` also takes back every name whose folder was not made durable."""

    def __init__(self, at: int, how: Literal["before", "after", "lost", "some lost"]) -> None:
        self.left, self.how = at, how
        self.undo: list[tuple[Path, Path, bytes | None]] = []  # folder, path, its earlier content

    def _step(self) -> bool:
        self.left -= 1
        if self.left < 0 and self.how == "before":
            raise Crash
        return self.left < 0

    def _crash(self) -> None:
        names = self.undo if self.how == "lost" else self.undo[1::2] if self.how == "some lost" else []
        for _, path, earlier in reversed(names):
            if path.is_dir():
                shutil.rmtree(path)
            elif earlier is None:
                path.unlink(missing_ok=True)
            elif path.parent.is_dir():
                path.write_bytes(earlier)
        raise Crash

    def make_folder(self, path: Path) -> None:
        last = self._step()
        super().make_folder(path)
        self.undo.append((path.parent, path, None))
        if last:
            self._crash()

    def write(self, path: Path, data: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            path.write_bytes(data if self.how == "after" else data[: len(data) // 2])
            self._crash()
        super().write(path, data)

    def rename(self, source: Path, target: Path) -> None:
        last = self._step()
        self.undo.append((target.parent, target, target.read_bytes() if target.exists() else None))
        super().rename(source, target)
        if last:
            self._crash()

    def sync_folder(self, path: Path) -> None:
        last = self._step()
        super().sync_folder(path)
        self.undo = [name for name in self.undo if name[0] != path]
        if last:
            self._crash()

    def remove(self, path: Path) -> None:
        last = self._step()
        self.undo.append((path.parent, path, path.read_bytes()))
        super().remove(path)
        if last:
            self._crash()


def root_of(entries: list[bytes]) -> bytes:
    return Frontier().extend(map(leaf_hash, entries)).root()


def test_a_log_grows_by_what_is_new(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    log = tmp_path / "log"
    at = 0
    for size in (0, 1, 5, 255, 256, 257, 511, 512, 900):
        before = {path: path.stat().st_mtime_ns for path in log.rglob("*") if path.is_file()}
        checkpoint = publish(log, entries[at:size], signer)
        assert (checkpoint.size, checkpoint.root) == (size, root_of(entries[:size]))
        assert published(log, signer) == checkpoint
        report = verify_directory(log, signer.verifier)
        assert report.ok and report.uncovered == 0, report
        touched = {path for path, when in before.items() if path.exists() and path.stat().st_mtime_ns != when}
        assert touched <= {log / "checkpoint"}
        at = size
    assert not list(log.rglob("*.new"))
    assert sorted(str(p.relative_to(log)) for p in (log / "tile" / "entries").rglob("*") if p.is_file()) == [
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002",
        "tile/entries/003.p/132",
    ]


def test_nothing_new_changes_nothing(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    first = publish(tmp_path, entries[:300], signer)
    before = (tmp_path / "checkpoint").stat().st_mtime_ns
    assert publish(tmp_path, [], signer, disk=FailingDisk(0, "before")) == first
    assert (tmp_path / "checkpoint").stat().st_mtime_ns == before


def test_an_old_tree_can_still_be_proved(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    publish(tmp_path, entries[:100], signer)
    publish(tmp_path, entries[100:200], signer)
    publish(tmp_path, entries[200:600], signer)
    log = LogDirectory(tmp_path)
    for size in (50, 100, 150, 256, 300, 512, 600):
        index = size // 3
        assert log.entry(index, size) == entries[index]
        proof = inclusion_proof(index, size, log)
        assert verify_inclusion(leaf_hash(entries[index]), index, size, proof, root_of(entries[:size]))
    with pytest.raises(JournalError, match="no entry 600"):
        log.entry(600, 600)


@pytest.mark.parametrize("how", ["before", "after", "lost", "some lost"])
@pytest.mark.parametrize(("start", "end"), [(0, 3), (3, 520), (250, 256)])
def test_a_crash_at_any_step_leaves_a_true_log_that_goes_on(
    tmp_path: Path,
    signer: Signer,
    entries: list[bytes],
    start: int,
    end: int,
    how: Literal["before", "after", "lost", "some lost"],
) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    if start:
        publish(begun, entries[:start], signer)
    for log in _crashes(begun, entries[start:end], signer, how):
        checkpoint = published(log, signer)
        size = checkpoint.size if checkpoint else 0
        assert size in (start, end)
        if checkpoint:
            report = verify_directory(log, signer.verifier)
            assert report.ok and report.root == root_of(entries[:size]), report
        goal = Frontier().extend(map(leaf_hash, entries[: end + 2]))
        publish(log, entries[size : end + 2], signer, payloads=[(SALT, b"body")], expect=goal)
        assert verify_directory(log, signer.verifier).ok


def _crashes(begun: Path, new: list[bytes], signer: Signer, how: str) -> Iterator[Path]:
    """Publish ``new`` again and again, stopping one step later each time, until it ends."""
    for step in range(1000):
        log = begun.with_name(f"step{step}")
        shutil.copytree(begun, log)
        try:
            publish(log, new, signer, payloads=[(SALT, b"body")], disk=FailingDisk(step, how))  # type: ignore[arg-type]  # one of four words
        except Crash:
            yield log
        else:
            assert step > 10
            yield log
            return
        shutil.rmtree(log)
    raise AssertionError("publishing never ended")


def test_nothing_is_signed_that_is_not_expected(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    publish(tmp_path, entries[:3], signer)
    other = Frontier().extend(map(leaf_hash, [b"x", *entries[1:9]]))
    with pytest.raises(JournalError, match="not the expected one"):
        publish(tmp_path, entries[3:9], signer, expect=other)
    assert published(tmp_path, signer) == Checkpoint(signer.name, 3, root_of(entries[:3]))
    assert verify_directory(tmp_path, signer.verifier).uncovered == 0


def test_nothing_is_signed_that_would_not_verify(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    for bad in ([entries[1]], [b"not json"], [entries[0], entries[0]], [b"{}"]):
        with pytest.raises(JournalError, match="entry"):
            publish(tmp_path, bad, signer)
    assert published(tmp_path, signer) is None


def test_another_log_or_a_spoiled_one_is_not_continued(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    publish(tmp_path, entries[:300], signer)
    with pytest.raises(JournalError, match="no key that is trusted"):
        publish(tmp_path, entries[300:], Signer("other", b"o" * 32))
    for name in ("tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"):
        file = tmp_path / name
        good = file.read_bytes()
        file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(JournalError, match="not those of its checkpoint"):
            publish(tmp_path, entries[300:], signer)
        file.write_bytes(good)
    file.unlink()
    with pytest.raises(JournalError, match=r"tile/1/000\.p/1 is missing"):
        publish(tmp_path, entries[300:], signer)


def test_a_payload_can_be_erased_for_good(tmp_path: Path, signer: Signer) -> None:
    commitment = commit(SALT, b"body")
    entry = b'{"payloads":{"arguments":"%s"},"seq":0}' % commitment.encode()
    publish(tmp_path, [entry], signer, payloads=[(SALT, b"body")])
    log = LogDirectory(tmp_path)
    assert log.payload(commitment) == (SALT, b"body")
    assert verify_directory(tmp_path, signer.verifier).payloads_present == 1
    assert erase_payload(tmp_path, commitment)
    assert not erase_payload(tmp_path, commitment)
    assert log.payload(commitment) is None
    report = verify_directory(tmp_path, signer.verifier)
    assert report.ok and (report.payloads_present, report.payloads_erased) == (0, 1)


def test_no_space_left_is_an_error_and_no_damage(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    class Full(Disk):
        def write(self, path: Path, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    publish(tmp_path, entries[:9], signer)
    with pytest.raises(OSError, match="No space"):
        publish(tmp_path, entries[9:20], signer, disk=Full())
    assert verify_directory(tmp_path, signer.verifier).ok
    assert publish(tmp_path, entries[9:20], signer).size == 20
