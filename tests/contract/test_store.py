"""What every store keeps of :class:`keyturn.gate.ports.Store` and ``Tx``, whatever it remembers between the lines."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.contract.conftest import Open

from keyturn.core.action import Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Chain, Oversight
from keyturn.core.mandate import Mandate
from keyturn.core.profile import Reversible, Stage
from keyturn.errors import Conflict, StoreError
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord, Agent, Scope, Stop, ToolPin
from keyturn.store import SqliteStore
from keyturn.store.schema import MIGRATIONS, statements

SEARCH = ToolRef("soc", "search")
ISOLATE = ToolRef("edr", "isolate")


def agent(name: str = "bot", **other: object) -> Agent:
    made = Agent(
        id=name, owner="olga", purpose="p", token_hash=f"t-{name}", token_issued_at=1, token_expires_at=9, created_at=1
    )
    return msgspec.structs.replace(made, **other)


def mandate(name: str = "m1") -> Mandate:
    return Mandate(
        id=name, agent="bot", case="C", purpose="p", tools=("*",), issued_by="olga", issued_at=1, expires_at=99
    )


def action(name: str, state: State = State.HELD, fingerprint: str = "f") -> ActionRecord:
    return ActionRecord(
        id=name,
        digest="d",
        fingerprint=fingerprint,
        agent="bot",
        mandate="m1",
        case="C",
        tool=ISOLATE,
        targets=(),
        definition="",
        stage=Stage.RESPOND,
        reversible=Reversible.HARD,
        oversight=Oversight.ONE_KEY,
        policy="p",
        reasons=(),
        state=state,
        proposed_at=1,
        changed_at=1,
        due_at=5,
    )


def failing(work: Callable[[Tx], object]) -> Callable[[Tx], None]:
    """The work, which then fails."""

    def fail(tx: Tx) -> None:
        work(tx)
        raise Conflict("not this one")

    return fail


async def together(store: SqliteStore, *works: object) -> list[object]:
    """Queue all at once, so that they share a commit."""
    return await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)  # type: ignore[arg-type]


async def test_what_another_process_grants_and_takes_back_is_seen_at_once(open_store: Open) -> None:
    here, there = open_store(), open_store()
    for looked in (here.write, here.read):
        assert await looked(lambda tx: (tx.agent("bot"), tx.agent_by_token("t-bot"), tx.pin(SEARCH))) == (None,) * 3
    stop = Stop(id="s1", scope=Scope.EVERYTHING, subject="", reason="r", by="olga", at=1)
    pin = ToolPin(tool=SEARCH, fingerprint="f1", pinned_at=1, pinned_by="olga")

    def grant(tx: Tx) -> None:
        tx.put_agent(agent())
        tx.put_mandate(mandate())
        tx.put_stop(stop)
        tx.put_pin(pin)

    await there.write(grant)
    for looked in (here.write, here.read):
        assert await looked(lambda tx: (tx.agent("bot"), tx.agent_by_token("t-bot"))) == (agent(), agent())
        assert await looked(lambda tx: (tx.mandate("m1"), tx.mandates(agent="bot"))) == (mandate(), [mandate()])
        assert await looked(lambda tx: (tx.stops(), tx.pin(SEARCH))) == ([stop], pin)

    def take_back(tx: Tx) -> None:
        tx.put_agent(agent(token_hash="t-new", revoked_at=3))
        tx.put_mandate(msgspec.structs.replace(mandate(), revoked_at=3))
        tx.put_stop(msgspec.structs.replace(stop, lifted_at=3))
        tx.put_pin(msgspec.structs.replace(pin, fingerprint="f2"))

    await there.write(take_back)
    for looked in (here.write, here.read):
        assert await looked(lambda tx: tx.agent_by_token("t-bot")) is None
        assert (await looked(lambda tx: tx.agent("bot"))).revoked_at == 3
        assert (await looked(lambda tx: tx.mandate("m1"))).revoked_at == 3
        assert await looked(lambda tx: tx.mandates(agent="bot", live_at=5)) == []
        assert await looked(lambda tx: (tx.stops(), tx.pin(SEARCH).fingerprint)) == ([], "f2")


async def test_what_failed_work_changed_is_neither_kept_nor_remembered(open_store: Open) -> None:
    store = open_store()
    await store.write(lambda tx: tx.put_agent(agent()))

    def spoil(tx: Tx) -> None:
        tx.put_agent(agent(revoked_at=2))
        tx.put_agent(agent("thief"))
        tx.note_chain("bot", "C", SEARCH, analysed=True)
        tx.spend("m1", actions=5, responds=5, targets=[Target("host", "h1")])
        assert tx.agent("thief") is not None, "work sees its own writes"

    def look(tx: Tx) -> object:
        return tx.agent("bot"), tx.agent("thief"), tx.chain(["bot"], "C"), tx.spent("m1")

    ends = await together(store, lambda tx: tx.put_mandate(mandate()), failing(spoil), look)
    assert isinstance(ends[1], Conflict)
    expected: tuple[object, ...] = (agent(), None, Chain(), (0, 0, frozenset()))
    assert ends[2] == expected
    assert await store.read(look) == expected
    assert await open_store().read(look) == expected


async def test_spending_adds_up_within_a_commit_across_commits_and_processes(open_store: Open) -> None:
    here, there = open_store(), open_store()
    await here.write(lambda tx: tx.put_mandate(mandate()))
    h1, h2 = Target("host", "h1"), Target("host", "h2")

    def spend(tx: Tx) -> object:
        tx.spend("m1", actions=1, responds=1, targets=[h1])
        return tx.spent("m1")

    assert await together(here, spend, spend) == [(1, 1, frozenset({h1})), (2, 2, frozenset({h1}))]
    await there.write(lambda tx: tx.spend("m1", actions=1, responds=0, targets=[]))
    await here.write(lambda tx: tx.spend("m1", actions=1, responds=1, targets=[h1, h2]))
    for store in (here, there):
        assert await store.read(lambda tx: tx.spent("m1")) == (4, 3, frozenset({h1, h2}))


async def test_open_holds_are_those_that_are_held(open_store: Open) -> None:
    store = open_store()

    def hold(tx: Tx) -> None:
        tx.put_mandate(mandate())
        for name in ("a1", "a2", "a3"):
            tx.put_action(action(name))
        tx.put_action(action("a4", State.DENIED))

    await store.write(hold)
    assert await store.read(lambda tx: tx.open_holds("bot", "C")) == 3
    steps = [("a1", State.READY, 2), ("a1", State.HELD, 3), ("a1", State.HELD, 3), ("a2", State.EXPIRED, 2)]
    for name, state, left in steps:
        await store.write(lambda tx, n=name, s=state: tx.put_action(action(n, s)))  # type: ignore[misc]
        assert await store.read(lambda tx: tx.open_holds("bot", "C")) == left
    await together(store, failing(lambda tx: tx.put_action(action("a3", State.REFUSED))))
    assert await store.read(lambda tx: tx.open_holds("bot", "C")) == 2


async def test_actions_are_found_within_the_work_that_puts_them(open_store: Open) -> None:
    store, other = open_store(), open_store()
    runs = action("a1", State.EXECUTING, "r")

    def work(tx: Tx) -> None:
        tx.put_action(runs)
        assert tx.action("a1") == runs
        assert [r.id for r in tx.actions(states=[State.EXECUTING])] == ["a1"]
        tx.put_action(msgspec.structs.replace(runs, state=State.SUCCEEDED))
        assert not tx.actions(states=[State.EXECUTING])
        tx.put_action(action("a2"))
        assert tx.open_holds("bot", "C") == 1
        assert tx.held_twin("bot", "f") is not None
        tx.put_action(action("a3", State.REFUSED, "no"))
        assert tx.refused_before("C", "no")
        assert [r.id for r in tx.actions_like("a", 9)] == ["a1", "a2", "a3"]

    await store.write(work)
    ends = await together(
        store,
        lambda tx: tx.put_action(action("a4", State.EXECUTING)),
        failing(lambda tx: tx.put_action(action("a5", State.EXECUTING))),
        lambda tx: tx.put_action(action("a6", State.EXECUTING)),
    )
    assert [type(end) for end in ends] == [type(None), Conflict, type(None)]
    for each in (store, other):
        kept = await each.read(lambda tx: {r.id: r.state for r in tx.actions_like("a", 9)})
        assert kept == {
            "a1": State.SUCCEEDED,
            "a2": State.HELD,
            "a3": State.REFUSED,
            "a4": State.EXECUTING,
            "a6": State.EXECUTING,
        }


async def test_the_chain_and_refusals_of_a_case(open_store: Open) -> None:
    here, there = open_store(), open_store()

    def walk(tx: Tx) -> Chain:
        tx.note_chain("bot", "C", SEARCH, analysed=False)
        tx.note_chain("bot", "C", SEARCH, analysed=True)
        tx.note_chain("bot", "C", ISOLATE, analysed=False)
        tx.note_chain("bot", "D", ISOLATE, analysed=False)
        return tx.chain(["bot"], "C")

    assert await here.write(walk) == Chain(tools=2, upstreams=2, analysed=True)
    assert await there.read(lambda tx: tx.chain(["bot"], "C")) == Chain(tools=2, upstreams=2, analysed=True)
    assert not await here.write(lambda tx: tx.refused_before("C", "f9"))
    await there.write(lambda tx: tx.put_action(action("a9", State.REFUSED, "f9")))
    for looked in (here.write, here.read):
        assert await looked(lambda tx: (tx.refused_before("C", "f9"), tx.refused_before("D", "f9"))) == (True, False)


async def test_payloads_are_read_within_the_work_that_keeps_them(open_store: Open) -> None:
    store = open_store()

    def keep(tx: Tx) -> list[bytes | None]:
        tx.record("noted", 1, {}, {"text": b"one"}, action="a1")
        tx.record("noted", 1, {}, {"text": b"two"}, action="a1")
        return [tx.payload("a1", "text"), tx.payload("a1", "other"), tx.payload("a2", "text")]

    assert await store.write(keep) == [b"two", None, None]
    await together(store, failing(lambda tx: tx.record("noted", 1, {}, {"text": b"bad"}, action="a1")))
    assert await store.read(lambda tx: tx.payload("a1", "text")) == b"two"


@pytest.mark.parametrize("made", range(1, len(MIGRATIONS)))
async def test_an_older_database_is_brought_up_with_its_open_holds(open_store: Open, tmp_path: Path, made: int) -> None:
    body = msgspec.msgpack.encode
    db = sqlite3.connect(tmp_path / "keyturn.db")
    for script in MIGRATIONS[:made]:
        for statement in statements(script):
            db.execute(statement)
    db.execute("INSERT INTO mandates (id, agent, expires_at, body) VALUES ('m1', 'bot', 99, ?)", (body(mandate()),))
    for name, state in (("a1", State.HELD), ("a2", State.HELD), ("a3", State.EXPIRED)):
        row = (name, state, "bot", "m1", "C", "edr", "f", 5, 0, body(action(name, state)))
        columns = "id, state, agent, mandate, case_id, upstream, fingerprint, due_at, keyed, body"
        db.execute(f"INSERT INTO actions ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)", row)
    db.execute(f"PRAGMA user_version = {made}")
    db.commit()
    db.close()
    store = open_store()
    assert await store.read(lambda tx: tx.open_holds("bot", "C")) == 2
    await store.write(lambda tx: tx.put_action(action("a1", State.EXPIRED)))
    assert len(await store.read(lambda tx: tx.actions(states=(State.HELD,)))) == 1


async def test_what_reads_can_not_write(open_store: Open) -> None:
    store = open_store()
    with pytest.raises(StoreError):
        await store.read(lambda tx: tx.put_setting("x", b"y"))
    assert await store.read(lambda tx: tx.setting("x")) is None
