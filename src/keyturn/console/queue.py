"""The queue: what waits for keys, the most pressing first; live, filtered, and in groups of alike holds."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from keyturn.console.pages import Pages
from keyturn.console.routes import Page
from keyturn.console.visit import Visit
from keyturn.core.execution import State
from keyturn.core.hold import KEYS_NEEDED
from keyturn.gate.care_records import Group, Queue, QueueFilter, QueueRow
from keyturn.gate.pulse import Changed
from keyturn.gate.records import ActionRecord

PAGE = 50
LATELY = 8


class Bunch(msgspec.Struct, frozen=True):
    """Alike holds that stand together on the page; ``group`` is None for one that has no like."""

    key: str
    rows: tuple[QueueRow, ...]
    group: Group | None


def group_key(record: ActionRecord) -> str:
    """The same for alike holds of one case. Ours only: it names an element of the page."""
    said = (record.case, record.agent, str(record.tool), record.oversight_word)
    return msgspec.json.encode(said).hex()[-48:] if len(said[0]) > 200 else "\x1f".join(said)


def bunches(queue: Queue) -> tuple[Bunch, ...]:
    """The page's rows, alike ones together at the place of the most pressing of them."""
    groups = {(g.case, g.agent, g.tool, g.oversight): g for g in queue.groups if g.count > 1}
    found: dict[str, list[QueueRow]] = {}
    for row in queue.rows:
        found.setdefault(group_key(row.record), []).append(row)
    made = []
    for key, rows in found.items():
        first = rows[0].record
        group = groups.get((first.case, first.agent, str(first.tool), first.oversight_word))
        made.append(Bunch(key, tuple(rows), group))
    return tuple(made)


def wanted_of(visit: Visit) -> QueueFilter:
    """The filter that the address asks for."""
    return QueueFilter(**{name: visit.asked(name) for name in ("case", "agent", "tool", "oversight")})


async def queue(visit: Visit) -> Response:
    """The page; for a script's request, its list alone."""
    wanted = wanted_of(visit)
    found = await visit.gate.quorum.queue(visit.person, wanted, after=visit.asked("after"), limit=PAGE)
    asked = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
    unsettled = await visit.gate.in_state(visit.person, (State.UNKNOWN, State.CONFIRMING))
    part = "queue_list.html" if "hx-request" in visit.request.headers else "queue.html"
    return await visit.page(
        part,
        queue=found,
        bunches=bunches(found),
        wanted=wanted,
        asked=asked,
        needed=KEYS_NEEDED,
        unsettled=unsettled,
        more=f"/console/?{urlencode({**asked, 'after': found.next})}" if found.next else "",
        address=lambda **more: f"/console/?{urlencode({**asked, **more})}",
        lately=() if found.rows else await visit.gate.pulse.lately(visit.person, LATELY),
        paged=bool(visit.asked("after")),
    )


async def stops(visit: Visit) -> Response:
    """The band that says what is stopped, for a page that is open when it changes."""
    return await visit.page("stops.html")


def live_row(pages: Pages) -> Callable[[Changed, int], dict[str, Any]]:
    """What the stream carries of a changed action: its row for the queue, and its standing for its own page."""

    def render(changed: Changed, now: int) -> dict[str, Any]:
        record = changed.record
        held = record.state is State.HELD and record.hold is not None
        row = QueueRow(record, 0, changed.wanted, None)
        return {
            "id": record.id,
            "state": record.state.value,
            "held": held,
            "due": record.due_at,
            "group": group_key(record),
            "case": record.case,
            "agent": record.agent,
            "tool": str(record.tool),
            "oversight": record.oversight_word,
            "row": pages.render("queue_row.html", row=row, now=now, needed=KEYS_NEEDED) if held else "",
            "standing": pages.render("standing.html", record=record, now=now, needed=KEYS_NEEDED),
        }

    return render


ROUTES = (Page("/", queue), Page("/stops", stops))
