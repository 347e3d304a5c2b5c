"""Two processes, or two people, at the same moment: what is ready runs once."""

import asyncio
from pathlib import Path

import pytest
from tests.faults.conftest import Worker
from tests.faults.findings import journal_verifies, nothing_left_open, nothing_unrecorded
from tests.faults.soc import copy_seed, open_site

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import Conflict

HOSTS = ("h1", "h2", "h3", "h4", "h5")


@pytest.mark.parametrize("_", range(5))
async def test_two_processes_run_what_is_ready_once(
    worker: Worker, seeded: Path, policy: Policy, folder: Path, _: int
) -> None:
    copy_seed(seeded, folder)
    console = await open_site(folder, "console", policy)
    console.tools.away = True
    await console.gate.start()
    for host in HOSTS:
        record = await console.held("wipe", host)
        await console.turn("ana", record)
        assert (await console.turn("lena", record)).state is State.READY
    assert console.soc.changes() == []
    assert worker.run("race", folder) == [0, 0]
    assert sorted(console.soc.changes()) == [("wipe", host) for host in HOSTS]
    released = [entry["action"] for entry in await console.entries() if entry["kind"] == "released"]
    assert len(released) == len(set(released)) == len(HOSTS)
    await nothing_unrecorded(console)
    await nothing_left_open(console)
    await journal_verifies(console, folder / "published")
    await console.close()


async def test_two_approvals_in_the_same_millisecond(seeded: Path, policy: Policy, folder: Path) -> None:
    copy_seed(seeded, folder)
    site = await open_site(folder, "one", policy)
    await site.gate.start()
    record = await site.held("wipe", "h1")
    await asyncio.gather(site.turn("ana", record), site.turn("lena", record))
    after = await site.ended(record)
    assert after.state is State.SUCCEEDED
    assert after.hold is not None
    assert len({key.turned_at for key in after.hold.keys}) == 1
    assert {key.person for key in after.hold.keys} == {"ana", "lena"}
    assert site.soc.changes() == [("wipe", "h1")]
    await site.close()


async def test_two_last_keys_in_the_same_millisecond_through_two_gates(
    seeded: Path, policy: Policy, folder: Path
) -> None:
    copy_seed(seeded, folder)
    one, two = await open_site(folder, "one", policy), await open_site(folder, "two", policy)
    await one.gate.start()
    await two.gate.start()
    record = await one.held("isolate", "h1")
    ends = await asyncio.gather(one.turn("ana", record), two.turn("bob", record), return_exceptions=True)
    refused = [end for end in ends if isinstance(end, BaseException)]
    assert len(refused) == 1, "the first key was enough, and the second came too late"
    assert isinstance(refused[0], Conflict)
    await asyncio.gather(one.gate.sweep(), two.gate.sweep())
    assert (await two.ended(record)).state is State.SUCCEEDED
    assert one.soc.changes() == [("isolate", "h1")]
    await nothing_unrecorded(one)
    await one.close()
    await two.close()
