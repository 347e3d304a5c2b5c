"""Drafts as a file: whatever a server calls its tools and says of them, it reads back as the drafts and no more."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyturn.catalogue import read_vendor, strict_yaml
from keyturn.catalogue.draft_file import Drafted, comment, flow, new_file, quoted, with_tool
from keyturn.catalogue.lexicon import draft
from keyturn.errors import ProfileError

HOSTILE = [
    "plain",
    "true",
    "null",
    "1.5",
    "- a",
    "a: b",
    "#x",
    '"',
    "'",
    "\\",
    "a\n  evil: {stage: analyse}",
    "\u2028x",
    "\x85",
    "\ufeff",
    "\U0001f600",
    "&a *a !t",
    "---",
    "... ",
    "? x",
    "{a: b}",
    "x" * 3_000,
    "\u202egpj.exe",
    "",
]


def made(*tools: Drafted) -> str:
    return new_file("V", "v", "its own list", "2026-01-31", tools)


def drafted(name: str, said: str = "", parameters: Any = ()) -> Drafted:
    return Drafted(name, said, draft(name, said, parameters))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_descriptions_stay_what_they_are(text: str) -> None:
    file = made(drafted(text, text, [text]), drafted("get_alert", text))
    vendor = read_vendor(file, "v.yaml")
    assert set(vendor.tools) == {text, "get_alert"}
    assert vendor.tools[text].base == drafted(text, text, [text]).draft.profile
    assert all(ch.isprintable() or ch == "\n" for ch in file)


@given(st.lists(st.tuples(st.text(), st.text(), st.lists(st.text(), max_size=4)), min_size=1, max_size=5))
def test_any_file_of_drafts_reads_back_as_them(rows: list[tuple[str, str, list[str]]]) -> None:
    tools = {name: drafted(name, said, parameters) for name, said, parameters in rows}
    vendor = read_vendor(made(*tools.values()), "v.yaml")
    assert {name: vendor.tools[name].base for name in vendor.tools} == {n: t.draft.profile for n, t in tools.items()}
    assert all(not tool.variants and tool.rule is None for tool in vendor.tools.values())


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ProfileError, match="half a character"):
        made(drafted("\ud800"))


def test_a_comment_is_one_bounded_line_with_nothing_hidden() -> None:
    assert comment("a\nb\u200b") == "a\\nb\\u{200b}"
    assert comment("x" * 1_000).endswith("[700 more characters]")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
@example({"k" * 2_000: [{"\x00" * 300: 1}]})
def test_a_value_on_one_line_reads_back(value: Any) -> None:
    assert strict_yaml.read(f"a: {flow(value)}", "x") == {"a": value}


@given(st.text())
def test_a_quoted_text_reads_back(text: str) -> None:
    assert strict_yaml.read(f"- {quoted(text)}", "x") == [text]


TEXT = """\
# a head
vendor: V
servers: [v]
tools:
  # about one
  one: {stage: analyse}  # behind
  # about two
  two:
    stage: respond   # why
    reversible: irreversible
    touches:
      - evidence  # last

  # about three
  three: {stage: analyse}
"""


def test_one_tool_is_rewritten_and_every_other_line_stays() -> None:
    now = with_tool(TEXT, "x", "two", {"stage": "analyse", "why": "it: \n only"})
    kept = [line for line in TEXT.splitlines() if line not in TEXT.splitlines()[7:12]]
    assert [line for line in now.splitlines() if line in kept] == kept
    assert strict_yaml.read(now, "x")["tools"]["two"] == {"stage": "analyse", "why": "it: \n only"}
    assert "touches" not in now
    again = with_tool(now, "x", "one", {"stage": "analyse", "touches": ["secrets"]})
    assert strict_yaml.read(again, "x")["tools"]["one"] == {"stage": "analyse", "touches": ["secrets"]}
    last = with_tool(again, "x", "three", {"stage": "analyse", "idempotent": True})
    assert strict_yaml.read(last, "x")["tools"]["three"] == {"stage": "analyse", "idempotent": True}
    assert "# about three" in last


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vendor: V\nservers: [v]\ntools: {two: {stage: analyse}, one: {stage: analyse}}\n", "shares its line"),
        ("vendor: V\nservers: [v]\ntools:\n  one: {stage: analyse}\n", "no tool 'two'"),
        ("vendor: V\nservers: [v]\nreads: [two]\n", "no tool 'two'"),
    ],
)
def test_a_tool_without_lines_of_its_own_is_not_rewritten(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        with_tool(text, "x", "two", {"stage": "analyse"})


@given(st.text(), VALUES.map(lambda value: {"a": value}))
def test_a_rewritten_tool_says_what_was_written_and_no_other_changes(name: str, entry: dict[str, Any]) -> None:
    text = made(drafted(name), drafted(name + "2"), drafted("get_alert"))
    now = strict_yaml.read(with_tool(text, "x", name, entry), "x")
    before = strict_yaml.read(text, "x")
    assert now["tools"].pop(name) == entry
    del before["tools"][name]
    assert now == before
