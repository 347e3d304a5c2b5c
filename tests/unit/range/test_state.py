import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from keyturn.errors import ConfigError
from keyturn.range import incident
from keyturn.range.server import build
from keyturn.range.state import TABLES, changes, open_state, snapshot

HELLO: list[dict[str, Any]] = [
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "keyturn.range", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def note(number: int) -> dict[str, Any]:
    arguments = {"ticket_id": "INC-1042", "text": f"note {number}"}
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {"name": "tkt_add_note", "arguments": arguments},
    }


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def test_seeding_twice_keeps_the_first_state(tmp_path: Path) -> None:
    path = tmp_path / "range.db"
    first = run("--state", str(path), "--seed-only")
    seeded = snapshot(path)
    second = run("--state", str(path), "--seed-only")

    assert (first.returncode, second.returncode, first.stdout) == (0, 0, "")
    assert snapshot(path) == seeded
    assert changes(path) == []


def test_the_seed_is_the_incident_and_every_table_is_in_the_snapshot(soc: Any) -> None:
    state = soc.state()

    assert set(state) == set(TABLES)
    assert {table: len(found) for table, found in state.items() if found} == {
        table: len(rows) for table, rows in incident.ROWS.items()
    }
    key = next(key for key in state["api_keys"] if key["key_id"] == "key_ci_deploy")
    assert (key["scopes"], key["last_used_ip"]) == (["artifacts:read", "deploy:write"], "203.0.113.66")


async def test_the_list_of_changes_has_each_change_once_in_order_and_no_refusal(soc: Any) -> None:
    await soc.ok("idp_revoke_api_key", key_id="key_ci_deploy")
    await soc.refused("idp_revoke_api_key", key_id="key_ci_deploy")
    await soc.ok("mail_delete_rule", rule_id="RUL-7002")
    await soc.ok("tkt_get", ticket_id="INC-1042")

    assert soc.changes() == [
        {
            "seq": 1,
            "time": "2026-11-20T10:00:00Z",
            "tool": "idp_revoke_api_key",
            "arguments": {"key_id": "key_ci_deploy"},
            "effect": "API key key_ci_deploy revoked for good",
        },
        {
            "seq": 2,
            "time": "2026-11-20T10:00:00Z",
            "tool": "mail_delete_rule",
            "arguments": {"rule_id": "RUL-7002"},
            "effect": "mail rule RUL-7002 of m.okafor@corp.example.com deleted",
        },
    ]


async def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "range.db"
    for status in ("on_hold", "resolved"):
        with closing(open_state(path)) as db:
            async with Client(build(db, actor="svc-test", now=lambda: "2026-11-20T10:00:00Z")) as client:
                done = await client.call_tool("tkt_update_status", {"ticket_id": "INC-1042", "status": status})
                assert not done.is_error

    assert [change["arguments"]["status"] for change in changes(path)] == ["on_hold", "resolved"]
    assert next(t for t in snapshot(path)["tickets"] if t["ticket_id"] == "INC-1042")["status"] == "resolved"


@pytest.mark.parametrize("answers", [0, 1, 20])
def test_a_killed_server_leaves_every_change_whole_and_every_answered_one_there(tmp_path: Path, answers: int) -> None:
    path = tmp_path / "range.db"
    command = [sys.executable, "-m", "keyturn.range", "--state", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            server.stdin.write(lines(*HELLO))
            server.stdin.flush()
            assert json.loads(server.stdout.readline())["id"] == 0
            server.stdin.write(lines(*(note(number) for number in range(1, 101))))
            server.stdin.flush()
            answered = [json.loads(server.stdout.readline()) for _ in range(answers)]
        finally:
            server.kill()

    kept = {found["text"] for found in snapshot(path)["notes"] if found["text"].startswith("note ")}
    assert {f"note {answer['id']}" for answer in answered} <= kept
    assert sorted(kept) == sorted(change["arguments"]["text"] for change in changes(path))
    with closing(open_state(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_transaction_that_a_kill_cut_off_is_undone_for_the_reader_too(tmp_path: Path) -> None:
    path = tmp_path / "range.db"
    open_state(path).close()
    before = snapshot(path)
    # a tiny cache makes SQLite write pages of an open transaction into the file: the worst moment to die
    code = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA cache_size=2'); db.execute('PRAGMA cache_spill=2'); db.execute('BEGIN IMMEDIATE')\n"
        "db.execute('UPDATE alerts SET description = hex(zeroblob(9000))')\n"
        "db.execute('DELETE FROM hosts')\n"
        "print('written', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.kill()

    assert Path(f"{path}-journal").stat().st_size > 0
    assert snapshot(path) == before


def test_reading_a_state_that_is_not_there_creates_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    for read in (snapshot, changes):
        with pytest.raises(ConfigError, match=r"missing\.db"):
            read(missing)

    assert not missing.exists()


def test_an_empty_file_has_no_state_to_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()

    with pytest.raises(ConfigError, match="no range was started"):
        snapshot(empty)


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE mine (x)")
    before = other.read_bytes()
    done = run("--state", str(other), "--seed-only")

    assert done.returncode == 2
    assert "not a range's state" in done.stderr
    assert other.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at\n" * 20])
def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(content)
    done = run("--state", str(broken), "--seed-only")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert broken.read_bytes() == content


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        open_state(tmp_path / "nowhere" / "range.db")
