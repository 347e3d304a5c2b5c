import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import JournalError
from keyturn.journal import read_entry

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=5))
def test_what_rfc_8785_writes_is_accepted(content: dict[str, Any]) -> None:
    content.pop("payloads", None)
    written: Any = content | {"seq": 7}
    assert read_entry(7, rfc8785.dumps(written)) == written


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=5), st.data())
def test_no_other_way_to_write_it_is(content: dict[str, Any], data: st.DataObject) -> None:
    content.pop("payloads", None)
    content["seq"] = 7
    canonical = rfc8785.dumps(content)
    written = data.draw(
        st.sampled_from(
            [
                json.dumps(content),
                json.dumps(content, separators=(",", ":")),
                json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
                json.dumps(dict(reversed(content.items())), ensure_ascii=False, separators=(",", ":")),
            ]
        )
    ).encode()
    if written == canonical:
        assert read_entry(7, written) == content
    else:
        with pytest.raises(JournalError, match="canonical"):
            read_entry(7, written)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "{",
        '{"seq":7} ',
        '{"seq":7}{"seq":7}',
        '{"a":1,"a":1,"seq":7}',
        '{"seq":7,"seq":7}',
        '{"seq":7,"a":1}',
        '{"a":1.0,"seq":7}',
        '{"a":-0,"seq":7}',
        '{"a":-0.0,"seq":7}',
        '{"a":1e1,"seq":7}',
        '{"a":1E400,"seq":7}',
        '{"a":0.10,"seq":7}',
        '{"a":9007199254740993,"seq":7}',
        '{"a":[[-9007199254740993]],"seq":7}',
        '{"a":1' + "0" * 400 + ',"seq":7}',
        '{"a":NaN,"seq":7}',
        '{"a":"\\u0041","seq":7}',
        '{"a":"\\/","seq":7}',
        '{"a":"\\u000a","seq":7}',
        '{"a":"\\u001F","seq":7}',
        '{"a":"\\ud800","seq":7}',
        '{"\ue000":1,"\U0001f600":1,"seq":7}',
        '{"a":' + "[" * 5000 + "]" * 5000 + ',"seq":7}',
    ],
)
def test_what_two_parsers_may_read_differently_is_refused(entry: str) -> None:
    with pytest.raises(JournalError, match="entry 7 is"):
        read_entry(7, entry.encode())


def test_names_are_sorted_by_utf_16() -> None:
    entry = '{"seq":7,"\U0001f600":1,"\ue000":1}'.encode()
    assert rfc8785.dumps(json.loads(entry)) == entry
    assert read_entry(7, entry)["seq"] == 7


@pytest.mark.parametrize("entry", ["[]", "7", "null", '"seq"', "[7]"])
def test_an_entry_is_an_object(entry: str) -> None:
    with pytest.raises(JournalError, match="not a JSON object"):
        read_entry(7, entry.encode())


@pytest.mark.parametrize("entry", ["{}", '{"seq":8}', '{"seq":"7"}', '{"seq":null}', '{"seq":[7]}', '{"seq":true}'])
def test_an_entry_knows_its_place(entry: str) -> None:
    for index in (1, 7):
        with pytest.raises(JournalError, match=f"entry {index} says that its seq"):
            read_entry(index, entry.encode())


@pytest.mark.parametrize("payloads", ["null", "[]", '"x"', '{"a":1}', '{"a":"ab"}', '{"a":"../../etc/passwd"}'])
def test_payloads_are_commitments_by_name(payloads: str) -> None:
    with pytest.raises(JournalError, match="not commitments by name"):
        read_entry(0, f'{{"payloads":{payloads},"seq":0}}'.encode())
