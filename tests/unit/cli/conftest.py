"""A gateway in a process of its own in front of the range, its people and an agent, for the commands to talk to."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from keyturn.cli.main import cli
from keyturn.cli.remote import Remote
from keyturn.demo.gateway import running
from keyturn.range.state import open_state

CONFIG = """
data = "data"
[server]
port = 0
[upstreams.range]
command = {python}
args = ["-m", "keyturn.range"]
env = {{ KEYTURN_RANGE_STATE = {state} }}
"""


class Site(NamedTuple):
    """Where things are, and everybody's token."""

    folder: Path
    config: Path
    url: str
    tokens: dict[str, str]

    def remote(self, name: str) -> Remote:
        """The REST client of one of them."""
        return Remote.over_http(self.url, self.tokens[name])


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as somebody: ``run("holds", token=…, url=…)``."""
    for name in ("KEYTURN_URL", "KEYTURN_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*args: str, token: str = "", url: str = "", stdin: str = "") -> Result:
        env = {"KEYTURN_TOKEN": token, **({"KEYTURN_URL": url} if url else {})}
        return CliRunner().invoke(cli, list(args), env=env, input=stdin)

    return invoke


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    state, config = folder / "range.db", folder / "keyturn.toml"
    config.write_text(CONFIG.format(python=json.dumps(sys.executable), state=json.dumps(str(state))))
    open_state(state).close()
    tokens: dict[str, str] = {}
    with Remote.in_process(config, "") as first:
        tokens["olga"] = first.add_person("olga", ("owner", "lead"), ())["token"]
    with running(config) as url, Remote.over_http(url, tokens["olga"]) as olga:
        for name, role in (("ana", "analyst"), ("bob", "lead")):
            tokens[name] = olga.add_person(name, (role,), ())["token"]
        tokens["bot"] = olga.add_agent("bot", "olga", "tests the command line", 1)["token"]
        olga.issue_mandate(
            {
                "agent": "bot",
                "case": "INC-1042",
                "purpose": "test",
                "tools": ["range/*"],
                "targets": ["*"],
                "budgets": {"responds": 1000, "targets": 50, "open_holds": 100, "actions": 1000},
            }
        )
        yield Site(folder, config, url, tokens)


Propose = Callable[..., dict[str, Any]]


@pytest.fixture
def propose(site: Site) -> Propose:
    """Have the agent propose a call; the action as REST tells it."""

    def call(tool: str, why: str = "because of the test", **arguments: Any) -> dict[str, Any]:
        with site.remote("bot") as bot:
            body = {"tool": f"range/{tool}", "arguments": arguments, "rationale": why}
            return dict(bot.post("/v1/actions", body))

    return call
