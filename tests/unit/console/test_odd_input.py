"""Odd and hostile input: no page fails, nothing becomes markup, nothing hides, and long lists come in pages."""

import asyncio
import contextlib
from urllib.parse import quote

import pytest
from tests.hostile import corpus
from tests.unit.console.conftest import SIGNER, Desk

from keyturn.core.action import ModelOutput
from keyturn.errors import KeyturnError
from keyturn.gate import MandateDraft
from keyturn.gate.records import Scope
from keyturn.journal import check_excerpt
from keyturn.report import excerpt_in

ODD = ("", "x" * 5000, "../..", "%00", "\u202e", "-1", "9" * 40, "<script>", "'\"", "a/b/c", "é")
MARKUP = (
    "<script>document",
    "<img src=x",
    "<svg/onload",
    "<svg onload",
    "<iframe",
    "<base ",
    "<form action=//evil",
    "<div hx-get",
    "<u>out",
)


@pytest.mark.parametrize("odd", ODD)
async def test_no_address_makes_a_page_fail(desk: Desk, odd: str) -> None:
    olga, word = await desk.browser("olga"), quote(odd, safe="")
    for path in (
        f"cases/{word}", f"cases/INC-1?entry={word}", f"cases/INC-1?after={word}", f"cases?from={word}",
        f"agents/{word}", f"agents?q={word}&from={word}", f"agents/responder?ask={word}", f"mandates/{word}",
        f"mandates?agent={word}&all={word}", f"people/{word}", f"tools/{word}", f"tools/soc/{word}",
        f"tools?stage={word}", f"policies/what-if?tool={word}", f"health?window={word}&ask={word}",
        f"stop?scope={word}&subject={word}&resume={word}", f"passkeys/revoke?credential={word}",
    ):  # fmt: skip
        answer = await olga.get(f"/console/{path}")
        assert answer.status_code < 500, path
        assert "<script>" not in answer.text, path


@pytest.mark.parametrize("odd", ODD)
async def test_no_form_makes_a_page_fail(desk: Desk, odd: str) -> None:
    olga = await desk.browser("olga")
    for path, fields in (
        ("agents", ("name", "owner", "purpose", "days")),
        ("agents/responder", ("do", "reason")),
        ("mandates", ("agent", "case", "tools", "targets", "hours", "budget-actions")),
        ("people/invite", ("name", "role-owner")),
        ("people/deputise", ("deputy", "until", "absent")),
        ("people/recall", ("deputy",)),
        ("people/ana", ("do", "reason")),
        ("policies/what-if", ("tool", "arguments", "agent", "mandate")),
        ("stop", ("scope", "subject", "reason")),
        ("resume", ("stop", "reason")),
        ("sessions", ("session",)),
        ("passkeys/revoke", ("credential", "reason")),
        ("tools/soc/isolate", ("seen",)),
        ("cases/INC-1", ("format",)),
    ):
        answer = await olga.post(f"/console/{path}", **dict.fromkeys(fields, odd))
        assert answer.status_code < 500 and "<script>" not in answer.text, path
    for path in ("passkeys/add/begin", "passkeys/approve/begin", "passkeys/approve/finish", "passkeys/add/finish"):
        assert (await olga.call(f"/console/{path}", credential=odd, ceremony=odd, answer=odd)).status_code < 500


async def test_hostile_text_is_text_on_every_page_that_shows_it(desk: Desk) -> None:
    house, lena = desk.house, desk.house.people["lena"]
    for number, each in enumerate(corpus(most=1500)):
        call = house.call("isolate", host=each.text)
        call.model_output = ModelOutput(each.text or "none", (each.text[:900],))
        for work in (
            house.gate.propose(house.agent, call),
            house.gate.add_agent(lena, f"bot-{number}", "olga", each.text),
        ):
            with contextlib.suppress(KeyturnError):  # refused for what it is, which is right, too
                await work
    await house.gate.stop(lena, Scope.EVERYTHING, "", "".join(MARKUP))
    olga = await desk.browser("olga")
    for path in ("cases", "cases/INC-1", "agents", "agents?from=50", "agents/bot-1", "stop", "mandates"):
        text = (await olga.get(f"/console/{path}")).text
        for markup in MARKUP:
            assert markup not in text, (path, markup)
        assert "\u202e" not in text and "\u200b" not in text, path


async def test_a_long_list_comes_in_pages_that_keep_the_question(desk: Desk) -> None:
    house, lena = desk.house, desk.house.people["lena"]
    for number in range(55):
        await house.gate.add_agent(lena, f"bot-{number:02}", "olga", "reads")
    for number in range(52):
        draft = MandateDraft(agent="bot-01", case=f"INC-{number}", purpose="reads", tools=("soc/search",))
        await house.gate.grant(lena, draft)
    ana = await desk.browser("ana")
    first = (await ana.get("/console/agents?q=bot")).text
    assert "1 to 50 of 55" in first and 'href="?q=bot&amp;from=50"' in first
    second = (await ana.get("/console/agents?q=bot&from=50")).text
    assert "bot-54" in second and "bot-00" not in second and 'rel="next"' not in second
    assert "1 to 50 of 52" in (await ana.get("/console/mandates?agent=bot-01")).text
    assert 'rel="next"' in (await ana.get("/console/cases")).text


async def test_an_export_is_a_file_that_verifies(desk: Desk) -> None:
    await desk.hold("isolate", host="<script>h1")
    ana = await desk.browser("ana")
    for kind in ("html", "json"):
        answer = await ana.post("/console/cases/INC-1", format=kind, payloads="on")
        assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
        report = await asyncio.to_thread(check_excerpt, excerpt_in(answer.content), SIGNER.verifier)
        assert report.ok and report.payloads
    assert (await ana.post("/console/cases/INC-1", format="pdf")).status_code == 400
    assert (await ana.post("/console/cases/none", format="json")).status_code == 404
    assert (await desk.house.entries())[-1]["kind"] == "case_exported"
