"""What every store keeps of :class:`keyturn.gate.outbox_ports.OutboxRows`."""

import pytest
from tests.contract.conftest import Open
from tests.contract.test_store import failing

from keyturn.errors import Conflict
from keyturn.gate.notices import Event, Notice
from keyturn.gate.outbox_ports import FAILED, SENT, Delivery
from keyturn.gate.ports import Tx
from keyturn.store import SqliteStore


def notice(name: str = "n1") -> Notice:
    return Notice(id=name, event=Event.HELD, at=1, action="a1", targets={"host": 2})


async def claim(store: SqliteStore, now: int, until: int = 1_000, holder: str = "here") -> list[Delivery]:
    return await store.write(lambda tx: tx.outbox.claim("hook", now, 10, until, holder))


async def test_a_notice_stands_once_a_target_and_comes_back_whole(open_store: Open) -> None:
    store = open_store()

    def put(tx: Tx) -> None:
        for target in ("hook", "chat", "hook"):
            tx.outbox.put(notice(), target, 5, 100)

    await store.write(put)
    await store.write(put)
    assert await store.read(lambda tx: tx.outbox.due(4, ["hook", "chat"])) == []
    assert await store.read(lambda tx: tx.outbox.due(5, ["hook", "chat", "none"])) == ["hook", "chat"]
    (got,) = await claim(store, 5)
    assert (got.notice, got.target, got.attempts, got.holder) == (notice(), "hook", 1, "here")


async def test_a_row_goes_with_the_work_that_wrote_it(open_store: Open) -> None:
    store = open_store()
    with pytest.raises(Conflict):
        await store.write(failing(lambda tx: tx.outbox.put(notice(), "hook", 0, 100)))
    assert await store.read(lambda tx: tx.outbox.tally()) == []


async def test_a_claim_hides_a_row_until_its_time_and_is_lost_to_the_next(open_store: Open) -> None:
    here, there = open_store(), open_store()
    await here.write(lambda tx: tx.outbox.put(notice(), "hook", 0, 100))
    (first,) = await claim(here, 1, 50)
    assert await claim(there, 49, 90, "there") == []
    (second,) = await claim(there, 50, 90, "there")
    assert second.attempts == 2
    assert not await here.write(lambda tx: tx.outbox.end(first, SENT, 51))
    assert not await here.write(lambda tx: tx.outbox.put_off(first, 60, "x"))
    assert await there.write(lambda tx: tx.outbox.end(second, SENT, 52))
    assert not await there.write(lambda tx: tx.outbox.end(second, FAILED, 53)), "what has ended stays so"
    (tally,) = await here.read(lambda tx: tx.outbox.tally())
    assert (tally.state, tally.count, tally.newest) == (SENT, 1, 52)


async def test_the_oldest_is_claimed_first_and_no_more_than_asked(open_store: Open) -> None:
    store = open_store()

    def put(tx: Tx) -> None:
        for number in range(5):
            tx.outbox.put(notice(f"n{number}"), "hook", number, 100)

    await store.write(put)
    got = await store.write(lambda tx: tx.outbox.claim("hook", 10, 2, 50, "here"))
    assert [each.notice.id for each in got] == ["n0", "n1"]


async def test_what_is_over_its_time_is_claimed_by_nobody_and_found(open_store: Open) -> None:
    store = open_store()
    await store.write(lambda tx: tx.outbox.put(notice(), "hook", 0, 100))
    (got,) = await claim(store, 1, 2)
    await store.write(lambda tx: tx.outbox.put_off(got, 99, "HTTP 500"))
    assert await claim(store, 100) == []
    assert await store.read(lambda tx: tx.outbox.due(100, ["hook"])) == []
    (late,) = await store.read(lambda tx: tx.outbox.overdue(100, 10))
    assert late.because == "HTTP 500"
    assert await store.read(lambda tx: tx.outbox.overdue(99, 10)) == []


async def test_what_is_long_over_is_forgotten_and_what_waits_is_not(open_store: Open) -> None:
    store = open_store()
    await store.write(lambda tx: tx.outbox.put(notice("old"), "hook", 0, 1_000))
    (got,) = await claim(store, 1)
    await store.write(lambda tx: tx.outbox.end(got, SENT, 5))
    await store.write(lambda tx: tx.outbox.put(notice("new"), "hook", 2, 1_000))
    await store.write(lambda tx: tx.outbox.forget(5))
    assert len(await store.read(lambda tx: tx.outbox.tally())) == 2
    await store.write(lambda tx: tx.outbox.forget(6))
    assert [each.state for each in await store.read(lambda tx: tx.outbox.tally())] == ["waiting"]
