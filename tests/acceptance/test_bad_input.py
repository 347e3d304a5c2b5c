"""Bad input: each a clear error, and nothing done."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from keyturn.cli.main import cli
from keyturn.config import read_config
from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import ConfigError, Forbidden, InvalidJson, KeyturnError, PolicyError, Unauthenticated
from keyturn.packs import load_pack

MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "isolate"}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
WHY = {"rationale": "because of alert 17"}
HOSTILE = [
    "\ud800",
    "\x00",
    "\u202e",
    "h1\u200b",
    "\ufeffh1",
    "\U000e0041",
    "'; drop table actions; --",
    "../../etc/passwd",
]


async def nothing_done(house: Any, before: int) -> None:
    """Neither a change in the world nor an entry in the journal."""
    assert house.fleet.changes == []
    assert house.ctx.tools.calls == []
    assert len(await house.entries()) == before


def call_body(arguments: Any, name: str = "isolate", **more: Any) -> bytes:
    params = {"name": name, "arguments": arguments, "_meta": META}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params, **more}).encode()


def said(answer: dict[str, Any]) -> str:
    """What an answer says went wrong; empty if nothing did."""
    if "error" in answer:
        return str(answer["error"]["message"])
    result = answer.get("result", {})
    return str(result["content"][0]["text"]) if result.get("isError") else ""


# JSON-RPC


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b'"tools/call"',
        b"[]",
        b"{}",
        b"[[]]",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 50_000,
        b'{"jsonrpc":"1.0","id":1,"method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":{},"method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"isolate","arguments":{"host":"a","host":"b"}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"isolate","arguments":{"host":NaN}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"isolate","arguments":{"n":1e999}}}',
    ],
    ids=lambda body: repr(body[:60]),
)
@pytest.mark.parametrize("headers", [MODERN, {}], ids=["2026", "2025"])
async def test_malformed_json_rpc(mcp: Any, body: bytes, headers: dict[str, str]) -> None:
    before = len(await mcp.house.entries())
    status, answer = await mcp.post(body, headers)
    assert 400 <= status < 500
    assert answer["jsonrpc"] == "2.0"
    assert isinstance(answer["error"]["code"], int)
    assert answer["error"]["message"]
    await nothing_done(mcp.house, before)


async def test_an_unknown_tool(mcp: Any, api: Any) -> None:
    answer = await mcp.request("tools/call", {"name": "launch_missiles", "arguments": {"_keyturn": WHY}})
    assert "launch_missiles" in (said(answer) or json.dumps(answer))
    told = (await api.propose("launch_missiles")).json()
    assert (told["state"], told["outside"]) == ("denied", ["its server lists no such tool"])
    assert mcp.house.fleet.changes == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "host"),
        ({"host": 7}, "host"),
        ({"host": None}, "host"),
        ({"host": ["h1"]}, "host"),
        ({"HOST": "h1"}, "host"),
        ("h1", "object"),
        (["h1"], "object"),
        (7, "object"),
    ],
    ids=str,
)
async def test_arguments_against_the_schema(mcp: Any, arguments: Any, says: str) -> None:
    before = len(await mcp.house.entries())
    if isinstance(arguments, dict):
        arguments = {**arguments, "_keyturn": WHY}
    status, answer = await mcp.post(call_body(arguments), MODERN)
    assert status in {200, 400}
    assert says in said(answer)
    await nothing_done(mcp.house, before)


async def test_ten_megabytes_of_arguments(mcp: Any, api: Any) -> None:
    before = len(await mcp.house.entries())
    large = {"host": "h" * 10_000_000, "_keyturn": WHY}
    status, answer = await mcp.post(call_body(large), MODERN)
    assert status == 413
    assert "larger than" in said(answer)
    refused = await api.propose("isolate", host="h" * 10_000_000)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    with pytest.raises(KeyturnError, match="bytes"):
        await mcp.house.gate.propose(mcp.house.agent, mcp.house.call("isolate", host="h" * 10_000_000))
    await nothing_done(mcp.house, before)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
async def test_hostile_unicode_is_refused_or_stands_as_it_is(mcp: Any, api: Any, text: str) -> None:
    before = len(await mcp.house.entries())
    _, answer = await mcp.post(call_body({"host": text, "_keyturn": WHY}), MODERN)
    if text == "\ud800":
        assert "surrogate" in said(answer)
        await nothing_done(mcp.house, before)
        return
    told = answer["result"]["structuredContent"]["keyturn"]
    assert told["state"] in {"held", "denied"}
    seen = (await api.get("kim", f"/v1/actions/{told['action']}")).json()
    assert seen["arguments"] == {"host": text}
    assert mcp.house.fleet.changes == []


async def test_a_lone_surrogate_is_refused_by_the_gate_itself(house: Any) -> None:
    before = len(await house.entries())
    for arguments in ({"host": "\ud800"}, {"host": "h1", "\udfff": 1}):
        with pytest.raises(InvalidJson, match=r"canonical"):
            await house.gate.propose(house.agent, house.call("isolate", **arguments))
    await nothing_done(house, before)


async def test_a_number_that_is_not_read_back_alike_is_refused(mcp: Any, api: Any) -> None:
    before = len(await mcp.house.entries())
    for number in (b"9007199254740993", b"1e20", b"-1e17"):
        body = call_body({"host": "h1", "n": "N", "_keyturn": WHY}).replace(b'"N"', number)
        assert "2^53" in said((await mcp.post(body, MODERN))[1])
    await nothing_done(mcp.house, before)


# Tokens and mandates


@pytest.mark.parametrize(
    "token", ["", "mistaken", "kta_" + "A" * 43, "ktp_" + "A" * 43, "x" * 5_000], ids=lambda t: t[:8]
)
async def test_a_missing_or_wrong_token(mcp: Any, api: Any, token: str) -> None:
    before = len(await mcp.house.entries())
    status, answer = await mcp.post(call_body({"host": "h1", "_keyturn": WHY}), MODERN, token=token)
    assert status == 401
    assert "token" in said(answer)
    refused = await api.post(token, "/v1/actions", {"tool": "soc/isolate", "arguments": {"host": "h1"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthenticated")
    assert token not in refused.text or not token
    await nothing_done(mcp.house, before)


async def test_a_persons_token_is_no_agents(mcp: Any, api: Any) -> None:
    before = len(await mcp.house.entries())
    status, _ = await mcp.post(call_body({"host": "h1", "_keyturn": WHY}), MODERN, token=api.tokens["una"])
    assert status == 401
    assert (await api.post("una", "/v1/actions", {"tool": "soc/isolate"})).status_code == 403
    await nothing_done(mcp.house, before)


async def test_a_revoked_token(mcp: Any, api: Any) -> None:
    await mcp.house.gate.revoke_agent(mcp.house.people["lena"], "responder", "compromised")
    before = len(await mcp.house.entries())
    status, answer = await mcp.post(call_body({"host": "h1", "_keyturn": WHY}), MODERN)
    assert status == 401
    assert "revoked" in said(answer)
    assert (await api.propose("isolate", host="h1")).status_code == 401
    await nothing_done(mcp.house, before)


async def test_an_expired_token(mcp: Any, api: Any) -> None:
    before = len(await mcp.house.entries())
    mcp.house.clock.ms += 31 * 24 * 3_600_000
    assert (await mcp.post(call_body({"host": "h1", "_keyturn": WHY}), MODERN))[0] == 401
    assert (await api.get("kim", "/v1/holds")).status_code == 401
    with pytest.raises(Unauthenticated):
        await mcp.house.gate.agent_for(mcp.token)
    await nothing_done(mcp.house, before)


async def test_an_expired_mandate(mcp: Any, api: Any) -> None:
    mcp.house.clock.ms += 3_600_000
    result = await mcp.call("isolate", {"host": "h1"})
    assert result["isError"] is True
    assert "mandate" in result["content"][0]["text"]
    body = {"tool": "soc/search", "arguments": {"query": "x"}, "mandate": mcp.house.mandate}
    told = (await api.post("responder", "/v1/actions", body)).json()
    assert told["state"] == "denied"
    assert "the mandate has expired" in told["outside"]
    assert mcp.house.ctx.tools.calls == []


# The operator's files

BROKEN_CONFIGS = {
    "not TOML": "[server",
    "no such setting": '[server]\nprot = 1\n[upstreams.a]\ncommand = "true"',
    "wrong kind": '[server]\nport = "8787"\n[upstreams.a]\ncommand = "true"',
    "no such pack": '[policy]\npack = "lenient"\n[upstreams.a]\ncommand = "true"',
    "two transports": '[upstreams.a]\ncommand = "true"\nurl = "http://localhost"',
    "a name with a slash": '[upstreams."a/b"]\ncommand = "true"',
    "no upstream": "",
    "a missing policy": '[policy]\nfiles = ["none.cedar"]\n[upstreams.a]\ncommand = "true"',
    "a missing catalogue": 'catalogue = ["none.yaml"]\n[upstreams.a]\ncommand = "true"',
    "a missing inventory": 'inventory = "none.toml"\n[upstreams.a]\ncommand = "true"',
}


@pytest.mark.parametrize("text", BROKEN_CONFIGS.values(), ids=BROKEN_CONFIGS)
def test_a_broken_config_starts_nothing(tmp_path: Path, text: str) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text(text)
    done = CliRunner().invoke(cli, ["serve", "-c", str(config), "--port", "0"])
    assert done.exit_code == 2, done.output
    assert done.output.startswith("keyturn: ")
    assert len(done.output.splitlines()) == 2, "what happened, and what would do"
    assert "Traceback" not in done.output


def test_a_missing_config_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="keyturn init"):
        read_config(tmp_path / "keyturn.toml")


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal, action, resource)",
        "permit (principal, action, resource);",
        '@id("a") @why("x") permit (principal, action == Action::"free", resource) when { context.nope };',
        '@id("standard-one-key") @why("x") permit (principal, action == Action::"free", resource);',
        '@id("guardrail-9-two-people") @why("x") permit (principal, action == Action::"release", resource);',
        "\x00",
    ],
    ids=["cut short", "no id", "unknown fact", "duplicate id", "a guardrail's name", "noise"],
)
def test_a_broken_policy_starts_nothing_and_says_where(tmp_path: Path, text: str) -> None:
    file, config = tmp_path / "own.cedar", tmp_path / "keyturn.toml"
    file.write_text(text)
    config.write_text('[policy]\nfiles = ["own.cedar"]\n[upstreams.a]\ncommand = "true"')
    for command in (["policy", "check", str(file)], ["serve", "-c", str(config), "--port", "0"]):
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == (1 if command[0] == "policy" else 2), done.output
        assert "own.cedar" in done.output
        assert "Traceback" not in done.output


@pytest.mark.parametrize("effect", ["permit", "forbid"])
async def test_a_policy_that_errs_at_run_time_denies(mcp: Any, api: Any, effect: str) -> None:
    pack = load_pack("standard")
    errs = (
        f'@id("errs") @why("x") {effect} (principal, action, resource is Tool) '
        "when { context.now + 9223372036854775807 > 0 };"
    )
    mcp.house.ctx.policy = Policy.load(pack.schema, pack.guardrails, {**pack.sources, "own.cedar": errs})
    result = await mcp.call("search", {"query": "x"}, why="")
    assert result["isError"] is True
    assert "errs" in result["content"][0]["text"]
    told = (await api.propose("isolate", host="h1")).json()
    assert (told["state"], [reason["policy"] for reason in told["reasons"]]) == ("denied", ["errs"])
    assert mcp.house.ctx.tools.calls == []


def test_a_policy_without_its_schema_does_not_load() -> None:
    with pytest.raises(PolicyError):
        Policy.load("", load_pack("standard").guardrails, load_pack("standard").sources)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "tools: [",
        "vendor: 7",
        "a: 1\na: 2",
        "!!python/object:os.system {}",
        "\x00",
        "tools: {x: {stage: harmless}}",
    ],
    ids=ascii,
)
def test_an_unreadable_profile_starts_nothing(tmp_path: Path, text: str) -> None:
    profile, config = tmp_path / "own.yaml", tmp_path / "keyturn.toml"
    profile.write_text(text)
    config.write_text('catalogue = ["own.yaml"]\n[upstreams.a]\ncommand = "true"')
    done = CliRunner().invoke(cli, ["serve", "-c", str(config), "--port", "0"])
    assert done.exit_code == 2, done.output
    assert "own.yaml" in done.output
    assert "Traceback" not in done.output


async def test_a_profile_that_errs_at_a_call_lets_nothing_through(house: Any) -> None:
    class Unreadable:
        def __getattr__(self, name: str) -> Any:
            return getattr(knowledge, name)

        def profile(self, *_: object) -> Any:
            raise ConfigError("the profile of soc/search can't be read", hint="correct it")

    knowledge = house.ctx.knowledge
    house.ctx.knowledge = Unreadable()
    before = len(await house.entries())
    for name, arguments in (("search", {"query": "x"}), ("isolate", {"host": "h1"})):
        with pytest.raises(KeyturnError, match="can't be read"):
            await house.gate.propose(house.agent, house.call(name, **arguments))
    await nothing_done(house, before)


async def test_altered_content_runs_nothing_and_stops_nobody_else(house: Any, tmp_path: Path) -> None:
    """Somebody changed a held action in the database: it never runs, and the clocks of all others go on."""
    altered = (await house.gate.propose(house.agent, house.call("wipe", host="h1"))).record
    other = (await house.gate.propose(house.agent, house.call("isolate", host="h2"))).record
    await house.gate.turn(house.people["ana"], altered.id, altered.digest)
    with sqlite3.connect(tmp_path / "keyturn.db") as database:
        sql = "UPDATE payloads SET body = CAST(replace(body, 'h1', 'h9') AS BLOB) WHERE action = ? AND name = 'action'"
        assert database.execute(sql, (altered.id,)).rowcount == 1
    with pytest.raises(Forbidden, match="altered"):
        await house.gate.turn(house.people["bob"], altered.id, altered.digest)
    await house.gate.turn(house.people["ana"], other.id, other.digest)
    assert (await house.until(other.id)).state is State.SUCCEEDED
    await house.gate.sweep()
    house.clock.ms = altered.due_at
    await house.gate.sweep()
    assert (await house.gate.look(house.agent, altered.id)).state is State.EXPIRED
    assert house.fleet.changes == [("isolate", "h2")]
