"""The journal over HTTP: a case's story, C2SP tlog-tiles, and proofs. For people of any role."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

import msgspec
from fastapi import Depends, Query, Request, Response

from keyturn.core.canonical import MAX_INTEGER
from keyturn.errors import InvalidInput, NotFound
from keyturn.journal import (
    Checkpoint,
    Frontier,
    Signer,
    TileReader,
    bundle_path,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    pack_bundle,
    tile_path,
)
from keyturn.rest.requests import Because, Index, Limit, TheGate, ThePerson, parsed
from keyturn.rest.routes import Route, answer

T = TypeVar("T")
Kept = tuple[str, bytes, bytes]
_PATH = re.compile(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_WIDTH = 256


class JournalSnapshot(TileReader, Protocol):
    """The journal at one moment, as far as it is durable."""

    def frontier(self) -> Frontier:
        """The tree's edge: its size and root."""
        ...

    def entries(self, start: int, end: int) -> Iterable[bytes]:
        """Entries ``start`` up to, not including, ``end``."""
        ...

    def of_case(self, case: str, after: int, limit: int) -> list[tuple[int, bytes, list[Kept]]]:
        """A case's entries past the index ``after``: index, entry, and name, salt and body of what is kept of it."""
        ...


class JournalReader(Protocol):
    """What these routes need of the database."""

    async def read_journal(self, work: Callable[[JournalSnapshot], T]) -> T:
        """Run ``work`` on one snapshot; it is quick and does not write."""
        ...


@dataclass(frozen=True)
class Journal:
    """A journal that can be read, and the key that signs its checkpoints (whose name is the log's origin)."""

    reader: JournalReader
    signer: Signer


class PayloadView(msgspec.Struct, frozen=True):
    """What is kept beside an entry. Salt (hex) and body (base64) together give the entry's commitment."""

    salt: str
    body: bytes


class EntryView(msgspec.Struct, frozen=True):
    """An entry as it stands in the log, and its payloads by name; an erased one is not there."""

    entry: msgspec.Raw
    payloads: dict[str, PayloadView]


class EntriesView(msgspec.Struct, frozen=True):
    """A page of a case's entries; ``next`` goes into ``after`` for the next page."""

    entries: tuple[EntryView, ...]
    next: int | None


class InclusionView(msgspec.Struct, frozen=True):
    """RFC 6962 proof that an entry is in the tree of ``size`` entries; hashes in hex."""

    seq: int
    size: int
    root: str
    leaf: str
    proof: tuple[str, ...]


class ConsistencyView(msgspec.Struct, frozen=True):
    """RFC 6962 proof that the tree of ``new`` entries begins with that of ``old``; hashes in hex."""

    old: int
    new: int
    proof: tuple[str, ...]


class ClockView(msgspec.Struct, frozen=True):
    """By how much the gate's time runs ahead of the clock that was accepted, in milliseconds."""

    behind_ms: int


def _journal(request: Request) -> Journal:
    journal: Journal | None = request.app.state.journal
    if journal is None:
        raise NotFound("this gateway serves no journal")
    return journal


TheJournal = Annotated[Journal, Depends(_journal)]


async def case_entries(
    who: ThePerson,
    journal: TheJournal,
    case: str,
    after: Annotated[int, Query(ge=-1, le=MAX_INTEGER)] = -1,
    limit: Limit = 100,
) -> Response:
    """Tell a case's story: its entries in order, each with its payloads."""
    found = await journal.reader.read_journal(lambda log: log.of_case(case, after, limit))
    views = tuple(
        EntryView(msgspec.Raw(entry), {name: PayloadView(salt.hex(), body) for name, salt, body in kept})
        for _, entry, kept in found
    )
    return answer(EntriesView(views, found[-1][0] if len(found) == limit else None))


async def checkpoint(who: ThePerson, journal: TheJournal) -> Response:
    """The log's size and root, signed (C2SP tlog-checkpoint)."""
    frontier = await journal.reader.read_journal(lambda log: log.frontier())
    signed = Checkpoint(journal.signer.name, frontier.size, frontier.root()).sign(journal.signer)
    return Response(signed, 200, {"Cache-Control": "no-store"}, media_type="text/plain; charset=utf-8")


async def tile(who: ThePerson, journal: TheJournal, path: str) -> Response:
    """A tile of hashes or a bundle of entries (C2SP tlog-tiles), as `0/x001/067`, `entries/000.p/17`, …"""
    kind, index, width = _located(path)
    level = 0 if kind == "entries" else int(kind)

    def read(log: JournalSnapshot) -> bytes:
        if index * _WIDTH + width > log.frontier().size >> 8 * level:
            raise NotFound(f"the log has no tile {path[:100]} yet", hint="read its checkpoint for the size")
        if kind == "entries":
            return pack_bundle(log.entries(index * _WIDTH, index * _WIDTH + width))
        return log.tile(level, index, width)

    raw = await journal.reader.read_journal(read)
    return Response(raw, 200, {"Cache-Control": "private, immutable"}, media_type="application/octet-stream")


def _located(path: str) -> tuple[str, int, int]:
    """Level (or ``entries``), index and width of a tile's path, in its one spelling."""
    match = _PATH.fullmatch(path)
    if match is not None:
        kind, index, width = match[1], int(re.sub(r"[x/]", "", match[2])), int(match[3] or _WIDTH)
        if width <= _WIDTH and (kind == "entries" or int(kind) <= 63):
            there = bundle_path(index, width) if kind == "entries" else tile_path(int(kind), index, width)
            if there == f"tile/{path}":
                return kind, index, width
    raise NotFound(f"{path[:100]!r} is no tile's path", hint="such as 0/000.p/17 or entries/x001/067")


async def inclusion(who: ThePerson, journal: TheJournal, seq: Index) -> Response:
    """Prove that an entry is in the log, as it is now."""

    def read(log: JournalSnapshot) -> InclusionView:
        frontier = log.frontier()
        if seq >= frontier.size:
            raise NotFound(f"there is no entry {seq}", hint=f"the log has {frontier.size} entries")
        leaf = leaf_hash(next(iter(log.entries(seq, seq + 1))))
        proof = inclusion_proof(seq, frontier.size, log)
        return InclusionView(seq, frontier.size, frontier.root().hex(), leaf.hex(), tuple(h.hex() for h in proof))

    return answer(await journal.reader.read_journal(read))


async def consistency(
    who: ThePerson,
    journal: TheJournal,
    old: Annotated[int, Query(ge=0, le=MAX_INTEGER)],
    new: Annotated[int | None, Query(ge=0, le=MAX_INTEGER)] = None,
) -> Response:
    """Prove that the log of `new` entries (default: all) begins with that of `old` entries."""

    def read(log: JournalSnapshot) -> ConsistencyView:
        size = log.frontier().size
        end = size if new is None else new
        if not old <= end <= size:
            raise InvalidInput(f"no proof from {old} to {end}", hint=f"old ≤ new ≤ {size}, the log's size")
        return ConsistencyView(old, end, tuple(h.hex() for h in consistency_proof(old, end, log)))

    return answer(await journal.reader.read_journal(read))


async def accept_clock(gate: TheGate, who: ThePerson, body: Annotated[Because, parsed(Because)]) -> Response:
    """Say, as an owner, that a clock behind the newest entry is right: time runs on from that entry."""
    return answer(ClockView(await gate.registry.accept_clock(who, body.reason)))


ROUTES = (
    Route("GET", "/v1/cases/{case}/entries", case_entries, None, {200: EntriesView}),
    Route("GET", "/v1/journal/checkpoint", checkpoint, None, {200: "text/plain"}),
    Route("GET", "/v1/journal/tile/{path:path}", tile, None, {200: "application/octet-stream"}),
    Route("GET", "/v1/journal/inclusion/{seq}", inclusion, None, {200: InclusionView}),
    Route("GET", "/v1/journal/consistency", consistency, None, {200: ConsistencyView}),
    Route("POST", "/v1/journal/clock", accept_clock, Because, {200: ClockView}),
)
