import ipaddress
import json
import re
from typing import Any

import pytest

from keyturn.range import incident

DOCUMENTATION = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
EVERYTHING = json.dumps([incident.ROWS, incident.INTEL])


def test_every_address_is_of_a_documentation_range() -> None:
    found = set(re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", EVERYTHING))

    assert "203.0.113.66" in found
    assert [ip for ip in found if not any(ipaddress.ip_address(ip) in net for net in DOCUMENTATION)] == []


def test_every_mail_address_is_of_an_example_domain() -> None:
    domains = {domain.lower() for domain in re.findall(r"@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", EVERYTHING)}

    assert {re.sub(r"^.*?(example\.(?:com|net|org))$", r"\1", domain) for domain in domains} <= {
        "example.com",
        "example.net",
        "example.org",
    }


def test_alerts_name_hosts_and_users_that_exist() -> None:
    hosts = {host["hostname"] for host in incident.ROWS["hosts"]} | {None}
    users = {user["username"] for user in incident.ROWS["users"]} | {None}

    assert {alert["hostname"] for alert in incident.ROWS["alerts"]} <= hosts
    assert {alert["username"] for alert in incident.ROWS["alerts"]} <= users


@pytest.mark.parametrize("thing", ["198.51.100.23", "203.0.113.66"])
async def test_the_indicators_of_the_incident_are_known_to_be_bad(soc: Any, thing: str) -> None:
    assert (await soc.ok("intel_lookup_indicator", indicator=thing))["verdict"] in {"malicious", "suspicious"}


async def test_an_indicator_that_nobody_knows_is_unknown_not_benign(soc: Any) -> None:
    found = await soc.ok("intel_lookup_indicator", indicator="WWW.Example.org")

    assert (found["indicator"], found["verdict"], found["confidence"]) == ("www.example.org", "unknown", 0)


async def test_the_hostile_text_reaches_an_agent_by_alert_and_by_mail(soc: Any) -> None:
    alert = await soc.ok("edr_get_alert", alert_id="ALR-5008")
    message = await soc.ok("mail_get_message", message_id="MSG-9004")

    assert incident.INJECTED in alert["description"]
    assert message["body"] == incident.INJECTED
