"""From the event to the receiver: once, again after a failure, and given up where everybody sees it."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.receiver import Receiver
from tests.unit.gate.conftest import House, build
from tests.unit.notify.conftest import hold, hook

from keyturn.errors import Conflict
from keyturn.gate.notices import Event, Listener
from keyturn.gate.records import Scope
from keyturn.notify import Sender
from keyturn.notify.sender import Pace

MINUTE = 60_000


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.to_thread(os.sched_yield)


async def tally(house: House) -> dict[str, int]:
    return {each.state: each.count for each in await house.gate.outbox.tally(house.people["olga"])}


async def failures(house: House) -> list[dict[str, Any]]:
    return [entry for entry in await house.entries() if entry["kind"] == "notification_failed"]


def told(receiver: Receiver) -> list[str]:
    return [json.loads(got.body)["type"] for got in receiver.got]


async def test_a_hold_is_told_once_and_points_to_its_page_and_its_entry(house: House, receiver: Receiver) -> None:
    record = await hold(house)
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    await sender.round()
    await sender.round()
    (got,) = receiver.got
    data = json.loads(got.body)["data"]
    assert data["page"] == f"https://keyturn.example/console/actions/{record.id}"
    entry = (await house.entries())[data["entry"]]
    assert (entry["kind"], entry["action"]) == ("decided", record.id)
    assert data["targets"] == {"host": 1}, "counts, and no name of a target"
    assert b"h1" not in got.body and b"alert 17" not in got.body, "neither arguments nor rationale are told"
    assert await tally(house) == {"sent": 1}
    await sender.stop()


async def test_analysis_is_never_told_and_nobody_listening_costs_nothing(house: House) -> None:
    await house.gate.propose(house.agent, house.call("search", query="x"))
    assert await tally(house) == {}
    house.ctx.listeners = ()
    await hold(house)
    assert await tally(house) == {}


async def test_what_is_undone_is_not_told(house: House) -> None:
    stop = await house.gate.stop(house.people["ana"], Scope.EVERYTHING, "", "look")
    assert await tally(house) == {"waiting": 1}
    with pytest.raises(Conflict):
        await house.gate.resume(house.people["lena"], stop.id, "fine")
        await house.gate.resume(house.people["lena"], stop.id, "again")
    assert await tally(house) == {"waiting": 2}, "the second resume was refused, and told nobody"


async def test_a_failure_is_tried_again_later_under_the_same_id(house: House, receiver: Receiver) -> None:
    await hold(house)
    receiver.answers = [(500, {}), (503, {"retry-after": "120"}), (204, {})]
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)], Pace(backoff_s=10))
    await sender.round()
    await sender.round()
    assert len(receiver.got) == 1, "not before its time"
    house.clock.ms += 10_000
    await sender.round()
    assert len(receiver.got) == 2
    house.clock.ms += MINUTE
    await sender.round()
    assert len(receiver.got) == 2, "the receiver asked for two minutes"
    house.clock.ms += MINUTE
    await sender.round()
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert await tally(house) == {"sent": 1}
    assert await failures(house) == []
    await sender.stop()


async def test_what_never_arrives_is_given_up_and_stands_in_the_journal(house: House, receiver: Receiver) -> None:
    record = await hold(house)
    receiver.answers = [(500, {})]
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    for _ in range(12):
        await sender.round()
        house.clock.ms += 15 * MINUTE
    await house.gate.outbox.tidy()
    tries = len(receiver.got)
    assert 3 <= tries <= 6, "an hour of tries, further and further apart"
    (entry,) = await failures(house)
    assert (entry["action"], entry["case"], entry["target"]) == (record.id, "INC-1", "hook")
    assert entry["attempts"] == tries and entry["because"] == "HTTP 500"
    assert await tally(house) == {"failed": 1}
    await sender.stop()


async def test_a_receiver_that_is_gone_is_believed_at_once(house: House, receiver: Receiver) -> None:
    await hold(house)
    receiver.answers = [(410, {})]
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    await sender.round()
    assert [entry["because"] for entry in await failures(house)] == ["HTTP 410: the receiver wants no more"]
    await sender.stop()


async def test_a_notice_whose_target_was_taken_out_of_the_settings_is_given_up(house: House) -> None:
    await hold(house)
    await house.gate.outbox.tidy()
    assert await tally(house) == {"waiting": 1}
    house.clock.ms += 3600_000
    await house.gate.outbox.tidy()
    assert [entry["because"] for entry in await failures(house)] == ["nobody sent it in its time"]
    house.clock.ms += 8 * 24 * 3600_000
    await house.gate.outbox.tidy()
    assert await tally(house) == {}, "what is long over is forgotten"


async def test_a_redirect_is_not_followed(
    house: House, receiver: Receiver, make_receiver: Callable[[], Receiver]
) -> None:
    await hold(house)
    elsewhere = make_receiver()
    receiver.answers = [(status, {"location": elsewhere.url}) for status in (301, 302, 303, 307, 308)]
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    for _ in range(5):
        await sender.round()
        house.clock.ms += 5 * MINUTE
    assert len(receiver.got) == 5 and elsewhere.got == []
    await sender.stop()


async def test_a_receiver_that_hangs_holds_up_neither_the_gate_nor_the_others(
    house: House, receiver: Receiver, make_receiver: Callable[[], Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    other = make_receiver()
    receiver.hang = True
    house.ctx.listeners = (Listener(name="hook"), Listener(name="other"))
    quick = hook(other, house.clock)
    quick.name = "other"
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock, timeout_s=1.0), quick], Pace(poll_s=0.02))
    sender.start()
    await hold(house)
    await until(lambda: bool(receiver.got and other.got))
    for number in range(5):
        await hold(house, f"host-{number}")
        await house.gate.propose(house.agent, house.call("search", query=str(number)))
    await until(lambda: len(other.got) == 6 and "no answer within 1 s" in caplog.text)
    await sender.stop()


async def test_a_second_process_does_not_send_what_a_first_has_claimed(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    await hold(house)
    claimed = await house.gate.outbox.claim({"hook": 10}, 50)
    assert [each.attempts for each in claimed] == [1]
    other = await build(tmp_path / "keyturn.db", clock=house.clock)
    other.ctx.runner = "that-process"
    sender = Sender(other.gate.outbox, [hook(receiver, house.clock)])
    await sender.round()
    assert receiver.got == [], "it is being sent"
    house.clock.ms += 50_000
    await sender.round()
    assert len(receiver.got) == 1, "whoever claimed it has died: it is sent after all"
    await house.gate.outbox.failed(claimed, "late", 1.0)
    house.clock.ms += 10_000
    await sender.round()
    assert len(receiver.got) == 1, "what the first says of its lost claim changes nothing"
    assert await tally(house) == {"sent": 1}
    await sender.stop()
    await other.gate.stop_running()
    other.store.close()


async def test_two_processes_send_each_notice_once_between_them(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    other = await build(tmp_path / "keyturn.db", clock=house.clock)
    other.ctx.runner = "that-process"
    senders = [Sender(each.gate.outbox, [hook(receiver, house.clock)], Pace(poll_s=0.01)) for each in (house, other)]
    for sender in senders:
        sender.start()
    for number in range(8):
        await hold(house, f"host-{number}")
    await until(lambda: len(receiver.got) >= 8)
    for sender in senders:
        await sender.stop()
    assert await tally(house) == {"sent": 8}
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert len(ids) == len(set(ids)) == 8
    await other.gate.stop_running()
    other.store.close()


async def test_what_waits_outlives_the_process(house: House, receiver: Receiver, tmp_path: Path) -> None:
    await hold(house)
    await house.gate.stop_running()
    later = await build(tmp_path / "keyturn.db", clock=house.clock)
    sender = Sender(later.gate.outbox, [hook(receiver, house.clock)])
    await sender.round()
    assert told(receiver) == ["keyturn.held"]
    await sender.stop()
    await later.gate.stop_running()
    later.store.close()


async def test_a_hold_that_expires_soon_is_told_once_and_its_end_too(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    record = await hold(house)
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    await sender.round()
    house.clock.ms = record.due_at - house.ctx.settings.warn_s * 1000 - 1
    await sender.round()
    assert told(receiver) == ["keyturn.held"]
    house.clock.ms += 1
    await sender.round()
    await sender.round()
    later = await build(tmp_path / "keyturn.db", clock=house.clock)
    later.ctx.listeners = house.ctx.listeners
    await later.gate.outbox.warn()
    await sender.round()
    assert told(receiver) == ["keyturn.held", "keyturn.expiring"]
    house.clock.ms = record.due_at
    await house.gate.sweep()
    await sender.round()
    assert told(receiver)[2:] == ["keyturn.expired"]
    await sender.stop()
    await later.gate.stop_running()
    later.store.close()


async def test_what_ran_and_what_became_of_it_is_told(house: House, receiver: Receiver) -> None:
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    ran = (await house.gate.propose(house.agent, house.call("tag", host="h1"))).record
    await sender.round()
    await house.gate.revert(house.people["ana"], ran.id, "not needed")
    await sender.round()
    stop = await house.gate.stop(house.people["ana"], Scope.AGENT, "responder", "look")
    await sender.round()
    await house.gate.resume(house.people["lena"], stop.id, "fine")
    await sender.round()
    assert told(receiver) == ["keyturn.confirming", "keyturn.reverted", "keyturn.stopped", "keyturn.resumed"]
    data = json.loads(receiver.got[2].body)["data"]
    assert (data["scope"], data["subject"], data["by"]) == ("agent", "responder", "ana")
    assert data["page"] == "https://keyturn.example/console"
    await sender.stop()


async def test_a_listener_hears_what_it_asked_for(house: House) -> None:
    house.ctx.listeners = (
        Listener(name="stops", events=frozenset({Event.STOPPED})),
        Listener(name="holds", events=frozenset({Event.HELD})),
    )
    await hold(house)
    tallies = await house.gate.outbox.tally(house.people["olga"])
    assert [(each.target, each.count) for each in tallies] == [("holds", 1)]


def test_a_listener_for_a_role_hears_what_concerns_that_role_or_everybody() -> None:
    owners = Listener(name="owners", roles=frozenset({"owner"}))
    assert owners.wants(Event.ESCALATED, ("owner", "lead"))
    assert owners.wants(Event.HELD)
    assert not owners.wants(Event.ESCALATED, ("analyst",))


async def test_no_part_of_an_address_shows_anywhere(
    house: House, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await hold(house)
    receiver.close()
    sender = Sender(house.gate.outbox, [hook(receiver, house.clock)])
    await sender.round()
    house.clock.ms += 2 * 3600_000
    await house.gate.outbox.tidy()
    await sender.stop()
    entries = json.dumps(await house.entries())
    assert "notification_failed" in entries and "no connection" in caplog.text
    assert "pAtHsEcReT" not in entries + caplog.text and "whsec" not in entries + caplog.text
