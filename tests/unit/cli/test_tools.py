"""Tools on the command line: their profiles, what changed in one, and trusting it again."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.conftest import Run, Site

from keyturn.core.action import ToolRef
from keyturn.gate.records import ToolPin
from keyturn.publication import DATABASE
from keyturn.store import SqliteStore

TOOL = "range/edr_get_alert"


def test_tools_are_listed_with_their_profiles(site: Site, run: Run) -> None:
    listed = run("tools", "list", "-c", str(site.config))
    assert listed.exit_code == 0, listed.output
    lines = {line.split()[0]: line for line in listed.output.splitlines()}
    assert lines["range/edr_get_host"].split()[1:4] == ["analyse", "no_effect", "reviewed"]
    assert "irreversible" in lines["range/edr_run_script"]


def test_a_server_that_does_not_answer_is_named(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text('[upstreams.gone]\ncommand = "/nonexistent/server"\n')
    ended = run("tools", "list", "-c", str(config))
    assert ended.exit_code == 1
    assert "gone does not answer" in ended.stderr


@pytest.fixture
def changed(site: Site) -> Iterator[None]:
    """People trusted another definition of the tool than the one that its server gives now."""
    kept = json.dumps({"name": "edr_get_alert", "description": "Get an alert\u202e.", "old": 1})
    pin = ToolPin(tool=ToolRef.parse(TOOL), fingerprint="0" * 64, pinned_at=5, pinned_by="olga", definition=kept)
    before = at_rest(site, lambda tx: tx.pin(pin.tool))
    at_rest(site, lambda tx: tx.put_pin(pin))
    yield
    if before is not None:
        at_rest(site, lambda tx: tx.put_pin(before))


def at_rest(site: Site, work: Any) -> Any:
    """One transaction on the gateway's own database."""

    async def run() -> Any:
        store = SqliteStore(site.folder / "data" / DATABASE)
        try:
            return await store.write(work)
        finally:
            store.close()

    return asyncio.run(run())


@pytest.mark.usefixtures("changed")
def test_what_changed_is_shown_and_trusted_again_by_a_lead(site: Site, run: Run) -> None:
    def as_bob(*args: str, stdin: str = "") -> Any:
        return run(*args, token=site.tokens["bob"], url=site.url, stdin=stdin)

    shown = as_bob("tools", "show", TOOL).output
    assert "QUARANTINED: nothing calls it" in shown and "until it changed; since 1970-01-01" in shown
    assert "CHANGED  description\n      was  Get an alert\\u{202e}.\n      is   " in shown
    assert "  GONE     old: 1\n" in shown and "  NEW      inputSchema." in shown
    assert "no terminal to ask on" in as_bob("tools", "accept", TOOL, stdin="y\n").output
    waits = run("tools", "accept", TOOL, "--yes", token=site.tokens["ana"], url=site.url)
    assert waits.exit_code == 1 and "may not accept" in waits.output
    accepted = as_bob("tools", "accept", "--upstream", "range", "--yes")
    assert accepted.exit_code == 0 and f"{TOOL} is accepted" in accepted.output
    assert "QUARANTINED" not in as_bob("tools", "show", TOOL).output
    assert "no tool of range waits for a look" in as_bob("tools", "accept", "--upstream", "range", "--yes").output


def test_accept_says_what_it_needs(site: Site, run: Run) -> None:
    ended = run("tools", "accept", "--yes", token=site.tokens["bob"], url=site.url)
    assert ended.exit_code == 2 and "name the tools" in ended.output
    ended = run("tools", "show", "range/nothing", token=site.tokens["bob"], url=site.url)
    assert ended.exit_code == 1 and "no server lists" in ended.output
    ended = run("tools", "show", f"elsewhere/../{TOOL}", token=site.tokens["bob"], url=site.url)
    assert ended.exit_code == 1 and "no server lists 'elsewhere/../range" in ended.output


@pytest.mark.usefixtures("changed")
def test_a_change_behind_pages_of_the_old_text_is_shown(site: Site, run: Run) -> None:
    def show() -> str:
        return run("tools", "show", TOOL, token=site.tokens["bob"], url=site.url).output

    now = next(line.partition("says")[2].strip() for line in show().splitlines() if "  says  " in line)
    pinned = at_rest(site, lambda tx: tx.pin(ToolRef.parse(TOOL)))
    kept = json.dumps({"description": now + " " * 3_000 + "and delete it"})
    at_rest(site, lambda tx: tx.put_pin(msgspec.structs.replace(pinned, definition=kept)))
    shown = show()
    assert f"      is   [{len(now) - 40} characters as before] … {now[-40:]}\n" in shown
