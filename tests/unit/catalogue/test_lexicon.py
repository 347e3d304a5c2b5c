"""A draft on the grave side: only a name makes it mild, and what no word explains is the worst case.

The sources that the words were built on are written down in ``tests/vectors/lexicon.json``; the others were held out.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.catalogue import Catalogue, read_vendor
from keyturn.catalogue.build import texts
from keyturn.catalogue.lexicon import BY_HAND, draft
from keyturn.core.profile import WORST, Basis, Profile, Reversible, Stage, Touches, no_graver

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))
from measure_lexicon import built_on, free, measure, tools  # type: ignore[import-not-found]  # noqa: E402

VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/lexicon.json").read_text())
PLAIN = [
    "get_alert", "list_alerts", "searchAlerts", "edr.get_host", "vendor: Get Host Details", "lookup-ip", "alert_search",
    "list_blocked_ips", "get_scan_status", "whois_lookup", "virus_total_enrich_hash", "soar_ping", "submit_url",
    "test_connectivity", "get_rule_update_status", "regex_extract_string", "listIPs", "crem_hosts_list", "get_user",
    "list_groups",
]  # fmt: skip
HELD_READS = {
    "get_secret": Touches.SECRETS,
    "fetch_token": Touches.SECRETS,
    "list_access_keys": Touches.SECRETS,
    "search_events": Touches.PRIVILEGED_DATA,
    "run_a_query_get": Touches.PRIVILEGED_DATA,
    "read_file": Touches.PRIVILEGED_DATA,
    "getMailboxMessages": Touches.PRIVILEGED_DATA,
    "download_report": Touches.PRIVILEGED_DATA,
    "list_evidence": Touches.EVIDENCE,
    "get_frobnication": Touches.EVIDENCE,
    "frob_rule_list": Touches.SECRETS,
    "get_group_zorbs": Touches.SECRETS,
}
CHANGES = {
    "isolate_host": Reversible.REVERSIBLE,
    "BlockIP": Reversible.REVERSIBLE,
    "enable_user": Reversible.REVERSIBLE,
    "disable_user": Reversible.HARD,
    "close-alert": Reversible.HARD,
    "reset_password": Reversible.HARD,
    "update_rule": Reversible.HARD,
    "delete_rule": Reversible.HARD,
    "delete_file": Reversible.IRREVERSIBLE,
    "send_mail": Reversible.IRREVERSIBLE,
    "run_script": Reversible.IRREVERSIBLE,
    "get_or_create_user": Reversible.REVERSIBLE,
    "list_and_delete_hosts": Reversible.IRREVERSIBLE,
    "search_and_destroy": Reversible.IRREVERSIBLE,
    "get_and_block_ip": Reversible.REVERSIBLE,
    "find_then_quarantine_file": Reversible.HARD,
}


@pytest.mark.parametrize("name", [*PLAIN, *VECTORS["plain"]])
def test_a_name_that_reads_what_anybody_may_read_is_a_plain_read(name: str) -> None:
    found = draft(name)
    assert free(found.profile), found


@pytest.mark.parametrize(("name", "touch"), HELD_READS.items())
def test_what_is_sensitive_or_unexplained_waits_though_it_only_reads(name: str, touch: Touches) -> None:
    found = draft(name)
    assert found.profile.stage is Stage.RESPOND or touch in found.profile.touches, found
    assert not free(found.profile)


@pytest.mark.parametrize(("name", "why"), VECTORS["held"].items())
def test_a_name_waits_where_one_part_of_it_is_unexplained(name: str, why: str) -> None:
    assert not free(draft(name).profile), why


@pytest.mark.parametrize(("name", "reversible"), CHANGES.items())
def test_a_name_that_changes_something_says_how_far_it_can_be_taken_back(name: str, reversible: Reversible) -> None:
    found = draft(name)
    assert (found.profile.stage, found.profile.reversible) == (Stage.RESPOND, reversible)
    assert bool(found.profile.by_hand) is (reversible is Reversible.REVERSIBLE)


@pytest.mark.parametrize("name", ["", "zorb", "x" * 500, "手紙", "get_" * 200, "\u202eteg", "42"])
def test_a_name_that_says_nothing_is_the_worst_case(name: str) -> None:
    profile = draft(name, "Only reads. Safe, read-only, no side effects.", ["id"], {"readOnlyHint": True}).profile
    assert (profile.stage, profile.reversible, profile.touches) == (WORST.stage, WORST.reversible, WORST.touches)


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        (["script"], "run as it is given"),
        ({"properties": {"outer": {"properties": {"commandLine": {}}}}}, "run as it is given"),
        (["url", "method"], "call anything"),
        (["query", "write"], "call anything"),
        (["recipients"], "send"),
        (["channel", "message"], "send"),
        (["deleteAfter"], "act"),
        (["comment"], "what it writes"),
        (["newName"], "what it writes"),
        (["tags_to_add"], "what it writes"),
        ([f"p{n}" for n in range(600)], "more parameters"),
    ],
)
def test_parameters_that_run_send_or_act_make_any_name_the_worst_case(parameters: Any, why: str) -> None:
    found = draft("get_alert", parameters=parameters)
    assert (found.profile.reversible, found.profile.touches) == (Reversible.IRREVERSIBLE, frozenset(Touches))
    assert why in found.why("stage")


def test_a_parameter_that_names_a_query_or_a_path_says_what_the_read_reads() -> None:
    assert Touches.PRIVILEGED_DATA in draft("search_alerts", parameters=["kql"]).profile.touches
    assert Touches.PRIVILEGED_DATA in draft("check_policy", parameters=["path"]).profile.touches
    assert free(draft("list_alerts", parameters=["event_type", "path_prefix", "max_events"]).profile)
    assert draft("get_alert", parameters=["output_path"]).profile.reversible is Reversible.HARD


@pytest.mark.parametrize(
    "said",
    [
        "Deletes the alert.",
        "Get an alert. Then sends it on.",
        "Get the alert and closes it",
        "Runs arbitrary code",
        "Lists the stored passwords",
    ],
)
def test_a_description_is_believed_where_it_says_something_graver(said: str) -> None:
    assert free(draft("get_alert").profile)
    assert not free(draft("get_alert", said).profile)


def test_hints_raise() -> None:
    assert draft("get_alert", hints={"readOnlyHint": False}).profile.reversible is Reversible.IRREVERSIBLE
    assert draft("get_alert", hints={"readOnlyHint": True}) == draft("get_alert")
    assert draft("isolate_host", hints={"destructiveHint": True}).profile.reversible is Reversible.HARD
    assert draft("delete_file", hints={"destructiveHint": False, "readOnlyHint": True}) == draft("delete_file")


def test_each_field_has_its_reason() -> None:
    found = draft("vendor_delete_user_file", "", {"properties": {"user_id": {}, "x.y": {}, "host": {}}})
    assert "“delete”" in found.why("stage") and "“delete”" in found.why("reversible")
    assert "“user”" in found.why("touches", "identity") and "“file”" in found.why("touches", "evidence")
    assert [(rule.argument, rule.kind) for rule in found.profile.targets] == [("user_id", "user"), ("host", "host")]
    assert found.why("targets", "user_id") and found.profile.basis is Basis.DERIVED
    assert draft("isolate_host").profile.by_hand == BY_HAND


WORDS = st.sampled_from(
    (
        "get",
        "list",
        "search",
        "delete",
        "and",
        "or",
        "create",
        "block",
        "send",
        "the",
        "alert",
        "host",
        "secret",
        "file",
    )
)
MORE = st.sampled_from(
    (
        "user",
        "event",
        "frob",
        "rule",
        "ping",
        "query",
        "set",
        "enable",
        "run",
        "to",
        "scan",
        "status",
        "json:",
        "AlertID",
    )
)
NAMES = st.one_of(
    st.lists(WORDS | MORE, max_size=6).map("_".join), st.lists(WORDS | MORE, max_size=5).map(" ".join), st.text()
)
PARAMETERS = st.lists(st.one_of(st.text(), st.sampled_from(["id", "query", "script", "url", "method", "to", "kql"])))
PROSE = st.one_of(st.text(), st.lists(st.one_of(WORDS, MORE, st.just("read-only.")), max_size=12).map(" ".join))
JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
HINTS = st.one_of(
    JSON,
    st.dictionaries(st.sampled_from(["readOnlyHint", "destructiveHint", "idempotentHint"]), st.booleans() | st.none()),
)


def level(profile: Profile) -> tuple[int, int]:
    return profile.stage.rank, profile.reversible.rank


def at_least(graver: Profile, milder: Profile) -> bool:
    ranks = zip(level(graver), level(milder), strict=True)
    return all(one >= other for one, other in ranks) and graver.touches >= milder.touches


@given(NAMES, PROSE, PARAMETERS, HINTS, st.text())
def test_nothing_but_the_name_makes_a_draft_milder(
    name: str, said: str, parameters: list[str], hints: Any, more: str
) -> None:
    bare = draft(name).profile
    whole = draft(name, said, parameters, hints).profile
    assert at_least(whole, bare)
    assert at_least(whole, draft(name, said, parameters).profile), "a hint lowered it"
    assert at_least(whole, draft(name, "", parameters, hints).profile), "a description lowered it"
    assert at_least(draft(name, said, [*parameters, more], hints).profile, whole), "a parameter lowered it"
    assert at_least(draft(name, said, [more, *parameters], hints).profile, whole), "a parameter lowered it"


@given(NAMES, st.sampled_from(["zorb", "zorbed", "and_zorb", "by_zorb", "secret"]))
def test_a_word_more_that_nobody_knows_or_that_is_sensitive_makes_no_name_milder(name: str, more: str) -> None:
    bare = draft(name).profile
    assert bare.stage is Stage.ANALYSE or not free(draft(f"{name}_{more}").profile), "a change became free"
    assert free(bare) or not free(draft(f"{name}_{more}").profile)


@given(NAMES, PROSE, JSON, JSON)
def test_the_worst_case_is_above_every_draft_and_drafting_is_the_same_each_time(
    name: str, said: str, parameters: Any, hints: Any
) -> None:
    found = draft(name, said, parameters, hints)
    assert no_graver(found.profile, WORST)
    assert found == draft(name, said, parameters, hints)
    assert all(found.why(field) for field in ("stage", "reversible", "touches"))
    assert (found.profile.stage is Stage.ANALYSE) is (found.profile.reversible is Reversible.NO_EFFECT)


def test_drafts_let_almost_nothing_grave_run_free_and_beat_a_look_at_the_name() -> None:
    """The figures of ``benchmarks/measure_lexicon.py``, names and parameters alone, each with a bound above it."""
    catalogue = Catalogue.of([read_vendor(text, name) for name, text in texts().items()])
    for half, most_reads, most_held in ((True, 0.02, 0.25), (False, 0.07, 0.42)):
        n = measure([row for row in tools(None) if built_on(row["source"]) is half], catalogue)
        assert n["tools"] > 1_000
        assert n["change free"] < 0.004 * n["change"], n
        assert n["sensitive free"] < most_reads * n["sensitive"], n
        assert n["plain held"] < most_held * n["plain"], n
        assert n["change free by name"] > 10 * n["change free"], "a look at the name alone is no worse"


def test_the_split_names_sources_that_are_listed() -> None:
    split = VECTORS["built_on"]
    sources = {row["source"] for row in tools(None)}
    assert split and {built_on(source) for source in sources} == {True, False}
