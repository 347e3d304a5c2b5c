"""The action page: rendered from what is signed, nothing hidden, nothing of the agent's taken for ours."""

import contextlib
import html
import re
from html.parser import HTMLParser
from typing import Any

from tests.hostile import corpus
from tests.unit.console.conftest import Desk
from tests.unit.gate.conftest import Call

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.errors import InvalidInput
from keyturn.gate.records import ActionRecord

VOID = {"meta", "link", "input", "br", "hr", "img"}
ELEMENTS = """html head meta title link script body a header details summary svg circle path nav span i div p button
form input main article h1 h2 h3 section table thead tr th tbody td br small ul li pre dl dt dd code figure figcaption
blockquote bdi time strong aside dialog label textarea kbd meter fieldset legend ol select option b"""
KNOWN = frozenset(ELEMENTS.split())
INVISIBLE = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\U000e0000-\U000e007f]")
FIELDS = re.compile(r"<textarea[^>]*>.*?</textarea>|<input[^>]*>", re.DOTALL)


class Tags(HTMLParser):
    """Which elements and attributes a page has, and that they are nested as we wrote them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing of ours"


def structure(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    tags.close()
    assert not tags.open
    return tags


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


async def test_hostile_text_is_text_on_the_action_page(desk: Desk) -> None:
    ana, plain = await desk.browser("ana"), await desk.hold(host="ws1")
    ours = {}
    for tail in (tails := ("", "?all=1", "/content", "/narrow", "/decide")):
        ours[tail] = structure((await ana.get(f"/console/actions/{plain.id}{tail}")).text).attributes
    for hostile in corpus(1000):
        record = await _said(desk, hostile.text)
        for tail in tails:
            page = (await ana.get(f"/console/actions/{record.id}{tail}")).text
            found, where = structure(page), f"{hostile.name} on {tail}"
            assert found.seen <= KNOWN and found.attributes <= ours[tail] | {"title", "href", "class"}, where
            assert not INVISIBLE.search(FIELDS.sub("", page)), f"{where}: a field alone holds a value as it is"
        await desk.house.gate.reject(desk.house.people["bob"], record.id, "no")


async def _said(desk: Desk, text: str) -> ActionRecord:
    """A hold with the text in every field that an agent writes; where the gate takes no such reason, another."""
    for why in (text, f"x{text}", "x"):
        call = Call(ToolRef("soc", "isolate"), {"host": text, text: text}, model_output=ModelOutput(why, (text,), 0.5))
        with contextlib.suppress(InvalidInput):
            return (await desk.house.gate.propose(desk.house.agent, call)).record
    raise AssertionError("the gate takes no such call at all")


async def test_hostile_text_is_text_in_the_queue_and_in_what_people_type(desk: Desk) -> None:
    ana = await desk.browser("ana")
    for hostile in corpus(500):
        text, record = hostile.text, await desk.hold(host=hostile.text)
        asked = {"case": text, "tool": text, "agent": text, "oversight": text, "after": text, "done": text}
        for params in ({}, asked):
            answer = await ana.send("GET", "/console/", params=params)
            assert answer.status_code < 500, hostile.name
            assert structure(answer.text).seen <= KNOWN, hostile.name
        refused = await ana.post(f"/console/actions/{record.id}/refuse", reason=text)
        assert refused.status_code in (303, 400), hostile.name
        assert structure((await ana.get(f"/console/actions/{record.id}")).text).seen <= KNOWN, hostile.name
        if refused.status_code == 400:
            await desk.house.gate.reject(desk.house.people["bob"], record.id, "no")


async def test_what_hides_is_shown_and_said(desk: Desk) -> None:
    record = await desk.hold(host="ws\u202e1\u200b")
    page = (await (await desk.browser("ana")).get(f"/console/actions/{record.id}")).text
    assert "\\u{202e}" in text_of(page) and "\\u{200b}" in text_of(page) and "misleading characters" in page


async def test_no_key_is_offered_on_a_page_that_leaves_something_out(desk: Desk) -> None:
    record, ana = await desk.hold(host="h" * 5_000 + "THE END"), await desk.browser("ana")
    page = (await ana.get(f"/console/actions/{record.id}")).text
    assert "3,007 more characters" in page and 'name="hold"' not in page and "Show all of it first" in page
    whole = (await ana.get(f"/console/actions/{record.id}?all=1")).text
    runs = whole.partition("Exactly this runs")[2].partition("The bytes that you sign")[0]
    assert "THE END" in runs and "more characters" not in runs and 'name="hold"' in whole
    part = (await ana.get(f"/console/actions/{record.id}/decide")).text
    assert 'name="hold"' not in part, "a part of the page that is loaded later offers none either"


async def test_the_names_of_arguments_and_what_is_empty_are_shown_too(desk: Desk) -> None:
    ana, long = await desk.browser("ana"), "k" * 190 + "x" * 5_000
    shown: dict[str, dict[str, Any]] = {
        "empty": {"exclude": [], "filter": {}},
        "flat": {"options.force": True},
        "nested": {"options": {"force": True}},
        "place": {"list": ["a"]},
        "number": {"list": {"0": "a"}},
    }
    pages = {}
    for name, arguments in shown.items():
        record = await desk.hold(host="ws1", **arguments)
        page = (await ana.get(f"/console/actions/{record.id}")).text
        assert 'data-whole="1"' in page
        runs = page[page.index('id="h-runs"') :]
        pages[name] = text_of(runs[: runs.index("</table>")])
    assert "exclude" in pages["empty"] and "[]" in pages["empty"] and "{}" in pages["empty"]
    assert '"options.force"' in pages["flat"] and "options.force" in pages["nested"]
    assert len(set(pages.values())) == len(pages), "no two of them look alike"
    record = await desk.hold(host="ws1", **{long: "v"})
    page = (await ana.get(f"/console/actions/{record.id}")).text
    assert 'data-whole="0"' in page and 'name="hold"' not in page
    page = (await ana.get(f"/console/actions/{record.id}?all=1")).text
    assert 'data-whole="1"' in page and long in page


async def test_the_agents_words_stand_in_a_frame_of_their_own(desk: Desk) -> None:
    fake = "End of the agent’s words\n\n✅ Keyturn: two keys turned, approved"
    call = Call(ToolRef("soc", "isolate"), {"host": "ws1"}, model_output=ModelOutput(fake))
    record = (await desk.house.gate.propose(desk.house.agent, call)).record
    page = (await (await desk.browser("ana")).get(f"/console/actions/{record.id}")).text
    framed = page.partition('<figure class="agent">')[2].partition("</figure>")[0]
    assert "approved" in framed and "Written by the agent" in framed
    assert framed.rstrip().endswith("End of the agent’s words.</p>")


async def test_an_action_that_is_not_there_says_so(desk: Desk) -> None:
    ana = await desk.browser("ana")
    for odd in ("nope", "a" * 300, "%00", "..%2f..", "%F0%9F%94%91"):
        for tail in ("", "/decide", "/content", "/next", "/narrow"):
            answer = await ana.get(f"/console/actions/{odd}{tail}")
            assert answer.status_code in (303, 400, 404), (odd, tail)


async def test_narrowing_says_what_is_wrong_and_keeps_what_was_written(desk: Desk) -> None:
    record, ana = await desk.hold(host="ws1"), await desk.browser("ana")
    for text in (
        "",
        "{",
        "[]",
        '{"host": 1}',
        '{"host": "ws1"}',
        '{"host": "no"}',
        '{"host": "a", "host": "b"}',
        "9" * 400,
    ):
        answer = await ana.post(f"/console/actions/{record.id}/narrow", arguments=text)
        assert answer.status_code == 400 and html.escape(text).replace("&quot;", "&#34;") in answer.text, text
        structure(answer.text)
