"""Deputies, one person's standing, the checkpoint's health, and drills, from the command line."""

from typing import Any

Site = Any
Run = Any
Propose = Any


def test_a_deputy_is_named_listed_and_ended(site: Site, run: Run) -> None:
    def told(*args: str) -> str:
        ended = run(*args, token=site.tokens["ana"], url=site.url)
        assert ended.exit_code == 0, ended.output
        return str(ended.output)

    assert "bob stands in for ana until" in told("deputy", "add", "bob", "--hours", "8")
    (line,) = [line for line in told("deputy", "list").splitlines() if "bob for ana" in line]
    assert "bob no longer stands in for ana." in told("deputy", "end", line.split()[0])
    assert "bob for ana" not in told("deputy", "list")


def test_health_and_standing_are_told_and_a_drill_takes_an_owner(site: Site, run: Run, propose: Propose) -> None:
    action = propose("edr_isolate_host", hostname="IT-LAB-004")
    standing = run("policy", "explain", action["id"], "--turn", token=site.tokens["ana"], url=site.url)
    assert "ana may turn a key on it." in standing.output
    assert "It would bring it nearer." in standing.output
    health = run("health", token=site.tokens["ana"], url=site.url)
    assert health.exit_code == 0, health.output
    for words in ("holds", "waited", "released by one person", "drills"):
        assert words in health.output
    refused = run("drill", token=site.tokens["ana"], url=site.url)
    assert refused.exit_code == 1 and "owner" in refused.output
