"""Server-sent events: the same events whatever the chunks, and never more memory than allowed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import InvalidInput
from keyturn.wire.sse import Event, Parser, format_event

STREAM = (
    b": hello\r\n\r\nevent: message\r\ndata: one\r\n\r\n"
    b"id: 7\nretry: 50\ndata:\n\n"
    b"data: two\ndata:  three\nid: 8\n\n"
    b"event: other\rdata: four\r\rdata: unfinished"
)
EVENTS = [
    Event(b"one"),
    Event(b"", id="7", retry=50),
    Event(b"two\n three", id="8"),
    Event(b"four", event="other"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_chunks_do_not_matter(cuts: list[int]) -> None:
    parser = Parser(1000)
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [e for a, b in itertools.pairwise(edges) for e in parser.feed(STREAM[a:b])]
    assert found == EVENTS


def test_what_is_formatted_is_parsed() -> None:
    raw = format_event(b'{"a":1}', id="x", retry=10)
    assert Parser(100).feed(raw) == [Event(b'{"a":1}', id="x", retry=10)]


@pytest.mark.parametrize("chunk", [b"data: 0123456789\n", b"0123456789", b"data: 0\n"])
def test_an_endless_event_is_cut_off(chunk: bytes) -> None:
    parser = Parser(1000)
    with pytest.raises(InvalidInput, match="1000 bytes"):
        for _ in range(2000):
            parser.feed(chunk)


def test_an_event_up_to_the_limit_passes_in_small_chunks() -> None:
    parser, body = Parser(1010), b"x" * 1000
    raw = b"data: " + body + b"\n\n"
    assert [e.data for i in range(0, len(raw), 7) for e in parser.feed(raw[i : i + 7])] == [body]
