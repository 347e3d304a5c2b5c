"""Whose yes counts: one person whatever the spelling, and never nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keyturn.core.facts import Oversight
from keyturn.core.hold import KEYS_NEEDED, Hold, Key, person_id
from keyturn.errors import Conflict, InvalidInput

HOLD = Hold(
    action="a1",
    digest="d1",
    policy="p1",
    definition="t1",
    oversight=Oversight.TWO_KEY,
    opened_at=0,
    expires_at=1_000,
)


def key(person: str, digest: str = "d1", policy: str = "p1", definition: str = "t1", credential: str = "") -> Key:
    return Key(person=person, digest=digest, policy=policy, definition=definition, turned_at=5, credential=credential)


@pytest.mark.parametrize(
    "spelling",
    ["ana", "Ana", " ANA ", "ANA\t", "\u00a0ana\u2003", "ａｎａ", "𝐚𝐧𝐚", "ⓐna", "ᴬna", "\u3000Ana\n"],
)
def test_spellings_of_one_person_are_one(spelling: str) -> None:
    assert person_id(spelling) == "ana"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ﬁona", "FIONA"),
        ("Åsa", "A\u030asa"),
        ("Jan  de Wit", "jan de\u00a0wit"),
        ("ſam", "Sam"),
    ],
)
def test_folding_goes_beyond_ascii(one: str, other: str) -> None:
    assert person_id(one) == person_id(other)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u3000",
        "a" * 201,
        "a\u200bna",
        "ana\u202e",
        "\ufeffana",
        "a\x00na",
        "a\u00adna",
        "an\ue000a",
        "\ud800",
    ],
    ids=ascii,
)
def test_invisible_and_empty_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        person_id(name)


@pytest.mark.parametrize("name", ["bеn", "ｂеn", "αnа", "ana Вena"], ids=ascii)
def test_names_that_mix_alphabets_within_a_word_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="mixes alphabets"):
        person_id(name)


@pytest.mark.parametrize("name", ["Вера", "Oskar Лебедев", "山田たろう", "Ζωή", "José", "o'hara-2"])
def test_names_of_every_language_are_names(name: str) -> None:
    assert person_id(name)


@given(st.text(max_size=40))
def test_a_persons_id_is_its_own_id(name: str) -> None:
    try:
        found = person_id(name)
    except InvalidInput:
        return
    assert person_id(found) == found
    assert person_id(found.upper()) == person_id(found.upper().lower())


def test_none_is_never_enough() -> None:
    assert all(needed >= 1 for needed in KEYS_NEEDED.values())
    assert replace(HOLD, oversight=Oversight.ONE_KEY).missing() == 1
    assert HOLD.missing() == 2


def test_one_person_counts_once() -> None:
    once = HOLD.with_key(key("ana"), 10)
    with pytest.raises(Conflict, match="already turned"):
        once.with_key(key("ana"), 11)
    assert replace(HOLD, keys=(key("ana"), key("ana"))).missing() == 1
    assert once.with_key(key("bob"), 12).missing() == 0


@pytest.mark.parametrize("changed", [{"digest": "d2"}, {"policy": "p2"}, {"definition": "t2"}], ids=str)
def test_a_key_for_what_somebody_else_saw_does_not_count(changed: dict[str, str]) -> None:
    assert replace(HOLD, keys=(key("ana", **changed),)).counted() == ()


def test_a_key_for_another_digest_or_too_late_is_refused() -> None:
    with pytest.raises(Conflict, match="another digest"):
        HOLD.with_key(key("ana", digest="d2"), 10)
    assert HOLD.with_key(key("ana"), 999).counted()
    with pytest.raises(Conflict, match="expired"):
        HOLD.with_key(key("ana"), 1_000)


@pytest.mark.parametrize(("policy", "definition"), [("p2", "t1"), ("p1", "t2")])
def test_keys_count_no_more_once_policy_or_tool_changed(policy: str, definition: str) -> None:
    renewed = HOLD.with_key(key("ana"), 10).renewed(Oversight.TWO_KEY, policy, definition)
    assert renewed.missing() == 2
    again = renewed.with_key(key("ana", policy=policy, definition=definition), 20)
    assert again.missing() == 1
