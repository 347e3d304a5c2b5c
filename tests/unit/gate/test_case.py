"""A case as a timeline, and as a file for an outsider."""

from typing import Any

import msgspec
import pytest

from keyturn.core.sentence import spoken
from keyturn.errors import NotFound
from keyturn.gate import MandateDraft
from keyturn.journal import Signer, check_excerpt

House = Any
SIGNER = Signer("test.example/log", b"k" * 32)


@pytest.fixture
async def worked(house: House) -> House:
    """A case with a read, a response that two people released, and one that was refused."""
    house.ctx.signer = SIGNER
    await house.gate.propose(house.agent, house.call("search", query="beacons"))
    done = (await house.gate.propose(house.agent, house.call("isolate", host="h1"))).record
    for name in ("lena", "ana"):
        await house.gate.turn(house.people[name], done.id, done.digest)
    await house.until(done.id)
    other = (await house.gate.propose(house.agent, house.call("wipe", host="h2"))).record
    await house.gate.reject(house.people["ana"], other.id, "wrong host")
    return house


async def test_the_timeline_tells_who_did_what_in_order(worked: House) -> None:
    found = await worked.gate.case.timeline(worked.people["ana"], "INC-1", limit=500)
    said = [spoken(event.said) for event in found.events]
    assert said[0] == "“lena” gave a mandate to “responder”"
    assert "“responder” proposed to call “soc/search”" in said
    assert [s for s in said if "turned a key" in s] == ["“lena” turned a key", "“ana” turned a key"]
    assert "Released by the keys of “lena, ana”" in said
    assert "It succeeded: “the check shows the effect”" in said
    assert said[-1] == "“ana” refused it: “wrong host”"
    assert [event.seq for event in found.events] == sorted(event.seq for event in found.events)
    assert found.next is None


async def test_the_agents_words_stand_beside_its_proposal(worked: House) -> None:
    found = await worked.gate.case.timeline(worked.people["ana"], "INC-1", limit=500)
    event = next(e for e in found.events if e.kind == "proposed")
    (payload,) = event.payloads
    assert (payload.name, payload.kept) == ("action", True)
    assert msgspec.json.decode(payload.text)["model_output"]["rationale"] == "because of alert 17"
    cut = await worked.gate.case.timeline(worked.people["ana"], "INC-1", limit=500, most=10)
    short = next(e for e in cut.events if e.kind == "proposed").payloads[0]
    assert (len(short.text), short.left_out, short.size) == (10, payload.size - 10, payload.size)
    whole = await worked.gate.case.payload(worked.people["ana"], "INC-1", event.seq, "action")
    assert whole.decode() == payload.text
    for seq, name, case in ((event.seq, "x", "INC-1"), (event.seq - 1, "action", "INC-1"), (event.seq, "action", "Y")):
        with pytest.raises(NotFound):
            await worked.gate.case.payload(worked.people["ana"], case, seq, name)


async def test_pages_follow_each_other_without_a_gap(worked: House) -> None:
    seen: list[int] = []
    after: int | None = -1
    while after is not None:
        page = await worked.gate.case.timeline(worked.people["ana"], "INC-1", after=after, limit=4)
        seen += [event.seq for event in page.events]
        after = page.next
    whole = await worked.gate.case.timeline(worked.people["ana"], "INC-1", limit=500)
    assert seen == [event.seq for event in whole.events]


async def test_cases_are_listed_with_the_newest_first(worked: House) -> None:
    draft = MandateDraft(agent="responder", case="INC-2", purpose="other", tools=("soc/*",), targets=("host:*",))
    await worked.gate.grant(worked.people["lena"], draft)
    rows = await worked.gate.case.listed(worked.people["ana"])
    assert [(row.case, row.open_holds) for row in rows] == [("INC-2", 0), ("INC-1", 0)]
    call = worked.call("isolate", host="h3")
    call.mandate = next(m.id for m in await worked.gate.mandates(worked.agent) if m.case == "INC-1")
    await worked.gate.propose(worked.agent, call)
    rows = await worked.gate.case.listed(worked.people["ana"], limit=1)
    assert [(row.case, row.open_holds) for row in rows] == [("INC-1", 1)]
    assert rows[0].first < rows[0].last
    assert [row.case for row in await worked.gate.case.listed(worked.people["ana"], skip=1)] == ["INC-2"]


async def test_an_export_proves_every_entry_and_is_itself_recorded(worked: House) -> None:
    excerpt = await worked.gate.case.export(worked.people["ana"], "INC-1")
    report = check_excerpt(excerpt, SIGNER.verifier)
    assert report.ok, report.problems
    assert report.payloads > 5
    assert report.payloads_absent == 0
    mine = [entry["seq"] for entry in await worked.entries() if entry.get("case") == "INC-1"]
    assert [proven.index for proven in excerpt.entries] == mine
    last = msgspec.json.decode(excerpt.entries[-1].entry)
    assert (last["kind"], last["by"]) == ("case_exported", "ana")


async def test_an_export_without_payloads_proves_the_same_entries(worked: House) -> None:
    excerpt = await worked.gate.case.export(worked.people["ana"], "INC-1", payloads=False)
    report = check_excerpt(excerpt, SIGNER.verifier)
    assert (report.ok, report.payloads) == (True, 0)
    assert report.payloads_absent > 5
    assert b"alert 17" not in excerpt.encode()


async def test_there_is_nothing_to_export_of_no_case_or_without_a_key(worked: House) -> None:
    size = len(await worked.entries())
    for case in ("", "INC-9"):
        with pytest.raises(NotFound):
            await worked.gate.case.export(worked.people["ana"], case)
    worked.ctx.signer = None
    with pytest.raises(NotFound, match="no key"):
        await worked.gate.case.export(worked.people["ana"], "INC-1")
    assert len(await worked.entries()) == size
