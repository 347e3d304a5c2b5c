"""Hostile text on a terminal: nothing hidden, nothing cut without a count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.cli.plain import plain, plain_json


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("host FIN-LT-044", "host FIN-LT-044"),
        ("Łódź 東京 😀", "Łódź 東京 😀"),
        ("\x1b[2Jcleared", "\\u{1b}[2Jcleared"),
        ("one\ntwo\rthree\t", "one\\ntwo\\u{d}three\\t"),
        ("pay\u202etxt.exe", "pay\\u{202e}txt.exe"),
        ("a\u200bb\u2066c\ufeffd", "a\\u{200b}b\\u{2066}c\\u{feff}d"),
        ("\u3164\u2800\u00a0", "\\u{3164}\\u{2800}\\u{a0}"),
        ("x\ufe0f\U000e0041\U000e0100", "x\\u{fe0f}\\u{e0041}\\u{e0100}"),
        ("\ud800", "\\u{d800}"),
        ("\x9b31m", "\\u{9b}31m"),
        ("\\u{202e} \\n \\t", "\\\\u{202e} \\\\n \\\\t"),
        ("C:\\Users\\new", "C:\\Users\\\\new"),
        (42, "42"),
    ],
)
def test_what_can_not_be_seen_is_made_visible(given: object, shown: str) -> None:
    assert plain(given) == shown


def test_what_is_cut_is_counted() -> None:
    assert plain("a" * 30, most=10) == "a" * 10 + " … [20 more characters]"
    assert plain("a" * 10, most=10) == "a" * 10


def test_json_keeps_letters_and_shows_the_unseen() -> None:
    assert plain_json({"a": "\\u{202e}\u202e\n"}) == '{"a": "\\\\u{202e}\\u{202e}\\n"}'
    assert plain_json({"b": "é\u200b", "a": [1]}) == '{"a": [1], "b": "é\\u{200b}"}'


@given(st.text("\\\\nut{20e}\n\t\u202e", max_size=12), st.text("\\\\nut{20e}\n\t\u202e", max_size=12))
def test_two_texts_are_never_shown_alike(one: str, other: str) -> None:
    assert (plain(one) == plain(other)) is (one == other)
