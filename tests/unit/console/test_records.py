"""The pages of what stands: every role sees them, each may do what its roles allow, and odd input is no failure."""

import re

import pytest
from tests.unit.console.conftest import Desk
from tests.unit.gate.test_withholding import Withholding

PAGES = (
    "/console/cases",
    "/console/cases/INC-1",
    "/console/agents",
    "/console/agents/responder",
    "/console/mandates",
    "/console/people",
    "/console/people/ana",
    "/console/sessions",
    "/console/tools",
    "/console/tools/soc/isolate",
    "/console/policies",
    "/console/policies/what-if",
    "/console/health",
    "/console/health?window=week",
    "/console/settings",
    "/console/stop",
)


@pytest.mark.parametrize("who", ["olga", "lena", "ana", "zoe"])
async def test_every_role_sees_every_page(desk: Desk, who: str) -> None:
    await desk.hold("isolate", host="h1")
    browser = await desk.browser(who)
    for path in PAGES:
        answer = await browser.get(path)
        assert answer.status_code == 200, path
    seq = re.search(r'id="e([0-9]+)"', (await browser.get("/console/cases/INC-1")).text)
    assert seq and (await browser.get(f"/console/cases/INC-1?entry={seq[1]}")).status_code == 200


async def test_a_tools_page_says_what_of_its_answers_no_agent_sees(desk: Desk) -> None:
    desk.house.ctx.knowledge = Withholding()
    page = (await (await desk.browser("ana")).get("/console/tools/soc/secret")).text
    assert '<dt>withheld</dt><dd><code><bdi class="data">secret</bdi></code>' in page
