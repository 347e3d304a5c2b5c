"""The corpus of hostile text through what an agent writes, in a real browser: nothing runs, nothing hides."""

import re
from typing import Any

from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.served import Soc
from tests.hostile import Hostile, corpus
from tests.unit.gate.conftest import Call

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.hidden import Mark, segments
from keyturn.core.mandate import Budgets
from keyturn.gate import MandateDraft
from keyturn.gate.records import ActionRecord

GLOBALS = "() => Object.getOwnPropertyNames(window).sort()"
ELEMENTS = "() => [...new Set([...document.querySelectorAll('*')].map((each) => each.localName))].sort()"
OPEN_ALL = "() => { for (const each of document.querySelectorAll('details:not(.menu)')) each.open = true; }"
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
ELEMENTS_OF_OURS = """html head meta title link script body a header details summary svg circle rect path nav span i div
p button form input main article h1 h2 h3 h4 section table caption thead tr th tbody td br small ul li pre dl dt dd code
figure figcaption blockquote bdi time strong em aside dialog label textarea kbd meter progress fieldset legend ol select
option b"""
OURS = frozenset(ELEMENTS_OF_OURS.split())


def told(text: str, lines: bool = False) -> str:
    """What a page must show of it: each hidden character as its escape, white space as one space. ``lines``: where
    line breaks are kept."""
    kept = (s.text if lines and s.mark is Mark.LINE else s.shown for s in segments(text))
    return flat("".join(kept))


def flat(text: str) -> str:
    return " ".join(text.split())


def mandate(soc: Soc) -> str:
    """One with room for a whole corpus."""
    draft = MandateDraft(
        agent="responder",
        case="INC-9",
        purpose="take what comes",
        tools=("soc/*",),
        targets=("host:*",),
        budgets=Budgets(actions=1000, responds=1000, targets=1000, open_holds=200),
        lifetime_s=3600,
    )
    return soc.do(soc.house.gate.grant(soc.people["lena"], draft)).id


def propose(soc: Soc, grant: str, arguments: dict[str, Any], output: ModelOutput) -> ActionRecord:
    call = Call(ToolRef("soc", "isolate"), arguments, mandate=grant, model_output=output)
    record = soc.do(soc.house.gate.propose(soc.house.agent, call)).record
    assert record.state == "held", record
    return record


def calm(page: Page, before: list[str]) -> None:
    """Nothing new is there for scripts, no element that is not ours, and the page fits."""
    assert page.evaluate(GLOBALS) == before
    assert set(page.evaluate(ELEMENTS)) <= OURS
    assert page.evaluate(FITS), "the page runs over to the right"


def test_the_queue_shows_what_hides_and_stays_a_queue(soc: Soc, open_page: OpenPage) -> None:
    grant, lines = mandate(soc), [each for each in corpus(60) if each.text.strip()]
    ana = open_page("ana")
    ana.go("/console/")
    before = ana.page.evaluate(GLOBALS)
    records = {}
    for each in lines[:48]:
        records[each.name] = propose(soc, grant, {"host": each.text}, ModelOutput("x"))
    ana.page.reload()
    calm(ana.page, before)
    hosts = {each.name: each for each in lines}
    for name, record in records.items():
        row = ana.page.locator(f"#row-{record.id}")
        target = record.targets[0].id
        assert told(target) in flat(row.inner_text()), (name, hosts[name].text)
    last = propose(soc, grant, {"host": "ws1"}, ModelOutput("x"))
    expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
    ana.page.set_viewport_size({"width": 320, "height": 640})
    assert ana.page.evaluate(FITS)
    ana.go(f"/console/actions/{last.id}")
    expect(ana.page.get_by_role("button", name=re.compile("Turn your key"))).to_be_enabled()


def test_the_action_page_shows_what_hides_and_its_key_still_turns(soc: Soc, open_page: OpenPage) -> None:
    ana, grant = open_page("ana"), mandate(soc)
    ana.see(propose(soc, grant, {"host": "ws1"}, ModelOutput("x")))
    before = ana.page.evaluate(GLOBALS)
    lines: list[Hostile] = [each for each in corpus(1500) if each.text.strip()]
    names = {f"field {n}": each for n, each in enumerate(lines)}
    everything = " ¶ ".join(each.text[:120] for each in lines)
    output = ModelOutput(everything[:9_000], tuple(each.text[:900] for each in lines[:40]), 0.5)
    record = propose(soc, grant, {"host": "ws1", **{n: each.text for n, each in names.items()}}, output)
    ana.go(f"/console/actions/{record.id}?all=1")
    ana.page.evaluate(OPEN_ALL)
    calm(ana.page, before)
    shown = flat(ana.page.locator("main").inner_text())
    for each in lines:
        assert told(each.text, lines=True) in shown, each.name
    for each in lines[:40]:
        assert told(each.text[:900]) in shown or told(each.text[:900], lines=True) in shown, f"{each.name} as evidence"
    ana.page.set_viewport_size({"width": 320, "height": 640})
    assert ana.page.evaluate(FITS), "it runs over on a phone"
    ana.page.set_viewport_size({"width": 1280, "height": 900})
    ana.page.get_by_role("button", name=re.compile("Turn your key")).click()
    expect(ana.page.get_by_text("Your key is turned.").first).to_be_visible()
    for path in ("/console/cases/INC-9", "/console/agents/responder", f"/console/actions/{record.id}/content"):
        ana.go(path)
        ana.page.evaluate(OPEN_ALL)
        calm(ana.page, before)


def test_a_megabyte_is_counted_and_leaves_the_page_usable(soc: Soc, open_page: OpenPage) -> None:
    ana, grant = open_page("ana"), mandate(soc)
    big = next(each for each in corpus() if each.name == "megabyte-hidden").text[:250_000]
    record = propose(soc, grant, {"host": "ws1", "note": big}, ModelOutput("x"))
    ana.see(record)
    expect(ana.page.get_by_text(re.compile("more characters are not shown here")).first).to_be_visible()
    expect(ana.page.get_by_role("button", name=re.compile("Turn your key"))).to_have_count(0)
    expect(ana.page.get_by_role("link", name="Show all of it first")).to_be_visible()
    ana.page.get_by_role("button", name="Refuse").first.click()
    ana.page.get_by_label("Reason", exact=True).fill("too much")
    ana.page.locator("dialog#refuse").get_by_role("button", name="Refuse").click()
    expect(ana.page.get_by_text("Refused. The agent is told your reason.")).to_be_visible()
