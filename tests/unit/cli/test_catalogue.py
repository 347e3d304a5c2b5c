"""``keyturn catalogue explain`` and ``coverage``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keyturn.cli.main import cli

OWN = """
vendor: Ours
servers: [ours]
tools:
  look: {stage: analyse, basis: derived}
  wipe: {stage: respond, reversible: irreversible, touches: [evidence], why: All of it is gone., does: wipe it, openc2: delete file}
  ask:
    stage: respond
    reversible: irreversible
    touches: [secrets, identity, privileged_data, production, evidence, detection_controls]
    why: A search may do more than search.
    does: run the search {query}
    rule: {spl: {query: $arguments.query}}
"""  # noqa: E501 — YAML as people write it


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["catalogue", *words])


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "own.yaml").write_text(OWN)
    settings = '[upstreams.siem]\ncommand = "true"\ncatalogue = "ours"\n'
    (tmp_path / "keyturn.toml").write_text(f'catalogue = ["{tmp_path / "own.yaml"}"]\n{settings}')
    return str(tmp_path / "keyturn.toml")


def test_a_change_is_explained_with_its_way_back_and_its_verdict() -> None:
    told = run("explain", "keyturn-range/edr_isolate_host", '{"hostname": "ws-1"}').output
    for words in (
        "respond: changes something; reversible",
        "host:ws-1",
        "edr_lift_isolation",
        "waits for one key",
        "D3-NI",
    ):
        assert words in told


def test_a_search_is_explained_by_what_stands_in_it(config: str) -> None:
    harmless = run(
        "explain", "siem/ask", '{"query": "index=main | stats count"}', "--object", "siem/ask", "-c", config
    ).output
    assert "analyse: only reads" in harmless
    assert "index:main" in harmless
    assert "at worst   respond" in harmless
    assert "runs at once" in harmless
    deleting = run(
        "explain", "siem/ask", '{"query": "index=main | delete"}', "--object", "siem/ask", "-c", config
    ).output
    assert "unsearchable for good" in deleting
    assert "waits for two keys" in deleting
    assert "no bound that can be read" in deleting


def test_a_sensitive_read_waits_until_the_mandate_names_it() -> None:
    tool = "keyturn-range/mail_search"
    assert "waits for one key" in run("explain", tool).output
    assert "runs at once" in run("explain", tool, "--object", tool).output


def test_a_tool_that_nobody_profiled_counts_as_the_worst_case(config: str) -> None:
    told = run("explain", "siem/no_such_tool", "-c", config).output
    assert "(unknown)" in told
    assert "waits for two keys" in told
    assert "draft a profile with keyturn catalogue draft siem" in told


def test_a_slip_of_the_pen_in_a_tools_name_is_told() -> None:
    assert "did you mean edr_isolate_host" in run("explain", "keyturn-range/edr_isolat_host").output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_told_without_a_traceback() -> None:
    command = [sys.executable, "-m", "keyturn.cli", "catalogue", "explain", "keyturn-range/edr_get_host"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "keyturn: nothing more can be written: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("explain", "nowhere/x"), "no server 'nowhere' is known"),
        (("explain", "keyturn-rang/edr_isolate_host"), "did you mean keyturn-range/edr_isolate_host"),
        (("explain", "keyturn-range/edr_get_host", "[1]"), "no JSON object"),
        (("explain", "keyturn-range/edr_get_host", "{"), "the arguments can't be read: not JSON: "),
        (("explain", "filesystem/x"), "the catalogue has @modelcontextprotocol/server-filesystem, "),
        (("explain", "x/y"), "write SERVER/TOOL, with a server's name in the catalogue"),
        (("explain", f"{'z' * 60_000}/x"), "no server 'zzz"),
    ],
)
def test_what_can_not_be_explained_is_said(words: tuple[str, ...], says: str) -> None:
    ended = run(*words)
    assert ended.exit_code == 1
    assert says in ended.output


def test_what_is_packaged_is_counted_by_vendor() -> None:
    assert "CrowdStrike Falcon" in run("coverage").output


def test_ones_own_servers_are_counted_and_what_needs_a_look_is_named(tmp_path: Path) -> None:
    """A real server over stdio: the range. One of its tools is left out of the files, so nobody knows it."""
    state = str(tmp_path / "range.sqlite")
    server = (
        f'command = {json.dumps(sys.executable)}\nargs = ["-m", "keyturn.range"]\n'
        f"env = {{KEYTURN_RANGE_STATE = {json.dumps(state)}}}\n"
    )
    (tmp_path / "own.yaml").write_text(OWN)
    config = tmp_path / "keyturn.toml"
    config.write_text(
        f'catalogue = ["own.yaml"]\n[upstreams.soc]\n{server}[upstreams.odd]\n{server}catalogue = "ours"\n'
    )
    told = run("coverage", "-c", str(config))
    assert told.exit_code == 1
    assert "soc: 48 tools, 48 reviewed, 0 derived, 0 unknown, 0 quarantined" in told.output
    assert "odd: 48 tools, 0 reviewed, 0 derived, 48 unknown, 0 quarantined" in told.output
    assert "unknown      odd/edr_run_script: the worst case" in told.output
    assert "to profile what is unknown: keyturn catalogue draft odd" in told.output
    assert "draft soc" not in told.output
    assert (
        "LOOK         odd/edr_run_script: it has the name of soc/edr_run_script, another server's tool" in told.output
    )
