"""A case's story: the list of cases, one case as a timeline, and its export for an outsider (G10)."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from keyturn.core.sentence import Sentence
from keyturn.core.told import told
from keyturn.errors import InvalidInput, NotFound
from keyturn.gate.case_ports import CaseSeen
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import Person, Role
from keyturn.gate.review import need_role
from keyturn.journal import FORMAT, Checkpoint, Excerpt, Frontier, KeptPayload, Proven, Signer, inclusion_proofs

MOST_EXPORTED = 128 * 1024 * 1024
PAGE = 200
EVERYBODY = frozenset(Role)
_HEAD = frozenset({"seq", "at", "kind", "action", "case", "payloads"})


class PayloadSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside an entry, as text: ``left_out`` characters are not in ``text``. ``kept`` False: it was
    erased, and only its commitment is left. Hostile text: arguments, rationales, results."""

    name: str
    commitment: str
    kept: bool
    size: int = 0
    text: str = ""
    left_out: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a timeline. ``said`` tells it in words, ``body`` is what the entry says beyond its head."""

    seq: int
    at: int
    kind: str
    action: str
    said: Sentence
    body: dict[str, Any]
    payloads: tuple[PayloadSeen, ...]


class Timeline(msgspec.Struct, frozen=True):
    """A page of a case's entries; ``next`` goes into ``after`` for the next page, None at the end."""

    case: str
    events: tuple[Event, ...]
    next: int | None


class CaseVerbs:
    """The verbs around cases. Made by the gate, as ``gate.case``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def listed(self, who: Person, *, limit: int = 50, skip: int = 0) -> list[CaseSeen]:
        """The cases, the one with the newest entry first."""
        return await self._ctx.store.read(lambda tx: tx.cases.cases(min(max(limit, 1), 1_000), max(skip, 0)))

    async def timeline(
        self, who: Person, case: str, *, after: int = -1, limit: int = 100, most: int = 4_096
    ) -> Timeline:
        """A case's entries past the index ``after``, each in words and with what is kept beside it, cut to ``most``
        characters a payload."""
        page = min(max(limit, 1), 1_000)
        rows = await self._ctx.store.read(lambda tx: tx.cases.of_case(case, after, page))
        events = tuple(event_of(entry, kept, most) for _, entry, kept in rows)
        return Timeline(case, events, rows[-1][0] if len(rows) == page else None)

    async def payload(self, who: Person, case: str, seq: int, name: str) -> bytes:
        """The whole of what is kept beside an entry; :class:`NotFound` if it was erased, or is not of this case."""
        rows = await self._ctx.store.read(lambda tx: tx.cases.of_case(case, seq - 1, 1))
        for at, _, kept in rows:
            for found, _, body in kept if at == seq else ():
                if found == name:
                    return body
        raise NotFound(f"nothing named {name[:40]!r} is kept beside entry {seq}", hint="it was erased, or never kept")

    async def export(self, who: Person, case: str, *, payloads: bool = True) -> Excerpt:
        """The case as an excerpt of the journal: every entry with its proof, under a signed checkpoint.

        ``payloads`` False leaves out what is kept beside the log (arguments, rationales, results). The export is itself
        recorded, first. Raises :class:`NotFound` for a case without entries and where no key signs, and
        :class:`InvalidInput` for one that is too large for one file.
        """
        signer = self._ctx.signer
        if signer is None:
            raise NotFound("no key signs checkpoints here", hint="export from the running gateway")
        await self._ctx.store.write(lambda tx: self._exported(tx, who, case, payloads))
        frontier = await self._ctx.store.read(lambda tx: tx.cases.frontier())
        entries: list[Proven] = []
        size = 0
        while page := await self._ctx.store.read(_page(case, entries[-1:], frontier, payloads)):
            entries += page
            size += sum(len(e.entry) + sum(len(kept.body) for kept in e.payloads.values()) for e in page)
            if size > MOST_EXPORTED:
                raise InvalidInput(f"the case {case[:80]} is too large for one file", hint="leave the payloads out")
            await asyncio.sleep(0)
        return _excerpt(case, signer, frontier, entries)

    async def proof(self, who: Person, case: str, seq: int) -> Excerpt:
        """One entry of a case as an excerpt, with what is kept beside it. Raises :class:`NotFound` if the case has no
        such entry, and where no key signs."""
        signer = self._ctx.signer
        if signer is None:
            raise NotFound("no key signs checkpoints here", hint="look at it in the running gateway")

        def read(tx: Tx) -> tuple[Frontier, list[Proven]]:
            frontier = tx.cases.frontier()
            return frontier, _proven(tx, tx.cases.of_case(case, seq - 1, 1), frontier, payloads=True)

        frontier, entries = await self._ctx.store.read(read)
        if not entries or entries[0].index != seq:
            raise NotFound(f"the case {case[:80]} has no entry {seq}", hint="look at its timeline")
        return _excerpt(case, signer, frontier, entries)

    def _exported(self, tx: Tx, who: Person, case: str, payloads: bool) -> None:
        person = need_role(tx, who, EVERYBODY, "export a case")
        if not case or not tx.cases.of_case(case, -1, 1):
            raise NotFound(f"there is no case {case[:80]!r}")
        body = {"by": person.id, "with": "payloads" if payloads else "entries alone"}
        tx.record("case_exported", tx.now(self._ctx.clock.now()), body, case=case)


def _page(case: str, last: list[Proven], frontier: Frontier, payloads: bool) -> Callable[[Tx], list[Proven]]:
    """The next entries of a case within the tree, each with its proof."""
    after = last[0].index if last else -1

    return lambda tx: _proven(tx, tx.cases.of_case(case, after, PAGE), frontier, payloads)


def _proven(
    tx: Tx, rows: list[tuple[int, bytes, list[tuple[str, bytes, bytes]]]], frontier: Frontier, payloads: bool
) -> list[Proven]:
    within = [row for row in rows if row[0] < frontier.size]
    proofs = inclusion_proofs((seq for seq, _, _ in within), frontier.size, tx.cases)
    return [
        Proven(
            seq,
            entry.decode(),
            tuple(h.hex() for h in proof),
            {name: KeptPayload(salt.hex(), body) for name, salt, body in kept} if payloads else {},
        )
        for (seq, entry, kept), proof in zip(within, proofs, strict=True)
    ]


def _excerpt(case: str, signer: Signer, frontier: Frontier, entries: list[Proven]) -> Excerpt:
    return Excerpt(
        format=FORMAT,
        where={"case": case},
        checkpoint=Checkpoint(signer.name, frontier.size, frontier.root()).sign(signer).decode(),
        verifier=str(signer.verifier),
        entries=tuple(entries),
    )


def event_of(entry: bytes, kept: list[tuple[str, bytes, bytes]], most: int) -> Event:
    """One entry, in words and in whole."""
    content: dict[str, Any] = msgspec.json.decode(entry)
    bodies = {name: body for name, _, body in kept}
    commitments: Mapping[str, str] = content.get("payloads", {})
    return Event(
        seq=content["seq"],
        at=content["at"],
        kind=content["kind"],
        action=content.get("action", ""),
        said=told(content),
        body={name: value for name, value in content.items() if name not in _HEAD},
        payloads=tuple(_payload(name, it, bodies.get(name), most) for name, it in sorted(commitments.items())),
    )


def _payload(name: str, commitment: str, body: bytes | None, most: int) -> PayloadSeen:
    if body is None:
        return PayloadSeen(name=name, commitment=commitment, kept=False)
    text = body.decode("utf-8", "backslashreplace")
    return PayloadSeen(
        name=name,
        commitment=commitment,
        kept=True,
        size=len(body),
        text=text[:most],
        left_out=max(0, len(text) - most),
    )
