"""A case as one HTML file: nothing in it acts, everything in it can be checked."""

import asyncio
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from tests.hostile import corpus
from tests.unit.gate.conftest import build

from keyturn.core.action import ModelOutput
from keyturn.errors import JournalError
from keyturn.journal import Excerpt, Signer, check_excerpt
from keyturn.report import excerpt_in, render, same_words

SIGNER = Signer("test.example/log", b"k" * 32)
TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "pre", "dl", "dt", "dd", "code", "ol", "li",
    "div", "details", "summary", "mark", "bdi", "b",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "title", "class", "id", "hidden"}


class Seen(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def excerpt(tmp_path_factory: pytest.TempPathFactory) -> Excerpt:
    """A case in which the agent wrote every hostile string that there is, into all that it can write."""
    return asyncio.run(_written(tmp_path_factory.mktemp("report") / "keyturn.db"))


async def _written(path: Path) -> Excerpt:
    house = await build(path)
    house.ctx.signer = SIGNER
    for hostile in corpus(20_000):
        call = house.call("search", query=hostile.text)
        call.model_output = ModelOutput(hostile.text[:16_000], (hostile.text[:1_000],))
        await house.gate.propose(house.agent, call)
        call = house.call("isolate", host=hostile.text)
        call.model_output = ModelOutput("because " + hostile.text[:15_000])
        await house.gate.propose(house.agent, call)
    await house.store.write(lambda tx: None)
    made = await house.gate.case.export(house.people["ana"], "INC-1")
    await house.gate.stop_running()
    house.store.close()
    return made


@pytest.fixture(scope="module")
def page(excerpt: Excerpt) -> str:
    return render(excerpt)


def test_nothing_in_a_report_acts_or_is_loaded(page: str) -> None:
    seen = Seen()
    seen.feed(page)
    assert seen.tags == TAGS
    assert seen.attributes == ATTRIBUTES
    assert "default-src 'none'" in page
    assert "{{7*7}}" in page


def test_nothing_in_a_report_is_hidden(page: str) -> None:
    readable = page[: page.index('<pre id="keyturn-excerpt"')]
    acts = {unicodedata.category(ch) for ch in set(readable)} & {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    assert acts == {"Cc"}, "line breaks alone"
    assert {ch for ch in readable if unicodedata.category(ch) == "Cc"} == {"\n"}
    assert "right-to-left override" in readable
    assert "more characters; all of them are in the data" in readable


def test_the_data_in_a_report_is_the_excerpt_and_is_checked_without_the_page(page: str, excerpt: Excerpt) -> None:
    assert excerpt_in(page.encode()) == excerpt
    report = check_excerpt(excerpt_in(page.encode()), SIGNER.verifier)
    assert report.ok, report.problems
    assert excerpt_in(excerpt.encode()) == excerpt


def test_a_report_whose_words_were_changed_is_told_from_a_true_one(page: str, excerpt: Excerpt) -> None:
    assert same_words(page.encode(), excerpt) is True
    assert same_words(page.replace("it runs at once", "it was denied", 1).encode(), excerpt) is False
    assert same_words(page.replace("Keyturn ", "Keyturn 99", 1).encode(), excerpt) is None
    assert same_words(excerpt.encode(), excerpt) is None


@pytest.mark.parametrize("raw", [b"", b"<html></html>", b"\xff\xfe", b'<pre id="keyturn-excerpt" hidden>{}</pre>'])
def test_what_holds_no_excerpt_is_refused(raw: bytes) -> None:
    with pytest.raises(JournalError):
        excerpt_in(raw)


def test_an_excerpt_that_is_no_case_is_refused_not_rendered(excerpt: Excerpt) -> None:
    broken = msgspec.structs.replace(excerpt.entries[0], entry="[]")
    with pytest.raises(JournalError):
        render(msgspec.structs.replace(excerpt, entries=(broken,)))
