"""One action whose content is gone from the database holds up none of the others."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.faults.soc import DATABASE, copy_seed, open_site

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import Forbidden


async def test_a_hold_without_its_content_stops_no_clock_and_no_start(
    seeded: Path, policy: Policy, folder: Path
) -> None:
    copy_seed(seeded, folder)
    site = await open_site(folder, "one", policy)
    await site.gate.start()
    tagged = await site.propose("tag", "h1")
    broken = await site.held("wipe", "h2")
    assert (await site.turn("ana", broken)).state is State.HELD
    with closing(sqlite3.connect(folder / DATABASE)) as db, db:
        db.execute("DELETE FROM payloads WHERE action = ?", (broken.id,))
    site.clock.ms = tagged.due_at
    await site.gate.sweep()
    assert (await site.ended(tagged)).state is State.REVERTED
    with pytest.raises(Forbidden, match="erased or altered"):
        await site.turn("bob", broken)
    assert site.soc.changes() == [("tag", "h1"), ("untag", "h1")]
    again = await open_site(folder, "two", policy)
    await again.gate.start()
    await again.close()
    await site.close()
