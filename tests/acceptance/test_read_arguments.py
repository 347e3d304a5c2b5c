"""What stands in a search decides, through `keyturn serve` and the official client: it runs, or waits for people."""

import sys
from pathlib import Path

from tests.acceptance.served import served

STANDIN = Path(__file__).with_name("splunk_standin.py")
SEARCH = "index=main error | stats count by host"
DELETE = "index=main host=ws-7 | delete"
HIDDEN = "index=main [search index=main | script wipe.py]"


def test_a_search_runs_free_where_a_mandate_names_it_and_one_that_deletes_waits(tmp_path: Path) -> None:
    kept = tmp_path / "searches"
    kept.touch()
    upstream = {
        "command": sys.executable,
        "args": [str(STANDIN)],
        "catalogue": "splunk-mcp",
        "env": {"KEPT": str(kept)},
    }
    with served(tmp_path / "site", {"siem": upstream}) as site:
        site.agent("plain", ["siem/*"], ["index:*"])
        with site.as_person("olga") as olga:
            site.tokens["hunter"] = olga.add_agent("hunter", "olga", "hunts", 1)["token"]
            draft = {
                "agent": "hunter",
                "case": "hunt",
                "purpose": "hunt",
                "tools": ["siem/*"],
                "targets": ["index:main"],
            }
            olga.issue_mandate({**draft, "objects": ["siem/search_splunk"]})
        with site.talk("plain", "siem", sys.executable) as agent:
            held = agent.stands("search_splunk", search_query=SEARCH)
            assert (held["state"], held["oversight"]) == ("held", "one_key"), held
        with site.talk("hunter", "siem", sys.executable) as agent:
            assert agent.free("search_splunk", search_query=SEARCH) == "no events"
            for query in (HIDDEN, "index=main | eval x=`m` | unheardof", 'index=main \\" | delete | eval x="'):
                assert agent.stands("search_splunk", search_query=query)["oversight"] == "two_key"
            elsewhere = agent.call("search_splunk", "because of the test", search_query="index=other | delete")
            assert elsewhere["isError"] is True
            deleting = agent.stands("search_splunk", search_query=DELETE)
            assert deleting["oversight"] == "two_key"
            shown = site.run("ana", "show", deleting["action"])
            assert "index:main" in shown
            assert DELETE in shown
            assert kept.read_text().splitlines() == [SEARCH]
            site.turn_both(deleting)
            assert agent.outcome(deleting["action"])["state"] == "succeeded"
        assert kept.read_text().splitlines() == [SEARCH, DELETE]
