from typing import Any

import pytest


async def test_a_block_is_listed_until_it_is_taken_away(soc: Any) -> None:
    await soc.ok("fw_block_ip", ip="198.51.100.23", reason="INC-1042", direction="outbound")
    listed = await soc.ok("fw_list_blocks", ip="198.51.100.23")
    assert "blocked already" in await soc.refused("fw_block_ip", ip="198.51.100.23", reason="again")
    await soc.ok("fw_unblock_ip", ip="198.51.100.23")

    assert [(block["ip"], block["direction"]) for block in listed["blocks"]] == [("198.51.100.23", "outbound")]
    assert (await soc.ok("fw_list_blocks", ip="198.51.100.23"))["total"] == 0
    assert "not blocked" in await soc.refused("fw_unblock_ip", ip="198.51.100.23")


async def test_the_allowlist_beats_a_block(soc: Any) -> None:
    assert "on the allowlist (203.0.113.8/30)" in await soc.refused("fw_block_ip", ip="203.0.113.9", reason="r")
    await soc.ok("fw_remove_allowlist", cidr="203.0.113.8/30")
    assert (await soc.ok("fw_block_ip", ip="203.0.113.9", reason="r"))["direction"] == "both"


async def test_an_allowlisted_network_shields_every_address_in_it(soc: Any) -> None:
    await soc.ok("fw_add_allowlist", cidr="203.0.113.64/29", reason="vendor")

    assert "on the allowlist" in await soc.refused("fw_block_ip", ip="203.0.113.66", reason="INC-1042")
    assert "already" in await soc.refused("fw_add_allowlist", cidr="203.0.113.64/29", reason="vendor")
    assert (await soc.ok("fw_list_allowlist", cidr="203.0.113.64/29"))["total"] == 1


@pytest.mark.parametrize("cidr", ["203.0.113.9/30", "here", "203.0.113.0/33", "2001:db8::/32"])
async def test_what_is_no_network_is_refused(soc: Any, cidr: str) -> None:
    assert "not an IPv4 network" in await soc.refused("fw_add_allowlist", cidr=cidr, reason="r")


@pytest.mark.parametrize("ip", ["203.0.113.256", "203.0.113", "::1", "203.0.113.9/32", "０.0.0.0", ""])
async def test_what_is_no_address_is_refused(soc: Any, ip: str) -> None:
    assert (await soc.refused("fw_block_ip", ip=ip, reason="r")).startswith("invalid_arguments: fw_block_ip: ip: ")


async def test_a_network_that_is_not_listed_cannot_be_removed(soc: Any) -> None:
    assert "not on the allowlist" in await soc.refused("fw_remove_allowlist", cidr="198.51.100.0/24")
