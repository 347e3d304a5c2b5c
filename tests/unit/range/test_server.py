import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

from keyturn.range.server import TOOLS

INVERSES: list[tuple[str, tuple[str, dict[str, Any]], tuple[str, dict[str, Any]], set[str]]] = [
    # what it is, the change, its inverse, the columns in which the state may still differ
    (
        "isolation",
        ("edr_isolate_host", {"hostname": "FIN-LT-044"}),
        ("edr_lift_isolation", {"hostname": "FIN-LT-044"}),
        set(),
    ),
    (
        "account",
        ("idp_disable_user", {"username": "d.reyes"}),
        ("idp_enable_user", {"username": "d.reyes"}),
        {"status_changed_by"},
    ),
    (
        "block",
        ("fw_block_ip", {"ip": "198.51.100.23", "reason": "r"}),
        ("fw_unblock_ip", {"ip": "198.51.100.23"}),
        set(),
    ),
    (
        "allowlist",
        ("fw_add_allowlist", {"cidr": "198.51.100.0/24", "reason": "r"}),
        ("fw_remove_allowlist", {"cidr": "198.51.100.0/24"}),
        set(),
    ),
    (
        "closure",
        ("tkt_close", {"ticket_id": "INC-1042", "resolution": "contained"}),
        ("tkt_reopen", {"ticket_id": "INC-1042"}),
        {"reopened"},
    ),
    (
        "tag",
        ("tkt_add_tag", {"ticket_id": "INC-1042", "tag": "x"}),
        ("tkt_remove_tag", {"ticket_id": "INC-1042", "tag": "x"}),
        set(),
    ),
    (
        "status",
        ("tkt_update_status", {"ticket_id": "INC-1042", "status": "on_hold"}),
        ("tkt_update_status", {"ticket_id": "INC-1042", "status": "in_progress"}),
        set(),
    ),
]

READS: list[tuple[str, dict[str, Any]]] = [
    ("edr_list_alerts", {}),
    ("edr_get_alert", {"alert_id": "ALR-5001"}),
    ("edr_search_events", {}),
    ("edr_get_host", {"hostname": "FIN-LT-044"}),
    ("edr_list_quarantined_files", {}),
    ("idp_get_user", {"username": "m.okafor"}),
    ("idp_list_sessions", {"username": "m.okafor"}),
    ("idp_list_api_keys", {}),
    ("idp_read_secret", {"path": "prod/ci/signing-key"}),
    ("mail_search", {}),
    ("mail_get_message", {"message_id": "MSG-9001"}),
    ("mail_list_rules", {}),
    ("mail_get_rule", {"rule_id": "RUL-7001"}),
    ("fw_list_blocks", {}),
    ("fw_list_allowlist", {}),
    ("tkt_get", {"ticket_id": "INC-1042"}),
    ("tkt_list", {}),
    ("evd_list", {}),
    ("evd_read", {"evidence_id": "EVD-601"}),
    ("intel_lookup_indicator", {"indicator": "example.org"}),
]


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28",) * 2])
async def test_both_generations_of_mcp_are_served_over_stdio(tmp_path: Path, mode: str, version: str) -> None:
    command = [sys.executable, "-m", "keyturn.range", "--state", str(tmp_path / "range.db"), "--actor", "svc-gate"]
    async with Client(StdioServerParameters(command=command[0], args=command[1:]), mode=mode) as client:
        assert client.protocol_version == version
        listed = {tool.name for tool in (await client.list_tools()).tools}
        done = await client.call_tool("tkt_close", {"ticket_id": "INC-1042", "resolution": "contained"})
        again = await client.call_tool("tkt_close", {"ticket_id": "INC-1042", "resolution": "contained"})
        instructions = client.instructions

    assert listed == set(TOOLS)
    assert done.structured_content == {
        "ticket_id": "INC-1042",
        "status": "closed",
        "resolution": "contained",
        "closed_by": "svc-gate",
    }
    assert again.is_error
    # a pinned version skips the discovery that carries the instructions
    assert mode == version or "SIMULATED" in str(instructions)


async def test_the_server_names_itself_as_simulated(soc: Any) -> None:
    async with Client(soc.server) as client:
        assert client.server_info is not None
        assert "simulated" in client.server_info.name
        assert "SIMULATED" in str(client.instructions)


async def test_every_input_schema_is_strict_and_every_string_is_bounded(soc: Any) -> None:
    async with Client(soc.server) as client:
        tools = (await client.list_tools()).tools

    for tool in tools:
        schema = tool.input_schema
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert schema["additionalProperties"] is False
        for name, argument in schema["properties"].items():
            assert argument["description"], (tool.name, name)
            if argument["type"] == "string":
                assert argument.keys() & {"maxLength", "enum", "format"}, (tool.name, name)


async def test_hints_are_right_missing_and_once_misleading(soc: Any) -> None:
    async with Client(soc.server) as client:
        tools = (await client.list_tools()).tools

    read_only = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
    changing = {name for name, tool in TOOLS.items() if tool.changes}
    assert read_only & changing == {"edr_run_script"}
    assert {tool.name for tool in tools if tool.annotations is None} == {
        "idp_enable_user",
        "idp_revoke_sessions",
        "mail_send",
        "tkt_close",
    }


def test_each_tool_that_does_not_change_is_in_the_list_of_reads() -> None:
    assert {name for name, _ in READS} == {name for name, tool in TOOLS.items() if not tool.changes}


@pytest.mark.parametrize(("tool", "arguments"), READS)
async def test_a_read_changes_nothing_and_is_not_in_the_list_of_changes(
    soc: Any, tool: str, arguments: dict[str, Any]
) -> None:
    before = soc.state()
    assert not (await soc.call(tool, **arguments)).is_error
    assert (soc.state(), soc.changes()) == (before, [])


@pytest.mark.parametrize(("what", "change", "inverse", "differs"), INVERSES, ids=[row[0] for row in INVERSES])
async def test_an_inverse_restores_the_state_and_both_calls_are_counted(
    soc: Any,
    what: str,
    change: tuple[str, dict[str, Any]],
    inverse: tuple[str, dict[str, Any]],
    differs: set[str],
) -> None:
    before = soc.state()
    await soc.ok(change[0], **change[1])
    assert soc.state() != before
    await soc.ok(inverse[0], **inverse[1])

    def comparable(state: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
        return {
            table: [{name: value for name, value in row.items() if name not in differs} for row in rows]
            for table, rows in state.items()
        }

    assert comparable(soc.state()) == comparable(before), what
    assert soc.tools() == [change[0], inverse[0]]


@pytest.mark.parametrize(
    ("tool", "arguments", "where"),
    [
        ("edr_isolate_host", {}, '"hostname" is a required property'),
        ("edr_isolate_host", {"hostname": "FIN-LT-044", "force": True}, "'force' was unexpected"),
        ("edr_isolate_host", {"hostname": ["FIN-LT-044"]}, "hostname: "),
        ("edr_isolate_host", {"hostname": "fin-lt-044"}, "hostname: "),
        ("edr_isolate_host", {"hostname": "FIN-LT-044' OR '1'='1"}, "hostname: "),
        ("edr_isolate_host", {"hostname": "FIN-LT-044", "comment": "x" * 501}, "comment: "),
        ("edr_kill_process", {"hostname": "FIN-LT-044", "pid": "6612"}, "pid: "),
        ("edr_kill_process", {"hostname": "FIN-LT-044", "pid": True}, "pid: "),
        ("edr_kill_process", {"hostname": "FIN-LT-044", "pid": 10**30}, "pid: "),
        ("edr_list_alerts", {"limit": 51}, "limit: "),
        ("tkt_close", {"ticket_id": "INC-1042", "resolution": "done"}, "resolution: "),
        ("tkt_add_note", {"ticket_id": "INC-1042", "text": ""}, "text: "),
        ("tkt_add_tag", {"ticket_id": "INC-1042", "tag": "has space"}, "tag: "),
        ("mail_send", {"to": "nobody", "subject": "s", "body": "b"}, "to: "),
        ("idp_read_secret", {"path": "../etc/passwd"}, "path: "),
    ],
)
async def test_arguments_against_the_schema_are_refused_with_the_place(
    soc: Any, tool: str, arguments: dict[str, Any], where: str
) -> None:
    refusal = await soc.refused(tool, **arguments)

    assert refusal.startswith(f"invalid_arguments: {tool}: ")
    assert where in refusal
    assert len(refusal) < 350


async def test_a_whole_number_written_as_a_float_is_an_integer(soc: Any) -> None:
    assert len((await soc.ok("edr_list_alerts", limit=2.0))["alerts"]) == 2
    assert (await soc.ok("edr_kill_process", hostname="FIN-LT-044", pid=6612.0))["pid"] == 6612


async def test_an_unknown_tool_is_a_protocol_error(soc: Any) -> None:
    async with Client(soc.server) as client:
        with pytest.raises(MCPError, match="Unknown tool: edr_wipe_host"):
            await client.call_tool("edr_wipe_host", {})
    assert soc.changes() == []
