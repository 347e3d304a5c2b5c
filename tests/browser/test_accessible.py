"""Every page, light and dark, on a phone and a desk: axe-core finds nothing against WCAG 2.2 AA, nothing runs over."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.browser.conftest import OpenPage, Person
from tests.browser.served import Soc
from tests.unit.gate.conftest import Call

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.gate.records import Scope

AXE = "axe-core@4.14.1"
WIDE, SLIM = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
RUN = """async (rules) => {
  const all = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const runOnly = rules.length ? { type: "rule", values: rules } : { type: "tag", values: all };
  const { violations } = await axe.run(document, { runOnly, resultTypes: ["violations"] });
  const at = (node) => `${node.target} ${node.any[0]?.message || ""}`;
  return violations.map((each) => `${each.id}: ${each.help}: ${each.nodes.slice(0, 4).map(at).join(" | ")}`);
}"""
OVER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="session")
def axe(peer_npm: Callable[[str], Path]) -> str:
    """The library's text."""
    return (peer_npm(AXE).parent / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def problems(page: Page, axe: str, where: str) -> Iterator[str]:
    """What is wrong with the page as it stands. Colours alone are looked at again in the dark."""
    page.evaluate(axe)
    for size, scheme, rules in (
        (WIDE, "light", []),
        (WIDE, "dark", ["color-contrast"]),
        (SLIM, "dark", ["color-contrast", "target-size"]),
        (SLIM, "light", []),
    ):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        at = f"{where} ({scheme}, {size['width']} px)"
        for found in page.evaluate(RUN, rules):
            yield f"{at}: {found}"
        if (over := page.evaluate(OVER)) > 0:
            yield f"{at}: {over} px run over to the right"


def looked(person: Person, axe: str, *paths: str, status: int = 200) -> list[str]:
    """What is wrong with these pages."""
    found: list[str] = []
    for path in paths:
        answer = person.page.goto(f"{person.soc.origin}{path}")
        assert answer is not None and answer.status == status, (path, answer)
        found += problems(person.page, axe, path)
    return found


def said(tool: str, host: str) -> Call:
    """A call with what an agent says."""
    output = ModelOutput("The host beacons to a known address.", ("alert 17", "edr/get_host"), 0.8)
    return Call(ToolRef("soc", tool), {"host": host, "comment": "as the case says"}, model_output=output)


def test_the_queue_and_the_action_in_each_state(soc: Soc, open_page: OpenPage, axe: str) -> None:
    olga = open_page("olga")
    found = looked(olga, axe, "/console/")
    holds = [soc.hold(proposal=said("isolate", f"ws{n}")) for n in range(3)]
    grave = soc.hold(proposal=said("wipe", "dc01"))
    refused = soc.hold(proposal=said("isolate", "ws9"))
    soc.do(soc.house.gate.reject(soc.people["ana"], refused.id, "not in this case"))
    tagged = soc.do(soc.house.gate.propose(soc.house.agent, said("tag", "ws8"))).record
    ids = "&".join(f"id={hold.id}" for hold in holds)
    paths = ["/console/", f"/console/together?{ids}"]
    paths += [f"/console/actions/{each.id}" for each in (holds[0], grave, refused, tagged)]
    paths += [f"/console/actions/{holds[0].id}{tail}" for tail in ("/content", "/narrow", "?refuse=1")]
    found += looked(olga, axe, *paths)
    assert not found, "\n".join(found)


def test_the_pages_beside_them(soc: Soc, open_page: OpenPage, axe: str) -> None:
    soc.hold(proposal=said("isolate", "ws1"))
    soc.do(soc.house.gate.access.invite(soc.people["olga"], "lena"))
    olga = open_page("olga")
    paths = "cases cases/INC-1 agents agents/responder mandates mandates/new people people/lena tools tools/soc/isolate"
    paths += f" policies policies/what-if health sessions settings stop oidc/accounts mandates/{soc.house.mandate}"
    found = looked(olga, axe, *(f"/console/{path}" for path in paths.split()))
    assert not found, "\n".join(found)


def test_a_stopped_system_and_pages_that_say_no(soc: Soc, open_page: OpenPage, axe: str) -> None:
    soc.hold(proposal=said("isolate", "ws1"))
    soc.do(soc.house.gate.stop(soc.people["olga"], Scope.EVERYTHING, "", "a drill of the people"))
    olga = open_page("olga")
    found = looked(olga, axe, "/console/", "/console/stop")
    assert re.search("is-stopped", olga.page.locator("html").get_attribute("class") or "")
    found += looked(olga, axe, "/console/nowhere", status=404)
    assert not found, "\n".join(found)


def test_the_pages_at_the_door(soc: Soc, open_page: OpenPage, axe: str) -> None:
    link = soc.do(soc.house.gate.access.invite(soc.people["olga"], "nora", soc.people["lena"].roles)).link
    nobody = open_page()
    found = looked(nobody, axe, "/console/sign-in?why=ended", link.removeprefix(soc.origin), "/console/waiting")
    found += looked(nobody, axe, "/console/oidc/back?state=x", status=403)
    assert not found, "\n".join(found)
