"""A link from elsewhere shows a page, whatever its address says: it does nothing, and it says nothing as the system."""

from urllib.parse import quote

from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.served import Soc

ACTS = "() => { document.getElementById('main').innerHTML = `%s`; htmx.process(document.body); }"


def test_an_address_can_make_no_page_act(soc: Soc, open_page: OpenPage) -> None:
    record, ana = soc.hold(host="ws1"), open_page("ana")
    posted: list[str] = []
    ana.page.on("request", lambda asked: posted.append(asked.url) if asked.method == "POST" else None)
    acts = " hx-post=/console/sign-out hx-include=[name=csrf] hx-trigger=load "
    for name in ("case", "agent", "tool", "oversight"):
        ana.go(f"/console/?{name}={quote(acts, safe='')}")
        expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
        expect(ana.page.get_by_text("Nothing that waits fits the filter.")).to_be_visible()
    ana.page.evaluate(ACTS % f"<p{acts}>markup by itself</p>")
    ana.page.evaluate("() => fetch('/console/stops')")
    assert posted == [] and soc.look(record.id).state == "held"


def test_a_filtered_queue_follows_what_fits_it_and_nothing_else(soc: Soc, open_page: OpenPage) -> None:
    ana = open_page("ana")
    ana.go("/console/?tool=soc/isolate")
    expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
    other, fits = soc.hold("wipe", host="ws1"), soc.hold(host="ws2")
    expect(ana.page.locator(f"#row-{fits.id}")).to_be_visible()
    expect(ana.page.locator(f"#row-{other.id}")).to_have_count(0)
    soc.do(soc.house.gate.reject(soc.people["lena"], fits.id, "no"))
    expect(ana.page.locator(f"#row-{fits.id}")).to_have_count(0)
