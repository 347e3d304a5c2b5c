"""One action: what will happen to what, why it waits, who asks; and what a person does about it.

Everything is rendered from the bytes that the digest covers (CVE-2026-32065). What does not fit on the page is counted,
and no key can be turned from a page that leaves something out (GHSA-xww8-gqvh-92x9).
"""

from dataclasses import replace
from typing import Any

import msgspec
from starlette.responses import Response

from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit
from keyturn.core.canonical import canonical_json, parse_json
from keyturn.core.execution import State
from keyturn.core.hold import KEYS_NEEDED
from keyturn.errors import Conflict, Forbidden, InvalidInput, KeyturnError
from keyturn.gate.care_records import TurnRuling
from keyturn.gate.dossier import Dossier
from keyturn.gate.provenance import Traced
from keyturn.gate.records import ActionRecord, Role

MOST_VALUES = 100
MOST_CHARACTERS = 2_000
MOST_NAME = 200
DECIDERS = frozenset({Role.ANALYST, Role.LEAD, Role.OWNER})
SENIORS = frozenset({Role.LEAD, Role.OWNER})


class Value(msgspec.Struct, frozen=True):
    """One value of the arguments as the page shows it: its place, its text, whether that is JSON, and its origin."""

    path: str
    text: str
    kind: str
    origin: Traced

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n") + 1


class Shown(msgspec.Struct, frozen=True):
    """The arguments on the page, and how much of them is not on it: values, and characters of long ones."""

    values: tuple[Value, ...]
    most: int
    most_name: int
    values_left_out: int
    characters_left_out: int

    @property
    def whole(self) -> bool:
        """Nothing is left out."""
        return not (self.values_left_out or self.characters_left_out)


class May(msgspec.Struct, frozen=True):
    """What this person may do here now. ``turn`` explains the key; None where there is none to turn."""

    turn: TurnRuling | None
    refuse: bool
    confirm: bool
    revert: bool
    settle: bool
    review: bool


def shown(dossier: Dossier, everything: bool) -> Shown:
    """The arguments for the page; ``everything``: however much that is."""
    traced = dossier.provenance.values
    whole = len(dossier.content)
    most, most_name = (whole, whole) if everything else (MOST_CHARACTERS, MOST_NAME)
    values = tuple(_value(each) for each in traced[: len(traced) if everything else MOST_VALUES])
    cut = sum(max(0, len(value.text) - most) + max(0, len(value.path) - most_name) for value in values)
    return Shown(values, most, most_name, len(traced) - len(values), cut)


def _value(traced: Traced) -> Value:
    value = traced.value
    text = value if isinstance(value, str) else canonical_json(value).decode()
    kinds = {str: "text", bool: "yes or no", int: "number", float: "number", list: "list", dict: "object"}
    return Value(traced.path, text, kinds.get(type(value), "nothing"), traced)


async def action(visit: Visit) -> Response:
    """The page. That a person opened a held action is recorded, once, when the page shows all of it."""
    record = await _record(visit)
    try:
        dossier = await visit.gate.dossier.read(visit.person, record.id)
    except Forbidden as gone:
        return await visit.page("action_gone.html", record=record, why=gone.message, needed=KEYS_NEEDED)
    arguments = shown(dossier, visit.asked("all") == "1")
    if record.state is State.HELD and arguments.whole and visit.request.method == "GET":
        await visit.gate.care.opened(visit.person, record.id)
        visit = replace(visit, pulse=await visit.gate.pulse.now())  # that entry is no news to this page
    result = await visit.gate.result(visit.person, record.id)
    return await visit.page(
        "action.html",
        d=dossier,
        record=dossier.record,
        arguments=arguments,
        may=await _may(visit, dossier.record),
        needed=KEYS_NEEDED,
        result=result.decode("utf-8", "replace") if result is not None else None,
    )


async def decide(visit: Visit) -> Response:
    """The part of the page that says where it stands and what this person can do now, for when something changed."""
    record = await _record(visit)
    whole = visit.asked("whole") == "1"
    return await visit.page(
        "decision.html", record=record, may=await _may(visit, record), whole=whole, needed=KEYS_NEEDED
    )


async def content(visit: Visit) -> Response:
    """The exact bytes that the digest covers, all of them, with what hides in them made visible."""
    record = await _record(visit)
    dossier = await visit.gate.dossier.read(visit.person, record.id)
    return await visit.page("content.html", d=dossier, record=record, text=dossier.content.decode())


async def following(visit: Visit) -> Response:
    """The next hold after this one, or the queue."""
    after = visit.request.path_params["id"][:100]
    for start in (after, ""):
        found = await visit.gate.quorum.queue(visit.person, None, after=start, limit=2)
        for row in found.rows:
            if row.record.id != after:
                return visit.go(f"/console/actions/{row.record.id}")
    return visit.go("/console/")


async def _record(visit: Visit) -> ActionRecord:
    return await visit.gate.look(visit.person, visit.request.path_params["id"][:100])


async def _may(visit: Visit, record: ActionRecord) -> May:
    roles = set(visit.person.roles)
    decides, senior = bool(roles & DECIDERS), bool(roles & SENIORS)
    held, unknown = record.state is State.HELD, record.state is State.UNKNOWN
    ran = record.state in (State.CONFIRMING, State.SUCCEEDED)
    return May(
        turn=await _ruling(visit, record.id) if held else None,
        refuse=held and decides,
        confirm=record.state is State.CONFIRMING and decides,
        revert=((ran and decides) or (unknown and senior)) and record.reversible.rank in (1, 2),
        settle=unknown and senior,
        review=record.review_due and decides,
    )


async def _ruling(visit: Visit, action_id: str) -> TurnRuling | None:
    try:
        return await visit.gate.quorum.explain_turn(visit.person, action_id)
    except Conflict:  # it ended in the meantime
        return None


def deed(verb: str, done: str) -> Any:
    """A deed of the page: the gate's verb with this action and the form's reason; then the page again."""

    async def handler(visit: Visit) -> Response:
        record = await _record(visit)
        arguments = () if verb == "confirm" else (visit.form.get("reason", ""),)
        known = {"how": visit.how} if verb in ("confirm", "revert") else {}
        await getattr(visit.gate, verb)(visit.person, record.id, *arguments, **known)
        return visit.go(f"/console/actions/{record.id}", done)

    return handler


async def settle(visit: Visit) -> Response:
    """Say what became of an action whose outcome nobody knows."""
    record = await _record(visit)
    outcome, reason = visit.form.get("outcome", ""), visit.form.get("reason", "")
    await visit.gate.settle(visit.person, record.id, outcome, reason, how=visit.how)
    return visit.go(f"/console/actions/{record.id}", "settled")


async def narrow(visit: Visit) -> Response:
    """The page on which the arguments are made smaller."""
    dossier = await visit.gate.dossier.read(visit.person, (await _record(visit)).id)
    return await _narrowing(visit, dossier, _pretty(dossier.action.arguments), None)


async def narrowed(visit: Visit) -> Response:
    """Propose the smaller action in the place of this one; it is decided anew, and signed as what it now is."""
    record = await _record(visit)
    text = visit.form.get("arguments", "")
    try:
        value = parse_json(text.encode("utf-8", "surrogatepass"))
        if not isinstance(value, dict):
            raise InvalidInput("the arguments are no JSON object", hint="keep the braces around them")
        smaller = await visit.gate.dossier.narrow(visit.person, record.id, value, how=visit.how)
    except (InvalidInput, Forbidden, Conflict) as error:
        dossier = await visit.gate.dossier.read(visit.person, record.id)
        return await _narrowing(visit, dossier, text, error)
    return visit.go(f"/console/actions/{smaller.id}", "narrowed")


async def _narrowing(visit: Visit, dossier: Dossier, text: str, error: KeyturnError | None) -> Response:
    status = 200 if error is None else 400
    return await visit.page("narrow.html", status, d=dossier, record=dossier.record, text=text, error=error)


def _pretty(arguments: dict[str, Any]) -> str:
    return msgspec.json.format(canonical_json(arguments), indent=2).decode()


ONE = "/actions/{id}"
ROUTES = (
    Page(ONE, action),
    Page(f"{ONE}/decide", decide),
    Page(f"{ONE}/content", content),
    Page(f"{ONE}/next", following),
    Page(f"{ONE}/narrow", narrow),
    Deed(f"{ONE}/narrow", narrowed),
    Deed(f"{ONE}/refuse", deed("reject", "refused")),
    Deed(f"{ONE}/withdraw", deed("withdraw", "withdrawn")),
    Deed(f"{ONE}/confirm", deed("confirm", "confirmed")),
    Deed(f"{ONE}/revert", deed("revert", "reverting")),
    Deed(f"{ONE}/review", deed("reviewed", "reviewed")),
    Deed(f"{ONE}/settle", settle),
)
