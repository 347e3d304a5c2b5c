"""The simulated ticket system: incidents, notes, tags, status, closing."""

from keyturn.errors import Conflict, NotFound
from keyturn.range.state import Row, insert, next_id, row, rows
from keyturn.range.tool import READS, REVERSIBLE, Call, Changed, RangeTool, Schema, choice, ident, shape, text

TICKET = ident("INC", "Ticket id")
TAG = text("Tag", longest=40, pattern=r"^[a-z0-9][a-z0-9-]*$")
OPEN_STATES = ("open", "in_progress", "on_hold", "resolved")


def find_ticket(call: Call) -> Row:
    """The ticket that the call names. Raises NotFound."""
    found = row(call.db, "SELECT * FROM tickets WHERE ticket_id = ?", call.args["ticket_id"])
    if found is None:
        raise NotFound(f"no ticket {call.args['ticket_id']}", hint="tkt_list lists them")
    return found


def _get(call: Call) -> Schema:
    ticket = find_ticket(call)
    name = ticket["ticket_id"]
    notes = rows(call.db, "SELECT * FROM notes WHERE ticket_id = ? ORDER BY time, note_id", name)
    tags = rows(call.db, "SELECT tag FROM tags WHERE ticket_id = ? ORDER BY tag", name)
    return ticket | {"tags": [found["tag"] for found in tags], "notes": notes}


def _list(call: Call) -> Schema:
    found = rows(
        call.db,
        "SELECT ticket_id, title, status, severity, assignee, opened_at FROM tickets"
        " WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR ticket_id = ?2)"
        " AND (?3 IS NULL OR ticket_id IN (SELECT ticket_id FROM tags WHERE tag = ?3)) ORDER BY opened_at DESC",
        call.args.get("status"),
        call.args.get("ticket_id"),
        call.args.get("tag"),
    )
    return {"total": len(found), "tickets": found}


def _add_note(call: Call) -> Changed:
    ticket = find_ticket(call)["ticket_id"]
    note = next_id(call.db, "NTE")
    insert(
        call.db,
        "notes",
        {"note_id": note, "ticket_id": ticket, "time": call.now, "author": call.actor, "text": call.args["text"]},
    )
    return Changed({"note_id": note, "ticket_id": ticket}, f"note {note} added to {ticket}")


def _open_ticket(call: Call) -> Row:
    ticket = find_ticket(call)
    if ticket["status"] == "closed":
        raise Conflict(f"{ticket['ticket_id']} is closed, by {ticket['closed_by']}", hint="tkt_reopen opens it again")
    return ticket


def _update_status(call: Call) -> Changed:
    ticket, status = _open_ticket(call), call.args["status"]
    if ticket["status"] == status:
        raise Conflict(f"{ticket['ticket_id']} is {status} already")
    call.db.execute("UPDATE tickets SET status = ? WHERE ticket_id = ?", (status, ticket["ticket_id"]))
    result = {"ticket_id": ticket["ticket_id"], "status": status, "previous_status": ticket["status"]}
    return Changed(result, f"ticket {ticket['ticket_id']}: {ticket['status']} to {status}")


def _close(call: Call) -> Changed:
    ticket, resolution = _open_ticket(call)["ticket_id"], call.args["resolution"]
    call.db.execute(
        "UPDATE tickets SET status = 'closed', closed_at = ?, closed_by = ?, resolution = ? WHERE ticket_id = ?",
        (call.now, call.actor, resolution, ticket),
    )
    result = {"ticket_id": ticket, "status": "closed", "resolution": resolution, "closed_by": call.actor}
    return Changed(result, f"ticket {ticket} closed as {resolution}")


def _reopen(call: Call) -> Changed:
    ticket = find_ticket(call)
    if ticket["status"] != "closed":
        raise Conflict(f"{ticket['ticket_id']} is {ticket['status']}, not closed")
    call.db.execute(
        "UPDATE tickets SET status = 'in_progress', closed_at = NULL, closed_by = NULL, resolution = NULL,"
        " reopened = reopened + 1 WHERE ticket_id = ?",
        (ticket["ticket_id"],),
    )
    result = {"ticket_id": ticket["ticket_id"], "status": "in_progress", "reopened": ticket["reopened"] + 1}
    return Changed(result, f"ticket {ticket['ticket_id']} reopened")


def _add_tag(call: Call) -> Changed:
    ticket, tag = find_ticket(call)["ticket_id"], call.args["tag"]
    if row(call.db, "SELECT 1 FROM tags WHERE ticket_id = ? AND tag = ?", ticket, tag):
        raise Conflict(f"{ticket} has the tag {tag} already")
    insert(call.db, "tags", {"ticket_id": ticket, "tag": tag})
    return Changed({"ticket_id": ticket, "tag": tag, "present": True}, f"tag {tag} added to {ticket}")


def _remove_tag(call: Call) -> Changed:
    ticket, tag = find_ticket(call)["ticket_id"], call.args["tag"]
    if call.db.execute("DELETE FROM tags WHERE ticket_id = ? AND tag = ?", (ticket, tag)).rowcount == 0:
        raise Conflict(f"{ticket} has no tag {tag}")
    return Changed({"ticket_id": ticket, "tag": tag, "present": False}, f"tag {tag} removed from {ticket}")


_TAGGED = shape(ticket_id="string", tag="string", present="boolean")

TOOLS = (
    RangeTool(
        "tkt_get",
        "A ticket with its notes and tags.",
        _get,
        params={"ticket_id": TICKET},
        returns=shape(ticket_id="string", status="string", closed_by="string?", tags="array", notes="array"),
        hints=READS,
    ),
    RangeTool(
        "tkt_list",
        "Tickets, newest first, all or those that match.",
        _list,
        params={"status": choice("Only this status", *OPEN_STATES, "closed"), "ticket_id": TICKET, "tag": TAG},
        optional=frozenset({"status", "ticket_id", "tag"}),
        returns=shape(total="integer", tickets="array"),
        hints=READS,
    ),
    RangeTool(
        "tkt_add_note",
        "Add a note to a ticket. Notes can't be edited.",
        _add_note,
        params={"ticket_id": TICKET, "text": text("Plain text", longest=4000)},
        changes=True,
        returns=shape(note_id="string", ticket_id="string"),
        hints=REVERSIBLE,
    ),
    RangeTool(
        "tkt_update_status",
        "Set the status of a ticket that is not closed.",
        _update_status,
        params={"ticket_id": TICKET, "status": choice("New status", *OPEN_STATES)},
        changes=True,
        returns=shape(ticket_id="string", status="string", previous_status="string"),
        hints=REVERSIBLE,
    ),
    RangeTool(
        "tkt_close",
        "Close a ticket; its clocks stop and its watchers are told.",
        _close,
        params={
            "ticket_id": TICKET,
            "resolution": choice("How it ended", "contained", "false_positive", "duplicate", "accepted_risk"),
        },
        changes=True,
        returns=shape(ticket_id="string", status="string", resolution="string", closed_by="string"),
        # no hints: many vendors give none
    ),
    RangeTool(
        "tkt_reopen",
        "Reopen a closed ticket; it is in progress again.",
        _reopen,
        params={"ticket_id": TICKET},
        changes=True,
        returns=shape(ticket_id="string", status="string", reopened="integer"),
        hints=REVERSIBLE,
    ),
    RangeTool(
        "tkt_add_tag",
        "Put a tag on a ticket.",
        _add_tag,
        params={"ticket_id": TICKET, "tag": TAG},
        changes=True,
        returns=_TAGGED,
        hints=REVERSIBLE,
    ),
    RangeTool(
        "tkt_remove_tag",
        "Take a tag off a ticket.",
        _remove_tag,
        params={"ticket_id": TICKET, "tag": TAG},
        changes=True,
        returns=_TAGGED,
        hints=REVERSIBLE,
    ),
)
