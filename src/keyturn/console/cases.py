"""Cases: the list, one case's whole story with the proof of each entry, and its export for an outsider."""

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from keyturn.console.listing import SIZE, listed, number_of, start_of
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.core.action import ModelOutput
from keyturn.core.canonical import canonical_json
from keyturn.errors import InvalidInput, NotFound
from keyturn.gate.case import Event
from keyturn.report import render

PAGE = 100
MOST = 20_000
LAST = 2**53
SIDES = {
    "agent": ("proposed", "read"),
    "gate": ("decided", "held_again", "released", "escalated", "expired", "drill_planned", "drill_ended"),
    "world": ("preserved", "auxiliary", "outcome", "reverting", "reversal_unsent"),
}
"""Who an entry is of: what is in no list, people did."""
_SIDE_OF = {kind: side for side, kinds in SIDES.items() for kind in kinds}


class Proposed(msgspec.Struct, frozen=True):
    """What an agent asked for, as JSON, and what it said of it."""

    arguments: str
    rationale: str


class _Action(msgspec.Struct, frozen=True):
    arguments: dict[str, Any]
    model_output: ModelOutput


async def cases(visit: Visit) -> Response:
    """The list, the case with the newest entry first."""
    start = start_of(visit)
    found = await visit.gate.case.listed(visit.person, limit=SIZE + 1, skip=start)
    return await visit.page(
        "cases.html", found=listed(visit, found[:SIZE], start + len(found), counted=False), path_of=path_of
    )


async def case(visit: Visit) -> Response:
    """The timeline, a page at a time; or one entry of it in whole, where the address names one."""
    name = _name(visit)
    if visit.asked("entry"):
        return await _entry(visit, name)
    after = number_of(visit.asked("after"), -1, LAST, -1)
    found = await visit.gate.case.timeline(visit.person, name, after=after, limit=PAGE, most=MOST)
    if not found.events and after < 0:
        raise NotFound(f"there is no case {name[:80]!r}", hint="look at the list")
    return await visit.page(
        "case.html", case=name, found=found, after=after, path=path_of(name), side=side_of, proposed=proposed
    )


async def export(visit: Visit) -> Response:
    """The case as a file; that somebody exported it is recorded first."""
    name, form = _name(visit), visit.form.get("format", "")
    if form not in ("html", "json"):
        raise InvalidInput(f"there is no format {form[:20]!r}", hint="html or json")
    excerpt = await visit.gate.case.export(visit.person, name, payloads="payloads" in visit.form)
    body, media = (render(excerpt).encode(), "text/html") if form == "html" else (excerpt.encode(), "application/json")
    plain = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "-_.") else "-" for ch in name)[:80].strip(".")
    # A file to keep, never a page of the console's origin.
    headers = {"Content-Disposition": f'attachment; filename="keyturn-{plain or "case"}.{form}"'}
    return Response(body, 200, headers, media_type=f"{media}; charset=utf-8" if form == "html" else media)


async def _entry(visit: Visit, name: str) -> Response:
    seq = number_of(visit.asked("entry"), 0, LAST, LAST)
    found = await visit.gate.case.timeline(visit.person, name, after=seq - 1, limit=1, most=1_000_000)
    if not found.events or found.events[0].seq != seq:
        raise NotFound(f"the case {name[:80]} has no such entry", hint="look at its timeline")
    proof = await visit.gate.case.proof(visit.person, name, seq)
    return await visit.page("entry.html", case=name, e=found.events[0], path=path_of(name), proof=proof, side=side_of)


def path_of(name: str) -> str:
    """Where one case's page is."""
    return f"/console/cases/{quote(name, safe='', errors='replace')}"


def side_of(event: Event) -> str:
    """Whose doing an entry is: the agent's, the gate's, the world's, or a person's."""
    return _SIDE_OF.get(event.kind, "person")


def proposed(event: Event) -> Proposed | None:
    """The call that an entry proposes; None for another entry, and for one whose content is erased or very large."""
    if event.kind != "proposed":
        return None
    for kept in event.payloads:
        if kept.name == "action" and kept.kept and not kept.left_out:
            try:
                action = msgspec.json.decode(kept.text, type=_Action)
            except msgspec.MsgspecError:
                return None
            return Proposed(canonical_json(action.arguments).decode(), action.model_output.rationale)
    return None


def _name(visit: Visit) -> str:
    return str(visit.request.path_params["case"])[:1000]


ROUTES = (Page("/cases", cases), Page("/cases/{case:path}", case), Deed("/cases/{case:path}", export))
