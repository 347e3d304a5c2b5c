"""Hidden characters: each hostile string is cut without loss, marked, and shown without anything that acts."""

import unicodedata

import pytest
from tests.hostile import Hostile, corpus

from keyturn.core.hidden import Mark, marks_in, segments, shown

CORPUS = corpus(20_000, surrogates=True)
ACTS = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: str(hostile.name))
def test_a_hostile_text_is_cut_without_loss_and_nothing_shown_of_it_is_invisible(hostile: Hostile) -> None:
    found = segments(hostile.text)
    assert "".join(segment.text for segment in found) == hostile.text
    seen = "".join(segment.shown for segment in found)
    assert not [ch for ch in seen if unicodedata.category(ch) in ACTS]
    marks = {segment.mark for segment in found} - {None, Mark.LINE}
    assert set(marks_in(hostile.text)) == marks == set(shown(hostile.text, len(hostile.text)).marked)
    assert (Mark(hostile.marks) in marks) if hostile.marks else marks == set(), marks
    assert all(segment.why for segment in found if segment.mark)


@pytest.mark.parametrize(
    "text",
    [
        "Zürich, Łódź, naïve",
        "рост идёт медленно",
        "Ελλάδα και Κύπρος",
        "שלום עולם",
        "مرحبا بالعالم",
        "日本語のテスト",
        "Tiếng Việt",
        "5 µm × 3",
        "re\u0301sume\u0301",
    ],
)
def test_what_people_write_in_their_own_language_stays_plain(text: str) -> None:
    assert shown(text).marked == ()


def test_a_letter_of_another_alphabet_says_what_it_looks_like() -> None:
    marked = [segment for segment in segments("pаypal") if segment.mark]
    assert [(segment.shown, segment.why) for segment in marked] == [
        ("\\u{430}", "looks like 'a': cyrillic small letter a")
    ]


def test_tags_say_what_they_hide() -> None:
    assert [segment.why for segment in segments("\U000e0041")] == ["a tag character, which hides 'A'"]


def test_what_is_left_out_is_counted_and_can_be_had() -> None:
    text = "x" * 5_000 + "\u202e"
    first = shown(text, 2_000)
    assert first.left_out == 3_001
    assert first.text.endswith("x … [3001 more characters]")
    assert shown(text, 2_000, start=4_000).marked == (Mark.BIDI,)
