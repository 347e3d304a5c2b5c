"""Every store that ships, on a fresh database: one suite for all of them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from keyturn.store import SqliteStore

Open = Callable[[], SqliteStore]
STORES = {"sqlite": SqliteStore}


@pytest.fixture(params=sorted(STORES))
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a store on the test's database; several stand for several processes."""
    opened: list[SqliteStore] = []

    def make() -> SqliteStore:
        opened.append(STORES[request.param](tmp_path / "keyturn.db"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()
