import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from keyturn.journal import (
    Checkpoint,
    Frontier,
    Report,
    Signer,
    bundle_path,
    commit,
    leaf_hash,
    pack_bundle,
    publish,
    verify_directory,
    verify_extension,
)

SALT = b"s" * 16


@pytest.fixture
def small(tmp_path: Path, signer: Signer) -> Path:
    """A log of three entries, one of them with a payload."""
    entries = [
        rfc8785.dumps({"seq": 0}),
        rfc8785.dumps({"payloads": {"a": commit(SALT, b"x")}, "seq": 1}),
        rfc8785.dumps({"at": 5, "seq": 2}),
    ]
    publish(tmp_path / "small", entries, signer, payloads=[(SALT, b"x")])
    return tmp_path / "small"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, signer: Signer, entries: list[bytes]) -> Path:
    """A log of several tiles, published in steps so that narrower partial files are there too."""
    folder = tmp_path_factory.mktemp("large") / "log"
    for start, end in ((0, 520), (520, 530), (530, 700)):
        publish(folder, entries[start:end], signer)
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_good_log(small: Path, large: Path, signer: Signer, entries: list[bytes]) -> None:
    report = verify_directory(small, signer.verifier)
    assert report.ok and (report.entries, report.payloads_present, report.uncovered) == (3, 1, 0)
    assert report.origin == signer.name
    report = verify_directory(large, signer.verifier)
    assert report.ok and report.root == Frontier().extend(map(leaf_hash, entries[:700])).root()


def test_every_flipped_bit_is_refused_and_says_where(small: Path, signer: Signer) -> None:
    for name in files(small):
        good = (small / name).read_bytes()
        for bit in range(len(good) * 8):
            flipped = bytearray(good)
            flipped[bit // 8] ^= 1 << bit % 8
            (small / name).write_bytes(flipped)
            report = verify_directory(small, signer.verifier)
            assert not report.ok, f"{name}, bit {bit}"
            assert any(name in str(problem) for problem in report.problems), (name, bit, report.problems)
        (small / name).write_bytes(good)
    assert verify_directory(small, signer.verifier).ok


@pytest.mark.parametrize("change", ["flip", "cut", "longer", "empty", "missing", "folder"])
def test_every_file_of_a_larger_log_counts(large: Path, tmp_path: Path, signer: Signer, change: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(large, copy)
    optional = {name for name in files(copy) if name.endswith((".p/8", ".p/18"))}
    assert len(optional) == 4
    for name in files(copy):
        file, good = copy / name, (copy / name).read_bytes()
        file.unlink()
        if change == "folder":
            file.mkdir()
        elif change != "missing":
            middle = len(good) // 2
            flipped = good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1 :]
            file.write_bytes({"flip": flipped, "cut": good[:-1], "longer": good + b"\n", "empty": b""}[change])
        report = verify_directory(copy, signer.verifier)
        if change == "missing" and name in optional:
            assert report.ok, "a narrower partial file may be gone"
        else:
            assert not report.ok, name
            assert any(name in str(problem) for problem in report.problems), (name, report.problems)
        if change == "folder":
            file.rmdir()
        file.write_bytes(good)
    assert verify_directory(copy, signer.verifier).ok


def test_problems_say_what_and_where(large: Path, tmp_path: Path, signer: Signer) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(large, copy)
    tile = copy / "tile/0/001"
    good = tile.read_bytes()
    tile.write_bytes(good[:320] + bytes(32) + good[352:])
    assert [str(problem) for problem in verify_directory(copy, signer.verifier).problems] == [
        "tile/0/001: hash 10 is not that of entry 266 in tile/entries/001"
    ]
    tile.write_bytes(good)
    (copy / "tile/1/000.p/2").write_bytes(bytes(64))
    assert "tile/1/000.p/2: hash 0 is not the root of tile/0/000" in [
        str(problem) for problem in verify_directory(copy, signer.verifier).problems
    ]
    (copy / "tile/entries/000").unlink()
    (problem,) = verify_directory(copy, signer.verifier).problems
    assert str(problem) == "tile/entries/000: the file is missing; no entry was verified"


def test_a_rewritten_log_needs_the_key(small: Path, signer: Signer, entries: list[bytes]) -> None:
    """Somebody who can write every file, and has another key, makes a whole log of his own."""
    shutil.rmtree(small)
    publish(small, entries[:3], Signer(signer.name, b"m" * 32))
    report = verify_directory(small, signer.verifier)
    assert not report.ok and "no key that is trusted" in str(report.problems[0])


def test_a_signed_log_of_bad_entries_is_refused(tmp_path: Path, signer: Signer) -> None:
    """The signer itself is not believed: its entries must be what they say."""
    for bad in (b"{}", b'{"seq": 0}', b'{"seq":1}', b'{"a":1,"a":1,"seq":0}', b"\xff", b""):
        log = tmp_path / bad.hex()
        (log / "tile/entries/000.p").mkdir(parents=True)
        (log / "tile/0/000.p").mkdir(parents=True)
        (log / bundle_path(0, 1)).write_bytes(pack_bundle([bad]))
        (log / "tile/0/000.p/1").write_bytes(leaf_hash(bad))
        (log / "checkpoint").write_bytes(Checkpoint(signer.name, 1, leaf_hash(bad)).sign(signer))
        report = verify_directory(log, signer.verifier)
        assert not report.ok and report.problems[0].where == "tile/entries/000.p/1", bad
        assert len(report.problems) == 1


def test_a_checkpoint_that_promises_more_than_there_is(small: Path, signer: Signer) -> None:
    for size in (4, 2**63 - 1):
        (small / "checkpoint").write_bytes(Checkpoint(signer.name, size, bytes(32)).sign(signer))
        report = verify_directory(small, signer.verifier)
        assert not report.ok and report.entries < size


def test_an_older_checkpoint_with_newer_files_still_says_the_truth(small: Path, signer: Signer) -> None:
    first = leaf_hash(b'{"seq":0}')
    (small / "checkpoint").write_bytes(Checkpoint(signer.name, 1, first).sign(signer))
    report = verify_directory(small, signer.verifier)
    assert not report.ok
    assert {problem.where for problem in report.problems} == {"tile/entries/000.p/1"}


def test_what_is_no_log_at_all(tmp_path: Path, signer: Signer) -> None:
    assert not Report().ok
    for path in (tmp_path / "nowhere", tmp_path):
        report = verify_directory(path, signer.verifier)
        assert not report.ok and "there is none" in str(report.problems[0])
    (tmp_path / "checkpoint").mkdir()
    assert "not a plain file" in str(verify_directory(tmp_path, signer.verifier).problems[0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_pipe_does_not_hold_the_verifier_up(small: Path, signer: Signer) -> None:
    for name in files(small):
        good = (small / name).read_bytes()
        (small / name).unlink()
        os.mkfifo(small / name)
        assert not verify_directory(small, signer.verifier).ok
        (small / name).unlink()
        (small / name).write_bytes(good)


def test_uncovered_files_are_counted_and_not_believed(small: Path, signer: Signer) -> None:
    (small / "tile/0/001").write_bytes(b"left by a crash")
    report = verify_directory(small, signer.verifier)
    assert report.ok and report.uncovered == 1


def test_problems_are_bounded(tmp_path: Path, signer: Signer) -> None:
    bad = [b"[]"] * 200
    tree = Frontier().extend(map(leaf_hash, bad))
    (tmp_path / "tile/entries/000.p").mkdir(parents=True)
    (tmp_path / bundle_path(0, 200)).write_bytes(pack_bundle(bad))
    (tmp_path / "checkpoint").write_bytes(Checkpoint(signer.name, 200, tree.root()).sign(signer))
    report = verify_directory(tmp_path, signer.verifier)
    assert not report.ok and len(report.problems) == 100


def test_every_entry_is_shown_once(large: Path, signer: Signer) -> None:
    seen: list[tuple[int, dict[str, Any]]] = []
    verify_directory(large, signer.verifier, on_entry=lambda index, content: seen.append((index, content)))
    assert [index for index, _ in seen] == list(range(700))
    assert all(content["seq"] == index for index, content in seen)


def test_an_extension(large: Path, signer: Signer, entries: list[bytes]) -> None:
    for size in (0, 1, 256, 520, 700):
        root = Frontier().extend(map(leaf_hash, entries[:size])).root()
        extension = verify_extension(Checkpoint(signer.name, size, root), large, signer.verifier)
        assert extension.ok and extension.new is not None and extension.new.size == 700


@pytest.mark.parametrize(
    ("size", "origin", "altered", "reason"),
    [
        (520, "", True, "does not extend the earlier one of 520 entries"),
        (700, "", True, "does not extend"),
        (701, "", False, "entries were taken away"),
        (520, "other.example", False, "is of the log"),
    ],
)
def test_no_extension(
    large: Path, signer: Signer, entries: list[bytes], size: int, origin: str, altered: bool, reason: str
) -> None:
    kept = [b"{}" if altered else entries[0], *entries[1:size]]
    root = Frontier().extend(map(leaf_hash, kept)).root()
    extension = verify_extension(Checkpoint(origin or signer.name, size, root), large, signer.verifier)
    assert not extension.ok and reason in str(extension.problems[0])


def test_an_extension_that_can_not_be_shown(tmp_path: Path, signer: Signer, entries: list[bytes]) -> None:
    old = publish(tmp_path, entries[:3], signer)
    publish(tmp_path, entries[3:9], signer)
    shutil.rmtree(tmp_path / "tile/0")
    assert "can't be shown" in str(verify_extension(old, tmp_path, signer.verifier).problems[0])
    (tmp_path / "checkpoint").unlink()
    assert not verify_extension(old, tmp_path, signer.verifier).ok
