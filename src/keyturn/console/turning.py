"""Turning keys: one touch of a passkey for one action, or for up to 20 alike ones that have each been opened."""

import msgspec
from starlette.responses import JSONResponse, Response

from keyturn.console.entry import begun, parsed
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.core.execution import State
from keyturn.core.hold import KEYS_NEEDED
from keyturn.core.signing import TOGETHER
from keyturn.errors import Conflict, InvalidInput, NotFound
from keyturn.gate.records import ActionRecord


class Begin(msgspec.Struct, frozen=True):
    """What the page's script sends: each action's id, and the digest of the bytes that the page was rendered from."""

    holds: tuple[tuple[str, str], ...]


class Seen(msgspec.Struct, frozen=True):
    """One of several alike actions: its row, and when this person opened it."""

    record: ActionRecord
    opened_at: int | None


async def begin(visit: Visit) -> Response:
    """Ask this person to sign for exactly these digests."""
    try:
        said = msgspec.convert(visit.said, Begin)
    except msgspec.ValidationError:
        raise InvalidInput("the page did not say which actions", hint="load the page again") from None
    if len(said.holds) > 1:
        await _all_opened(visit, tuple(action for action, _ in said.holds))
    return begun(await visit.gate.access.begin_turn(visit.person, said.holds))


async def finish(visit: Visit) -> Response:
    """Turn every key that the signature covers, or none."""
    said = parsed(visit)
    records = await visit.gate.access.finish_turn(visit.person, said.ceremony, said.answer)
    then = f"/console/actions/{records[0].id}" if len(records) == 1 else "/console/"
    return visit.told(JSONResponse({"next": then}), "turned")


async def together(visit: Visit) -> Response:
    """The marked actions beside each other, and one key for all of them."""
    ids = list(dict.fromkeys(visit.request.query_params.getlist("id")))[: TOGETHER + 1]
    opened = await visit.gate.care.opened_of(visit.person, ids)
    rows = []
    for each in ids:
        try:
            record = await visit.gate.look(visit.person, each[:100])
        except NotFound:
            continue
        if record.state is State.HELD:
            rows.append(Seen(record, opened.get(record.id)))
    kinds = {(s.record.case, s.record.agent, s.record.tool) for s in rows}
    return await visit.page(
        "together.html",
        rows=rows[:TOGETHER],
        gone=len(ids) - len(rows),
        too_many=len(rows) > TOGETHER,
        alike=len(kinds) <= 1,
        unopened=[s.record for s in rows if s.opened_at is None],
        needed=KEYS_NEEDED,
    )


async def _all_opened(visit: Visit, ids: tuple[str, ...]) -> None:
    opened = await visit.gate.care.opened_of(visit.person, ids)
    missing = [each for each in ids if each not in opened]
    if missing:
        raise Conflict(f"{len(missing)} of these you have not opened yet", hint="look at each of them first")


ROUTES = (Deed("/turn/begin", begin), Deed("/turn/finish", finish), Page("/together", together))
