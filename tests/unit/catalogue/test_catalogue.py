"""Look-up by server and tool: what nobody profiled is the worst case, and odd arguments get the tool's own."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.catalogue import Catalogue
from keyturn.core.profile import WORST, Stage, no_graver
from keyturn.errors import ProfileError

PACKAGED = Catalogue.load()
TOOLS = [(listed.vendor.servers[0], listed.name) for listed in PACKAGED]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    "at", [("nowhere", "look"), ("keyturn-range", "no_such"), ("", ""), ("KEYTURN-RANGE", "tkt_get")]
)
def test_what_nobody_profiled_is_the_worst_case(at: tuple[str, str]) -> None:
    assert PACKAGED.profile(*at, {}) is WORST
    assert not PACKAGED.knows(*at)


@given(st.sampled_from(TOOLS), JSON, JSON)
def test_no_argument_and_no_hint_makes_a_call_graver_than_the_worst_or_raises(
    at: tuple[str, str], arguments: Any, annotations: Any
) -> None:
    assert no_graver(PACKAGED.profile(*at, arguments, annotations), WORST)


@given(st.sampled_from(TOOLS), JSON)
def test_arguments_choose_nothing_graver_than_the_tool_itself(at: tuple[str, str], arguments: Any) -> None:
    assert no_graver(PACKAGED.profile(*at, arguments), PACKAGED.profile(*at, object()))


def test_hints_speak_of_the_whole_tool_and_leave_its_reviewed_variants() -> None:
    at = ("@modelcontextprotocol/server-filesystem", "edit_file")
    hints = {"readOnlyHint": False, "destructiveHint": True}
    assert PACKAGED.profile(*at, {"dryRun": True}, hints).stage is Stage.ANALYSE
    assert PACKAGED.profile(*at, {"dryRun": "true"}, hints).stage is Stage.RESPOND


def test_an_operators_file_stands_over_the_packaged_one(tmp_path: Path) -> None:
    own = written(
        tmp_path,
        "own.yaml",
        "vendor: Ours\nservers: [keyturn-range]\ntools:\n"
        "  tkt_get: {stage: analyse, touches: [privileged_data], why: Our tickets name patients.}\n",
    )
    catalogue = Catalogue.load([own])
    assert catalogue.profile("keyturn-range", "tkt_get").touches
    assert catalogue.profile("keyturn-range", "tkt_list") == PACKAGED.profile("keyturn-range", "tkt_list")
    assert len(Catalogue.load([tmp_path], packaged=False)) == 1


def test_two_files_of_the_operator_may_not_profile_one_tool(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        written(tmp_path, name, "vendor: V\nservers: [v]\ntools: {look: {stage: analyse}}")
    with pytest.raises(ProfileError, match=r"a\.yaml and .*b\.yaml both profile v/look"):
        Catalogue.load([tmp_path])


@pytest.mark.parametrize("what", ["missing.yaml", "empty", "latin.yaml", "broken.yaml"])
def test_a_file_that_cannot_be_read_is_refused_and_named(what: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"vendor: \xe9\xff")
    (tmp_path / "broken.yaml").write_text(
        "vendor: V\nservers: [keyturn-range]\ntools: {tkt_get: {stage: respond, reversable: irreversible}}"
    )
    with pytest.raises(ProfileError, match=what.replace(".", r"\.")):
        Catalogue.load([tmp_path / what])


@pytest.mark.parametrize(
    ("command", "server"),
    [
        (["uvx", "mcp-server-git", "--repository", "."], "mcp-server-git"),
        (["uvx", "mcp-server-git@2026.10.19"], "mcp-server-git"),
        (["uv", "run", "falcon-mcp==0.20.0"], "falcon-mcp"),
        (
            ["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "."],
            "@modelcontextprotocol/server-filesystem",
        ),
        (["python", "-m", "keyturn.range"], "keyturn-range"),
        (["/opt/venv/bin/mcp-server-git", "--repository", "/srv/falcon-mcp"], "mcp-server-git"),
        (["node_modules/.bin/mcp-server-filesystem", "."], "mcp-server-filesystem"),
        (
            ["/usr/bin/node", "--no-warnings", "/x/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"],
            "@modelcontextprotocol/server-filesystem",
        ),
        (
            ["node", "/x/@modelcontextprotocol/server-filesystem/dist/index.js", "/y/falcon-mcp/z"],
            "mcp-server-filesystem",
        ),
        (["node", "server.js", "/srv/falcon-mcp/data"], None),
        (["cat", "/x/falcon-mcp/readme"], None),
        (["python", "/opt/mcp-server-git"], None),
        (["python", "server.py"], None),
        (["uvx", "mcp-server-git", "falcon-mcp"], None),
        ([], None),
    ],
)
def test_a_launch_command_names_its_server(command: list[str], server: str | None) -> None:
    found = PACKAGED.recognise(command)
    if server is None:
        assert found is None
    else:
        assert found is not None
        assert PACKAGED.profile(found, "x") == PACKAGED.profile(server, "x")
        tools = {listed.name for listed in PACKAGED if server in listed.vendor.servers}
        assert tools
        assert all(PACKAGED.knows(found, tool) for tool in tools)
