"""The README's Python example, as it stands there, against a gateway in a process of its own and the range."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from keyturn import Client
from keyturn.cli.remote import Remote
from keyturn.demo.gateway import running
from keyturn.range.state import changes, open_state

README = Path(__file__).parents[2] / "README.md"
CONFIG = """[server]
port = 0

[upstreams.range]
command = {python}
args = ["-m", "keyturn.range", "--state", {state}]
"""


def example() -> str:
    """The one block that is Python."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_python_example_is_held_and_runs_once_a_key_is_turned(tmp_path: Path) -> None:
    state, config = tmp_path / "range.db", tmp_path / "keyturn.toml"
    open_state(state).close()
    config.write_text(CONFIG.format(python=json.dumps(sys.executable), state=json.dumps(str(state))))
    with Remote.in_process(config, "") as first:
        owner_token = first.add_person("ana", ("owner",), ())["token"]
    with running(config) as url, Remote.over_http(url, owner_token) as owner:
        analyst_token = owner.add_person("ben", ("analyst",), ())["token"]
        agent_token = owner.add_agent("triage", "ana", "works alerts", 1)["token"]
        with Client(url, owner_token) as issuer:
            issuer.issue_mandate("triage", "INC-1042", "contain the phish", ["range/*"], targets=["host:*"])
        environment = {**os.environ, "KEYTURN_URL": url, "KEYTURN_AGENT_TOKEN": agent_token}
        ran = subprocess.run(
            [sys.executable, "-c", example()], env=environment, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        with Client(url, analyst_token) as analyst:
            (hold,) = analyst.holds()
            assert ran.stdout == f"{hold.id} waits for keys\n"
            assert changes(state) == []
            analyst.turn(hold.id, hold.digest)
            assert analyst.wait(hold.id, 30).state == "succeeded"
    assert [change["tool"] for change in changes(state)] == ["edr_isolate_host"]
