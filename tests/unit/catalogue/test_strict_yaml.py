"""The catalogue's YAML has one reading, and what has two is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.catalogue.strict_yaml import MAX_DEPTH, read
from keyturn.errors import ProfileError

# JSON writes what is beyond U+FFFF as two escapes, which YAML does not know
TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_json_is_read_as_json(value: object) -> None:
    """JSON is YAML; a reviewer may write either."""
    text = json.dumps(value, ensure_ascii=True)
    assert read(text, "f") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: true", True),
        ("a: True", "True"),
        ("a: 'true'", "true"),
        ("a: null", None),
        ("a: ~", None),
        ("a:", None),
        ("a: 12", 12),
        ("a: -1.5", -1.5),
        ("a: 012", "012"),
        ("a: 1e3", "1e3"),
        ("a: .inf", ".inf"),
        ("a: 2026-11-23", "2026-11-23"),
    ],
)
def test_a_scalar_means_what_json_says_or_is_text(text: str, value: object) -> None:
    found = read(text, "f")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", r"f, line 3: the key 'a' is there twice"),
        ("a: {x: 1, x: 1}", "the key 'x' is there twice"),
        ("a: &x 1\nb: *x", "line 1: anchors, aliases and tags"),
        ("a: !!python/object/apply:os.system ['id']", "anchors, aliases and tags"),
        ("a: !!str 1", "anchors, aliases and tags"),
        ("<<: {a: 1}\n[1]: 2", "a key is not text"),
        ("a: 1\n---\nb: 2", "several documents"),
        ("", "f is empty"),
        ("# nothing", "f is empty"),
        ("a: [1, 2", "f is not YAML"),
        ("a: \x00", "f is not YAML"),
        ("a: " + "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nested more than"),
    ],
)
def test_what_two_readers_may_read_differently_is_refused(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read(text, "f")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read(text, "f")
    except ProfileError as refusal:
        assert refusal.message.startswith("f")
