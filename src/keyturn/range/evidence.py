"""The simulated evidence store: what was kept of an incident, with its SHA-256."""

import hashlib
import json

from keyturn.errors import Conflict, NotFound
from keyturn.range.edr import FILE, HOST, find_host
from keyturn.range.mail import MESSAGE
from keyturn.range.state import Row, insert, next_id, row, rows
from keyturn.range.tickets import TICKET, find_ticket
from keyturn.range.tool import DESTRUCTIVE, READS, REVERSIBLE, Call, Changed, RangeTool, Schema, choice, ident, shape

EVIDENCE = ident("EVD", "Evidence id")


def _list(call: Call) -> Schema:
    found = rows(
        call.db,
        "SELECT evidence_id, ticket_id, kind, hostname, name, sha256, size, collected_at, collected_by, legal_hold"
        " FROM evidence WHERE (?1 IS NULL OR ticket_id = ?1) AND (?2 IS NULL OR hostname = ?2)"
        " AND (?3 IS NULL OR evidence_id = ?3) ORDER BY evidence_id",
        call.args.get("ticket_id"),
        call.args.get("hostname"),
        call.args.get("evidence_id"),
    )
    return {"total": len(found), "evidence": found}


def _snapshot(call: Call) -> Changed:
    host, kind = find_host(call), call.args["kind"]
    return _keep(call, kind, host["hostname"], f"{host['hostname']}-{kind}.json", _capture(call, host, kind))


def _collect_file(call: Call) -> Changed:
    found = row(call.db, "SELECT * FROM quarantined_files WHERE file_id = ?", call.args["file_id"])
    if found is None:
        raise NotFound(f"no quarantined file {call.args['file_id']}", hint="edr_list_quarantined_files lists them")
    return _keep(call, "file", found["hostname"], f"{found['file_id']}.json", found)


def _collect_message(call: Call) -> Changed:
    found = row(call.db, "SELECT * FROM messages WHERE message_id = ?", call.args["message_id"])
    if found is None:
        raise NotFound(f"no message {call.args['message_id']}", hint="mail_search lists them")
    return _keep(call, "message", None, f"{found['message_id']}.json", found)


def _keep(call: Call, kind: str, hostname: str | None, name: str, captured: Schema) -> Changed:
    content = json.dumps(captured, sort_keys=True)
    piece = {
        "evidence_id": next_id(call.db, "EVD"),
        "ticket_id": find_ticket(call)["ticket_id"] if "ticket_id" in call.args else None,
        "kind": kind,
        "hostname": hostname,
        "name": name,
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "size": len(content.encode()),
        "collected_at": call.now,
        "collected_by": call.actor,
        "legal_hold": False,
    }
    insert(call.db, "evidence", piece | {"content": content})
    return Changed(piece, f"evidence {piece['evidence_id']} kept: {name}")


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
    return Changed(result, f"evidence {piece['evidence_id']} ({piece['name']}) deleted for good")


_KEPT = shape(evidence_id="string", ticket_id="string?", kind="string", hostname="string?", sha256="string")

TOOLS = (
    RangeTool(
        "evd_list",
        "Evidence that is kept, without its content.",
        _list,
        params={"ticket_id": TICKET, "hostname": HOST, "evidence_id": EVIDENCE},
        optional=frozenset({"ticket_id", "hostname", "evidence_id"}),
        returns=shape(total="integer", evidence="array"),
        hints=READS,
    ),
    RangeTool(
        "evd_snapshot_host",
        "Keep a host's memory or disk as it is now, as evidence.",
        _snapshot,
        params={"hostname": HOST, "kind": choice("What to keep", "memory", "disk"), "ticket_id": TICKET},
        optional=frozenset({"ticket_id"}),
        changes=True,
        returns=_KEPT,
        hints=REVERSIBLE,
    ),
    RangeTool(
        "evd_collect_file",
        "Keep a copy of a quarantined file as evidence.",
        _collect_file,
        params={"file_id": FILE, "ticket_id": TICKET},
        optional=frozenset({"ticket_id"}),
        changes=True,
        returns=_KEPT,
        hints=REVERSIBLE,
    ),
    RangeTool(
        "evd_collect_message",
        "Keep a copy of a mail message as evidence.",
        _collect_message,
        params={"message_id": MESSAGE, "ticket_id": TICKET},
        optional=frozenset({"ticket_id"}),
        changes=True,
        returns=_KEPT,
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
