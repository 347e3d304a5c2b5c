"""An excerpt: some entries of a log that an outsider can check from one file, and every way to forge one."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import rfc8785

from keyturn.errors import JournalError
from keyturn.journal import (
    FORMAT,
    Checkpoint,
    Excerpt,
    KeptPayload,
    Proven,
    Signer,
    TileBuilder,
    check_excerpt,
    commit,
    inclusion_proof,
    inclusion_proofs,
    leaf_hash,
    read_excerpt,
)

SIGNER, OTHER = Signer("log.example", b"k" * 32), Signer("log.example", b"o" * 32)
SIZE = 700
SALT = b"s" * 16


class Log:
    """A log in memory: every third entry is of the case, and has a payload."""

    def __init__(self, size: int = SIZE) -> None:
        self.entries = [rfc8785.dumps(self.entry(seq)) for seq in range(size)]
        builder = TileBuilder()
        tiles = [tile for entry in self.entries for tile in builder.append(leaf_hash(entry))] + builder.partial()
        self.tiles = {(tile.level, tile.index): tile.hashes for tile in tiles}
        self.frontier = builder.frontier()

    @staticmethod
    def entry(seq: int) -> dict[str, Any]:
        if seq % 3:
            return {"seq": seq, "at": seq, "kind": "other"}
        return {"seq": seq, "at": seq, "kind": "x", "case": "INC-1", "payloads": {"action": commit(SALT, b"body")}}

    def tile(self, level: int, index: int, width: int) -> bytes:
        return self.tiles[level, index][: width * 32]

    def excerpt(self, signer: Signer = SIGNER) -> Excerpt:
        indexes = range(0, len(self.entries), 3)
        proofs = inclusion_proofs(indexes, len(self.entries), self)
        return Excerpt(
            FORMAT,
            {"case": "INC-1"},
            Checkpoint(signer.name, len(self.entries), self.frontier.root()).sign(signer).decode(),
            str(signer.verifier),
            tuple(
                Proven(
                    i,
                    self.entries[i].decode(),
                    tuple(h.hex() for h in proof),
                    {"action": KeptPayload(SALT.hex(), b"body")},
                )
                for i, proof in zip(indexes, proofs, strict=True)
            ),
        )


LOG = Log()
GOOD = LOG.excerpt()


def test_a_true_excerpt_is_checked_from_its_bytes_alone() -> None:
    report = check_excerpt(read_excerpt(GOOD.encode()), SIGNER.verifier)
    assert (report.ok, report.checkpoint.size, report.payloads, report.payloads_absent) == (True, SIZE, 234, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 600])
def test_proofs_made_together_are_those_made_alone(size: int) -> None:
    log = Log(size)
    together = list(inclusion_proofs(range(size), size, log))
    assert together == [inclusion_proof(index, size, log) for index in range(size)]


def test_payloads_may_be_left_out_and_are_counted() -> None:
    bare = msgspec.structs.replace(
        GOOD, entries=tuple(msgspec.structs.replace(e, payloads={}) for e in GOOD.entries)
    )  # fmt: skip
    report = check_excerpt(bare, SIGNER.verifier)
    assert (report.ok, report.payloads, report.payloads_absent) == (True, 0, 234)


def first(**changes: Any) -> Callable[[Excerpt], Excerpt]:
    """The excerpt with its second entry changed."""

    def change(excerpt: Excerpt) -> Excerpt:
        entries = list(excerpt.entries)
        made = {name: value(entries[1]) if callable(value) else value for name, value in changes.items()}
        entries[1] = msgspec.structs.replace(entries[1], **made)
        return msgspec.structs.replace(excerpt, entries=tuple(entries))

    return change


FORGERIES: dict[str, tuple[Callable[[Excerpt], Excerpt], str]] = {
    "another entry's text": (first(entry=lambda e: e.entry.replace('"x"', '"y"')), "not in the log"),
    "not canonical": (first(entry=lambda e: e.entry.replace(",", ", ", 1)), "canonical"),
    "another index": (first(index=4), "seq"),
    "twice": (first(index=0, entry=GOOD.entries[0].entry, proof=GOOD.entries[0].proof), "twice"),
    "a proof cut short": (first(proof=lambda e: e.proof[:-1]), "not in the log"),
    "a proof of another": (first(proof=GOOD.entries[2].proof), "not in the log"),
    "a proof that is no hex": (first(proof=lambda e: ("zz", *e.proof[1:])), "hex"),
    "another payload": (first(payloads={"action": KeptPayload(SALT.hex(), b"other")}), "not the one"),
    "another salt": (first(payloads={"action": KeptPayload("00" * 16, b"body")}), "not the one"),
    "a payload that it does not name": (first(payloads={"x": KeptPayload(SALT.hex(), b"body")}), "does not name"),
    "an entry of another case": (
        lambda excerpt: msgspec.structs.replace(excerpt, where={"case": "INC-2"}),
        "does not belong",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_excerpt_is_refused_and_says_where(name: str) -> None:
    forge, why = FORGERIES[name]
    report = check_excerpt(forge(GOOD), SIGNER.verifier)
    assert not report.ok
    assert any(why in str(problem) for problem in report.problems), report.problems


def test_another_key_or_a_changed_checkpoint_says_nothing() -> None:
    with pytest.raises(JournalError):
        check_excerpt(GOOD, OTHER.verifier)
    changed = msgspec.structs.replace(GOOD, checkpoint=GOOD.checkpoint.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n"))
    with pytest.raises(JournalError):
        check_excerpt(changed, SIGNER.verifier)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", GOOD.encode()[:-1], GOOD.encode().replace(b"excerpt/1", b"excerpt/2"), b"\xff"]
)
def test_what_is_no_excerpt_is_refused(raw: bytes) -> None:
    with pytest.raises(JournalError):
        read_excerpt(raw)
