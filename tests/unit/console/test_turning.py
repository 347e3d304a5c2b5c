"""Turning keys over the pages: what is signed, what is refused, and several together."""

import json
import re
from typing import Any

import httpx2
import pytest
from tests.passkeys import enrol
from tests.unit.console.conftest import Browser, Desk

from keyturn.core.execution import State
from keyturn.errors import Conflict
from keyturn.gate.records import Role, Scope


async def person(desk: Desk, name: str) -> Browser:
    """A browser of somebody who has a passkey."""
    browser = await desk.browser(name)
    await enrol(desk.house.gate, desk.house.people["olga"], name, browser.authenticator)
    return browser


def holds_on(page: str) -> list[list[str]]:
    """What the page's own form would ask to be signed."""
    return [found.split(" ") for found in re.findall(r'name="hold" value="([^"]+)"', page)]


async def turn(browser: Browser, holds: Any, **lies: Any) -> httpx2.Response:
    """What the page's script does with its form."""
    begun = await browser.call("/console/turn/begin", holds=holds)
    if begun.status_code != 200:
        return begun
    answer = browser.authenticator.get(begun.json()["options"], **lies)
    return await browser.call("/console/turn/finish", ceremony=begun.json()["ceremony"], answer=answer)


async def test_two_people_turn_their_keys_on_what_the_page_showed_and_it_runs(desk: Desk) -> None:
    record = await desk.hold(host="dc01")
    ana, lena = await person(desk, "ana"), await person(desk, "lena")
    for browser in (ana, lena):
        page = (await browser.get(f"/console/actions/{record.id}")).text
        assert holds_on(page) == [[record.id, record.digest]]
        done = await turn(browser, holds_on(page))
        assert done.json() == {"next": f"/console/actions/{record.id}"}, done.text
    assert (await desk.house.until(record.id)).state is State.SUCCEEDED
    assert desk.house.fleet.changes == [("isolate", "dc01")]
    after = (await ana.get(f"/console/actions/{record.id}")).text
    assert not holds_on(after) and "has run" in after


async def test_a_key_for_other_bytes_or_of_another_or_used_twice_turns_nothing(desk: Desk) -> None:
    one, other = await desk.hold(host="ws1"), await desk.hold(host="ws2")
    ana, lena = await person(desk, "ana"), await person(desk, "lena")
    assert (await turn(ana, [[one.id, other.digest]])).status_code == 409, "a substituted digest"
    begun = (await ana.call("/console/turn/begin", holds=[[one.id, one.digest]])).json()
    wrong = lena.authenticator.get(begun["options"] | {"allowCredentials": []})
    said = {"ceremony": begun["ceremony"], "answer": wrong}
    assert (await ana.call("/console/turn/finish", **said)).status_code == 403, "another person's passkey"
    begun = (await ana.call("/console/turn/begin", holds=[[one.id, one.digest]])).json()
    said = {"ceremony": begun["ceremony"], "answer": ana.authenticator.get(begun["options"])}
    assert (await lena.call("/console/turn/finish", **said)).status_code == 409, "another person's ceremony"
    assert (await ana.call("/console/turn/finish", **said)).status_code in (200, 409)
    assert (await ana.call("/console/turn/finish", **said)).status_code == 409, "the same answer once more"
    ana.authenticator.verifies = False
    assert (await turn(ana, [[other.id, other.digest]])).status_code == 403, "no finger, face or PIN"
    ana.authenticator.verifies, ana.authenticator.origin = True, "https://evil.example"
    assert (await turn(ana, [[other.id, other.digest]])).status_code == 403, "another origin"
    assert ("isolate", "ws2") not in desk.house.fleet.changes


async def test_a_session_turns_no_key_without_its_persons_passkey(desk: Desk) -> None:
    record = await desk.hold(host="ws1")
    oidc = await desk.browser("ana", "oidc")
    answer = await oidc.call("/console/turn/begin", holds=[[record.id, record.digest]])
    assert answer.status_code == 403 and "no passkey" in answer.json()["error"]["message"]


async def test_one_touch_turns_alike_keys_once_each_has_been_opened(desk: Desk) -> None:
    records = [await desk.hold(host=f"ws{n}") for n in range(1, 4)]
    ana, asked = await person(desk, "ana"), "&".join("id=" + "{}" for _ in range(3))
    path = "/console/together?" + asked.format(*(record.id for record in records))
    before = (await ana.get(path)).text
    assert not holds_on(before) and "3 to go" in before
    wanted = [[record.id, record.digest] for record in records]
    refused = await turn(ana, wanted)
    assert refused.status_code == 409 and "not opened" in refused.json()["error"]["message"]
    for record in records:
        assert (await ana.get(f"/console/actions/{record.id}")).status_code == 200
    page = (await ana.get(path)).text
    assert holds_on(page) == wanted
    assert (await turn(ana, holds_on(page))).json() == {"next": "/console/"}
    entries = [e for e in await desk.house.entries() if e["kind"] == "key_turned"]
    assert [e["action"] for e in entries] == [record.id for record in records]
    assert len({json.dumps(e["assertion"], sort_keys=True) for e in entries}) == 1, "one signature over the list"


async def test_what_no_page_showed_in_whole_is_not_turned_together(desk: Desk) -> None:
    records = [await desk.hold(host=f"ws{n}", note="x" * 6_000) for n in range(2)]
    ana, wanted = await person(desk, "ana"), [[record.id, record.digest] for record in records]
    path = f"/console/together?id={records[0].id}&id={records[1].id}"
    for record in records:
        await ana.get(f"/console/actions/{record.id}")
        await ana.send("HEAD", f"/console/actions/{record.id}?all=1")
    assert not holds_on((await ana.get(path)).text)
    assert (await turn(ana, wanted)).status_code == 409
    straight = desk.house.gate.access.begin_turn(desk.house.people["ana"], [tuple(each) for each in wanted])
    with pytest.raises(Conflict, match="not opened all of"):
        await straight
    for record in records:
        await ana.get(f"/console/actions/{record.id}?all=1")
    assert holds_on((await ana.get(path)).text) == wanted
    assert (await turn(ana, wanted)).status_code == 200


async def test_unlike_and_final_actions_are_not_turned_together(desk: Desk) -> None:
    one, other, final = (
        await desk.hold(host="ws1"),
        await desk.hold("tag", host="dc01"),
        await desk.hold("wipe", host="w"),
    )
    ana = await person(desk, "ana")
    for record in (one, other, final):
        await ana.get(f"/console/actions/{record.id}")
    for pair in ((one, other), (one, final)):
        page = (await ana.get(f"/console/together?id={pair[0].id}&id={pair[1].id}")).text
        assert not holds_on(page) and "not alike" in page
        assert (await turn(ana, [[r.id, r.digest] for r in pair])).status_code == 409


async def test_refusing_needs_a_reason_and_the_agent_reads_it(desk: Desk) -> None:
    record, ana = await desk.hold(host="ws1"), await desk.browser("ana")
    assert (await ana.post(f"/console/actions/{record.id}/refuse", reason="  ")).status_code == 400
    done = await ana.post(f"/console/actions/{record.id}/refuse", reason="not the host of this case")
    assert done.headers["location"] == f"/console/actions/{record.id}"
    seen = await desk.house.gate.look(desk.house.agent, record.id)
    assert (seen.state, seen.ended_because) == (State.REFUSED, "not the host of this case")
    assert (await ana.post(f"/console/actions/{record.id}/refuse", reason="again")).status_code == 409


async def test_a_person_who_may_not_is_told_why_and_sees_no_key(desk: Desk) -> None:
    record = await desk.hold(host="dc01")
    await desk.house.gate.add_person(desk.house.people["olga"], "aud", (Role.AUDITOR,))
    auditor = await desk.browser("aud")
    page = (await auditor.get(f"/console/actions/{record.id}")).text
    assert "turn this key" in page and not holds_on(page) and 'data-open="refuse"' not in page
    assert (await auditor.post(f"/console/actions/{record.id}/refuse", reason="no")).status_code == 403
    ana = await person(desk, "ana")
    await turn(ana, holds_on((await ana.get(f"/console/actions/{record.id}")).text))
    assert not holds_on((await ana.get(f"/console/actions/{record.id}")).text), "one key a person"


async def test_a_stopped_system_looks_stopped(desk: Desk) -> None:
    record, ana = await desk.hold(host="ws1"), await desk.browser("ana")
    await desk.house.gate.stop(desk.house.people["olga"], Scope.EVERYTHING, "", "hold <b>on</b>")
    for path in ("/console/", f"/console/actions/{record.id}", "/console/nowhere"):
        page = (await ana.get(path)).text
        assert "Everything is stopped" in page and "is-stopped" in page and "hold &lt;b&gt;on" in page
