"""How people hear of what a gateway in a process of its own holds: what is told, and that following it does nothing."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook
from tests.receiver import SECRET, Receiver

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
[[notify]]
name = "hook"
kind = "webhook"
url = {url}
secrets = ["${{HOOK_SECRET}}"]
"""
BOTS = ("Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "Mozilla/5.0 (compatible; Discordbot/2.0)")


class Site(NamedTuple):
    """A running gateway, who is in it, and where its notices go."""

    url: str
    tokens: dict[str, str]
    receiver: Receiver

    def propose(self, tool: str, why: str, **arguments: Any) -> dict[str, Any]:
        """A call of the agent's."""
        with Remote.over_http(self.url, self.tokens["bot"]) as bot:
            return dict(bot.post("/v1/actions", {"tool": f"range/{tool}", "arguments": arguments, "rationale": why}))

    def told(self, count: int) -> list[dict[str, Any]]:
        """The first notices, verified, once there are so many."""
        wait_until(lambda: len(self.receiver.got) >= count)
        return [Webhook(SECRET).verify(got.body, got.headers) for got in self.receiver.got]


def wait_until(condition: Callable[[], bool], within_s: float = 15.0) -> None:
    """Return once it holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come"
        os.sched_yield()


@pytest.fixture
def site(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    state, config = tmp_path / "range.db", tmp_path / "keyturn.toml"
    texts = {"python": sys.executable, "state": str(state), "url": receiver.url}
    config.write_text(CONFIG.format(**{name: json.dumps(text) for name, text in texts.items()}))
    open_state(state).close()
    with Remote.in_process(config, "") as first:
        tokens = {"olga": first.add_person("olga", ("owner", "lead"), ())["token"]}
    with running(config) as url, Remote.over_http(url, tokens["olga"]) as olga:
        tokens["bot"] = olga.add_agent("bot", "olga", "tests", 1)["token"]
        mandate = {"agent": "bot", "case": "INC-1", "purpose": "test", "tools": ["range/*"], "targets": ["*"]}
        olga.issue_mandate(mandate)
        yield Site(url, tokens, receiver)


def test_a_notice_tells_nothing_that_an_agent_or_a_person_wrote(site: Site) -> None:
    held = site.propose("edr_isolate_host", "RATIONALE [click](https://evil.example)", hostname="FIN-LT-044")
    with Remote.over_http(site.url, site.tokens["olga"]) as olga:
        olga.stop("everything", "", "REASON")
    first, second = site.told(2)
    assert first["type"] == "keyturn.held" and second["type"] == "keyturn.stopped"
    assert first["data"]["action"] == held["id"] and first["data"]["tool"] == "range/edr_isolate_host"
    assert first["data"]["targets"] == {"host": 1}
    everything = b"".join(got.body for got in site.receiver.got)
    for word in (b"RATIONALE", b"evil", b"FIN-LT-044", b"hostname", b"REASON"):
        assert word not in everything


def test_a_preview_bot_that_follows_the_link_changes_nothing(site: Site) -> None:
    """GHSA-mqpw-46fh-299h, n8n#13792: opening a link from a chat counted as approval."""
    held = site.propose("edr_isolate_host", "because", hostname="FIN-LT-044")
    (notice,) = site.told(1)
    path = f"/console/actions/{held['id']}"
    assert notice["data"]["page"] == site.url.replace("127.0.0.1", "localhost") + path
    with Remote.over_http(site.url, site.tokens["olga"]) as olga:
        before = len(list(olga.case_entries("INC-1")))
        for bot in BOTS:
            for method in ("GET", "HEAD", "OPTIONS", "POST"):
                answer = httpx2.request(method, site.url + path, headers={"user-agent": bot}, follow_redirects=True)
                assert "FIN-LT-044" not in answer.text, "and learns nothing"
        assert len(list(olga.case_entries("INC-1"))) == before
        assert olga.action(held["id"])["state"] == "held"
