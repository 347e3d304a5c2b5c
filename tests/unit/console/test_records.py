"""The pages of what stands: every role sees them, each may do what its roles allow, and odd input is no failure."""

import re

import pytest
from tests.unit.console.conftest import Desk

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
