"""C2SP tlog-checkpoint: what a log signs about itself."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.errors import JournalError
from keyturn.journal.merkle import HASH_SIZE, MAX_SIZE
from keyturn.journal.note import Signer, Verifier, open_note, sign

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note's text as a checkpoint; raises :class:`JournalError` unless it is one, exactly."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "" or not all(lines):
            raise JournalError("a checkpoint has at least three lines, none of them empty")
        origin, size, root, *extensions = lines
        if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
            raise JournalError(f"the checkpoint's size {size[:40]!r} is not a decimal number")
        try:
            decoded = base64.b64decode(root, validate=True)
        except (binascii.Error, ValueError) as error:
            raise JournalError("the checkpoint's root is not base64") from error
        if len(decoded) != HASH_SIZE or base64.b64encode(decoded).decode() != root:
            raise JournalError("the checkpoint's root is not the base64 of 32 bytes")
        return cls(origin, int(size), decoded, tuple(extensions))

    def format(self) -> str:
        """Return the note text; raises :class:`JournalError` for values that have none."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        text = "".join(line + "\n" for line in lines)
        if not 0 <= self.size <= MAX_SIZE or Checkpoint.parse(text) != self:
            raise JournalError("these values can't be written as a checkpoint")
        return text

    def sign(self, *signers: Signer) -> bytes:
        """Return this checkpoint as a signed note."""
        return sign(self.format(), *signers)

    @classmethod
    def open(cls, message: bytes, verifiers: Iterable[Verifier]) -> "Checkpoint":
        """Read a signed checkpoint, checking its signatures as :func:`~keyturn.journal.note.open_note` does.

        One of the keys that signed must bear the origin's name, so that no trusted key of one log speaks
        for another.
        """
        note = open_note(message, verifiers)
        checkpoint = cls.parse(note.text)
        if checkpoint.origin not in {verifier.name for verifier in note.signed_by}:
            raise JournalError(
                f"the checkpoint is of the log {checkpoint.origin!r}, which none of the trusted keys speaks for"
            )
        return checkpoint
