"""What a person may change in a draft, and what it takes to accept one."""

import pytest

from keyturn.catalogue import read_vendor
from keyturn.catalogue.draft_file import Drafted, new_file
from keyturn.catalogue.lexicon import draft
from keyturn.catalogue.review_file import accepted, changed, needs_why, profile_of, tools_of
from keyturn.core.profile import Basis, Reversible, Reviewed, Stage, Touches
from keyturn.errors import ProfileError

NAMES = ("get_alert", "isolate_host", "zorb")
FILE = new_file("V", "v", "x", "today", [Drafted(name, "", draft(name)) for name in NAMES])
BY = Reviewed(by="olga", at="2026-01-31T12:00:00Z", definition="a" * 64)


def entry(name: str) -> dict[str, object]:
    return next(tool.entry for tool in tools_of(FILE, "x") if tool.name == name)


def test_an_accepted_read_is_reviewed_with_who_when_and_what_was_looked_at() -> None:
    text = accepted(FILE, "x", "get_alert", entry("get_alert"), BY)
    tools = read_vendor(text, "x").tools
    assert (tools["get_alert"].base.basis, tools["get_alert"].base.reviewed) == (Basis.REVIEWED, BY)
    assert tools["zorb"].base.basis is Basis.DERIVED
    assert [tool.name for tool in tools_of(text, "x") if tool.waits] == ["isolate_host", "zorb"]


def test_a_change_is_accepted_with_a_reason_in_a_persons_words() -> None:
    assert needs_why(entry("isolate_host")) and not needs_why(entry("get_alert"))
    with pytest.raises(ProfileError, match="accepted with a reason"):
        accepted(FILE, "x", "isolate_host", entry("isolate_host"), BY)
    said = changed(entry("isolate_host"), "why", "What it serves\nis down.")
    profile = read_vendor(accepted(FILE, "x", "isolate_host", said, BY), "x").tools["isolate_host"].base
    assert (profile.why, profile.reviewed) == ("What it serves is down.", BY)


def test_a_field_is_changed_by_its_words_and_a_stage_brings_what_belongs_to_it() -> None:
    read = changed(entry("zorb"), "stage", "analyse")
    read = changed(read, "touches", "none")
    assert profile_of(FILE, "x", "zorb", read).stage is Stage.ANALYSE
    change = changed(read, "stage", "respond")
    assert profile_of(FILE, "x", "zorb", change).reversible is Reversible.IRREVERSIBLE
    change = changed(changed(change, "reversible", "reversible"), "touches", "production, identity")
    change = changed(changed(change, "targets", "host id: host, zone: zone"), "by_hand", "undo it")
    profile = profile_of(FILE, "x", "zorb", change)
    assert profile.touches == {Touches.PRODUCTION, Touches.IDENTITY}
    assert [(rule.argument, rule.kind) for rule in profile.targets] == [("host id", "host"), ("zone", "zone")]
    assert profile.by_hand == "undo it"


@pytest.mark.parametrize(
    ("field", "said"),
    [("stage", "read"), ("touches", "secrets, all"), ("targets", "host"), ("does", "x"), ("reversible", "")],
)
def test_a_word_that_is_none_of_the_fields_is_refused(field: str, said: str) -> None:
    with pytest.raises(ProfileError):
        changed(entry("zorb"), field, said)


def test_what_can_not_be_believed_is_not_accepted() -> None:
    odd = {**entry("get_alert"), "reversible": "irreversible"}
    with pytest.raises(ProfileError, match="belong together"):
        accepted(FILE, "x", "get_alert", odd, BY)
