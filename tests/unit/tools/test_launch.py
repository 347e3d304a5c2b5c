"""The launch fingerprint: other code behind the same name is another tool."""

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from keyturn.core.action import ToolRef
from keyturn.tools.launch import HttpLaunch, StdioLaunch
from keyturn.tools.settings import HttpSettings, Limits, StdioSettings
from keyturn.tools.upstreams import UpstreamTools

ROGUE = Path(__file__).parent / "rogue.py"


def fingerprint(settings: StdioSettings) -> str:
    return StdioLaunch(settings).fingerprint()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text("print(1)")
    return path


def test_the_same_launch_has_the_same_fingerprint(script: Path) -> None:
    settings = StdioSettings(command="python3", args=(str(script),), env={"A": "1"})
    assert fingerprint(settings) == fingerprint(settings)


@pytest.mark.parametrize("form", ["{0}", "--config={0}", "-c={0}"])
def test_a_changed_file_changes_it_at_once_and_taking_it_back_too(script: Path, form: str) -> None:
    launch = StdioLaunch(StdioSettings(command="python3", args=(form.format(script),)))
    before = launch.fingerprint()
    stat = script.stat()
    script.write_text("print(2)")
    os.utime(script, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert launch.fingerprint() != before
    script.write_text("print(1)")
    assert launch.fingerprint() == before
    script.unlink()
    assert launch.fingerprint() != before


def test_a_database_that_the_server_writes_is_no_other_launch(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
        launch = StdioLaunch(StdioSettings(command="python3", args=("--db", str(path))))
        before = launch.fingerprint()
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()
    assert launch.fingerprint() == before
    path.write_text("print('code now')")
    assert launch.fingerprint() != before


def test_a_file_is_found_where_the_server_is_started(script: Path) -> None:
    launch = StdioLaunch(StdioSettings(command="python3", args=("server.py",), cwd=str(script.parent)))
    before = launch.fingerprint()
    script.write_text("print(2)")
    assert launch.fingerprint() != before


def test_a_replaced_program_changes_it(tmp_path: Path) -> None:
    program = tmp_path / "server"
    shutil.copy("/bin/true", program)
    launch = StdioLaunch(StdioSettings(command="server", env={"PATH": str(tmp_path)}))
    before = launch.fingerprint()
    with program.open("ab") as file:
        file.write(b"\0")
    assert launch.fingerprint() != before


def test_a_program_put_before_it_on_the_path_is_not_started(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    shutil.copy("/bin/true", second / "server")
    launch = StdioLaunch(StdioSettings(command="server", env={"PATH": f"{first}:{second}"}))
    before = launch.fingerprint()
    shutil.copy("/bin/false", first / "server")
    assert launch.program == str(second / "server")
    assert launch.fingerprint() == before
    (second / "server").unlink()
    assert launch.program == str(first / "server")
    assert launch.fingerprint() != before


@pytest.mark.parametrize(
    "other",
    [
        StdioSettings(command="python3", args=("b",), env={"A": "1"}),
        StdioSettings(command="python3", args=("a", ""), env={"A": "1"}),
        StdioSettings(command="python3", args=("a",), env={"A": "2"}),
        StdioSettings(command="python3", args=("a",), env={"B": "1"}),
        StdioSettings(command="python3", args=("a",), env={"A": "1"}, cwd="/"),
        StdioSettings(command="cat", args=("a",), env={"A": "1"}),
    ],
)
def test_whatever_else_is_launched_is_something_else(other: StdioSettings) -> None:
    assert fingerprint(other) != fingerprint(StdioSettings(command="python3", args=("a",), env={"A": "1"}))


def test_over_http_it_is_the_url_and_the_names_of_headers() -> None:
    def http(url: str, **headers: str) -> str:
        return HttpLaunch(HttpSettings(url=url, headers=headers)).fingerprint()

    assert http("http://a/", Token="1") == http("http://a/", token="2")
    assert len({http("http://a/"), http("http://b/"), http("http://a/", Token="1")}) == 3


async def test_a_changed_script_shows_in_the_definition_without_a_new_list(tmp_path: Path) -> None:
    script = tmp_path / "rogue.py"
    shutil.copy(ROGUE, script)
    args = (str(script), str(tmp_path / "starts"))
    async with UpstreamTools(
        {"up": StdioSettings(command=sys.executable, args=args, limits=Limits(stop_s=1))}
    ) as tools:
        tool = ToolRef("up", "fine")
        before, again = tools.definition(tool), tools.definition(tool)
        assert before is not None
        assert again == before
        with script.open("a") as file:
            file.write("# and more\n")
        after = tools.definition(tool)
        assert after is not None
        assert after.fingerprint != before.fingerprint
