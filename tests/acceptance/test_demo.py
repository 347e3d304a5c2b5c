"""The demonstration as anybody runs it: its exit code, and the range's state as an outsider reads it."""

import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.journal import Verifier, verify_directory
from keyturn.range.state import changes, snapshot

APPROVED = {
    "tkt_add_note": 2,
    "edr_isolate_host": 1,
    "idp_disable_user": 1,
    "idp_revoke_api_key": 1,
    "mail_delete_rule": 1,
    "tkt_close": 1,
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    command = [sys.executable, "-m", "keyturn.cli", "demo", "--unattended", "--keep", str(folder)]
    return folder, subprocess.run(command, capture_output=True, text=True, timeout=110, stdin=subprocess.DEVNULL)


Told = tuple[Path, "subprocess.CompletedProcess[str]"]


def test_it_ends_well_and_says_that_it_is_simulated(told: Told) -> None:
    _, ended = told
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "SIMULATED" in ended.stdout
    assert "Exactly the 7 approved changes, each once" in ended.stdout


def test_the_range_shows_exactly_the_approved_changes_each_once(told: Told) -> None:
    folder, _ = told
    done = [change["tool"] for change in changes(folder / "range.db")]
    assert {tool: done.count(tool) for tool in done} == APPROVED
    after = snapshot(folder / "range.db")
    contained = [row["hostname"] for row in after["hosts"] if row["containment"] == "isolated"]
    assert contained == ["FIN-LT-044"]
    assert [row["username"] for row in after["users"] if row["status"] == "disabled"] == ["m.okafor"]
    assert [row["key_id"] for row in after["api_keys"] if row["status"] == "revoked"] == ["key_ci_deploy"]
    assert [row["rule_id"] for row in after["mail_rules"]] == ["RUL-7001"]
    assert next(row["status"] for row in after["tickets"] if row["ticket_id"] == "INC-1042") == "closed"
    assert len(after["messages"]) == 6


def test_the_journal_that_it_leaves_verifies_and_holds_no_token(told: Told) -> None:
    folder, ended = told
    verifier = Verifier.parse((folder / "journal" / "verifier.key").read_text())
    report = verify_directory(folder / "journal", verifier)
    assert report.ok and report.payloads_wrong == 0
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in written if b"ktp_" in text or b"kta_" in text]
    assert "ktp_" not in ended.stdout and "kta_" not in ended.stdout
