"""What people read: our own words, and nothing that a channel could take for markup, a mention or a link."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.notify.conftest import HELD, PAGES

from keyturn.gate.notices import Event, Notice
from keyturn.notify.text import CLOSING, digest, message, neutral

HOSTILE = (
    "[click](https://evil.example/approve)",
    "<https://evil.example|Approve>",
    "<a href='https://evil.example'>Approve</a>",
    "<script>alert(1)</script>",
    "![x](https://evil.example/pixel.png)",
    "https://evil.example/approve",
    "evil.example",
    "www.evil.example",
    "mail@evil.example",
    "<!channel> <@U012345> @here @everyone <@&123>",
    "*bold* _it_ __under__ ~gone~ `code` ```block``` ||spoiler||",
    "# Approved\n> by lena\n---\n- [x] done",
    "x\n\n[y]: https://evil.example\n",
    "&lt;b&gt;&#60;i&#62;",
    "{{7*7}} ${HOME} {% raw %} %(x)s $(id)",
    "edr\u202etsoh_etaloSi",
    "e\u200bdr/iso\u00adlate\ufeff",
    "\U000e0041\U000e0042",
    "isol\u0430te_host",
    "\x1b[31mred\x1b[0m\a\x00",
    ":white_check_mark: APPROVED",
    "a" * 1_000_000,
    "line\rover\u2028line\x85",
)
ALLOWED = re.compile(r"(?:[^\W_]|(?<=[^\W_])_(?=[^\W_])|[ /-]|\[[.:@]\]|‹U\+[0-9A-F]{4,6}›|‹\d+ more›)*")
LINK = "https://keyturn.example/console/actions/a1"


def harmless(text: str) -> None:
    """No character, nor two together, that any channel gives a meaning."""
    assert ALLOWED.fullmatch(text), text
    assert not re.search(r"//|  |--|\w\.\w|\w@\w", text), text


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_hostile_keeps_a_meaning(hostile: str) -> None:
    harmless(neutral(hostile))
    assert len(neutral(hostile)) < 80 * 10
    notice = msgspec.structs.replace(HELD, tool=hostile, case=hostile, agent=hostile, targets={hostile: 1})
    for shown in (message(notice, PAGES), digest([notice, notice], PAGES, 5_000)):
        links = re.findall(r"\w+://\S+", shown.body)
        assert set(links) == {LINK}
        assert hostile not in shown.body and hostile not in shown.title
        for line in shown.body.replace(LINK, "").splitlines():
            assert not re.search(r"[<>*`~|#\\{}$&()!]", line.replace("(it can be taken back)", "")), line


@given(st.text() | st.text("_a\u00b2\u0430\u4e8b /-.:@"))
def test_no_text_keeps_a_meaning(text: str) -> None:
    harmless(neutral(text))


@given(st.from_regex(r"[a-z]{1,20}/[a-z]+(_[a-z]+)*", fullmatch=True).filter(lambda text: len(text) <= 80))
def test_a_tools_usual_name_is_as_it_is(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("INC-1042", "INC-1042"),
        ("Störung 12 - Phishing", "Störung 12 - Phishing"),
        ("事案-7", "事案-7"),
        ("evil.example", "evil[.]example"),
        ("a@b", "a[@]b"),
        ("isol\u0430te", "isol‹U+0430›te"),
        ("a\u202eb", "a‹U+202E›b"),
        ("x" * 81, "x" * 80 + " ‹1 more›"),
    ],
)
def test_what_is_plain_stays_and_the_rest_is_shown(given: str, shown: str) -> None:
    assert neutral(given) == shown


def test_a_hold_in_words() -> None:
    shown = message(HELD, PAGES)
    assert shown.title == "Keyturn: an action waits for two keys"
    assert shown.body.splitlines() == [
        "Keyturn: an action waits for two keys.",
        LINK,
        "Tool: edr/isolate_host (it can be taken back)",
        "Case: INC-1042",
        "Agent: responder",
        "Targets: 2 host, 1 user",
        "Expires: 2026-09-21 18:13 UTC",
        CLOSING,
    ]


def test_a_stop_in_words() -> None:
    stop = Notice(id="stopped-s1", event=Event.STOPPED, at=0, scope="everything", by="lena")
    assert message(stop, PAGES).body.splitlines()[:4] == [
        "Keyturn: STOPPED.",
        "https://keyturn.example/console",
        "What: everything",
        "By: lena",
    ]


def test_every_event_has_words() -> None:
    for event in Event:
        assert message(msgspec.structs.replace(HELD, event=event), PAGES).title.startswith("Keyturn: ")


def test_many_are_told_together_and_what_finds_no_room_is_counted() -> None:
    many = [msgspec.structs.replace(HELD, id=f"held-a{n}", action=f"a{n}") for n in range(20)]
    shown = digest(many, PAGES, 100_000)
    assert shown.title == "Keyturn: 20 notices"
    assert shown.body.count("https://keyturn.example/console/actions/a") == 20
    short = digest(many, PAGES, 600)
    told = short.body.count("https://keyturn.example/console/actions/a")
    assert 1 <= told < 20 and f"And {20 - told} more: https://keyturn.example/console" in short.body
    assert len(short.body) <= 600
