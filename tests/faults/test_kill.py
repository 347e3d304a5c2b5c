"""kill -9 around every durable write and every call, in pairs: persisted or not, gone out or not, done or not."""

import signal
from pathlib import Path

import pytest
from tests.faults.conftest import Worker
from tests.faults.findings import journal_verifies, nothing_left_open, nothing_unrecorded
from tests.faults.soc import copy_seed, open_site
from tests.faults.worker import CONFIRM_OVER_MS

from keyturn.core.policy import Policy

POINTS = 122


def test_the_points_are_all_that_a_whole_run_passes(worker: Worker, seeded: Path, folder: Path) -> None:
    copy_seed(seeded, folder)
    assert worker.run("work", folder) == [0]
    assert int((folder / "passed").read_text()) == POINTS


@pytest.mark.parametrize("at", range(1, POINTS + 1))
async def test_killed_at(worker: Worker, seeded: Path, policy: Policy, folder: Path, at: int) -> None:
    copy_seed(seeded, folder)
    assert worker.run("work", folder, at) == [-signal.SIGKILL]
    site = await open_site(folder, "survivor", policy)
    try:
        await nothing_unrecorded(site)
        site.clock.ms += CONFIRM_OVER_MS
        await site.gate.start()
        for _ in range(3):
            await site.gate.sweep()
        await nothing_unrecorded(site)
        await nothing_left_open(site)
        await journal_verifies(site, folder / "published")
    finally:
        await site.close()
