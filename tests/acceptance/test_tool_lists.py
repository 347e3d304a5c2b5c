"""The catalogue against the real servers: their tools now, and what the profiles' other calls do there.

The tool lists are kept in ``tests/vectors/catalogue``. To take new ones, after raising a version in ``SERVERS``:
``KEYTURN_REFRESH=1 .venv/bin/pytest tests/acceptance/test_tool_lists.py``, then profile what the unit tests miss.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from mcp import Client, StdioServerParameters

from keyturn.catalogue import Catalogue
from keyturn.core.profile import Profile, Touches, readable, resolve, unmet
from keyturn.range.server import build, wall_clock
from keyturn.range.state import changes, open_state, snapshot

VECTORS = Path(__file__).parent.parent / "vectors" / "catalogue"
FILESYSTEM = "@modelcontextprotocol/server-filesystem"
GIT, FALCON, KUBERNETES, GRAFANA = "mcp-server-git", "falcon-mcp", "kubernetes-mcp-server", "mcp-grafana"
SERVERS = {
    GIT: "2026.10.19",
    FILESYSTEM: "2026.8.31",
    FALCON: "0.20.0",
    KUBERNETES: "0.0.67",
    GRAFANA: "2.1.1",
    "keyturn-range": "1",
}
TOOLSETS = "config,core,helm,kcp,kiali,kubevirt,tekton"
CATEGORIES = (
    "admin,agento11y,alerting,annotations,api,asserts,assistant,cloudlogging,cloudwatch,config,dashboard,datasource,docs,"
    "elasticsearch,examples,folder,graphite,incident,influxdb,loki,navigation,oncall,plugin,prometheus,provisioning,"
    "pyroscope,quickwit,rendering,runpanelquery,search,snapshot,sql,tempo,user"
)
NOWHERE = {
    "clusters": [{"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}],
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "current-context": "nowhere",
    "users": [{"name": "nobody", "user": {"token": "none"}}],
}
"""A kubeconfig of one cluster that never answers: enough to list the tools of every set."""
OWNER, HOST, ALERT = "m.okafor@corp.example.com", "aid-0001", "cid:ind:0001"

Peer = Callable[[str], Path]
Launch = Callable[[str], StdioServerParameters]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def launch(peer_python: Peer, peer_npm: Peer, falcon_stub: str, tmp_path: Path) -> Launch:
    """How to start each server, in an environment of its own, on an empty folder or a fresh state."""

    def of(server: str) -> StdioServerParameters:
        if server == "keyturn-range":
            arguments = ["-m", "keyturn.range", "--state", str(tmp_path / "range.db")]
            return StdioServerParameters(command=sys.executable, args=arguments)
        requirement = f"{server}=={SERVERS[server]}"
        if server == FILESYSTEM:
            program = peer_npm(f"{server}@{SERVERS[server]}") / "mcp-server-filesystem"
            return StdioServerParameters(command=str(program), args=[str(tmp_path)])
        if server == KUBERNETES:
            program = peer_npm(f"{server}@{SERVERS[server]}") / server
            (config := tmp_path / "kubeconfig").write_text(json.dumps(NOWHERE))
            arguments = ["--kubeconfig", str(config), "--toolsets", TOOLSETS]
            return StdioServerParameters(command=str(program), args=arguments)
        if server == GRAFANA:
            program = peer_python(requirement) / server
            env = {"GRAFANA_URL": "http://127.0.0.1:1", "GRAFANA_SERVICE_ACCOUNT_TOKEN": "none"}
            return StdioServerParameters(command=str(program), args=["--enabled-tools", CATEGORIES], env=env)
        credentials = {"FALCON_BASE_URL": falcon_stub, "FALCON_CLIENT_ID": "id", "FALCON_CLIENT_SECRET": "secret"}
        return StdioServerParameters(command=str(peer_python(requirement) / server), env=credentials)

    return of


@dataclass
class Walk:
    """A session, and a catalogue's way through it: preserve, act, check, take back, as the gate would go it."""

    client: Client
    catalogue: Catalogue
    server: str

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        result = await self.client.call_tool(tool, arguments)
        wire = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert not wire.get("isError"), wire
        return readable(wire)

    async def act(self, tool: str, arguments: dict[str, Any]) -> tuple[Profile, dict[str, Any]]:
        """Preserve, run, and prove the effect by the profile's check; its profile, and the scope for its inverse."""
        profile = self.catalogue.profile(self.server, tool, arguments)
        scope: dict[str, Any] = {"arguments": arguments, "preserved": {}, "result": None}
        for name, step in profile.preserve.items():
            scope["preserved"][name] = await self.call(step.tool, resolve(step.arguments, scope))
        scope["result"] = await self.call(tool, arguments)
        if profile.check is not None:
            seen = await self.call(profile.check.tool, resolve(profile.check.arguments, scope))
            assert unmet(profile.check, seen, scope) == (), seen
        return profile, scope

    async def act_and_take_back(self, tool: str, arguments: dict[str, Any]) -> None:
        """Act, then run the inverse, after which the check of the act must hold no more."""
        profile, scope = await self.act(tool, arguments)
        assert profile.inverse is not None
        await self.call(profile.inverse.tool, resolve(profile.inverse.arguments, scope))
        if profile.check is not None:
            seen = await self.call(profile.check.tool, resolve(profile.check.arguments, scope))
            assert unmet(profile.check, seen, scope), f"the check still holds after the inverse: {seen}"


@asynccontextmanager
async def walking(parameters: StdioServerParameters, catalogue: Catalogue, server: str) -> AsyncIterator[Walk]:
    async with Client(parameters, mode="legacy" if server == FALCON else "auto") as client:
        yield Walk(client, catalogue, server)


@asynccontextmanager
async def in_range(catalogue: Catalogue, folder: Path) -> AsyncIterator[Walk]:
    """A walk through the range on a fresh state, in this process."""
    with closing(open_state(folder / "range.db")) as db:
        async with Client(build(db, actor="tester", now=wall_clock)) as client:
            yield Walk(client, catalogue, "keyturn-range")


def without_words(schema: Any, *, names: bool = False) -> Any:
    """A schema without its prose: titles, descriptions, examples. The keys of ``properties`` are names, not prose."""
    if isinstance(schema, list):
        return [without_words(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    prose = set() if names else {"title", "description", "examples"}
    return {key: without_words(value, names=key == "properties") for key, value in schema.items() if key not in prose}


async def listed(client: Client) -> list[dict[str, Any]]:
    tools, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        tools += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools]
        if (cursor := page.next_cursor) is None:
            break
    plain = [
        {
            "name": tool["name"],
            "inputSchema": without_words(tool["inputSchema"]),
            "annotations": {key: value for key, value in tool.get("annotations", {}).items() if key != "title"},
        }
        for tool in tools
    ]
    return sorted(plain, key=lambda tool: cast("str", tool["name"]))


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_lists_the_tools_that_were_profiled(server: str, launch: Launch) -> None:
    vector = VECTORS / f"{server.rpartition('/')[2]}.json"
    async with Client(launch(server), mode="legacy" if server == FALCON else "auto") as client:
        found = {"server": server, "version": SERVERS[server], "tools": await listed(client)}
    if os.environ.get("KEYTURN_REFRESH") == "1":
        vector.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(vector.read_text())


@pytest.mark.parametrize("mode", ["all", "namespace", "single"])
async def test_azure_lists_in_each_mode_the_tools_that_were_profiled(mode: str, peer_npm: Peer, tmp_path: Path) -> None:
    """What it passes on from servers elsewhere, where it can reach them, is left aside."""
    known = json.loads((VECTORS / "mcp.json").read_text())
    program = peer_npm(f"{known['server']}@{known['version']}") / "azmcp"
    quiet = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "AZURE_MCP_COLLECT_TELEMETRY": "false"}
    own = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    start = StdioServerParameters(command=str(program), args=["server", "start", "--mode", mode], env=quiet | own)
    async with Client(start) as client:
        found = {tool["name"]: tool for tool in await listed(client)}
    names = known["modes"][mode]
    assert [found.get(name) for name in names] == [tool for tool in known["tools"] if tool["name"] in names]


RESTORED = [
    ("edr_isolate_host", {"hostname": "FIN-LT-044"}),
    ("mail_delete_rule", {"rule_id": "RUL-7001"}),
    ("mail_delete_rule", {"rule_id": "RUL-7002"}),
    ("mail_create_rule", {"mailbox": OWNER, "name": "x", "sender_contains": "news", "move_to": "News"}),
    ("fw_block_ip", {"ip": "198.51.100.7", "reason": "a test"}),
    ("fw_add_allowlist", {"cidr": "203.0.113.128/30", "reason": "a test"}),
    ("fw_unblock_ip", {"ip": "198.51.100.201"}),
    ("fw_remove_allowlist", {"cidr": "203.0.113.8/30"}),
    ("tkt_add_tag", {"ticket_id": "INC-1042", "tag": "walked"}),
    ("tkt_remove_tag", {"ticket_id": "INC-1042", "tag": "phishing"}),
    ("tkt_update_status", {"ticket_id": "INC-1042", "status": "on_hold"}),
    ("tkt_update_status", {"ticket_id": "INC-1039", "status": "in_progress"}),
    ("tkt_close", {"ticket_id": "INC-1042", "resolution": "contained"}),
    ("tkt_reopen", {"ticket_id": "INC-1031"}),
]
# what the profiles say does not come back: a rule's id and origin, a reason, a count of reopenings, who closed and when
NOT_RESTORED = {
    "mail_rules": {"rule_id", "created_at", "created_from_ip"},
    "blocks": {"reason", "direction", "created_at", "created_by"},
    "allowlist": {"reason", "created_at", "created_by"},
    "tickets": {"reopened", "closed_at", "closed_by"},
}


def comparable(state: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """The range's state as text, without the columns that no inverse restores."""
    return {
        table: sorted(
            json.dumps({k: v for k, v in row.items() if k not in NOT_RESTORED.get(table, ())}, sort_keys=True)
            for row in rows
        )
        for table, rows in state.items()
    }


@pytest.mark.parametrize(("tool", "arguments"), RESTORED)
async def test_an_inverse_restores_the_range(
    tool: str, arguments: dict[str, Any], catalogue: Catalogue, tmp_path: Path
) -> None:
    async with in_range(catalogue, tmp_path) as soc:
        before = comparable(snapshot(tmp_path / "range.db"))
        await soc.act_and_take_back(tool, arguments)
        assert comparable(snapshot(tmp_path / "range.db")) == before
        assert changes(tmp_path / "range.db")[0]["tool"] == tool


KEPT_FIRST = [
    ("edr_kill_process", {"hostname": "FIN-LT-044", "pid": 6612}, "evd_snapshot_host"),
    ("edr_delete_quarantined_file", {"file_id": "QTN-101"}, "evd_collect_file"),
    ("mail_purge_message", {"message_id": "MSG-9001"}, "evd_collect_message"),
]


@pytest.mark.parametrize(("tool", "arguments", "keeper"), KEPT_FIRST)
async def test_what_is_destroyed_in_the_range_is_kept_first(
    tool: str, arguments: dict[str, Any], keeper: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    async with in_range(catalogue, tmp_path) as soc:
        await soc.act(tool, arguments)
    assert [change["tool"] for change in changes(tmp_path / "range.db")] == [keeper, tool]


async def test_enabling_a_user_gives_no_session_back(catalogue: Catalogue, tmp_path: Path) -> None:
    """Why disabling counts as hard to reverse."""
    async with in_range(catalogue, tmp_path) as soc:
        await soc.act_and_take_back("idp_disable_user", {"username": "m.okafor"})
        user = await soc.call("idp_get_user", {"username": "m.okafor"})
        assert (user["status"], user["active_sessions"]) == ("active", 0)


async def test_checks_prove_what_nothing_takes_back(catalogue: Catalogue, tmp_path: Path) -> None:
    async with in_range(catalogue, tmp_path) as soc:
        await soc.act("idp_revoke_sessions", {"username": "p.varga"})
        await soc.act("idp_reset_password", {"username": "p.varga"})
        await soc.act("idp_revoke_api_key", {"key_id": "key_ci_deploy"})
        await soc.act("evd_snapshot_host", {"hostname": "DC-01", "kind": "memory"})
        await soc.act("evd_delete", {"evidence_id": "EVD-601"})


async def test_files_come_back_as_they_were(launch: Launch, catalogue: Catalogue, tmp_path: Path) -> None:
    note, moved = tmp_path / "note.txt", tmp_path / "moved.txt"
    note.write_bytes("first\r\nsecond \u2713 $x\n".encode())
    was = note.read_bytes()
    edit = {"path": str(note), "edits": [{"oldText": "second", "newText": "changed"}]}
    async with walking(launch(FILESYSTEM), catalogue, FILESYSTEM) as walk:
        await walk.act("edit_file", edit | {"dryRun": True})
        assert note.read_bytes() == was
        _, scope = await walk.act("edit_file", edit)
        assert note.read_bytes() != was
        inverse = catalogue.profile(FILESYSTEM, "edit_file", edit).inverse
        assert inverse is not None
        await walk.call(inverse.tool, resolve(inverse.arguments, scope))
        assert note.read_bytes() == was
        await walk.act_and_take_back("move_file", {"source": str(note), "destination": str(moved)})
        assert note.read_bytes() == was
        assert not moved.exists()
        await walk.act("write_file", {"path": str(tmp_path / "new.txt"), "content": "$not a reference"})
        await walk.act("write_file", {"path": str(note), "content": "replaced"})


async def state_of(base: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{base}/_state") as answer:
        return cast("dict[str, Any]", await answer.json())


async def test_falcon_contains_a_host_shows_it_and_lifts_it(
    launch: Launch, catalogue: Catalogue, falcon_stub: str
) -> None:
    """The vendor's server contains through a workflow only, which is why running a workflow is the worst case."""
    run = {"parameters": {"device_id": HOST}}
    assert catalogue.profile(FALCON, "falcon_execute_workflow", run).touches == frozenset(Touches)
    async with walking(launch(FALCON), catalogue, FALCON) as walk:
        for workflow, status in (("wf-contain", "contained"), ("wf-lift", "normal")):
            await walk.call("falcon_execute_workflow", run | {"definition_id": workflow})
            assert (await walk.call("falcon_get_host_details", {"ids": [HOST]}))["status"] == status
            assert (await state_of(falcon_stub))["hosts"][HOST]["status"] == status
    received = (await state_of(falcon_stub))["changes"]
    assert [change["query"]["definition_id"] for change in received] == [["wf-contain"], ["wf-lift"]]


async def test_falcon_profiles_prove_and_undo_what_they_say(
    launch: Launch, catalogue: Catalogue, falcon_stub: str
) -> None:
    async with walking(launch(FALCON), catalogue, FALCON) as walk:
        await walk.act_and_take_back("falcon_update_detections", {"ids": [ALERT], "status": "closed"})
        await walk.act_and_take_back("falcon_add_ioc", {"type": "domain", "value": "evil.example"})
        await walk.act_and_take_back("falcon_add_ioc", {"type": "domain", "value": "evil.example", "action": "prevent"})
        tags = {"ids": [HOST], "action": "add", "tags": ["FalconGroupingTags/walked"]}
        await walk.act_and_take_back("falcon_manage_host_grouping_tags", tags)
        await walk.act_and_take_back("falcon_update_quarantined_files", {"action": "release", "ids": ["q-0001"]})
        _, scope = await walk.act("falcon_create_case", {"name": "Phishing", "severity": 50})
        await walk.act_and_take_back("falcon_update_case", {"id": scope["result"]["id"], "status": "closed"})
    state = await state_of(falcon_stub)
    assert state["alerts"][ALERT]["status"] == "reopened"
    assert state["indicators"] == {}
    assert state["hosts"][HOST]["tags"] == []
    assert state["quarantine"]["q-0001"]["state"] == "quarantined"
    assert [case["status"] for case in state["cases"].values()] == ["reopened"]
    assert len(state["changes"]) == 13
