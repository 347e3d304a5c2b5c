"""An excerpt: some entries of a log in one file, each with its proof, which an outsider can check offline.

It is JSON (docs/spec/journal.md): the signed checkpoint, and for each entry its exact bytes, an RFC 6962 inclusion
proof, and what is kept beside it with the salt. That the entries are in the log is proven; that none was left out is
not, for that takes the whole log.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from keyturn.errors import JournalError
from keyturn.journal.checkpoint import Checkpoint
from keyturn.journal.entry import read_entry
from keyturn.journal.merkle import leaf_hash, verify_inclusion
from keyturn.journal.note import Verifier
from keyturn.journal.payload import matches
from keyturn.journal.verify import Problem

FORMAT = "keyturn/excerpt/1"
MAX_PROBLEMS = 100


class KeptPayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A payload: its salt in hex, its body (base64 in the file)."""

    salt: str
    body: bytes


class Proven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: its index, its exact text, the hashes of its inclusion proof in hex, and its payloads by name."""

    index: int
    entry: str
    proof: tuple[str, ...]
    payloads: dict[str, KeptPayload] = {}


class Excerpt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. ``where``: members that every entry of it has (``{"case": "INC-1"}``); ``verifier``: the log's public
    key for convenience, which proves nothing unless it is known from elsewhere."""

    format: str
    where: dict[str, str]
    checkpoint: str
    verifier: str
    entries: tuple[Proven, ...]

    def encode(self) -> bytes:
        """The file's bytes."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class ExcerptReport:
    """What checking found. ``payloads_absent`` counts those that an entry names and the file does not hold."""

    excerpt: Excerpt
    checkpoint: Checkpoint
    payloads: int
    payloads_absent: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Nothing in the file is other than the log's key vouches for."""
        return not self.problems


def read_excerpt(raw: bytes) -> Excerpt:
    """The excerpt in a file's bytes; raises :class:`JournalError` if it is none."""
    try:
        excerpt = msgspec.json.decode(raw, type=Excerpt)
    except msgspec.MsgspecError as error:
        raise JournalError(f"this is no excerpt of a journal: {error}", hint="it was cut off or changed") from None
    if excerpt.format != FORMAT:
        raise JournalError(f"the format {excerpt.format[:40]!r} is not known here", hint=f"this reads {FORMAT}")
    return excerpt


def check_excerpt(excerpt: Excerpt, verifier: Verifier) -> ExcerptReport:
    """Check the checkpoint's signature, and each entry's form, place and payloads against it.

    Raises :class:`JournalError` if the checkpoint is not the key's: then nothing else can be said.
    """
    checkpoint = Checkpoint.open(excerpt.checkpoint.encode("utf-8", "replace"), (verifier,))
    problems: list[Problem] = []
    last, payloads, absent = -1, 0, 0
    for proven in excerpt.entries:
        where = f"entry {proven.index}"
        try:
            if proven.index <= last:
                raise JournalError("stands out of order, or twice")
            last = proven.index
            content = _proven(proven, checkpoint, excerpt.where)
            for name, commitment in content.items():
                kept = proven.payloads.get(name)
                payloads, absent = payloads + (kept is not None), absent + (kept is None)
                if kept is not None and not matches(_hex(kept.salt), kept.body, commitment):
                    raise JournalError(f"its payload {name[:40]!r} is not the one that it names")
        except JournalError as error:
            problems.append(Problem(where, error.message))
            if len(problems) >= MAX_PROBLEMS:
                break
    return ExcerptReport(excerpt, checkpoint, payloads, absent, tuple(problems))


def _proven(proven: Proven, checkpoint: Checkpoint, where: Mapping[str, str]) -> dict[str, str]:
    """The commitments that an entry names, once it is shown to stand in the log where it says."""
    raw = proven.entry.encode("utf-8", "surrogatepass")
    content = read_entry(proven.index, raw)
    proof = [_hex(text) for text in proven.proof]
    if not verify_inclusion(leaf_hash(raw), proven.index, checkpoint.size, proof, checkpoint.root):
        raise JournalError("its proof does not lead to the checkpoint's root: it is not in the log")
    if any(content.get(name) != value for name, value in where.items()):
        raise JournalError(f"does not belong here: not every member of {sorted(where)} is as the file says")
    commitments: dict[str, str] = content.get("payloads", {})
    if strangers := sorted(set(proven.payloads) - set(commitments)):
        raise JournalError(f"does not name the payload {strangers[0][:40]!r} that stands beside it")
    return commitments


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise JournalError("a hash or salt in it is not written in hex") from None
