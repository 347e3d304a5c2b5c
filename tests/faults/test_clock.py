"""The clock steps, forward and back, across what it ends: a hold, a mandate, the time to confirm."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.faults.soc import Site, copy_seed, open_site

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import Conflict, Forbidden, StoreError
from keyturn.gate import MandateDraft
from keyturn.gate.records import Scope

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
    await site.gate.registry.accept_clock(site.people["olga"], "it is right")
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


@pytest.mark.parametrize("back", [60_000, HOUR])
async def test_a_clock_that_steps_back_does_not_repeat_what_is_ready(site: Site, back: int) -> None:
    site.tools.away = True
    record = await site.held("isolate", "h1")
    await site.turn("ana", record)
    site.clock.ms -= back
    site.tools.away = False
    await site.gate.sweep()
    if back == HOUR:
        assert site.soc.changes() == [], "nothing runs by a clock that is far behind"
        site.clock.ms += HOUR
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
    with pytest.raises(StoreError, match="9 hours behind"):
        await site.propose("tag", "h2")
    await site.gate.registry.accept_clock(site.people["olga"], "it is right")
    assert (await site.propose("tag", "h3")).state is State.DENIED
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
    site.clock.ms -= 60_000
    with pytest.raises(Conflict):
        await site.gate.confirm(site.people["ana"], record.id)
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.REVERTED
    assert site.soc.changes() == [("tag", "h1"), ("untag", "h1")]


async def test_a_clock_behind_does_not_lengthen_the_time_to_confirm(site: Site) -> None:
    record = await site.propose("tag", "h1")
    site.clock.ms = record.due_at + 1
    await site.propose("tag", "h2")
    site.clock.ms = record.due_at - 60_000
    with pytest.raises(Conflict, match="over"):
        await site.gate.confirm(site.people["ana"], record.id)
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.REVERTED


YEAR = 365 * 24 * HOUR


async def test_after_a_clock_was_a_year_ahead_nothing_runs_until_an_owner_accepts(site: Site) -> None:
    real = site.clock.ms
    site.clock.ms += YEAR
    await site.propose("tag", "h1")
    site.clock.ms = real
    with pytest.raises(StoreError, match="365 days behind") as refused:
        await site.propose("tag", "h2")
    assert "keyturn journal accept-clock" in refused.value.hint
    await site.gate.sweep()
    assert await site.gate.holds(site.people["ana"]) == [], "what only shows goes on"
    with pytest.raises(Forbidden):
        await site.gate.registry.accept_clock(site.people["ana"], "it is right")
    assert await site.gate.registry.accept_clock(site.people["olga"], "it is right") == YEAR
    with pytest.raises(Conflict, match="not behind"):
        await site.gate.registry.accept_clock(site.people["olga"], "it is right")
    entry = (await site.entries())[-1]
    assert (entry["kind"], entry["by"], entry["behind_ms"], entry["wall"]) == ("clock_accepted", "olga", YEAR, real)


async def test_after_an_accepted_clock_time_runs_and_ends_what_it_ends(site: Site) -> None:
    real = site.clock.ms
    site.clock.ms += YEAR
    assert (await site.propose("tag", "h1")).state is State.DENIED, "its mandate is long over"
    site.clock.ms = real
    await site.gate.registry.accept_clock(site.people["olga"], "it is right")
    lena, week = site.people["lena"], 7 * 24 * 3600
    await site.gate.renew_token(lena, "responder", 30)
    draft = MandateDraft(
        agent="responder", case="INC-2", purpose="contain", tools=("soc/*",), targets=("host:*",), lifetime_s=week
    )
    await site.gate.grant(lena, draft)
    record = await site.propose("tag", "h2")
    assert record.state is State.CONFIRMING
    site.clock.ms += record.due_at - real - YEAR
    await site.gate.sweep()
    assert (await site.ended(record)).state is State.REVERTED


async def test_a_stop_is_pressed_under_any_clock(site: Site) -> None:
    record = await site.held("isolate", "h1")
    site.clock.ms -= HOUR
    await site.gate.stop(site.people["ana"], Scope.EVERYTHING, "", "the clock is odd")
    site.clock.ms += HOUR
    await site.turn("ana", record)
    await site.gate.sweep()
    assert site.soc.changes() == []
