"""The clock steps, forward and back, across what it ends: a hold, a mandate, the time to confirm."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.faults.soc import Site, copy_seed, open_site

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import Conflict

HOUR = 3_600_000


@pytest.fixture
async def site(seeded: Path, policy: Policy, folder: Path) -> AsyncIterator[Site]:
    """A gate on a fresh database, with a clock in hand."""
    copy_seed(seeded, folder)
    made = await open_site(folder, "one", policy)
    await made.gate.start()
    yield made
    await made.close()


async def test_a_hold_that_expired_stays_so_when_the_clock_steps_back(site: Site) -> None:
    record = await site.held("isolate", "h1")
    site.clock.ms = record.due_at
    with pytest.raises(Conflict, match="expired"):
        await site.turn("ana", record)
    await site.gate.sweep()
    site.clock.ms -= 2 * HOUR
    with pytest.raises(Conflict, match="expired"):
        await site.turn("ana", record)
    assert (await site.ended(record)).state is State.EXPIRED
    assert site.soc.changes() == []


async def test_what_is_ready_does_not_run_after_its_hold_expired(site: Site) -> None:
    site.tools.away = True
    record = await site.held("isolate", "h1")
    assert (await site.turn("ana", record)).state is State.READY
    site.clock.ms = record.due_at
    site.tools.away = False
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.EXPIRED
    assert site.soc.changes() == []


async def test_a_clock_that_steps_back_neither_stops_nor_repeats_what_is_ready(site: Site) -> None:
    site.tools.away = True
    record = await site.held("isolate", "h1")
    await site.turn("ana", record)
    site.clock.ms -= HOUR
    site.tools.away = False
    await site.gate.sweep()
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.SUCCEEDED
    assert site.soc.changes() == [("isolate", "h1")]
    times = [entry["at"] for entry in await site.entries()]
    assert times == sorted(times), "time never runs back in the journal"


async def test_a_mandate_that_expired_is_over_when_the_clock_steps_back(site: Site) -> None:
    site.clock.ms += 9 * HOUR
    assert (await site.propose("tag", "h1")).state is State.DENIED
    site.clock.ms -= 9 * HOUR
    assert (await site.propose("tag", "h2")).state is State.DENIED
    assert site.soc.changes() == []


async def test_a_key_does_not_outlive_the_mandate(site: Site) -> None:
    site.clock.ms += 5 * HOUR
    site.tools.away = True
    early, late = await site.held("isolate", "h1"), await site.held("isolate", "h2")
    await site.turn("ana", early)
    site.clock.ms += 3 * HOUR + 60_000
    site.tools.away = False
    await site.turn("ana", late)
    await site.gate.sweep()
    assert (await site.ended(early)).state is State.DENIED
    assert (await site.ended(late)).state is State.DENIED
    assert site.soc.changes() == []


async def test_the_time_to_confirm_is_over_once(site: Site) -> None:
    record = await site.propose("tag", "h1")
    assert record.state is State.CONFIRMING
    site.clock.ms = record.due_at
    with pytest.raises(Conflict, match="over"):
        await site.gate.confirm(site.people["ana"], record.id)
    await site.gate.sweep()
    site.clock.ms -= HOUR
    with pytest.raises(Conflict):
        await site.gate.confirm(site.people["ana"], record.id)
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.REVERTED
    assert site.soc.changes() == [("tag", "h1"), ("untag", "h1")]


async def test_a_clock_behind_does_not_lengthen_the_time_to_confirm(site: Site) -> None:
    record = await site.propose("tag", "h1")
    site.clock.ms = record.due_at + 1
    await site.propose("tag", "h2")
    site.clock.ms = record.due_at - HOUR
    with pytest.raises(Conflict, match="over"):
        await site.gate.confirm(site.people["ana"], record.id)
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.REVERTED
