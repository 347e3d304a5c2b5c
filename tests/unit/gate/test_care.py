"""Care for those who turn keys: reading time, the budget against fatigue, health, and drills."""

import hashlib
from typing import Any

import msgspec
import pytest
from tests.unit.gate.test_quorum import bodies, one_key, told, turn, two_key

from keyturn.core.execution import State
from keyturn.core.hold import Key
from keyturn.errors import Conflict, Forbidden, NotFound
from keyturn.gate import CareSettings
from keyturn.gate.execute import release
from keyturn.gate.notices import Event, Listener
from keyturn.gate.records import Role
from keyturn.gate.recover import complete

House = Any
HOUR = 3_600_000


async def test_opening_is_kept_once_and_the_reading_time_with_the_key(house: House) -> None:
    record, ana = await one_key(house), house.people["ana"]
    opened = await house.gate.care.opened(ana, record.id)
    house.clock.ms += 42_000
    assert await house.gate.care.opened(ana, record.id) == opened
    assert await house.gate.care.opened_of(ana, [record.id, "a0"]) == {record.id: opened}
    await turn(house, "ana", record)
    assert [(body["action"], body["person"]) for body in await bodies(house, "opened")] == [(record.id, "ana")]
    assert [body["reading_ms"] for body in await bodies(house, "key_turned")] == [42_000]


async def test_what_waits_for_nobody_and_who_decides_nothing_leaves_no_trace(house: House) -> None:
    proposed = await house.gate.propose(house.agent, house.call("search", query="x"))
    await house.gate.add_person(house.people["olga"], "aud", (Role.AUDITOR,))
    auditor = next(p for p in await house.gate.people(house.people["olga"]) if p.id == "aud")
    held = await two_key(house)
    await house.gate.care.opened(house.people["ana"], proposed.record.id)
    await house.gate.care.opened(auditor, held.id)
    assert await bodies(house, "opened") == []
    with pytest.raises(NotFound):
        await house.gate.care.opened(house.people["ana"], "nothing")


# Fatigue


async def tired(house: House, name: str, keys: int = 2, *, enough: bool = True) -> None:
    """The person turns as many keys as the budget allows; ``enough``: each suffices, so its action runs."""
    house.ctx.care = CareSettings(keys_per_hour=keys)
    for number in range(keys):
        record = await one_key(house, f"tired{number}")
        await turn(house, name, record)
        if enough:
            await house.until(record.id)


async def test_a_tired_persons_hold_goes_to_others_who_are_there(house: House) -> None:
    await tired(house, "ana")
    record = await one_key(house, "h5")
    await house.gate.care.opened(house.people["bob"], record.id)
    with pytest.raises(Forbidden, match="standard-rest-when-tired"):
        await turn(house, "ana", record)
    ruling = await house.gate.quorum.explain_turn(house.people["ana"], record.id)
    assert (ruling.allowed, ruling.tired, ruling.others) == (False, True, 1)
    await turn(house, "bob", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_it_is_never_a_dead_end(house: House) -> None:
    """Nobody else is there: the tired person's key counts, and the journal says that the person was tired."""
    await tired(house, "ana")
    record = await one_key(house, "h5")
    ruling = await house.gate.quorum.explain_turn(house.people["ana"], record.id)
    assert (ruling.allowed, ruling.tired, ruling.others) == (True, True, 0)
    await turn(house, "ana", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED
    assert [body["tired"] for body in await bodies(house, "key_turned")] == [False, False, True]
    assert (await house.gate.care.health(house.people["olga"], 0)).tired_keys == 1


async def test_others_who_would_not_help_or_are_away_or_tired_count_for_nothing(house: House) -> None:
    await tired(house, "lena", enough=False)
    record = await two_key(house, "h5")
    for name in ("bob", "pavel"):
        await house.gate.care.opened(house.people[name], record.id)
    await turn(house, "bob", record)
    assert (await house.gate.quorum.explain_turn(house.people["lena"], record.id)).others == 1, "pavel, an owner"
    await house.gate.quorum.deputise(house.people["pavel"], "ana", house.clock.ms + HOUR)
    ruling = await house.gate.quorum.explain_turn(house.people["lena"], record.id)
    assert (ruling.tired, ruling.others, ruling.allowed) == (True, 0, True)


async def test_rest_comes_with_time(house: House) -> None:
    await tired(house, "ana")
    assert (await house.gate.care.budget(house.people["ana"])).tired
    house.clock.ms += HOUR
    budget = await house.gate.care.budget(house.people["ana"])
    assert (budget.turned, budget.keys_per_hour, budget.tired) == (0, 2, False)


# Health


async def test_health_counts_what_happened(house: House) -> None:
    ana, since = house.people["ana"], house.clock.ms
    quick, slow, refused, expired = [await one_key(house, f"h{n}") for n in range(4)]
    await house.gate.care.opened(ana, quick.id)
    house.clock.ms += 2_000
    await turn(house, "ana", quick)
    await house.until(quick.id)
    await house.gate.care.opened(ana, slow.id)
    house.clock.ms += 60_000
    await turn(house, "ana", slow)
    await house.until(slow.id)
    await house.gate.reject(house.people["bob"], refused.id, "wrong host")
    house.clock.ms = expired.due_at
    await house.gate.sweep()
    health = await house.gate.care.health(ana, since)
    assert (health.holds, health.open, health.released, health.refused, health.expired) == (4, 0, 2, 1, 1)
    assert (health.alone_share, health.fast_share) == (1.0, 0.5)
    assert health.waited_p50_ms == pytest.approx(62_000, rel=0.1)
    assert health.waited_p95_ms == pytest.approx(4 * HOUR, rel=0.1)
    answers = {each.person: (each.turned, each.refused, each.read, each.fast) for each in health.hours}
    assert answers == {"ana": (2, 0, 2, 1), "bob": (0, 1, 0, 0)}
    later = await house.gate.care.health(ana, house.clock.ms + 24 * HOUR)
    assert (later.holds, later.alone_share, later.waited_p50_ms, later.hours) == (0, None, None, ())


# Drills


async def drill(house: House, planned: bool = False) -> Any:
    """A drill, after a real hold that it can be made from."""
    before = await one_key(house, "h1")
    await house.gate.reject(house.people["bob"], before.id, "no")
    if planned:
        house.ctx.care, house.ctx.chance = CareSettings(drills_per_week=7), lambda: 0.5
        await house.gate.sweep()
    return await house.gate.care.drill(house.people["olga"])


async def revealed(house: House) -> dict[str, Any]:
    (body,) = await bodies(house, "drill_ended")
    return body


async def test_a_drill_looks_like_any_hold_and_its_reason_speaks_of_another_target(house: House) -> None:
    record = await drill(house)
    assert (record.state, record.agent, record.case, str(record.tool)) == (
        State.HELD, "responder", "INC-1", "soc/isolate",
    )  # fmt: skip
    story = await house.gate.story(house.people["ana"], record.id)
    assert story.action.arguments == {"host": "h1"}
    assert "h4" in story.action.model_output.rationale
    assert record.id in [row.record.id for row in (await house.gate.quorum.queue(house.people["ana"])).rows]
    public = [entry for entry in await house.entries() if entry.get("action") == record.id]
    assert [entry["kind"] for entry in public] == ["proposed", "decided"]
    assert "drill" not in str(public)


async def test_turning_a_key_on_a_drill_ends_it_and_says_so(house: House) -> None:
    record = await drill(house)
    house.ctx.listeners = (Listener(name="team"),)
    after = await turn(house, "ana", record)
    assert [notice.action for notice in await told(house, Event.DRILL_ENDED)] == [record.id]
    assert (after.state, after.ended_by) == (State.WITHDRAWN, "ana")
    assert "this was a drill" in after.ended_because
    body = await revealed(house)
    assert (body["result"], body["person"]) == ("turned", "ana")
    assert await bodies(house, "key_turned") == []
    assert house.fleet.changes == []
    health = await house.gate.care.health(house.people["olga"], 0)
    assert health.drills.turned == 1
    assert (health.holds, health.withdrawn) == (1, 0), "a drill is no hold"


async def test_refusing_a_drill_is_right_and_says_so(house: House) -> None:
    record = await drill(house)
    after = await house.gate.reject(house.people["ana"], record.id, "the reason is about another host")
    assert after.state is State.REFUSED
    assert after.ended_because == ("this was a drill, and refusing it was right (the reason is about another host)")
    assert (await revealed(house))["result"] == "refused"
    assert (await house.gate.care.health(house.people["olga"], 0)).drills.refused == 1


async def test_a_drill_that_nobody_answers_ends_with_the_truth(house: House) -> None:
    record = await drill(house)
    house.ctx.listeners = (Listener(name="team"),)
    house.clock.ms = record.due_at
    await house.gate.sweep()
    assert (await house.gate.look(house.people["ana"], record.id)).state is State.EXPIRED
    assert (await revealed(house))["result"] == "expired"
    assert await told(house, Event.EXPIRED) == [], "nobody is called for a hold that was none"
    assert [notice.action for notice in await told(house, Event.DRILL_ENDED)] == [record.id]


async def test_the_journal_committed_to_the_drill_before_and_tells_it_after(house: House) -> None:
    record = await drill(house, planned=True)
    content = (await house.gate.story(house.people["ana"], record.id)).content
    await house.gate.reject(house.people["ana"], record.id, "no")
    mark = bytes.fromhex((await revealed(house))["mark"])
    (planned,) = await bodies(house, "drill_planned")
    assert planned["commitment"] == hashlib.sha256(b"keyturn/drill/1\n" + mark).hexdigest()
    nonce = hashlib.sha256(b"keyturn/drill/nonce/1\n" + mark).hexdigest()[:32]
    assert msgspec.json.decode(content)["nonce"] == nonce
    entries = await house.entries()
    kinds = [entry["kind"] for entry in entries]
    of_it = next(n for n, entry in enumerate(entries) if entry.get("action") == record.id)
    assert kinds.index("drill_planned") < of_it


async def test_no_entry_beside_a_drill_gives_it_away(house: House) -> None:
    """Neither one right before an owner's drill, nor the next one's plan right after it: that waits for its end."""
    record = await drill(house)
    assert await bodies(house, "drill_planned") == []
    house.ctx.care, house.ctx.chance = CareSettings(drills_per_week=7), lambda: 0.5
    health = await house.gate.care.health(house.people["ana"], 0)
    ended = health.released + health.refused + health.expired + health.withdrawn + health.denied
    assert health.holds - ended == health.open, "the sums do not tell it either"
    await house.gate.sweep()
    assert await bodies(house, "drill_planned") == []
    await house.gate.reject(house.people["ana"], record.id, "no")
    assert (await revealed(house))["by"] == "olga"
    await house.gate.sweep()
    assert [body["by"] for body in await bodies(house, "drill_planned")] == ["gate"]


async def test_a_drill_can_not_run_by_any_path(house: House) -> None:
    """By trying: keys, the step that completes them, a forced row, and the release itself."""
    record = await drill(house)
    with pytest.raises(Conflict, match="no key completes it"):
        await house.store.write(lambda tx: complete(house.ctx, tx, tx.action(record.id)))
    forced = msgspec.structs.replace(record, state=State.READY)
    await house.store.write(lambda tx: tx.put_action(forced))
    assert record.hold is not None
    seen = {"digest": record.digest, "policy": record.policy, "definition": record.definition, "turned_at": 1}
    keys = tuple(Key(person=name, **seen) for name in ("ana", "lena"))
    full = msgspec.structs.replace(forced, hold=msgspec.structs.replace(record.hold, keys=keys))
    await house.store.write(lambda tx: tx.put_action(full))
    with pytest.raises(Forbidden, match="a drill never runs"):
        await house.store.write(lambda tx: release(house.ctx, tx, record.id))
    await house.gate.sweep()
    assert house.fleet.changes == []
    assert "released" not in [e["kind"] for e in await house.entries() if e.get("action") == record.id]


async def test_a_drill_costs_its_agent_nothing(house: House) -> None:
    record = await drill(house)
    same = await house.gate.propose(house.agent, house.call("isolate", host="h8"))
    assert same.record.id != record.id
    opened = await house.store.read(lambda tx: tx.open_holds("responder", "INC-1"))
    assert opened == 1, "the real one only"
    with pytest.raises(NotFound):
        await house.gate.look(house.agent, record.id)
    with pytest.raises(NotFound):
        await house.gate.withdraw(house.agent, record.id, "mine?")
    await house.gate.reject(house.people["ana"], record.id, "no")
    assert await house.store.read(lambda tx: tx.open_holds("responder", "INC-1")) == 1


async def test_drills_come_at_random_times_by_the_owners_setting(house: House) -> None:
    before = await one_key(house, "h1")
    await house.gate.reject(house.people["bob"], before.id, "no")
    await house.gate.sweep()
    assert await bodies(house, "drill_planned") == []
    house.ctx.care, house.ctx.chance = CareSettings(drills_per_week=7), lambda: 0.001
    await house.gate.sweep()
    assert len(await bodies(house, "drill_planned")) == 1
    assert (await house.gate.quorum.queue(house.people["ana"])).total == 0
    house.clock.ms += 24 * 60_000
    await house.gate.sweep()
    assert (await house.gate.quorum.queue(house.people["ana"])).total == 1
    (open_one,) = (await house.gate.quorum.queue(house.people["ana"])).rows
    await house.gate.sweep()
    assert len(await bodies(house, "drill_planned")) == 1, "the next is not planned while one waits"
    await house.gate.reject(house.people["ana"], open_one.record.id, "no")
    await house.gate.sweep()
    assert len(await bodies(house, "drill_planned")) == 2, "and then it is"


async def test_only_an_owner_sends_one_and_only_from_something(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.gate.care.drill(house.people["lena"])
    with pytest.raises(Conflict, match="nothing to make a drill from"):
        await house.gate.care.drill(house.people["olga"])
    assert await bodies(house, "drill_planned") == [], "what failed left nothing"
