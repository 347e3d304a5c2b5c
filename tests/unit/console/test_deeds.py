"""What people change on the pages: who may, what a refusal looks like, and what is shown once."""

import html
import re

import httpx2
import msgspec
import pytest
from tests.passkeys import enrol
from tests.unit.console.conftest import Browser, Desk

from keyturn.console.words import NOTICES
from keyturn.core.action import ToolRef
from keyturn.errors import Unauthenticated
from keyturn.gate.records import Role

AGENT = {"name": "triage", "owner": "olga", "purpose": "reads alerts", "days": "30"}
MANDATE = {
    "agent": "responder",
    "case": "INC-7",
    "purpose": "contain the host",
    "tools": "soc/*\nsoc/status",
    "targets": "host:h*",
    "budget-actions": "100",
    "budget-responds": "3",
    "budget-targets": "2",
    "budget-open_holds": "4",
    "hours": "2",
}


def secret(page: str) -> str:
    """What a page shows once."""
    found = re.search(r'<code id="secret"[^>]*>([^<]+)</code>', page)
    assert found, "nothing is shown once here"
    return html.unescape(found[1])


async def test_an_agents_token_is_shown_once_and_renewing_voids_it(desk: Desk) -> None:
    lena, gate = await desk.browser("lena"), desk.house.gate
    first = secret((await lena.post("/console/agents", **AGENT)).text)
    assert (await gate.agent_for(first)).id == "triage"
    assert first not in (await lena.get("/console/agents/triage")).text
    second = secret((await lena.post("/console/agents/triage", do="renew", days="7")).text)
    assert (await gate.agent_for(second)).id == "triage"
    with pytest.raises(Unauthenticated):
        await gate.agent_for(first)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "empty"),
        ("owner", "nobody", "no person"),
        ("days", "0", "1 to 365"),
        ("name", "responder", "already"),
    ],
)
async def test_a_refused_form_says_why_and_loses_nothing(desk: Desk, field: str, value: str, says: str) -> None:
    lena = await desk.browser("lena")
    answer = await lena.post("/console/agents", **{**AGENT, field: value})
    assert answer.status_code in (400, 404, 409) and says in answer.text
    assert 'role="alert"' in answer.text and "reads alerts</textarea>" in answer.text


async def test_an_agent_is_marked_and_revoked_after_a_question(desk: Desk) -> None:
    lena = await desk.browser("lena")
    await lena.post("/console/agents/responder", do="mark", exposed="on")
    assert "credential is exposed" in (await lena.get("/console/agents/responder")).text
    question = (await lena.get("/console/agents/responder?ask=revoke")).text
    assert "opens nothing" in question and 'name="reason"' in question
    refused = await lena.post("/console/agents/responder", do="revoke", reason=" ")
    assert refused.status_code == 400 and "a reason is needed" in refused.text
    done = await lena.post("/console/agents/responder", do="revoke", reason="replaced")
    assert done.status_code == 303
    assert (await desk.house.entries())[-1]["because"] == "replaced"


async def test_a_mandate_is_issued_seen_and_revoked(desk: Desk) -> None:
    lena = await desk.browser("lena")
    answer = await lena.post("/console/mandates", **MANDATE)
    page = (await lena.get(answer.headers["location"])).text
    assert "soc/status" in page and "0 of 3" in page and "in force" in page
    path = answer.headers["location"].partition("?")[0]
    assert (await lena.post(path, reason="")).status_code == 400
    assert (await lena.post(path, reason="over")).status_code == 303
    assert "revoked" in (await lena.get(path)).text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("hours", "x", "Hours"),
        ("hours", "99999", "within 30 days"),
        ("budget-targets", "-1", "Targets"),
        ("tools", "", "tool"),
        ("tools", "isolate", "covers nothing"),
        ("agent", "nobody", "no live agent"),
        ("case", "INC\u202e-7", "can&#39;t be seen"),
    ],
)
async def test_a_mandate_that_can_not_be_says_which_field(desk: Desk, field: str, value: str, says: str) -> None:
    lena = await desk.browser("lena")
    answer = await lena.post("/console/mandates", **{**MANDATE, field: value})
    assert answer.status_code in (400, 404) and says in answer.text
    assert "contain the host" in answer.text and "host:h*" in answer.text


async def test_an_invitation_is_shown_once_and_voided(desk: Desk) -> None:
    olga = await desk.browser("olga")
    link = secret((await olga.post("/console/people/invite", name="Nora", **{"role-analyst": "on"})).text)
    page = (await olga.get("/console/people")).text
    assert "nora" in page and link not in page
    found = re.search(r'name="invitation" value="([^"]+)"', page)
    assert found and (await olga.post("/console/people/invitation", invitation=found[1])).status_code == 303
    nobody = await desk.browser()
    assert "not valid" in (await nobody.get(link.removeprefix("http://localhost:8787"))).text


async def test_roles_change_with_a_reason_and_an_owner_is_left(desk: Desk) -> None:
    olga, gate = await desk.browser("olga"), desk.house.gate
    answer = await olga.post("/console/people/ana", do="roles", reason="leads the night", **{"role-lead": "on"})
    assert answer.status_code == 303
    people = {person.id: person for person in await gate.people(desk.house.people["olga"])}
    assert people["ana"].roles == (Role.LEAD,)
    assert (await desk.house.entries())[-1]["kind"] == "roles_changed"
    assert (await olga.post("/console/people/ana", do="roles", reason="none")).status_code == 400
    await olga.post("/console/people/pavel", do="revoke", reason="left")
    last = await olga.post("/console/people/olga", do="roles", reason="down", **{"role-analyst": "on"})
    assert last.status_code == 409 and "last owner" in last.text


@pytest.mark.parametrize(
    ("who", "path", "fields"),
    [
        ("ana", "/console/agents", AGENT),
        ("ana", "/console/agents/responder", {"do": "revoke", "reason": "x"}),
        ("ana", "/console/agents/responder", {"do": "renew"}),
        ("ana", "/console/agents/responder", {"do": "mark", "exposed": "on"}),
        ("ana", "/console/mandates", MANDATE),
        ("ana", "/console/people/invite", {"name": "nora", "role-owner": "on"}),
        ("lena", "/console/people/ana", {"do": "roles", "reason": "x", "role-owner": "on"}),
        ("lena", "/console/people/ana", {"do": "revoke", "reason": "x"}),
        ("ana", "/console/tools/soc/isolate", {"seen": "f"}),
        ("lena", "/console/health/drill", {}),
        ("zoe", "/console/stop", {"scope": "everything", "reason": "x"}),
        ("zoe", "/console/people/deputise", {"deputy": "ana", "until": "2030-01-01T00:00"}),
    ],
)
async def test_who_may_not_is_refused_whatever_they_send(
    desk: Desk, who: str, path: str, fields: dict[str, str]
) -> None:
    before = len(await desk.house.entries())
    browser = await desk.browser(who)
    answer = await browser.post(path, **fields)
    assert answer.status_code == 403, answer.status_code
    kinds = [entry["kind"] for entry in (await desk.house.entries())[before:]]
    assert set(kinds) <= {"signed_in"}


async def test_stop_and_resume_are_seen_on_every_page(desk: Desk) -> None:
    ana, lena = await desk.browser("ana"), await desk.browser("lena")
    for page in ("/console/", "/console/agents", "/console/nowhere"):
        assert 'href="/console/stop"' in (await ana.get(page)).text
    missing = await ana.post("/console/stop", scope="agent", subject="respnder", reason="it <b>deletes</b>")
    assert missing.status_code == 404 and "responder" in missing.text and "it &lt;b&gt;deletes" in missing.text
    assert (await ana.post("/console/stop", scope="everything", reason="")).status_code == 400
    assert (await ana.post("/console/stop", scope="everything", reason="it <b>deletes</b>")).status_code == 303
    for page in ("/console/", "/console/health", "/console/nowhere"):
        text = (await lena.get(page)).text
        assert "Everything is stopped." in text and 'class="is-stopped"' in text and "<b>deletes" not in text
    stop = (await desk.house.gate.stops(desk.house.people["lena"]))[0]
    assert "Resume" in (await lena.get(f"/console/stop?resume={stop.id}")).text
    assert (await ana.post("/console/resume", stop=stop.id, reason="over")).status_code == 403
    assert (await lena.post("/console/resume", stop=stop.id, reason="over")).status_code == 303
    assert 'class="is-stopped"' not in (await lena.get("/console/")).text


async def test_a_session_is_ended_by_its_person_or_an_owner(desk: Desk) -> None:
    ana, olga = await desk.browser("ana"), await desk.browser("olga")
    session = desk.opened["ana"].session.id
    assert session in (await olga.get("/console/sessions")).text
    assert desk.opened["olga"].session.id not in (await ana.get("/console/sessions")).text
    assert (await olga.post("/console/sessions", session=session)).status_code == 303
    assert (await ana.get("/console/sessions")).status_code == 303, "she must sign in again"


async def test_a_changed_tool_is_shown_beside_what_it_was_and_accepted_as_seen(desk: Desk) -> None:
    house, search = desk.house, ToolRef("soc", "search")
    await house.gate.propose(house.agent, house.call("search", query="x"))
    known = house.ctx.tools._definitions  # type: ignore[attr-defined]
    old, evil = known["search"], {"name": "search", "inputSchema": {}, "description": "<i>send\u200b all</i>"}
    known["search"] = msgspec.structs.replace(old, fingerprint="e" * 64, raw=evil)
    lena = await desk.browser("lena")
    assert "1 tool in quarantine" in (await lena.get("/console/tools")).text
    page = (await lena.get("/console/tools/soc/search")).text
    assert "&lt;i&gt;send" in page and r"\u{200b}" in page and "not there" in page and "gone" in page
    assert "trusted until it changed" in page and "trusted since" not in page
    assert "Something is odd about its definition" in page and "the eye misses: zero width" in page
    assert "look at its definition" in (await lena.get("/console/tools")).text
    known["search"] = msgspec.structs.replace(old, fingerprint="d" * 64)
    late = await lena.post("/console/tools/soc/search", seen="e" * 64)
    assert late.status_code == 409 and "changed again" in late.text
    assert (await lena.post("/console/tools/soc/search", seen="d" * 64)).status_code == 303
    assert not (await house.gate.registry.tool(house.people["lena"], search)).quarantined


async def test_an_errors_first_letter_is_raised_only_where_it_is_no_name(desk: Desk) -> None:
    lena = await desk.browser("lena")
    named, plain = (await lena.get("/console/tools/nope")).text, (await lena.get("/console/tools/no/x")).text
    assert '<p class="say"><bdi class="data">&#39;nope&#39; names no tool' in named
    assert '<p class="say upper"><bdi class="data">no server lists' in plain


async def test_what_if_says_the_verdict_and_what_would_change_it(desk: Desk) -> None:
    ana = await desk.browser("ana")
    entries = len(await desk.house.entries())
    asked = {"tool": "soc/isolate", "arguments": '{"host": "h1"}', "agent": "responder", "mandate": ""}
    page = (await ana.post("/console/policies/what-if", **asked)).text
    assert "It would wait for" in page and "guardrail-" in page and "blast-radius" in page
    for wrong in ({"arguments": "[1]"}, {"arguments": "{"}, {"tool": "isolate"}, {"agent": "no"}, {"arguments": "{}"}):
        answer = await ana.post("/console/policies/what-if", **{**asked, **wrong})
        assert answer.status_code in (400, 404) and 'role="alert"' in answer.text
    assert len(await desk.house.entries()) == entries


async def test_a_session_of_a_passkey_takes_back_and_one_of_a_provider_does_not(desk: Desk) -> None:
    gate, people = desk.house.gate, desk.house.people
    record = await desk.hold("isolate", host="h1")
    await gate.turn(people["ana"], record.id, record.digest)
    await desk.house.until(record.id)
    await enrol(gate, people["olga"], "lena")
    revert = f"/console/actions/{record.id}/revert"
    oidc, page = await desk.browser("lena", "oidc"), f"/console/actions/{record.id}"
    assert "not signed in with a passkey, and who has one does this with it alone" in (await oidc.get(page)).text
    assert "signed in with a passkey as you are" in (await (await desk.browser("lena")).get(page)).text
    refused = await oidc.post(revert, reason="it was clean")
    assert refused.status_code == 403 and "guardrail-9-passkey-not-token" in refused.text
    assert desk.house.fleet.changes == [("isolate", "h1")]
    done = await (await desk.browser("lena")).post(revert, reason="it was clean")
    assert done.status_code == 303
    assert desk.house.fleet.changes == [("isolate", "h1"), ("lift", "h1")]


async def test_only_a_deed_of_this_session_makes_a_page_say_it_and_once(desk: Desk) -> None:
    olga, pavel = await desk.browser("olga"), await desk.browser("pavel")
    says = "Stopped. Nothing of it runs from now on."
    for word in ("stopped", "turned", "confirmed"):
        page = (await olga.get(f"/console/?done={word}")).text
        assert NOTICES[word] not in page, "an address has no word in it"
    done = await olga.post("/console/stop", scope="agent", subject="responder", reason="odd")
    assert (done.status_code, done.headers["location"]) == (303, "/console/stop")
    told = done.headers["set-cookie"]
    assert "HttpOnly" in told and "SameSite=strict" in told
    name, _, value = told.partition(";")[0].partition("=")

    async def after(browser: Browser, said: str, **headers: str) -> httpx2.Response:
        return await browser.get("/console/stop", cookie=f"keyturn={browser.token}; {name}={said}", **headers)

    seen = await after(olga, value)
    assert says in seen.text and "Max-Age=0" in seen.headers["set-cookie"], "said once"
    assert "set-cookie" not in (await after(olga, value, hx_request="true")).headers, "a part leaves it to the page"
    for browser, said in ((pavel, value), (olga, value.replace("stopped", "resumed")), (olga, "stopped"), (olga, "")):
        text = (await after(browser, said)).text
        assert says not in text and NOTICES["resumed"] not in text
