"""What a person sees of an action, narrowing it, and cases: list, timeline, export, report."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import Query, Response

from keyturn.core.canonical import MAX_INTEGER
from keyturn.core.facts import Facts
from keyturn.core.policy import Reason
from keyturn.core.sentence import Back, Piece, Sentence, spoken
from keyturn.gate.case import PayloadSeen
from keyturn.gate.case_ports import CaseSeen
from keyturn.gate.dossier import AgentSeen, Blast, Dossier, EarlierStep, MandateSeen, Planned, TargetSeen
from keyturn.gate.provenance import Provenance
from keyturn.journal import Excerpt
from keyturn.report import render
from keyturn.rest.requests import Limit, Narrow, TheGate, ThePerson, parsed
from keyturn.rest.routes import Route, answer
from keyturn.rest.views import ActionView, VerdictView, action_view


class DossierView(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person needs to decide, at the moment ``now``.

    ``said`` is the plain sentence, ``sentence`` the same in pieces, of which those with ``data`` come from the call and
    are hostile text, like ``content`` (base64 of the exact bytes that the digest covers) and the action's
    ``model_output``, which the agent wrote. ``facts`` and ``verdict`` are those of now; ``still`` says what keys lack.
    """

    now: int
    action: ActionView
    content: bytes
    said: str
    sentence: tuple[Piece, ...]
    back: Back
    targets: tuple[TargetSeen, ...]
    agent: AgentSeen | None
    mandate: MandateSeen | None
    missing: tuple[Reason, ...]
    still: str
    facts: Facts
    verdict: VerdictView
    listed: bool
    definition_changed: bool
    provenance: Provenance
    steps: tuple[EarlierStep, ...]
    steps_total: int
    preserve: tuple[Planned, ...]
    check: Planned | None
    blast: Blast


class CasesView(msgspec.Struct, frozen=True):
    """Cases, the one with the newest entry first."""

    cases: tuple[CaseSeen, ...]


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a timeline: ``said`` in words, ``body`` what it says beyond its head, and what is kept beside it."""

    seq: int
    at: int
    kind: str
    action: str
    said: str
    sentence: Sentence
    body: dict[str, Any]
    payloads: tuple[PayloadSeen, ...]


class TimelineView(msgspec.Struct, frozen=True):
    """A page of a case's timeline; ``next`` goes into ``after`` for the next page."""

    events: tuple[EventView, ...]
    next: int | None


def dossier_view(seen: Dossier) -> DossierView:
    """A dossier as it goes out."""
    same = {
        name: getattr(seen, name)
        for name in DossierView.__struct_fields__
        if name not in {"action", "said", "verdict"}
    }  # fmt: skip
    action = msgspec.structs.replace(
        action_view(seen.record), arguments=seen.action.arguments, model_output=seen.action.model_output
    )
    verdict = VerdictView(seen.verdict.word, seen.verdict.reasons, seen.verdict.policy)
    return DossierView(action=action, said=spoken(seen.sentence), verdict=verdict, **same)


async def dossier(gate: TheGate, who: ThePerson, action_id: str) -> Response:
    """All of one action for a person's eyes: what will happen, to what, why it is held, where its values are from."""
    return answer(dossier_view(await gate.dossier.read(who, action_id)))


async def narrow(gate: TheGate, who: ThePerson, action_id: str, body: Annotated[Narrow, parsed(Narrow)]) -> Response:
    """Change a held action to a smaller one: fewer targets, all else equal. The new action is decided anew, and held.

    The original ends withdrawn. Whoever narrowed it does not count as independent for it.
    """
    return answer(action_view(await gate.dossier.narrow(who, action_id, body.arguments)), 202)


async def cases(
    gate: TheGate, who: ThePerson, limit: Limit = 50, skip: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0
) -> Response:
    """List the cases, the one with the newest entry first."""
    return answer(CasesView(tuple(await gate.case.listed(who, limit=limit, skip=skip))))


async def timeline(
    gate: TheGate,
    who: ThePerson,
    case: str,
    after: Annotated[int, Query(ge=-1, le=MAX_INTEGER)] = -1,
    limit: Limit = 100,
) -> Response:
    """Tell a case's story in words, entry by entry; payloads are cut, with a count."""
    found = await gate.case.timeline(who, case, after=after, limit=limit)
    events = tuple(
        EventView(
            seq=e.seq,
            at=e.at,
            kind=e.kind,
            action=e.action,
            said=spoken(e.said),
            sentence=e.said,
            body=e.body,
            payloads=e.payloads,
        )
        for e in found.events
    )
    return answer(TimelineView(events, found.next))


async def export(gate: TheGate, who: ThePerson, case: str, payloads: bool = True) -> Response:
    """Export a case as an excerpt of the journal: every entry with its proof, under a signed checkpoint. Recorded."""
    excerpt = await gate.case.export(who, case, payloads=payloads)
    return Response(excerpt.encode(), 200, {"Cache-Control": "no-store"}, media_type="application/json")


async def report(gate: TheGate, who: ThePerson, case: str, payloads: bool = True) -> Response:
    """Export a case as one HTML file without script, with the excerpt in it. Recorded."""
    page = await asyncio.to_thread(render, await gate.case.export(who, case, payloads=payloads))
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return Response(page, 200, headers, media_type="text/html; charset=utf-8")


ROUTES = (
    Route("GET", "/v1/actions/{action_id}/dossier", dossier, None, {200: DossierView}),
    Route("POST", "/v1/actions/{action_id}/narrowing", narrow, Narrow, {202: ActionView}),
    Route("GET", "/v1/cases", cases, None, {200: CasesView}),
    Route("GET", "/v1/cases/{case}/timeline", timeline, None, {200: TimelineView}),
    Route("GET", "/v1/cases/{case}/export", export, None, {200: Excerpt}),
    Route("GET", "/v1/cases/{case}/report", report, None, {200: "text/html"}),
)
