from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import JournalError
from keyturn.journal import Signer, Verifier, open_note, sign

ALICE = Signer("alice.example/log", b"a" * 32)
BOB = Signer("bob.example/witness", b"b" * 32)
TEXT = "one\n\ntwo\n"


def test_keys_and_notes_are_those_of_go(vector: Callable[[str], Any]) -> None:
    known = vector("notes")
    signer, verifier = Signer.parse(known["signer"]), Verifier.parse(known["verifier"])
    assert signer.verifier == verifier
    assert signer.private_text() == known["signer"] and str(verifier) == known["verifier"]
    assert sign(known["text"], signer) == known["note"].encode()
    assert open_note(known["note"].encode(), [verifier]).text == known["text"]


def test_a_private_key_does_not_show() -> None:
    secret = ALICE.private_text().rpartition("+")[2]
    shown = f"{ALICE!r} {ALICE!s}"
    assert secret not in shown and "aaaa" not in shown
    with pytest.raises(JournalError) as refused:
        Signer.parse(ALICE.private_text().replace("alice", "malice"))
    assert secret not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice.example/log",
        "alice.example/log+00000000+" + str(ALICE.verifier).rpartition("+")[2],
        str(ALICE.verifier)[:-4],
        str(ALICE.verifier) + "=",
        "with space+" + str(ALICE.verifier).partition("+")[2],
        "+" + str(ALICE.verifier).partition("+")[2],
        "k+00000000+" + "AgAA" * 11,
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(JournalError):
        Verifier.parse(text)
    with pytest.raises(JournalError):
        Signer.parse("PRIVATE+KEY+" + text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\nb", "a\tb", "\ud800"])
def test_a_key_has_a_plain_name(name: str) -> None:
    with pytest.raises(JournalError):
        Signer(name, b"a" * 32)


def test_keys_have_32_bytes() -> None:
    with pytest.raises(JournalError, match="seed"):
        Signer("a", b"short")
    with pytest.raises(JournalError, match="public key"):
        Verifier("a", b"short")


def test_unknown_signatures_are_ignored_and_known_ones_are_not() -> None:
    both = sign(TEXT, ALICE, BOB)
    assert open_note(both, [ALICE.verifier]).signed_by == (ALICE.verifier,)
    assert open_note(both, [BOB.verifier, ALICE.verifier]).signed_by == (ALICE.verifier, BOB.verifier)
    with pytest.raises(JournalError, match="trusted: carol"):
        open_note(both, [Signer("carol", b"c" * 32).verifier])
    with pytest.raises(JournalError, match="trusted: nobody"):
        open_note(both, [])
    forged = sign("one\n\nthree\n", BOB).rpartition(b"\n\n")[2]
    with pytest.raises(JournalError, match=r"signature of bob\.example/witness on the note is wrong"):
        open_note(sign(TEXT, ALICE) + forged, [ALICE.verifier, BOB.verifier])
    assert open_note(sign(TEXT, ALICE) + forged, [ALICE.verifier]).text == TEXT


def test_a_key_of_the_same_name_or_id_alone_is_unknown() -> None:
    other = Signer(ALICE.name, b"x" * 32)
    assert open_note(sign(TEXT, other, ALICE), [ALICE.verifier]).signed_by == (ALICE.verifier,)
    with pytest.raises(JournalError, match="no key that is trusted"):
        open_note(sign(TEXT, other), [ALICE.verifier])


def test_duplicates_count_once() -> None:
    note = sign(TEXT, ALICE, ALICE)
    assert note == sign(TEXT, ALICE)
    line = note.rpartition(b"\n\n")[2]
    assert open_note(note + line, [ALICE.verifier, ALICE.verifier]).signed_by == (ALICE.verifier,)
    wrong = sign("else\n", ALICE).rpartition(b"\n\n")[2]
    with pytest.raises(JournalError, match="wrong"):
        open_note(note + wrong, [ALICE.verifier])


def test_many_signatures_are_read_but_not_endlessly() -> None:
    others = [Signer(f"w{i}", bytes([i]) * 32) for i in range(100)]
    assert open_note(sign(TEXT, *others[:99], ALICE), [ALICE.verifier]).text == TEXT
    with pytest.raises(JournalError, match="101 signatures"):
        open_note(sign(TEXT, *others, ALICE), [ALICE.verifier])
    with pytest.raises(JournalError, match="over the limit"):
        open_note(sign("x" * 1_000_000 + "\n", ALICE), [ALICE.verifier])


GOOD = sign(TEXT, ALICE)
LINE = GOOD.rpartition(b"\n\n")[2]


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n",
        TEXT.encode(),
        TEXT.encode() + b"\n",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + b"trailing\n",
        GOOD.replace(b"\n\n\xe2\x80\x94", b"\n\xe2\x80\x94"),
        GOOD.replace(b"\xe2\x80\x94 ", b"- "),
        GOOD.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94"),
        GOOD.replace(LINE, LINE.replace(b"alice.example/log ", b"")),
        GOOD.replace(LINE, LINE.replace(b"alice.example/log", b"")),
        GOOD.replace(LINE, b"\xe2\x80\x94 x AAAA\n"),
        GOOD.replace(LINE, b"\xe2\x80\x94 x A*AAAAAA\n"),
        GOOD.replace(LINE, b"\xe2\x80\x94 x+y AAAAAAA=\n") + LINE,
        GOOD.replace(LINE, LINE.replace(b"=\n", b"\n")),
        GOOD.replace(b"one", b"one\r"),
        GOOD.replace(b"one", b"o\x00e"),
        GOOD.replace(b"one", b"o\xffe"),
        GOOD.replace(b"one", b"o\xed\xa0\x80e"),
    ],
)
def test_a_malformed_note_is_refused(note: bytes) -> None:
    with pytest.raises(JournalError):
        open_note(note, [ALICE.verifier])


def test_what_can_not_be_signed() -> None:
    for text in ("", "no newline", "a\rb\n", "\ud800\n"):
        with pytest.raises(JournalError):
            sign(text, ALICE)
    with pytest.raises(JournalError, match="at least one signer"):
        sign(TEXT)


def test_two_keys_under_one_name_and_id_are_refused() -> None:
    twin = Verifier(ALICE.name, BOB.verifier.public_key)
    object.__setattr__(twin, "key_id", ALICE.verifier.key_id)
    with pytest.raises(JournalError, match="two different keys"):
        open_note(GOOD, [ALICE.verifier, twin])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_can_be_signed(text: str) -> None:
    assert open_note(sign(text + "\n", ALICE, BOB), [BOB.verifier]).text == text + "\n"


def test_no_flipped_bit_goes_unnoticed() -> None:
    for bit in range(len(GOOD) * 8):
        flipped = bytearray(GOOD)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(JournalError):
            open_note(bytes(flipped), [ALICE.verifier])
