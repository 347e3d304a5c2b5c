"""Who may do what, from the command line: the first owner, people, agents, mandates."""

import subprocess
import sys
from pathlib import Path

from tests.unit.cli.conftest import Run, Site


def test_the_first_owner_needs_no_token_and_the_second_does(tmp_path: Path, run: Run) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text("")
    made = run("person", "add", "Olga", "--owner", "-c", str(config))
    assert made.exit_code == 0, made.output
    token = made.stdout.strip()
    assert token.startswith("ktp_")
    assert run("person", "add", "eve", "--owner", "-c", str(config)).exit_code == 1
    assert run("person", "add", "ana", "--role", "analyst", "-c", str(config), token=token).exit_code == 0
    listed = run("person", "list", "-c", str(config), token=token).output
    assert "olga  owner" in listed and "ana  analyst" in listed and "ktp_" not in listed


def test_an_agent_its_token_and_its_mandate(site: Site, run: Run) -> None:
    def as_olga(*args: str) -> str:
        ended = run(*args, token=site.tokens["olga"], url=site.url)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    assert as_olga("agent", "add", "scout", "--owner", "olga", "--purpose", "looks").strip().startswith("kta_")
    assert as_olga("agent", "token", "scout").strip().startswith("kta_")
    issue = ("mandate", "issue", "scout", "--case", "C-1", "--purpose", "look", "--tool", "range/edr_get_*")
    mandate = as_olga(*issue, "--hours", "1", "--responds", "0").split()[0]
    assert mandate in as_olga("mandate", "list")
    as_olga("mandate", "revoke", mandate, "--reason", "over")
    as_olga("agent", "revoke", "scout", "--reason", "over")
    assert "scout" in as_olga("agent", "list") and "REVOKED" in as_olga("agent", "list")


def test_an_analyst_grants_nothing(site: Site, run: Run) -> None:
    ended = run("agent", "add", "x", "--owner", "ana", "--purpose", "y", token=site.tokens["ana"], url=site.url)
    assert ended.exit_code == 1
    assert "may not" in ended.output


def test_a_token_comes_from_a_file_and_never_from_an_argument(site: Site, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(site.tokens["ana"] + "\n")
    assert run("holds", "--url", site.url, "--token-file", str(file)).exit_code == 0
    assert run("holds", "--url", site.url, "--token", site.tokens["ana"]).exit_code == 2


def test_a_token_never_travels_in_the_clear_to_another_machine(run: Run) -> None:
    ended = run("holds", "--url", "http://gate.example.com", token="ktp_x")
    assert ended.exit_code == 2
    assert "in the clear" in ended.output


def test_as_a_program_its_exit_codes_and_help_are_those_of_a_program() -> None:
    def exit_code(*args: str) -> int:
        return subprocess.run([sys.executable, "-m", "keyturn.cli", *args], capture_output=True).returncode

    assert [exit_code("--help"), exit_code("no-such-verb"), exit_code("serve", "-c", "/none.toml")] == [0, 2, 2]


INTERRUPTED = """
import sys

class Interrupts:
    def find_spec(self, name, *_):
        if name == "keyturn.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
from keyturn.cli.__main__ import start
start()
"""


def test_ctrl_c_while_it_is_still_loading_ends_it_without_a_word() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


def test_an_invitation_is_a_link_alone_on_standard_output(tmp_path: Path, run: Run) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text('[console]\nurl = "https://keyturn.example.com"\n')
    token = run("person", "add", "olga", "--owner", "-c", str(config)).stdout.strip()
    made = run("person", "invite", "nina", "--role", "lead", "-c", str(config), token=token)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("https://keyturn.example.com/console/join/kti_") and made.stdout.count("\n") == 1
    again = run("person", "invite", "nina", "-c", str(config), token=token)
    assert again.exit_code == 1 and "no role" in again.output


def test_a_token_that_counts_as_long_lived_is_warned_of(site: Site, run: Run) -> None:
    def said(*args: str) -> str:
        return run(*args, token=site.tokens["olga"], url=site.url).stderr

    add = ("agent", "add", "old", "--owner", "olga", "--purpose", "looks")
    assert "each change that the agent asks for is denied" in said(*add, "--days", "91")
    assert "long-lived" in said("agent", "token", "old", "--days", "365")
    assert "long-lived" not in said("agent", "token", "old", "--days", "90")


def test_a_name_that_a_person_has_is_told_as_a_persons(site: Site, run: Run) -> None:
    ended = run("agent", "add", "ana", "--owner", "olga", "--purpose", "looks", token=site.tokens["olga"], url=site.url)
    assert ended.exit_code == 1 and "ana is already ana, a person" in ended.output


def test_a_token_can_go_to_a_file_which_is_never_left_empty(site: Site, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.token"
    add = ("agent", "add", "saver", "--owner", "olga", "--purpose", "looks", "--save", str(file))
    assert run(*add, token="kta_wrong", url=site.url).exit_code == 1
    assert not file.exists()
    made = run(*add, token=site.tokens["olga"], url=site.url)
    assert (made.exit_code, made.stdout) == (0, ""), made.output
    assert file.read_text().startswith("kta_") and file.stat().st_mode & 0o077 == 0
    again = run("agent", "token", "saver", "--save", str(file), token=site.tokens["olga"], url=site.url)
    assert again.exit_code == 1 and "stands already" in again.output
    lost = run("agent", "token", "saver", "--save", "/dev/full/x", token=site.tokens["olga"], url=site.url)
    assert "can't be written" in lost.stderr and lost.stdout.startswith("kta_"), "a token is not lost with its file"
