"""The catalogue's promises, measured: on labels by readers who saw no profile, on real searches, on what is listed."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.catalogue import Catalogue
from keyturn.catalogue.agreement import agreed, agreement
from keyturn.catalogue.coverage import against
from keyturn.catalogue.outlook import outlook
from keyturn.config import PolicySettings
from keyturn.core.action import ToolRef
from keyturn.core.facts import Oversight
from keyturn.core.policy import Policy
from keyturn.core.profile import Basis, Stage
from keyturn.policy_files import load_policy

VECTORS = Path(__file__).parents[1] / "vectors"
CATALOGUE = Catalogue.load()
REVIEWED = (
    *("CrowdStrike/falcon-mcp", "okta/okta-mcp-server", "gensecaihq/Wazuh-MCP-Server", "refractionPOINT/lc-mcp-server"),
    *("PagerDuty/pagerduty-mcp-server", "panther-labs/mcp-panther", "github/github-mcp-server", "microsoft/mcp"),
    *("containers/kubernetes-mcp-server", "hashicorp/vault-mcp-server", "cloudflare/mcp-server-cloudflare"),
    *("awslabs/mcp", "sooperset/mcp-atlassian", "echelon-ai-labs/servicenow-mcp", "livehybrid/splunk-mcp"),
    *("trendmicro/vision-one-mcp-server", "elastic/mcp-server-elasticsearch", "mdfranz/elastic-security-mcp"),
    *("TheHive-Project/Cortex-Analyzers", "socfortress/wazuh-mcp-server", "Flux159/mcp-server-kubernetes"),
    *(
        f"splunk-soar-connectors/{name}"
        for name in ("awsec2", "azuread", "microsoft365defender", "panorama", "phantom")
    ),
    *(f"splunk-soar-connectors/{name}" for name in ("windowsdefenderatp", "crowdstrikeoauth")),
)


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS / name).open()]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(PolicySettings(pack="standard"))


def test_every_listed_tool_has_a_profile() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    assert f"Every tool that {len(lines('listed-tools.jsonl'))} public servers and integrations list" in readme
    for each in lines("listed-tools.jsonl"):
        assert against(CATALOGUE, each["source"], each["tools"])[1] == [], each["source"]


def test_what_security_teams_use_most_is_reviewed_and_so_is_every_change_and_sensitive_read() -> None:
    for each in lines("listed-tools.jsonl"):
        for tool in each["tools"]:
            profile = CATALOGUE.profile(each["source"], tool)
            plain = profile.stage is Stage.ANALYSE and not profile.touches
            assert profile.basis is Basis.REVIEWED or (plain and each["source"] not in REVIEWED), (each["source"], tool)


PARTS = [("build", 0, 0.03), ("held-out", 0, 0.035), ("exam", 1, 0.03), ("fresh", 8, 0.05)]


@pytest.mark.parametrize(("part", "free", "held"), PARTS)
def test_what_others_call_grave_waits_and_what_they_call_a_plain_read_runs(
    policy: Policy, part: str, free: int, held: float
) -> None:
    """``benchmarks/measure_catalogue.py`` says what the parts are. One reader's labels are not another's."""
    found = agreement(CATALOGUE, policy, [label for label in lines("labels.jsonl") if label["half"] == part])
    assert len(found.free) <= free, found.free
    assert len(found.held) <= held * found.plain, found.held
    assert found.reversible >= 0.85
    assert found.touches_f1 >= 0.85


def test_nothing_runs_free_that_every_reader_calls_grave(policy: Policy) -> None:
    found = agreement(CATALOGUE, policy, agreed(lines("panel.jsonl"), lines("labels.jsonl")))
    assert (found.free, found.grave > 2_500) == ([], True)
    assert len(found.held) <= 0.03 * found.plain, found.held


@pytest.mark.parametrize("half", ["build", "held-out"])
def test_searches_run_under_a_mandate_that_names_log_search_and_those_that_write_wait(
    policy: Policy, half: str
) -> None:
    tool = ToolRef("siem", "search_splunk")
    for each in json.loads((VECTORS / "searches.json").read_text())["searches"]:
        if each["half"] == half:
            arguments = {"search_query": each["query"]}
            profile = CATALOGUE.profile("livehybrid/splunk-mcp", tool.name, arguments)
            free = outlook(policy, profile, tool, arguments, objects=(str(tool),)).oversight is Oversight.FREE
            plain = outlook(policy, profile, tool, arguments).oversight is Oversight.FREE
            assert (free, plain) == (each["harmless"], False), each["name"]
