"""The packaged profiles against the servers' own tool lists (``tests/vectors/catalogue``), and against our rules."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from keyturn.catalogue import Catalogue, Listed, read_vendor
from keyturn.catalogue.build import texts
from keyturn.catalogue.catalogue import PACKAGED
from keyturn.catalogue.coverage import page
from keyturn.catalogue.vendor import pack
from keyturn.core.profile import Basis, Profile, Reversible, Stage, Step, Touches, does_no_more
from keyturn.core.sentence import holes

ROOT = Path(__file__).parents[2] / "vectors"
VECTORS = [json.loads(path.read_text()) for path in sorted((ROOT / "catalogue").glob("*.json"))]
"""Tool lists as servers send them, with their schemas."""
LISTED = {each["source"]: each["tools"] for each in map(json.loads, (ROOT / "listed-tools.jsonl").open())}
"""Names and parameters of the tools of public servers and integrations, by repository; a list may be empty."""
CATALOGUE = Catalogue.of([read_vendor(text, name) for name, text in texts().items()])
PROFILES = [
    (listed, profile)
    for listed in CATALOGUE
    for profile in (listed.tool.base, *(variant.profile for variant in listed.tool.variants))
]
STANDARDS = json.loads((ROOT / "standards.json").read_text())


@cache
def schemas(server: str) -> dict[str, dict[str, Any]]:
    for vector in VECTORS:
        if vector["server"] == server:
            return {tool["name"]: tool["inputSchema"] for tool in vector["tools"]}
    return {
        name: {"properties": {key: {} for key in parameters}} if parameters else {"unknown": True}
        for name, parameters in LISTED[server].items()
    }


def of(listed: Listed) -> dict[str, dict[str, Any]]:
    known = {vector["server"] for vector in VECTORS} | LISTED.keys()
    mine = [schemas(server) for server in listed.vendor.servers if server in known]
    return next(tools for tools in mine if listed.name in tools)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["server"]))
def test_every_tool_of_a_server_has_a_reviewed_profile_and_no_profile_is_left_over(vector: dict[str, Any]) -> None:
    mine = {listed.name: listed for listed in CATALOGUE if vector["server"] in listed.vendor.servers}
    servers = {server for listed in mine.values() for server in listed.vendor.servers} & LISTED.keys()
    elsewhere = {name for server in servers for name in LISTED[server]}
    sent = {tool["name"] for tool in vector["tools"]}
    assert sent <= mine.keys() <= sent | elsewhere
    assert {listed.tool.base.basis for listed in mine.values()} == {Basis.REVIEWED}
    against = {listed.vendor.against.split()[-1] for listed in mine.values()}
    assert against == {vector["version"]}


def test_the_packaged_file_is_what_the_vendors_files_say() -> None:
    assert PACKAGED.read_bytes() == pack(texts()), "run make catalogue"


def test_every_packaged_file_is_held_against_a_list() -> None:
    for listed in CATALOGUE:
        assert listed.name in of(listed), (listed.vendor.source, listed.name)


def test_every_argument_that_a_profile_names_exists() -> None:
    for listed, profile in PROFILES:
        schema = of(listed)[listed.name]
        named = {rule.argument.split(".")[0] for rule in profile.targets}
        named |= {path.split(".")[0] for variant in listed.tool.variants for path in variant.when}
        if listed.tool.rule is not None:
            named |= {path.split(".")[1] for path in references(listed.tool.rule.parts)}
        assert named <= schema.get("properties", {}).keys(), (listed.vendor.source, listed.name)


def steps(profile: Profile) -> Iterator[tuple[Step, set[str]]]:
    """Each other call of a profile, with the roots that its arguments may refer to."""
    for step in profile.preserve.values():
        yield step, {"arguments"}
    if profile.check is not None:
        yield Step(profile.check.tool, profile.check.arguments), {"arguments", "preserved", "result"}
    if profile.inverse is not None:
        yield profile.inverse, {"arguments", "preserved", "result"}


def references(template: Any) -> Iterator[str]:
    if isinstance(template, dict):
        for inner in template.values():
            yield from references(inner)
    elif isinstance(template, list):
        for inner in template:
            yield from references(inner)
    elif isinstance(template, str) and template.startswith("$") and not template.startswith("$$"):
        yield template.lstrip("$?")


def test_every_step_fits_the_tool_that_it_calls() -> None:
    """Names, required arguments, and the literal values against that tool's own schema."""
    for listed, profile in PROFILES:
        for step, _ in steps(profile):
            schema = of(listed)[step.tool]
            where = f"{listed.vendor.source}: {listed.name} -> {step.tool}"
            if "unknown" in schema:
                continue
            assert step.arguments.keys() <= schema.get("properties", {}).keys(), where
            surely = {
                key for key, value in step.arguments.items() if not (isinstance(value, str) and value.startswith("$?"))
            }
            assert set(schema.get("required", ())) <= surely, where
            for key, value in step.arguments.items():
                if not list(references(value)):
                    jsonschema_rs.validate(schema["properties"][key], value)


def test_every_reference_leads_to_something_that_the_profile_has() -> None:
    for listed, profile in PROFILES:
        known = of(listed)[listed.name].get("properties", {}).keys()
        expected = [
            value
            for expectation in (profile.check.expect if profile.check else ())
            for value in (expectation.equals, expectation.includes, expectation.excludes, list(expectation.one_of))
        ]
        for template, roots in [*((step.arguments, roots) for step, roots in steps(profile)), (expected, None)]:
            for reference in references(template):
                root, _, rest = reference.partition(".")
                assert root in (roots or {"arguments", "preserved", "result"}), (listed.name, reference)
                if root == "arguments":
                    assert rest.split(".")[0] in known, (listed.vendor.source, listed.name, reference)
                if root == "preserved":
                    assert rest.split(".")[0] in profile.preserve, (listed.name, reference)


def test_standards_are_spoken_in_their_own_words() -> None:
    for listed, profile in PROFILES:
        if profile.openc2:
            action, target = profile.openc2.split(" ")
            assert action in STANDARDS["openc2_actions"], listed.name
            assert target in STANDARDS["openc2_targets"] or target.startswith("x-keyturn:"), listed.name
        assert set(profile.d3fend) <= set(STANDARDS["d3fend"]), listed.name
        assert all(len(code) == 6 and code.startswith("RA") and code[2:].isdigit() for code in profile.react)


def test_an_inverse_of_an_inverse_is_the_tool_again_where_both_claim_to_restore() -> None:
    for listed, profile in PROFILES:
        if profile.inverse is None or profile.reversible is not Reversible.REVERSIBLE:
            continue
        back = CATALOGUE.profile(listed.vendor.servers[0], profile.inverse.tool, profile.inverse.arguments)
        if back.inverse is not None:
            assert back.inverse.tool == listed.name


@pytest.mark.parametrize(
    ("server", "tool", "arguments"),
    [
        ("falcon-mcp", "falcon_update_case", {"id": "1", "status": "closed"}),
        ("falcon-mcp", "falcon_update_detections", {"ids": ["1"], "status": "closed"}),
        ("falcon-mcp", "falcon_update_detections", {"ids": ["1"], "add_tags": ["ignored"]}),
        ("falcon-mcp", "falcon_update_detections", {"ids": ["1"], "show_in_ui": False}),
        ("keyturn-range", "tkt_close", {"ticket_id": "INC-1", "resolution": "contained"}),
        ("keyturn-range", "tkt_update_status", {"ticket_id": "INC-1", "status": "resolved"}),
    ],
)
def test_closing_work_is_a_response(server: str, tool: str, arguments: dict[str, Any]) -> None:
    """G5: closing a ticket, a case or an alert, by whatever name."""
    assert CATALOGUE.profile(server, tool, arguments).stage is Stage.RESPOND


def test_muting_and_allowing_touch_detection_controls() -> None:
    for server, tool, arguments in (
        ("falcon-mcp", "falcon_update_detections", {"ids": ["1"], "show_in_ui": False}),
        ("falcon-mcp", "falcon_create_exclusion", {}),
        ("falcon-mcp", "falcon_create_cspm_suppression_rule", {}),
        ("falcon-mcp", "falcon_dismiss_shield_check", {}),
        ("falcon-mcp", "falcon_add_ioc", {"action": "allow"}),
        ("keyturn-range", "fw_add_allowlist", {}),
    ):
        assert Touches.DETECTION_CONTROLS in CATALOGUE.profile(server, tool, arguments).touches, tool


def test_bulk_forms_count_as_their_worst_member() -> None:
    for tool, one, many in (
        ("falcon_add_ioc", {"action": "detect"}, {"action": "detect", "indicators": [{"action": "allow"}]}),
        (
            "falcon_update_quarantined_files",
            {"action": "unrelease", "ids": ["1"]},
            {"action": "unrelease", "filter": "*"},
        ),
    ):
        small, bulk = (CATALOGUE.profile("falcon-mcp", tool, arguments) for arguments in (one, many))
        assert does_no_more(small, bulk) and not does_no_more(bulk, small)


def test_generic_executors_are_the_worst_case() -> None:
    for server, tool in (
        ("keyturn-range", "edr_run_script"),
        ("falcon-mcp", "falcon_execute_workflow"),
        ("falcon-mcp", "falcon_invoke_agentworks_agent"),
    ):
        profile = CATALOGUE.profile(server, tool, {})
        assert (profile.stage, profile.reversible) == (Stage.RESPOND, Reversible.IRREVERSIBLE)
        assert profile.touches == frozenset(Touches)


def test_a_free_query_reads_privileged_data_and_a_look_up_does_not() -> None:
    for server, tool in (
        ("falcon-mcp", "falcon_search_ngsiem"),
        ("keyturn-range", "edr_search_events"),
        ("keyturn-range", "mail_search"),
    ):
        assert Touches.PRIVILEGED_DATA in CATALOGUE.profile(server, tool).touches
    for server, tool in (("falcon-mcp", "falcon_search_indicators"), ("keyturn-range", "intel_lookup_indicator")):
        assert not CATALOGUE.profile(server, tool).touches


def test_a_shutdown_with_a_plain_wait_counts_as_a_stopped_machine() -> None:
    for server, tool, wait in (
        ("chronicle/content-hub", "SSH: Shutdown Machine", "Wait Time"),
        ("google/mcp-security", "ssh_shutdown_machine", "wait_time"),
    ):
        plain, odd = (CATALOGUE.profile(server, tool, {wait: text}) for text in ("5", "5; rm -rf /"))
        assert (plain.reversible, plain.touches) == (
            Reversible.HARD,
            frozenset({Touches.PRODUCTION, Touches.EVIDENCE}),
        )
        assert (odd.reversible, odd.touches) == (Reversible.IRREVERSIBLE, frozenset(Touches))


def test_a_variant_is_more_than_other_words_for_its_tool() -> None:
    words = ("why", "openc2", "d3fend", "react")
    for listed in CATALOGUE:
        base = listed.tool.base
        for variant in listed.tool.variants:
            same = msgspec.structs.replace(variant.profile, **{name: getattr(base, name) for name in words})
            assert same != base, (listed.vendor.source, listed.name, variant.when)


def test_closing_many_alerts_at_once_is_judged_as_the_tools_worst() -> None:
    """A check reads one alert's status; of many it would prove nothing."""
    one, two = (
        CATALOGUE.profile("falcon-mcp", "falcon_update_detections", {"ids": ids, "status": "closed"})
        for ids in (["a"], ["a", "b"])
    )
    assert one.check is not None
    assert one.inverse is not None
    assert two.check is None
    assert Touches.DETECTION_CONTROLS in two.touches - one.touches


def test_every_change_says_what_it_does_in_words_of_its_own_arguments() -> None:
    for listed, profile in PROFILES:
        schema = of(listed)[listed.name]
        assert profile.does or profile.stage is Stage.ANALYSE, listed.name
        named = {hole.split(".")[0] for hole in holes(profile.does)}
        assert named <= schema.get("properties", {}).keys(), (listed.vendor.source, listed.name)
        always = {hole.split(".")[0] for hole in holes(profile.does, optional=False)}
        assert "required" not in schema or always <= set(schema["required"]), (
            f"{listed.name}: put what may be left out into [brackets]"
        )
        assert not profile.does.endswith(".")


def test_the_page_of_what_is_covered_says_what_the_profiles_say() -> None:
    lists = [json.loads(line) for line in (ROOT / "listed-tools.jsonl").open()]
    written = (ROOT.parents[1] / "docs/catalogue-coverage.md").read_text()
    assert written == page(Catalogue.load(), lists), "run make catalogue"
