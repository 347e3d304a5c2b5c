"""The simulated firewall: blocked addresses and the allowlist that beats them."""

import ipaddress

from keyturn.errors import Conflict, InvalidArguments, NotFound
from keyturn.range.state import insert, row, rows
from keyturn.range.tool import (
    DESTRUCTIVE,
    READS,
    REVERSIBLE,
    Call,
    Changed,
    RangeTool,
    Schema,
    choice,
    ipv4,
    shape,
    text,
)

IP = ipv4("IPv4 address")
CIDR = text("IPv4 network, such as 203.0.113.8/30", longest=18)
REASON = text("Why, for the change log", longest=300)


def _list_blocks(call: Call) -> Schema:
    found = rows(
        call.db, "SELECT * FROM blocks WHERE (?1 IS NULL OR ip = ?1) ORDER BY created_at, ip", call.args.get("ip")
    )
    return {"total": len(found), "blocks": found}


def _block(call: Call) -> Changed:
    ip = call.args["ip"]
    if row(call.db, "SELECT 1 FROM blocks WHERE ip = ?", ip):
        raise Conflict(f"{ip} is blocked already")
    for entry in rows(call.db, "SELECT cidr FROM allowlist"):
        if ipaddress.ip_address(ip) in ipaddress.ip_network(entry["cidr"]):
            raise Conflict(f"{ip} is on the allowlist ({entry['cidr']}), which beats a block")
    block = {
        "ip": ip,
        "direction": call.args.get("direction", "both"),
        "reason": call.args["reason"],
        "created_at": call.now,
        "created_by": call.actor,
    }
    insert(call.db, "blocks", block)
    return Changed(block, f"address {ip} blocked, {block['direction']}")


def _unblock(call: Call) -> Changed:
    ip = call.args["ip"]
    if call.db.execute("DELETE FROM blocks WHERE ip = ?", (ip,)).rowcount == 0:
        raise Conflict(f"{ip} is not blocked")
    return Changed({"ip": ip, "unblocked": True}, f"address {ip} unblocked")


def _list_allowlist(call: Call) -> Schema:
    cidr = _cidr(call) if "cidr" in call.args else None
    found = rows(call.db, "SELECT * FROM allowlist WHERE (?1 IS NULL OR cidr = ?1) ORDER BY created_at, cidr", cidr)
    return {"total": len(found), "allowlist": found}


def _cidr(call: Call) -> str:
    try:
        return str(ipaddress.IPv4Network(call.args["cidr"]))
    except ValueError as error:
        raise InvalidArguments(
            f"cidr: not an IPv4 network: {error}", hint="write the network's address and its prefix length"
        ) from error


def _add_allowlist(call: Call) -> Changed:
    cidr = _cidr(call)
    if row(call.db, "SELECT 1 FROM allowlist WHERE cidr = ?", cidr):
        raise Conflict(f"{cidr} is on the allowlist already")
    entry = {"cidr": cidr, "reason": call.args["reason"], "created_at": call.now, "created_by": call.actor}
    insert(call.db, "allowlist", entry)
    return Changed(entry, f"network {cidr} added to the allowlist")


def _remove_allowlist(call: Call) -> Changed:
    cidr = _cidr(call)
    if call.db.execute("DELETE FROM allowlist WHERE cidr = ?", (cidr,)).rowcount == 0:
        raise NotFound(f"{cidr} is not on the allowlist")
    return Changed({"cidr": cidr, "removed": True}, f"network {cidr} removed from the allowlist")


TOOLS = (
    RangeTool(
        "fw_list_blocks",
        "Addresses that the firewall blocks.",
        _list_blocks,
        params={"ip": IP},
        optional=frozenset({"ip"}),
        returns=shape(total="integer", blocks="array"),
        hints=READS,
    ),
    RangeTool(
        "fw_block_ip",
        "Block an address at the edge, now, for everybody.",
        _block,
        params={
            "ip": IP,
            "reason": REASON,
            "direction": choice("Direction (both)", "inbound", "outbound", "both"),
        },
        optional=frozenset({"direction"}),
        changes=True,
        returns=shape(ip="string", direction="string", reason="string"),
        hints=DESTRUCTIVE,
    ),
    RangeTool(
        "fw_unblock_ip",
        "Take a block away.",
        _unblock,
        params={"ip": IP},
        changes=True,
        returns=shape(ip="string", unblocked="boolean"),
        hints=REVERSIBLE,
    ),
    RangeTool(
        "fw_list_allowlist",
        "Networks that are never blocked and not inspected.",
        _list_allowlist,
        params={"cidr": CIDR},
        optional=frozenset({"cidr"}),
        returns=shape(total="integer", allowlist="array"),
        hints=READS,
    ),
    RangeTool(
        "fw_add_allowlist",
        "Never block nor inspect a network.",
        _add_allowlist,
        params={"cidr": CIDR, "reason": REASON},
        changes=True,
        returns=shape(cidr="string", reason="string"),
        hints=REVERSIBLE,
    ),
    RangeTool(
        "fw_remove_allowlist",
        "Take a network off the allowlist.",
        _remove_allowlist,
        params={"cidr": CIDR},
        changes=True,
        returns=shape(cidr="string", removed="boolean"),
        hints=REVERSIBLE,
    ),
)
