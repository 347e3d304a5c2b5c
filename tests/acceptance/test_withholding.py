"""A credential in a read's answer, through `keyturn serve` and the official clients: it stays where it is."""

import json
import sys
from pathlib import Path

import pytest
from tests.acceptance.okta_standin import SECRET
from tests.acceptance.served import GENERATIONS, python_of, served
from tests.peers import Peer

from keyturn.core.withholding import WITHHELD

STANDIN = Path(__file__).with_name("okta_standin.py")


@pytest.mark.parametrize("revision", GENERATIONS)
def test_the_agent_gets_the_answer_and_nobody_the_credential(tmp_path: Path, revision: str, peer_python: Peer) -> None:
    upstream = {"command": sys.executable, "args": [str(STANDIN)], "catalogue": "okta-mcp-server"}
    with served(tmp_path / "site", {"okta": upstream}) as site:
        site.agent("triage", ["okta/*"], ["app:*"])
        with site.talk("triage", "okta", python_of(revision, peer_python)) as agent:
            result = agent.call("get_application", app_id="0oa1")
        answer = json.loads(result["content"][0]["text"])
        assert (answer["label"], answer["credentials"]["oauthClient"]["client_secret"]) == ("payroll", WITHHELD)
        assert SECRET not in json.dumps(result)
        with site.as_person("ana") as ana:
            entries = list(ana.case_entries("case of triage"))
        shown = site.run("ana", "tools", "show", "okta/get_application")
    assert "withheld client_secret: no agent sees these of the answer" in shown
    assert [entry["withheld"] for entry in entries if entry["kind"] == "outcome"] == [2]
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert SECRET.encode() not in file.read_bytes(), file
