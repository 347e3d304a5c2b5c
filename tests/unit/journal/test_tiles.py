from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.errors import JournalError
from keyturn.journal import (
    MAX_ENTRY,
    Frontier,
    Tile,
    TileBuilder,
    bundle_path,
    edge_tiles,
    leaf_hash,
    newly_full,
    pack_bundle,
    tile_path,
    unpack_bundle,
)

LEAVES = [leaf_hash(str(i).encode()) for i in range(70_000)]


class Built:
    """Tiles as a database would hold them: full ones by place, partial ones from the builder."""

    def __init__(self, size: int) -> None:
        self.builder = TileBuilder()
        self.full: dict[tuple[int, int], Tile] = {}
        self.order: list[tuple[int, int]] = []
        for leaf in LEAVES[:size]:
            for tile in self.builder.append(leaf):
                self.full[tile.level, tile.index] = tile
                self.order.append((tile.level, tile.index))

    def tile(self, level: int, index: int, width: int) -> bytes:
        partial = {(tile.level, tile.index): tile for tile in self.builder.partial()}
        return (self.full | partial)[level, index].hashes[: width * 32]


def test_paths_are_those_of_the_specification(vector: Callable[[str], Any]) -> None:
    for case in vector("tiles")["paths"]:
        assert tile_path(case["level"], case["index"], case["width"]) == case["path"]
    assert bundle_path(1234067, 9) == "tile/entries/x001/x234/067.p/9"


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_place_outside_the_tiling_is_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(JournalError):
        tile_path(level, index, width)


def test_a_log_is_cut_into_the_tiles_of_the_specification(vector: Callable[[str], Any]) -> None:
    for case in vector("tiles")["sizes"]:
        built = Built(case["size"])
        full = [sum(1 for level, _ in built.full if level == wanted) for wanted in range(len(case["full"]))]
        assert full == case["full"] and sum(full) == len(built.full)
        assert [list(place) for place in edge_tiles(case["size"])] == case["partial"]
        assert [[t.level, t.index, t.width] for t in built.builder.partial()] == case["partial"]


@settings(max_examples=30)
@given(old=st.integers(0, 2000), more=st.integers(0, 2000))
def test_a_builder_goes_on_where_another_stopped(old: int, more: int) -> None:
    before, after = Built(old), Built(old + more)
    resumed = TileBuilder.resume(old, before)
    full = [tile for leaf in LEAVES[old : old + more] for tile in resumed.append(leaf)]
    assert resumed.partial() == after.builder.partial()
    assert resumed.frontier() == Frontier().extend(LEAVES[: old + more])
    assert [(t.level, t.index) for t in full] == after.order[len(before.order) :]
    assert sorted(newly_full(old, old + more)) == sorted(after.order[len(before.order) :])


def test_full_tiles_are_named_lowest_level_first() -> None:
    assert list(newly_full(65_279, 65_536)) == [(0, 254), (0, 255), (1, 0)]
    assert list(newly_full(0, 255)) == []
    assert list(newly_full(2**62, 2**62 + 1)) == []


def test_a_full_tile_knows_its_hash_one_level_up() -> None:
    built = Built(65_536)
    assert built.full[1, 0].hashes[32:64] == built.full[0, 1].root()
    with pytest.raises(JournalError, match="partial"):
        Tile(0, 0, bytes(32)).root()


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    bundle = pack_bundle(entries)
    assert unpack_bundle(bundle, len(entries)) == entries
    for wrong in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(JournalError):
            unpack_bundle(bundle, wrong)
    if entries:
        with pytest.raises(JournalError):
            unpack_bundle(bundle[:-1], len(entries))
    with pytest.raises(JournalError):
        unpack_bundle(bundle + b"\x00", len(entries))


def test_entries_have_a_largest_size() -> None:
    assert pack_bundle([bytes(MAX_ENTRY)])[:2] == b"\xff\xff"
    with pytest.raises(JournalError, match=r"65536 bytes is over the limit of 65535 \(keep what is large"):
        pack_bundle([bytes(MAX_ENTRY + 1)])
    with pytest.raises(JournalError, match="at most 256"):
        pack_bundle([b""] * 257)
