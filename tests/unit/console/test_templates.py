"""What no template may hold, and what an address may not put into a page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.unit.console.conftest import Desk

import keyturn.console

TEMPLATES = sorted((Path(keyturn.console.__file__).parent / "templates").glob("*.html"))
ODD = {
    "tojson, whose quotes end an attribute": re.compile(r"\|\s*tojson"),
    "text that is not escaped": re.compile(r"\|\s*safe\b|autoescape|Markup"),
    "a value without quotes around it": re.compile(r"\s(?!url=)[\w-]+=\{[{%]"),
    "a value in single quotes": re.compile(r"\s[\w-]+='[^'>]*\{\{"),
    "a script in the markup": re.compile(r"<script(?![^>]*\ssrc=)|\son\w+=|javascript:"),
    "markup that acts": re.compile(r"\s(?:data-)?hx-"),
}


class Attributes(HTMLParser):
    """The names of all attributes of a page, and the values of one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.filters: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.update(name for name, _ in attrs)
        self.filters += [value for name, value in attrs if name == "data-filter"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_value_is_escaped_and_between_double_quotes(template: Path) -> None:
    text = template.read_text()
    assert [what for what, odd in ODD.items() if odd.search(text)] == []


async def test_a_filter_stays_one_value_of_one_attribute(desk: Desk) -> None:
    ana, asked = await desk.browser("ana"), """ hx-post=/x hx-trigger=load " onload="x' ><b>"""
    page = Attributes((await ana.get(f"/console/?case={quote(asked)}")).text)
    assert page.filters == ['{"case":"' + asked.replace('"', '\\"') + '"}']
    assert not [name for name in page.names if name.startswith(("hx-", "on"))]
