"""Mandates: live for a time, cover what they name, and a child is never wider than its parent."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from keyturn.core.action import Target, ToolRef
from keyturn.core.mandate import MAX_LIFETIME_MS, Budgets, Mandate, check_terms, delegate, narrower_pattern
from keyturn.errors import Forbidden, InvalidInput

FIELDS: dict[str, Any] = {
    "id": "m1",
    "agent": "responder",
    "case": "INC-1",
    "purpose": "contain",
    "tools": ("edr/get_*", "edr/isolate_host"),
    "targets": ("host:ws-*",),
    "objects": ("secret:vault/db",),
    "issued_by": "lena",
    "issued_at": 1_000,
    "expires_at": 10_000,
}
PARENT = Mandate(**FIELDS)
CHILD = replace(
    PARENT, id="m2", agent="other", tools=("edr/get_host",), targets=("host:ws-1",), objects=(), expires_at=9_000
)
letters = st.text("ab./:*?[]!-", max_size=6)
names = st.text("ab./:*?[]!-", max_size=8)


@given(child=letters, parents=st.lists(letters, max_size=3), name=names)
def test_a_narrower_pattern_matches_no_name_that_its_parents_miss(child: str, parents: list[str], name: str) -> None:
    assume(child and all(parents))
    if narrower_pattern(child, tuple(parents)):
        wide = replace(PARENT, targets=tuple(parents), objects=())
        small = replace(PARENT, targets=(child,), objects=())
        kind, _, rest = name.partition(":")
        target = Target(kind, rest)
        assert wide.covers_target(target) or not small.covers_target(target)


@given(data=st.data())
def test_a_child_that_passes_covers_nothing_that_its_parent_does_not(data: st.DataObject) -> None:
    tools = data.draw(st.lists(st.sampled_from(["s/a*", "s/ab", "s/*", "s/a?", "s/[ab]", "*", "s/a*b"]), min_size=1))
    wider = data.draw(st.lists(st.sampled_from(["s/a*", "s/*", "s/a*b", "s/[ab]", "s/a?"]), min_size=1))
    parent, child = replace(PARENT, tools=tuple(wider)), replace(CHILD, tools=tuple(tools))
    tool = ToolRef("s", data.draw(st.text("ab?*[]", min_size=1, max_size=4)))
    try:
        given_on = delegate(parent, child, 2_000)
    except Forbidden:
        return
    assert parent.covers_tool(tool) or not given_on.covers_tool(tool)


def test_delegation_within_the_parent_is_given_and_names_it() -> None:
    assert delegate(PARENT, CHILD, 2_000).parent == PARENT.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"case": "INC-2"}, "another case"),
        ({"expires_at": 10_001}, "a later end"),
        ({"tools": ("edr/get_host", "edr/wipe")}, "tools that the parent lacks"),
        ({"tools": ("*",)}, "tools that the parent lacks"),
        ({"targets": ("host:*",)}, "targets that the parent lacks"),
        ({"targets": ("user:ws-1",)}, "targets that the parent lacks"),
        ({"objects": ("secret:vault/root",)}, "sensitive objects"),
        ({"budgets": Budgets(actions=10_001)}, "larger budgets"),
        ({"budgets": Budgets(responds=21)}, "larger budgets"),
        ({"budgets": Budgets(targets=6)}, "larger budgets"),
        ({"budgets": Budgets(open_holds=11)}, "larger budgets"),
    ],
)
def test_a_wider_child_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Forbidden, match=reason):
        delegate(PARENT, replace(CHILD, **change), 2_000)


@pytest.mark.parametrize(
    "parent", [replace(PARENT, revoked_at=1_500), replace(PARENT, issued_at=3_000), replace(PARENT, expires_at=2_000)]
)
def test_a_mandate_that_is_not_in_force_hands_nothing_on(parent: Mandate) -> None:
    with pytest.raises(Forbidden, match="is over"):
        delegate(parent, CHILD, 2_000)


@pytest.mark.parametrize(
    "change",
    [
        {"tools": ()},
        {"case": ""},
        {"purpose": ""},
        {"expires_at": 1_000},
        {"expires_at": 1_001 + MAX_LIFETIME_MS},
        {"objects": ("secret:*",)},
        {"objects": ("secret:a?",)},
        {"objects": ("secret:[ab]",)},
    ],
    ids=str,
)
def test_a_mandate_that_grants_at_large_can_not_be_made(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Mandate(**{**FIELDS, **change})


@pytest.mark.parametrize(("now", "live"), [(999, False), (1_000, True), (9_999, True), (10_000, False)])
def test_it_lives_from_its_beginning_up_to_its_end(now: int, live: bool) -> None:
    assert PARENT.live(now) is live


def test_a_budget_below_zero_is_refused() -> None:
    with pytest.raises(InvalidInput, match="below zero"):
        Budgets(responds=-1)


@pytest.mark.parametrize("child", ["ip:10.0.0.0/8", "ip:10.0.0.5,8.8.8.8", "ip:10.0.0.0/255.0.0.0"])
def test_a_network_or_list_is_no_narrower_than_a_pattern_that_does_not_hold_all_of_it(child: str) -> None:
    assert not narrower_pattern(child, ("ip:10.0.0.*",))
    assert narrower_pattern(child, ("ip:*",))
    assert narrower_pattern(child, (child,))


def test_patterns_keep_case_and_objects_are_exact() -> None:
    assert PARENT.covers_tool(ToolRef("edr", "get_host"))
    assert not PARENT.covers_tool(ToolRef("EDR", "get_host"))
    assert not PARENT.covers_target(Target("host", "WS-1"))
    assert PARENT.covers_target(Target("secret", "vault/db"))
    assert not PARENT.covers_target(Target("secret", "vault/db2"))
    assert PARENT.names(ToolRef("edr", "x"), Target("secret", "vault/db"))
    assert not PARENT.names(ToolRef("edr", "get_host"), Target("host", "ws-1"))


@pytest.mark.parametrize("climbing", ["/case/../etc/passwd", "/case/a/../../x", "..", "/case/..", "\\case\\..\\x"])
def test_a_path_that_climbs_out_of_its_folder_is_covered_by_no_pattern_but_all(climbing: str) -> None:
    def mandate(*targets: str) -> Mandate:
        return replace(PARENT, targets=targets)

    target = Target("file", climbing)
    assert not mandate("file:/case/*", "file:[!x]*", "file:\\case\\*").covers_target(target)
    assert mandate("file:*").covers_target(target)
    assert mandate("*:*").covers_target(target)
    assert replace(mandate(), objects=(f"file:{climbing}",)).covers_target(target)
    assert mandate("file:/case/*").covers_target(Target("file", "/case/a..b/c"))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("tools", ("",), "the tool '' covers nothing"),
        ("tools", ("edr",), "write upstream/tool"),
        ("tools", ("edr/",), "covers nothing"),
        ("tools", ("/get",), "covers nothing"),
        ("tools", ("edr*",), "covers nothing"),
        ("tools", ("edr/get\u200b_host",), "can't be seen"),
        ("tools", ("edr/x",) * 501, "501 tools"),
        ("tools", tuple(f"edr/{'x' * 200}{n}" for n in range(300)), "too many to record"),
        ("tools", ("edr/" + "x" * 1_000,), "1004 characters"),
        ("targets", ("FIN-LT-044",), "write kind:id"),
        ("targets", (":x",), "covers nothing"),
        ("targets", ("host:",), "covers nothing"),
        ("objects", ("x",), "kind:id or upstream/tool"),
        ("case", "INC-\u202e1", "can't be seen"),
        ("case", "INC-1\x1b[2J", "can't be seen"),
        ("case", "INC-1\n", "space"),
        ("case", " INC-1", "space"),
        ("case", "INC-1 ", "space"),
        ("case", "INC\u00a01", "can't be seen"),
        ("case", "x" * 201, "201 characters"),
        ("purpose", "contain\u2066", "can't be seen"),
        ("purpose", "contain\nthe host", "one line"),
        ("purpose", "x" * 2_001, "2001 characters"),
    ],
)
def test_what_covers_nothing_or_hides_is_refused(field: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        check_terms(replace(PARENT, **{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", ("*",)),
        ("tools", ("*/*", "range/a/b", "soc/get_[ab]")),
        ("targets", ("*",)),
        ("targets", ("*:*", "file:/srv/a b/*", "url:https://x.example/?q=1")),
        ("targets", ()),
        ("objects", ("secret:vault/db", "edr/get_secret")),
        ("case", "inc-1"),
        ("case", "事件 12 / Störung"),
    ],
)
def test_what_says_what_it_covers_is_issued(field: str, value: Any) -> None:
    check_terms(replace(PARENT, **{field: value}))


@pytest.mark.parametrize(
    ("target", "pattern", "covered"),
    [
        ("ip:10.0.0.0/8", "ip:10.*", True),
        ("ip:10.0.0.0/8", "ip:10.0.0.*", False),
        ("ip:10.0.0/8", "ip:10.0.*", False),
        ("ip:10.1.2.0/24", "ip:10.1.2.*", True),
        ("ip:10.1.2.0/24", "ip:10.1.2.0/24", True),
        ("ip:10.1.2.0/25", "ip:10.1.2.1*", False),
        ("ip:0.0.0.0/0", "ip:0*", False),
        ("ip:0.0.0.0/0", "ip:*", True),
        ("index:web*", "index:w*", True),
        ("index:web*", "index:web-?", False),
        ("index:w*", "index:web*", False),
        ("ip:10.0.0.0/8 ", "ip:10.0.0.*", False),
        ("ip:10.0.0.0/255.0.0.0", "ip:10.0.0.*", False),
        ("ip:10.0.0.0/255.0.0.0", "ip:10.0.0.0/255.0.0.0", True),
        ("ip:10.0.0.1-10.9.9.9", "ip:10.0.0.*", False),
        ("ip:10.0.0.5 8.8.8.8", "ip:10.0.0.*", False),
        ("ip:2001:db8::/16", "ip:2001:db8::*", False),
        ("ip:2001:db8::1", "ip:2001:db8::*", True),
        ("ip:10.0.0.5,8.8.8.8", "ip:10.0.0.*", False),
        ("ip:10.0.0.5, 10.0.0.6", "ip:10.0.0.*", True),
        ("host:ws-1\ndc-1", "host:ws-*", False),
        ("user:eve@x.example;bob@corp.example", "user:*@corp.example", False),
        ("user:CN=a,OU=staff,DC=corp", "user:CN=*,OU=staff,DC=corp", True),
        ("user:CN=a,OU=admins,DC=corp", "user:CN=*,DC=corp", False),
        ("url:a.example/v1/%2e%2e/x", "url:a.example/v1/*", False),
        ("url:a.example/v1/..;/x", "url:a.example/v1/*", False),
        ("url:a.example/v1/12", "url:a.example/v1/*", True),
    ],
)
def test_a_target_that_means_many_is_covered_only_by_what_holds_all_of_them(
    target: str, pattern: str, covered: bool
) -> None:
    kind, _, name = target.partition(":")
    assert replace(PARENT, targets=(pattern,)).covers_target(Target(kind, name)) is covered
