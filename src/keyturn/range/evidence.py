"""The simulated evidence store: what was kept of an incident, with its SHA-256."""

import hashlib
import json

from keyturn.errors import Conflict, NotFound
from keyturn.range.edr import HOST, find_host
from keyturn.range.state import Row, insert, next_id, row, rows
from keyturn.range.tickets import TICKET, find_ticket
from keyturn.range.tool import DESTRUCTIVE, READS, REVERSIBLE, Call, Changed, RangeTool, Schema, choice, ident, shape

EVIDENCE = ident("EVD", "Evidence id")


def _list(call: Call) -> Schema:
    found = rows(
        call.db,
        "SELECT evidence_id, ticket_id, kind, hostname, name, sha256, size, collected_at, collected_by, legal_hold"
        " FROM evidence WHERE (?1 IS NULL OR ticket_id = ?1) AND (?2 IS NULL OR hostname = ?2) ORDER BY evidence_id",
        call.args.get("ticket_id"),
        call.args.get("hostname"),
    )
    return {"total": len(found), "evidence": found}


def _snapshot(call: Call) -> Changed:
    host, ticket, kind = find_host(call), find_ticket(call)["ticket_id"], call.args["kind"]
    content = json.dumps(_capture(call, host, kind), sort_keys=True)
    piece = {
        "evidence_id": next_id(call.db, "EVD"),
        "ticket_id": ticket,
        "kind": kind,
        "hostname": host["hostname"],
        "name": f"{host['hostname']}-{kind}.json",
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "size": len(content.encode()),
        "collected_at": call.now,
        "collected_by": call.actor,
        "legal_hold": False,
    }
    insert(call.db, "evidence", piece | {"content": content})
    return Changed(piece, f"{kind} snapshot {piece['evidence_id']} of {host['hostname']} taken for {ticket}")


def _capture(call: Call, host: Row, kind: str) -> Schema:
    """What the snapshot holds: memory knows only what runs at this moment, a disk only what lies on it."""
    name = host["hostname"]
    if kind == "memory":
        running = "SELECT pid, name, command_line, username FROM processes WHERE hostname = ? AND state = 'running'"
        return {"host": host, "processes": rows(call.db, running, name)}
    return {
        "host": host,
        "quarantined_files": rows(call.db, "SELECT * FROM quarantined_files WHERE hostname = ?", name),
        "events": rows(call.db, "SELECT * FROM events WHERE hostname = ? AND kind = 'file'", name),
    }


def _find(call: Call) -> Row:
    found = row(call.db, "SELECT * FROM evidence WHERE evidence_id = ?", call.args["evidence_id"])
    if found is None:
        raise NotFound(f"no evidence {call.args['evidence_id']}", hint="evd_list lists it")
    return found


def _read(call: Call) -> str:
    return str(_find(call)["content"])


def _delete(call: Call) -> Changed:
    piece = _find(call)
    if piece["legal_hold"]:
        raise Conflict(f"{piece['evidence_id']} is under legal hold and can't be deleted")
    call.db.execute("DELETE FROM evidence WHERE evidence_id = ?", (piece["evidence_id"],))
    result = {"evidence_id": piece["evidence_id"], "sha256": piece["sha256"], "deleted": True}
    return Changed(result, f"evidence {piece['evidence_id']} of {piece['ticket_id']} deleted for good")


TOOLS = (
    RangeTool(
        "evd_list",
        "Evidence that is kept, without its content.",
        _list,
        params={"ticket_id": TICKET, "hostname": HOST},
        optional=frozenset({"ticket_id", "hostname"}),
        returns=shape(total="integer", evidence="array"),
        hints=READS,
    ),
    RangeTool(
        "evd_snapshot_host",
        "Keep a host's memory or disk as it is now, as evidence of a ticket.",
        _snapshot,
        params={"hostname": HOST, "ticket_id": TICKET, "kind": choice("What to keep", "memory", "disk")},
        changes=True,
        returns=shape(evidence_id="string", ticket_id="string", kind="string", hostname="string", sha256="string"),
        hints=REVERSIBLE,
    ),
    RangeTool(
        "evd_read",
        "The content of one piece of evidence, as text.",
        _read,
        params={"evidence_id": EVIDENCE},
        hints=READS,
    ),
    RangeTool(
        "evd_delete",
        "Delete a piece of evidence for good.",
        _delete,
        params={"evidence_id": EVIDENCE},
        changes=True,
        returns=shape(evidence_id="string", sha256="string", deleted="boolean"),
        hints=DESTRUCTIVE,
    ),
)
