from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyturn.errors import JournalError
from keyturn.journal import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

MANY = 70_000


class Rows:
    """A tree held as its rows: row ``n`` is every hash of level ``n`` of the tiling."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.rows = [leaves]
        while len(self.rows[-1]) >= 256:
            below = self.rows[-1]
            self.rows.append([naive_root(below[i : i + 256]) for i in range(0, len(below) - 255, 256)])
        self.frontier = Frontier()
        self.roots = [EMPTY_ROOT]
        for leaf in leaves:
            self.frontier = self.frontier.append(leaf)
            self.roots.append(self.frontier.root())

    def tile(self, level: int, index: int, width: int) -> bytes:
        return b"".join(self.rows[level][index * 256 : index * 256 + width])


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


@pytest.fixture(scope="module")
def tree() -> Rows:
    return Rows([leaf_hash(str(i).encode()) for i in range(MANY)])


def test_roots_are_those_of_the_reference_tree(vector: Callable[[str], Any]) -> None:
    known = vector("rfc6962")
    frontier, roots = Frontier(), [EMPTY_ROOT]
    for leaf in known["leaves"]:
        frontier = frontier.append(leaf_hash(bytes.fromhex(leaf)))
        roots.append(frontier.root())
    assert [root.hex() for root in roots] == known["roots"]


def test_proofs_are_those_of_the_reference_tree(vector: Callable[[str], Any]) -> None:
    known = vector("rfc6962")
    tree = Rows([leaf_hash(bytes.fromhex(leaf)) for leaf in known["leaves"]])
    for case in known["inclusion"]:
        proof = inclusion_proof(case["index"], case["size"], tree)
        assert [node.hex() for node in proof] == case["proof"]
    for case in known["consistency"]:
        proof = consistency_proof(case["old"], case["new"], tree)
        assert [node.hex() for node in proof] == case["proof"]


@given(st.integers(0, 600))
@example(0)
@example(256)
@example(512)
def test_a_frontier_has_the_root_that_the_rfc_defines(size: int) -> None:
    leaves = [leaf_hash(str(i).encode()) for i in range(size)]
    frontier = Frontier().extend(leaves)
    assert frontier.root() == naive_root(leaves)
    assert Frontier.decode(frontier.encode()) == frontier


@given(first=st.lists(st.binary(max_size=4), max_size=40), second=st.lists(st.binary(max_size=4), max_size=40))
def test_a_frontier_goes_on_where_it_was_stored(first: list[bytes], second: list[bytes]) -> None:
    stored = Frontier().extend(map(leaf_hash, first)).encode()
    assert Frontier.decode(stored).extend(map(leaf_hash, second)) == Frontier().extend(map(leaf_hash, first + second))


@pytest.mark.parametrize(
    "data", [b"", bytes(7), bytes(9), bytes(7) + b"\x01", bytes(7) + b"\x03" + bytes(63), b"\xff" * (8 + 64 * 32)]
)
def test_a_malformed_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(JournalError, match="malformed"):
        Frontier.decode(data)


def test_a_frontier_takes_hashes_only() -> None:
    with pytest.raises(JournalError, match="32 bytes"):
        Frontier().append(b"an entry")


@settings(max_examples=150)
@given(data=st.data(), size=st.integers(1, MANY))
def test_every_leaf_can_be_proved_and_nothing_else(tree: Rows, data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, root = tree.rows[0][index], tree.roots[size]
    proof = inclusion_proof(index, size, tree)
    assert verify_inclusion(leaf, index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, proof, tree.roots[size - 1])
    assert not verify_inclusion(leaf, index, size, [*proof, root], root)
    if size > 1:
        assert not verify_inclusion(leaf, (index + 1) % size, size, proof, root)
        assert not verify_inclusion(leaf, index, size, proof[:-1], root)
        spoiled = data.draw(st.integers(0, len(proof) - 1))
        proof[spoiled] = bytes([proof[spoiled][0] ^ 1]) + proof[spoiled][1:]
        assert not verify_inclusion(leaf, index, size, proof, root)


@settings(max_examples=150)
@given(data=st.data(), new=st.integers(1, MANY))
def test_every_earlier_tree_is_a_prefix_and_nothing_else(tree: Rows, data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    old_root, new_root = tree.roots[old], tree.roots[new]
    proof = consistency_proof(old, new, tree)
    assert verify_consistency(old, new, old_root, new_root, proof)
    assert not verify_consistency(old, new, leaf_hash(b"another"), new_root, proof)
    assert not verify_consistency(old, new, old_root, new_root, [*proof, new_root])
    if 0 < old < new:
        assert not verify_consistency(old, new, old_root, leaf_hash(b"another"), proof)
        assert not verify_consistency(old, new, old_root, new_root, proof[:-1])
        spoiled = data.draw(st.integers(0, len(proof) - 1))
        proof[spoiled] = bytes([proof[spoiled][0] ^ 1]) + proof[spoiled][1:]
        assert not verify_consistency(old, new, old_root, new_root, proof)


def test_no_proof_leads_outside_the_tree(tree: Rows) -> None:
    for index, size in ((-1, 5), (5, 5), (0, 0), (0, 2**63)):
        with pytest.raises(JournalError, match="no inclusion proof"):
            inclusion_proof(index, size, tree)
    for old, new in ((-1, 5), (6, 5), (1, 2**63)):
        with pytest.raises(JournalError, match="no consistency proof"):
            consistency_proof(old, new, tree)
    assert not verify_inclusion(tree.roots[1], 1, 1, [], tree.roots[1])
    assert not verify_consistency(2, 1, tree.roots[2], tree.roots[1], [])
    assert not verify_consistency(1, 2, tree.roots[1], tree.roots[2], [b"short"])


def test_a_reader_that_gives_too_few_hashes_is_caught() -> None:
    class Short:
        def tile(self, level: int, index: int, width: int) -> bytes:
            return bytes(32 * (width - 1))

    with pytest.raises(JournalError, match="were expected"):
        inclusion_proof(3, 9, Short())
