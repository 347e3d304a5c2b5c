"""The database's disk is full, or fails: the caller hears of it, nothing runs unrecorded, and work goes on after."""

import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.findings import journal_verifies, nothing_left_open, nothing_unrecorded
from tests.faults.soc import DATABASE, Fuse, Site, copy_seed, open_site

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import Conflict, StoreError
from keyturn.store.sqlite import connect
from keyturn.store.transaction import SqliteTx
from keyturn.store.writing import Writer

POINTS = 35
MINUTE = 60_000


class Disk:
    """Takes the room from the files of this process, and gives it back."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / (DATABASE + "-wal")
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """No file may grow past what the database's log has now: the next commit is an I/O error."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._log.stat().st_size, self._limits[1]))

    def make_room(self) -> None:
        """As before."""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Full within the block."""
        self.fill()
        try:
            yield
        finally:
            self.make_room()


@pytest.fixture
def disk(seeded: Path, folder: Path) -> Iterator[Disk]:
    """The disk of a fresh database; it has room again when the test ends."""
    copy_seed(seeded, folder)
    made = Disk(folder)
    yield made
    made.make_room()


@pytest.fixture
async def site(disk: Disk, policy: Policy, folder: Path) -> AsyncIterator[Site]:
    """A gate on that database."""
    made = await open_site(folder, "one", policy)
    await made.gate.start()
    yield made
    disk.make_room()
    await made.close()


async def test_a_proposal_is_refused_and_nothing_runs(site: Site, disk: Disk) -> None:
    before = len(await site.entries())
    with disk.full():
        for tool in ("tag", "wipe"):
            with pytest.raises(StoreError):
                await site.propose(tool, "h1")
        assert len(await site.entries()) == before, "what is durable can still be read"
    assert site.soc.changes() == []
    assert await site.records() == []
    assert (await site.propose("tag", "h1")).state is State.CONFIRMING
    assert site.soc.changes() == [("tag", "h1")]


async def test_a_key_that_is_not_durable_does_not_count(site: Site, disk: Disk) -> None:
    record = await site.held("isolate", "h1")
    with disk.full(), pytest.raises(StoreError):
        await site.turn("ana", record)
    await site.gate.sweep()
    after = await site.gate.look(site.agent, record.id)
    assert after.state is State.HELD
    assert after.hold is not None
    assert after.hold.keys == ()
    assert site.soc.changes() == []
    await site.turn("ana", record)
    assert (await site.ended(record)).state is State.SUCCEEDED
    assert site.soc.changes() == [("isolate", "h1")]


async def test_a_change_that_happened_is_not_called_undone(disk: Disk, policy: Policy, folder: Path) -> None:
    site = await open_site(folder, "one", policy, Fuse(6, disk.fill))
    await site.gate.start()
    with pytest.raises(StoreError, match="soc/tag was called, and its outcome could not be recorded"):
        await site.propose("tag", "h1")
    disk.make_room()
    assert site.soc.changes() == [("tag", "h1")]
    (record,) = await site.records()
    await site.gate.sweep()
    assert (await site.gate.look(site.agent, record.id)).state is State.EXECUTING, "its time is not over"
    site.clock.ms = record.due_at
    await site.gate.sweep()
    (unknown,) = await site.gate.in_state(site.people["lena"], (State.UNKNOWN,))
    assert unknown.id == record.id
    await site.close()


@pytest.mark.parametrize("at", range(1, POINTS + 1))
async def test_full_from_any_point_on(disk: Disk, policy: Policy, folder: Path, at: int) -> None:
    fuse = Fuse(at, disk.fill)
    site = await open_site(folder, "one", policy, fuse)
    errors = 0
    try:
        await site.gate.start()
        record = await site.propose("isolate", "h1")
        await site.turn("ana", record)
        await site.gate.sweep()
        tagged = await site.propose("tag", "h2")
        await site.gate.revert(site.people["lena"], tagged.id, "the wrong host")
        await site.propose("tag", "h3")
    except (StoreError, Conflict):
        errors += 1
    reached = fuse.passed
    disk.make_room()
    assert reached >= at, "the point was not reached"
    assert errors == 1, "no caller heard of it"
    await nothing_unrecorded(site)
    site.clock.ms += 16 * MINUTE
    for _ in range(4):
        await site.gate.sweep()
    await nothing_unrecorded(site)
    await nothing_left_open(site)
    await site.propose("tag", "h4")
    assert site.soc.changes()[-1] == ("tag", "h4")
    await journal_verifies(site, folder / "published")
    await site.close()


async def test_a_database_without_a_page_left(seeded: Path, folder: Path) -> None:
    copy_seed(seeded, folder)
    opened: list[sqlite3.Connection] = []

    def limited() -> SqliteTx:
        opened.append(connect(folder / DATABASE))
        pages = opened[-1].execute("PRAGMA page_count").fetchone()[0]
        opened[-1].execute(f"PRAGMA max_page_count = {pages}")
        return SqliteTx(opened[-1])

    writer = Writer(limited)
    with pytest.raises(StoreError, match="full"):
        await writer.submit(lambda tx: tx.put_setting("big", bytes(1_000_000)))
    assert await writer.submit(lambda tx: tx.setting("big")) is None
    await writer.submit(lambda tx: tx.put_setting("small", b"1"))
    opened[-1].execute("PRAGMA max_page_count = 100000")
    await writer.submit(lambda tx: tx.put_setting("big", bytes(1_000_000)))
    assert await writer.submit(lambda tx: len(tx.setting("big") or b"")) == 1_000_000
    writer.close()
