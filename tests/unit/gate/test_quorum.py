"""Who must turn, through the gate: sets, escalation, deputies, what one person may, and the queue."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.policy import Policy
from keyturn.core.profile import Touches
from keyturn.core.quorum import KeySet, QuorumRule
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound
from keyturn.gate import MandateDraft
from keyturn.gate.care_records import QueueFilter
from keyturn.gate.notices import Event, Listener, Notice
from keyturn.gate.records import Role
from keyturn.packs import load_pack

House = Any
LEADS_TURN = """
@id("leads-turn")
@why("leads and owners turn keys in this house")
forbid (principal, action == Action::"turn_key", resource)
when { !context.roles.containsAny(["lead", "owner"]) };
"""
HOUR = 3_600_000


async def two_key(house: House, host: str = "h1") -> Any:
    """A hold that waits for two keys: the agent has looked into the case."""
    await house.gate.propose(house.agent, house.call("search", query="x"))
    record = (await house.gate.propose(house.agent, house.call("isolate", host=host))).record
    assert (record.state, record.oversight) == (State.HELD, Oversight.TWO_KEY)
    return record


async def one_key(house: House, host: str = "h1") -> Any:
    record = (await house.gate.propose(house.agent, house.call("isolate", host=host))).record
    assert (record.state, record.oversight) == (State.HELD, Oversight.ONE_KEY)
    return record


async def turn(house: House, name: str, record: Any) -> Any:
    return await house.gate.turn(house.people[name], record.id, record.digest)


async def bodies(house: House, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in await house.entries() if entry["kind"] == kind]


async def told(house: House, event: Event) -> list[Notice]:
    """The notices of one kind that wait for the one listener."""
    claimed = await house.store.write(lambda tx: tx.outbox.claim("team", house.clock.ms, 99, house.clock.ms, "test"))
    return [delivery.notice for delivery in claimed if delivery.notice.event is event]


async def test_two_analysts_are_not_enough_and_a_lead_is_what_is_missing(house: House) -> None:
    record = await two_key(house)
    assert await house.gate.quorum.wanted(house.people["ana"], record.id) == (
        "one lead or owner",
        "one other person",
    )
    await turn(house, "ana", record)
    assert (await turn(house, "bob", record)).state is State.HELD
    assert await house.gate.quorum.wanted(house.people["ana"], record.id) == ("one lead or owner",)
    story = await house.gate.story(house.people["ana"], record.id)
    assert "it still takes one lead or owner" in [reason.why for reason in story.missing]
    await turn(house, "lena", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED
    assert await house.gate.quorum.wanted(house.people["ana"], record.id) == ()


async def test_the_operators_sets_decide_for_their_actions(house: House) -> None:
    house.ctx.quorum = (QuorumRule("one_key", (KeySet(("owner",)),), touches=(Touches.PRODUCTION,)),)
    record = await one_key(house)
    assert (await turn(house, "ana", record)).state is State.HELD
    await turn(house, "olga", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED
    secret = (await house.gate.propose(house.agent, house.call("secret"))).record
    assert await house.gate.quorum.wanted(house.people["ana"], secret.id) == ("one person",)


async def test_a_change_of_the_sets_stands_in_the_journal(house: House) -> None:
    async def loaded() -> int:
        return [entry["kind"] for entry in await house.entries()].count("policy_loaded")

    assert await loaded() == 1
    await house.gate.stop_running()
    house.ctx.quorum = (QuorumRule("one_key", (KeySet(("owner",)),)),)
    for _ in range(2):
        await house.gate.start()
        await house.gate.stop_running()
        assert await loaded() == 2


async def test_further_roles_count_when_nobody_acts_and_the_journal_says_so_once(house: House) -> None:
    house.ctx.listeners = (Listener(name="team"),)
    owners = KeySet(("owner",), escalate_after_s=600, escalate_to=("lead", "analyst"))
    house.ctx.quorum = (QuorumRule("one_key", (owners,)),)
    record = await one_key(house)
    assert (await turn(house, "ana", record)).state is State.HELD
    house.clock.ms += 599_000
    await house.gate.sweep()
    assert await bodies(house, "escalated") == []
    house.clock.ms += 1_000
    await house.gate.sweep()
    await house.gate.sweep()
    assert (await house.until(record.id)).state is State.SUCCEEDED
    (said,) = await bodies(house, "escalated")
    notices = await told(house, Event.ESCALATED)
    assert [(notice.action, notice.roles) for notice in notices] == [(record.id, ("analyst", "lead"))]
    assert (said["action"], said["roles"], said["wanted"]) == (record.id, ["analyst", "lead"], [])
    assert house.fleet.changes == [("isolate", "h1")]


async def test_a_revoked_person_fills_no_place(house: House) -> None:
    record = await two_key(house)
    await turn(house, "lena", record)
    await house.gate.revoke_person(house.people["olga"], "lena", "left")
    assert (await turn(house, "ana", record)).state is State.HELD
    assert await house.gate.quorum.wanted(house.people["ana"], record.id) == ("one lead or owner",)


# Deputies


async def deputise(house: House, absent: str, deputy: str, hours: int = 8) -> Any:
    return await house.gate.quorum.deputise(house.people[absent], deputy, house.clock.ms + hours * HOUR)


async def another_issuer(house: House) -> Any:
    """A mandate of olga's, so that lena has no hand in it."""
    await house.gate.revoke_mandate(house.people["lena"], house.mandate, "another issuer")
    draft = MandateDraft(agent="responder", case="INC-2", purpose="p", tools=("soc/*",), targets=("host:*",))
    await house.gate.grant(house.people["olga"], draft)


async def test_a_deputy_has_the_roles_of_the_absent(house: House) -> None:
    await another_issuer(house)
    await deputise(house, "lena", "bob")
    record = await two_key(house)
    ruling = await house.gate.quorum.explain_turn(house.people["bob"], record.id)
    assert (ruling.roles, ruling.deputy_for, ruling.independent) == (("analyst", "lead"), ("lena",), True)
    await turn(house, "ana", record)
    await turn(house, "bob", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_a_deputy_counts_once_and_not_beside_the_absent(house: House) -> None:
    await another_issuer(house)
    await deputise(house, "lena", "bob")
    record = await two_key(house)
    assert (await turn(house, "bob", record)).state is State.HELD
    with pytest.raises(Forbidden, match="already turned"):
        await turn(house, "bob", record)
    house.ctx.quorum = (QuorumRule("two_key", (KeySet(("lead",), 2),)),)
    assert (await turn(house, "lena", record)).state is State.HELD, "the lead is there: bob is an analyst again"


async def test_being_named_a_deputy_takes_nobodys_independence(house: House) -> None:
    """The issuer names every analyst: their own roles do, so nobody acts for her."""
    for name in ("ana", "bob"):
        await deputise(house, "lena", name)
    record = await one_key(house)
    assert (await house.gate.quorum.explain_turn(house.people["bob"], record.id)).independent is True
    await turn(house, "bob", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_a_deputy_whose_own_roles_turn_no_key_is_bound(house: House) -> None:
    """The sets would take an analyst, and the policy takes leads: bob turns it as lena, whose mandate it is."""
    texts = load_pack("standard")
    sources = {**texts.sources, "ours.cedar": LEADS_TURN}
    house.ctx.policy = Policy.load(texts.schema, texts.guardrails, sources, author="pavel")
    await deputise(house, "lena", "bob")
    record = await one_key(house)
    assert (await turn(house, "bob", record)).state is State.HELD


async def test_a_deputy_is_not_independent_of_what_the_absent_is_involved_in(house: House) -> None:
    house.ctx.quorum = (QuorumRule("one_key", (KeySet(("lead",)),)),)
    record = await one_key(house)
    await deputise(house, "lena", "bob")
    assert (await turn(house, "bob", record)).state is State.HELD, "lena issued the mandate"
    assert (await house.gate.quorum.explain_turn(house.people["bob"], record.id)).independent is False
    house.clock.ms += 9 * HOUR
    assert await house.gate.quorum.deputies(house.people["bob"]) == []


async def test_the_time_of_a_deputy_ends_and_can_be_ended(house: House) -> None:
    await another_issuer(house)
    made = await deputise(house, "lena", "bob", hours=1)
    house.clock.ms += HOUR
    record = await two_key(house)
    assert (await house.gate.quorum.explain_turn(house.people["bob"], record.id)).roles == ("analyst",)
    with pytest.raises(Conflict, match="over already"):
        await house.gate.quorum.recall(house.people["lena"], made.id)
    again = await deputise(house, "lena", "bob")
    with pytest.raises(Forbidden, match="may not recall"):
        await house.gate.quorum.recall(house.people["ana"], again.id)
    await house.gate.quorum.recall(house.people["bob"], again.id)
    assert (await house.gate.quorum.explain_turn(house.people["bob"], record.id)).roles == ("analyst",)
    assert [body["id"] for body in await bodies(house, "deputy_recalled")] == [again.id]


async def test_a_deputy_for_nobody_oneself_or_by_anybody_is_refused(house: House) -> None:
    until = house.clock.ms + HOUR
    quorum, people = house.gate.quorum, house.people
    await house.gate.add_person(people["olga"], "aud", (Role.AUDITOR,))
    for deputy in ("lena", "aud"):
        with pytest.raises(InvalidInput):
            await quorum.deputise(people["lena"], deputy, until)
    with pytest.raises(NotFound):
        await quorum.deputise(people["lena"], "nobody", until)
    with pytest.raises(Forbidden):
        await quorum.deputise(people["ana"], "ana", until, "lena")
    for wrong in (house.clock.ms, house.clock.ms + 61 * 24 * HOUR):
        with pytest.raises(InvalidInput, match="60 days"):
            await quorum.deputise(people["lena"], "bob", wrong)
    await quorum.deputise(people["olga"], "bob", until, "lena")
    assert [(d.absent, d.deputy, d.by) for d in await quorum.deputies(people["ana"])] == [("lena", "bob", "olga")]


async def test_roles_are_not_handed_on(house: House) -> None:
    await another_issuer(house)
    await deputise(house, "lena", "bob")
    await deputise(house, "bob", "ana")
    record = await two_key(house)
    assert (await house.gate.quorum.explain_turn(house.people["ana"], record.id)).roles == ("analyst",)


# One person


async def test_a_turn_is_explained_like_a_verdict(house: House) -> None:
    record = await two_key(house)
    await house.gate.add_person(house.people["olga"], "aud", (Role.AUDITOR,))
    yes = await house.gate.quorum.explain_turn(house.people["ana"], record.id)
    assert yes.allowed and yes.helps and yes.independent and not yes.tired
    assert [reason.policy for reason in yes.reasons] == ["standard-who-turns-keys"]
    no = await house.gate.quorum.explain_turn(house.people["ana"], record.id, "aud")
    assert (no.allowed, no.person, no.reasons[0].policy) == (False, "aud", "nothing-permits")
    await turn(house, "ana", record)
    again = await house.gate.quorum.explain_turn(house.people["ana"], record.id)
    assert [reason.policy for reason in again.reasons] == ["guardrail-9-one-key-a-person"]
    other = await house.gate.quorum.explain_turn(house.people["bob"], record.id)
    assert other.allowed and not other.helps, "a second analyst brings it no nearer"
    assert other.wanted == ("one lead or owner",)
    await house.gate.reject(house.people["ana"], record.id, "no")
    with pytest.raises(Conflict, match="not held"):
        await house.gate.quorum.explain_turn(house.people["ana"], record.id)


async def test_who_would_be_the_first_independent_one_helps(house: House) -> None:
    record = await one_key(house)
    await turn(house, "olga", record)
    assert (await house.gate.quorum.explain_turn(house.people["lena"], record.id)).helps is False
    assert (await house.gate.quorum.explain_turn(house.people["bob"], record.id)).helps is True


# The queue


async def test_the_queue_is_by_expiry_and_a_weighty_hold_comes_earlier(house: House) -> None:
    light = (await house.gate.propose(house.agent, house.call("secret"))).record
    house.clock.ms += 60_000
    change = await one_key(house, "h2")
    house.clock.ms += 60_000
    wiped = (await house.gate.propose(house.agent, house.call("wipe", host="h3"))).record
    queue = await house.gate.quorum.queue(house.people["ana"])
    assert [row.record.id for row in queue.rows] == [wiped.id, change.id, light.id]
    assert [row.weight for row in queue.rows] == [7, 2, 0]
    assert (queue.total, queue.next) == (3, "")
    assert queue.rows[0].wanted == ("one lead or owner", "one other person")


async def test_the_queue_pages_filters_and_forgets_what_has_ended(house: House) -> None:
    records = [await one_key(house, f"h{n}") for n in range(5)]
    ana, quorum = house.people["ana"], house.gate.quorum
    first = await quorum.queue(ana, limit=3)
    second = await quorum.queue(ana, after=first.next, limit=3)
    assert [row.record.id for row in (*first.rows, *second.rows)] == [r.id for r in sorted(records, key=lambda r: r.id)]
    assert (first.total, second.next) == (5, "")
    await house.gate.reject(ana, records[0].id, "no")
    assert (await quorum.queue(ana)).total == 4
    assert (await quorum.queue(ana, QueueFilter(tool="soc/wipe"))).total == 0
    assert (await quorum.queue(ana, QueueFilter(case="INC-1", agent="responder", oversight="one_key"))).total == 4


async def test_alike_holds_of_one_case_form_a_group(house: House) -> None:
    for host in ("h1", "h2", "h3"):
        await one_key(house, host)
    await house.gate.propose(house.agent, house.call("wipe", host="h1"))
    await house.gate.propose(house.agent, house.call("wipe", host="h2"))
    groups = {group.tool: group for group in (await house.gate.quorum.queue(house.people["ana"])).groups}
    assert (groups["soc/isolate"].count, groups["soc/isolate"].together) == (3, True)
    assert (groups["soc/wipe"].count, groups["soc/wipe"].together) == (2, False)


async def test_holds_of_a_version_without_a_queue_come_into_it(tmp_path: Path, build_house: Any) -> None:
    house = await build_house(tmp_path / "k.db")
    record = await one_key(house)
    await house.gate.stop_running()
    house.store.close()
    db = sqlite3.connect(tmp_path / "k.db")
    db.execute("DELETE FROM waiting")
    db.commit()
    db.close()
    again = await build_house(tmp_path / "k.db")
    assert [row.record.id for row in (await again.gate.quorum.queue(again.people["ana"])).rows] == [record.id]
    await again.gate.stop_running()
    again.store.close()
