"""``keyturn catalogue review``: on a real stdio server, by options and on a terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keyturn.catalogue import read_file
from keyturn.cli.main import cli
from keyturn.core.profile import Basis, Stage, Touches

FILE = "soc.catalogue.yaml"
BREAK = "break"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["catalogue", *words])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configured server and the drafts of its tools."""
    monkeypatch.chdir(tmp_path)
    args = json.dumps(["-m", "keyturn.range", "--state", str(tmp_path / "range.db")])
    upstream = f'[upstreams.soc]\ncommand = {json.dumps(sys.executable)}\nargs = {args}\ncatalogue = "ours"\n'
    (tmp_path / "keyturn.toml").write_text(upstream)
    assert run("draft", "soc").exit_code == 0
    (tmp_path / "keyturn.toml").write_text(f'catalogue = ["{FILE}"]\n{upstream}')
    return tmp_path


KEYTURN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from keyturn.cli.main import main; main()"
)
"""The program with Ctrl-C as a terminal gives it: a suite that runs in the background hands on that it is ignored."""


def on_terminal(folder: Path, *answers: str) -> tuple[int, str]:
    """The command on a terminal; each answer is typed when it asks, and BREAK is the interrupt that Ctrl-C sends."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", KEYTURN, "catalogue", "review", FILE, "--person", "Olga"]
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said, seen, left, broken, until = "", 0, list(answers), False, time.monotonic() + 60
        while time.monotonic() < until:
            if not select.select([ours], [], [], 1)[0]:
                if broken:  # it came between the question and the read, where Python lets it lie: once more
                    process.send_signal(signal.SIGINT)
                continue
            try:
                said += os.read(ours, 65_536).decode(errors="replace")
            except OSError:
                break
            if re.search(r"(\?|\bis) $", said[seen:]) and left:
                seen, answer = len(said), left.pop(0)
                if broken := answer == BREAK:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, f"{answer}\n".encode())
        if process.poll() is None:
            process.terminate()
        code = process.wait(10)
    os.close(ours)
    return code, said


def test_an_accepted_tool_is_reviewed_as_its_server_lists_it_now(here: Path) -> None:
    assert "48 of 48 wait" in run("review", FILE, "--list").output
    ended = run("review", FILE, "--person", "Olga", "--accept", "edr_get_alert")
    assert ended.exit_code == 0, ended.output
    profile = read_file(here / FILE).tools["edr_get_alert"].base
    assert profile.basis is Basis.REVIEWED and profile.reviewed is not None and profile.reviewed.by == "Olga"
    listed = run("review", FILE, "--list").output
    assert "47 of 48 wait" in listed and "edr_get_alert: analyse, no_effect; reviewed by Olga" in listed
    assert "QUARANTINED" not in run("coverage", "-c", "keyturn.toml").output


def test_a_change_is_accepted_only_with_a_reason(here: Path) -> None:
    before = (here / FILE).read_bytes()
    ended = run("review", FILE, "--person", "olga", "--accept", "edr_kill_process")
    assert ended.exit_code == 2 and "--why says what it does" in ended.output
    assert (here / FILE).read_bytes() == before
    said = ("--accept", "edr_kill_process", "--why", "Its memory is gone.")
    assert run("review", FILE, "--person", "olga", *said).exit_code == 0
    assert read_file(here / FILE).tools["edr_kill_process"].base.why == "Its memory is gone."


def test_another_definition_than_the_one_looked_at_quarantines_the_tool(here: Path) -> None:
    assert run("review", FILE, "--person", "olga", "--accept", "edr_get_alert").exit_code == 0
    text = (here / FILE).read_text()
    (here / FILE).write_text(re.sub(r'definition: "?[0-9a-f]{64}"?', f"definition: {'ab' * 32}", text))
    told = run("coverage", "-c", "keyturn.toml").output
    assert "QUARANTINED  soc/edr_get_alert" in told and told.count("keyturn tools accept") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--accept", "edr_get_alert"), "say who looks"),
        (("--person", "olga"), "no terminal"),
        (("--person", "olga", "--accept", "nothing"), "no tool 'nothing'"),
        (("--person", "olga", "--upstream", "other", "--accept", "edr_get_alert"), "no upstream 'other'"),
    ],
)
def test_what_can_not_be_done_is_told(words: tuple[str, ...], said: str) -> None:
    ended = run("review", FILE, *words)
    assert ended.exit_code and said in ended.output, ended.output


def test_a_file_of_another_server_needs_the_upstream_named(here: Path) -> None:
    text = (here / FILE).read_text().replace("servers: [ours]", "servers: [theirs]")
    (here / "other.yaml").write_text(text)
    ended = run("review", "other.yaml", "--person", "olga", "--accept", "edr_get_alert")
    assert ended.exit_code == 2 and "no upstream of keyturn.toml is a server of this file" in ended.output
    named = run("review", "other.yaml", "--person", "olga", "--upstream", "soc", "--accept", "edr_get_alert")
    assert named.exit_code == 0, named.output


def test_on_a_terminal_a_person_skips_changes_accepts_and_quits(here: Path) -> None:
    names = list(read_file(here / FILE).tools)
    answers = ("s", "c", "stage", "nonsense", "c", "stage", "respond", "a", "Somebody is told.", "q")
    code, said = on_terminal(here, *answers)
    assert code == 0, said
    tools = read_file(here / FILE).tools
    assert [name for name in names if tools[name].base.basis is Basis.REVIEWED] == [names[1]]
    changed = tools[names[1]].base
    assert (changed.stage, changed.why) == (Stage.RESPOND, "Somebody is told.")
    assert "[1 of 48]" in said and "[3 of 48]" in said and "under the standard pack" in said
    assert "'nonsense' is none of these" in said


def test_what_a_person_changed_stays_when_the_next_answer_can_not_be_used(here: Path) -> None:
    names = list(read_file(here / FILE).tools)
    changes = ("c", "stage", "respond", "c", "touches", "identity")
    slips = ("c", "stage", "nonsense", "a", "", "abort")
    code, said = on_terminal(here, *changes, *slips, "a", "Somebody is told.", "q")
    assert code == 0, said
    assert "answer a, c, s or q" in said
    accepted = read_file(here / FILE).tools[names[0]].base
    assert (accepted.stage, accepted.touches) == (Stage.RESPOND, frozenset({Touches.IDENTITY}))
    assert accepted.why == "Somebody is told."


def test_nothing_that_was_accepted_is_lost_when_a_person_breaks_off(here: Path) -> None:
    names = list(read_file(here / FILE).tools)
    first = names[0]
    code, said = on_terminal(here, "a", "It is gone for good.", BREAK)
    assert code == 1, said
    reviewed = [name for name, tool in read_file(here / FILE).tools.items() if tool.base.basis is Basis.REVIEWED]
    assert reviewed == [first]
    assert [path.name for path in here.glob(f".{FILE}.*")] == []
