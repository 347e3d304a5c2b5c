"""Other people's servers behind ``keyturn serve``, driven by the official client of each generation, to the end.

What only reads runs; what changes waits for people, who answer over REST and at the command line; it runs once, and the
repository, the folder or the vendor's API shows it; what was refused or lies outside the mandate changes nothing.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.served import GENERATIONS, Served, command, python_of, served, talking, verified

from keyturn.wrapping import TOKEN

Peer = Callable[[str], Path]
GIT, FILESYSTEM, FALCON = "mcp-server-git", "@modelcontextprotocol/server-filesystem", "falcon-mcp"
VERSIONS = {GIT: "2026.10.19", FILESYSTEM: "2026.8.31", FALCON: "0.20.0"}
ONCE = ["proposed", "decided", "key_turned", "key_turned", "released"]


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def python(generation: str, peer_python: Peer) -> str:
    return python_of(generation, peer_python)


def git(repository: Path, *args: str) -> str:
    told = subprocess.run(["git", "-C", str(repository), *args], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def subjects(repository: Path) -> list[str]:
    """The commits' first lines, the newest first."""
    return git(repository, "log", "--format=%s").splitlines()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit and one change that is not staged."""
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@example.com")):
        git(made, "config", key, value)
    (made / "rules.txt").write_text("one\n")
    git(made, "add", "rules.txt")
    git(made, "commit", "-q", "-m", "first")
    (made / "rules.txt").write_text("one\ntwo\n")
    return made


@pytest.fixture
def git_upstream(peer_python: Peer, repository: Path) -> dict[str, Any]:
    program = peer_python(f"{GIT}=={VERSIONS[GIT]}") / GIT
    return {"command": str(program), "args": ["--repository", str(repository)], "catalogue": GIT}


def test_a_commit_waits_for_two_people_and_stands_once(
    tmp_path: Path, repository: Path, git_upstream: dict[str, Any], generation: str, python: str
) -> None:
    place = str(repository)
    with served(tmp_path / "site", {"git": git_upstream}) as site:
        site.agent("coder", ["git/git_[!c]*", "git/git_commit"], [f"repository:{place}"])
        with site.talk("coder", "git", python) as agent:
            assert agent.revision == generation
            assert {"git_log", "git_commit", "keyturn_action"} <= set(agent.tools)
            assert "first" in agent.free("git_log", repo_path=place)
            assert "rules.txt" in agent.free("git_status", repo_path=place)
            for tool, arguments in (("git_add", {"files": ["rules.txt"]}), ("git_commit", {"message": "second"})):
                held = agent.stands(tool, repo_path=place, **arguments)
                assert (held["state"], held["oversight"]) == ("held", "two_key"), held
                assert subjects(repository) == ["first"]
                site.turn_both(held)
                assert agent.outcome(held["action"])["state"] == "succeeded"
                assert site.kinds(held["action"], "case of coder")[:5] == ONCE
            assert subjects(repository) == ["second", "first"]
            reset = agent.stands("git_reset", repo_path=place)
            site.run("ana", "reject", reset["action"], "--reason", "nothing is staged")
            assert agent.stands("git_reset", repo_path=place)["state"] == "denied"
            for tool, arguments in (
                ("git_checkout", {"repo_path": place, "branch_name": "main"}),
                ("git_commit", {"repo_path": str(tmp_path), "message": "elsewhere"}),
            ):
                denied = agent.stands(tool, **arguments)
                assert (denied["state"], len(denied["outside_mandate"])) == ("denied", 1)
    assert subjects(repository) == ["second", "first"]
    verified(site.config)


def test_one_person_is_enough_for_an_agent_that_looked_at_nothing(
    tmp_path: Path, repository: Path, git_upstream: dict[str, Any], generation: str, python: str
) -> None:
    place = str(repository)
    with served(tmp_path / "site", {"git": git_upstream}) as site:
        site.agent("coder", ["git/*"], [f"repository:{place}"])
        with site.talk("coder", "git", python) as agent:
            held = agent.stands("git_create_branch", repo_path=place, branch_name="fix")
            assert (held["state"], held["oversight"]) == ("held", "one_key")
            assert git(repository, "branch", "--list", "fix") == ""
            site.run("ana", "turn", held["action"], "--yes", held["digest"])
            assert agent.outcome(held["action"])["state"] == "succeeded"
    assert git(repository, "branch", "--list", "fix") == "fix"
    verified(site.config)


def test_files_are_written_once_and_only_where_the_mandate_says(
    tmp_path: Path, peer_npm: Peer, generation: str, python: str
) -> None:
    program = peer_npm(f"{FILESYSTEM}@{VERSIONS[FILESYSTEM]}") / "mcp-server-filesystem"
    case = tmp_path / "share" / "case"
    upstream = {"command": str(program), "args": [str(case.parent)], "catalogue": FILESYSTEM}
    case.mkdir(parents=True)
    note, other = case / "note.txt", case.parent / "other.txt"
    note.write_text("before")
    other.write_text("not yours")
    with served(tmp_path / "site", {"fs": upstream}) as site:
        site.agent("writer", ["fs/*"], [f"file:{case}/*"])
        with site.talk("writer", "fs", python) as agent:
            assert agent.revision == generation
            assert "note.txt" in agent.free("list_directory", path=str(case))
            reading = agent.stands("read_text_file", "", path=str(note))
            assert (reading["state"], reading["oversight"]) == ("held", "one_key")
            site.run("ana", "turn", reading["action"], "--yes", reading["digest"])
            assert "before" in json.dumps(agent.outcome(reading["action"])["result"])
            writing = agent.stands("write_file", path=str(note), content="after")
            assert (writing["state"], writing["oversight"]) == ("held", "two_key")
            assert note.read_text() == "before"
            site.turn_both(writing)
            assert agent.outcome(writing["action"])["state"] == "succeeded"
            assert note.read_text() == "after"
            assert site.kinds(writing["action"], "case of writer")[:5] == ONCE
            moving = agent.stands("move_file", source=str(note), destination=str(case / "gone.txt"))
            assert moving["state"] == "held"
            site.run("bob", "reject", moving["action"], "--reason", "it stays")
            assert agent.stands("keyturn_action", "", action=moving["action"])["state"] == "refused"
            for path in (other, case.parent / "new.txt", f"{case}/../other.txt"):
                denied = agent.stands("write_file", path=str(path), content="mine")
                assert denied["outside_mandate"] == [f"the mandate does not name the target file:{path}"]
    assert (note.read_text(), other.read_text()) == ("after", "not yours")
    assert sorted(path.name for path in case.parent.rglob("*.txt")) == ["note.txt", "other.txt"]
    verified(site.config)


@pytest.fixture
def falcon(tmp_path: Path, peer_python: Peer, falcon_stub: str) -> Iterator[Served]:
    """The vendor's server in front of a stub of its API."""
    program = str(peer_python(f"{FALCON}=={VERSIONS[FALCON]}") / FALCON)
    env = {"FALCON_BASE_URL": falcon_stub, "FALCON_CLIENT_ID": "id", "FALCON_CLIENT_SECRET": "secret"}
    upstream = {"command": program, "args": [], "env": env, "catalogue": FALCON}
    with served(tmp_path / "site", {"falcon": upstream}) as site:
        targets = ["workflow:wf-contain", "workflow:wf-lift", "alert:*", "file:*"]
        site.agent("responder", ["falcon/falcon_[!i]*"], targets)
        yield site


def falcon_state(stub: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{stub}/_state") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_falcon_contains_and_lifts_with_two_keys_each(
    falcon: Served, falcon_stub: str, generation: str, python: str
) -> None:
    host = {"parameters": {"device_id": "aid-0001"}}
    with falcon.talk("responder", "falcon", python) as agent:
        assert agent.revision == generation
        assert "aid-0001" in agent.free("falcon_search_hosts")
        assert '"normal"' in agent.free("falcon_get_host_details", ids=["aid-0001"])
        for workflow, status in (("wf-contain", "contained"), ("wf-lift", "normal")):
            held = agent.stands("falcon_execute_workflow", definition_id=workflow, **host)
            assert (held["state"], held["oversight"]) == ("held", "two_key")
            site_before = falcon_state(falcon_stub)["changes"]
            with falcon.as_person("ana") as ana:
                assert ana.turn(held["action"], held["digest"])["state"] == "held"
            assert falcon_state(falcon_stub)["changes"] == site_before, "one key is not enough"
            falcon.run("bob", "turn", held["action"], "--yes", held["digest"])
            assert agent.outcome(held["action"])["state"] == "succeeded"
            assert falcon_state(falcon_stub)["hosts"]["aid-0001"]["status"] == status
        denied = agent.stands("falcon_execute_workflow", definition_id="wf-other", **host)
        assert denied["outside_mandate"] == ["the mandate does not name the target workflow:wf-other"]
    assert len(falcon_state(falcon_stub)["changes"]) == 2
    verified(falcon.config)


def test_falcon_alerts_quarantine_and_indicators(
    falcon: Served, falcon_stub: str, generation: str, python: str
) -> None:
    with falcon.talk("responder", "falcon", python) as agent:
        assert "cid:ind:0001" in agent.free("falcon_search_detections")
        closing = agent.stands("falcon_update_detections", ids=["cid:ind:0001"], status="closed")
        assert (closing["state"], closing["oversight"]) == ("held", "two_key"), "closing work is a response"
        falcon.turn_both(closing)
        assert agent.outcome(closing["action"])["because"] == "the check shows the effect"
        with falcon.as_person("ana") as ana:
            ana.verb(closing["action"], "reversal", {"reason": "too early"})
            assert ana.wait(closing["action"], 20)["state"] == "reverted"
        assert falcon_state(falcon_stub)["alerts"]["cid:ind:0001"]["status"] == "reopened"
        deleting = agent.stands("falcon_delete_quarantined_files", ids=["q-0001"])
        assert (deleting["state"], deleting["oversight"]) == ("held", "two_key")
        falcon.run("ana", "reject", deleting["action"], "--reason", "it is evidence")
        denied = agent.stands("falcon_add_ioc", type="domain", value="evil.example", action="allow")
        assert denied["state"] == "denied"
        assert denied["outside_mandate"] == ["the mandate does not name the target indicator:evil.example"]
        assert agent.stands("falcon_init_rtr_session", device_id="aid-0001")["state"] == "denied"
    state = falcon_state(falcon_stub)
    assert [change["path"] for change in state["changes"]] == ["/alerts/entities/alerts/v3"] * 2
    assert (state["quarantine"]["q-0001"]["state"], state["indicators"]) == ("quarantined", {})
    verified(falcon.config)


def test_a_wrapped_server_commits_once_when_two_people_say_so(
    tmp_path: Path, repository: Path, git_upstream: dict[str, Any], generation: str, python: str
) -> None:
    place, data = str(repository), tmp_path / "data"
    config = data / "keyturn.toml"
    launch = [git_upstream["command"], *git_upstream["args"]]
    wrap = ["-m", "keyturn.cli", "wrap", "--data", str(data), "--", *launch]
    with talking({"command": sys.executable, "args": wrap}, python) as agent:
        assert agent.revision == generation
        assert "first" in agent.free("git_log", repo_path=place)
        operator = (data / TOKEN).read_text()
        bob = command("person", "add", "bob", "--role", "analyst", "-c", config, token=operator).split()[-1]
        for tool, arguments in (("git_add", {"files": ["rules.txt"]}), ("git_commit", {"message": "second"})):
            held = agent.stands(tool, repo_path=place, **arguments)
            assert held["state"] == "held"
            assert subjects(repository) == ["first"]
            for token in (operator, bob):
                command("turn", held["action"], "--yes", held["digest"], "-c", config, token=token)
            assert agent.outcome(held["action"])["state"] == "succeeded"
    assert subjects(repository) == ["second", "first"]
    verified(config)
