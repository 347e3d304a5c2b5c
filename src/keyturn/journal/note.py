"""C2SP signed notes with Ed25519 keys, in the text forms that Go's sumdb/note reads and writes."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyturn.errors import JournalError

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_ED25519 = b"\x01"
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that notes are checked with: a name, and the Ed25519 key that signs under it."""

    name: str
    public_key: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public_key) != 32:
            raise JournalError(f"an Ed25519 public key has 32 bytes, this one has {len(self.public_key)}")
        key_id = sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]
        object.__setattr__(self, "key_id", key_id)

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read ``name+hash+base64``; raises :class:`JournalError` if it is not one, or its hash is wrong."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        verifier = cls(name, _key_bytes(encoded, "verifier key"))
        if verifier.key_id.hex() != key_id:
            raise JournalError(f"the verifier key of {name!r} does not match its hash {key_id!r}", hint=_COPY)
        return verifier

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_b64(_ED25519 + self.public_key)}"

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Say whether ``signature`` is this key's over ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that notes are signed with; its ``repr`` and ``str`` do not show the seed."""

    name: str
    seed: bytes = field(repr=False)
    verifier: Verifier = field(init=False)

    def __post_init__(self) -> None:
        if len(self.seed) != 32:
            raise JournalError(f"an Ed25519 seed has 32 bytes, this one has {len(self.seed)}")
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        object.__setattr__(self, "verifier", Verifier(self.name, public))

    @classmethod
    def parse(cls, text: str) -> "Signer":
        """Read ``PRIVATE+KEY+name+hash+base64``; raises :class:`JournalError` (without the key) if it isn't."""
        prefix, _, rest = text.strip().partition("PRIVATE+KEY+")
        name, _, rest = rest.partition("+")
        key_id, _, encoded = rest.partition("+")
        if prefix or not encoded:
            raise JournalError("a signing key begins with PRIVATE+KEY+name+hash+", hint=_COPY)
        signer = cls(name, _key_bytes(encoded, "signing key"))
        if signer.verifier.key_id.hex() != key_id:
            raise JournalError(f"the signing key of {name!r} does not match its hash", hint=_COPY)
        return signer

    def private_text(self) -> str:
        """Return the private key as text: a secret."""
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{_b64(_ED25519 + self.seed)}"

    def sign(self, text: bytes) -> bytes:
        """Return this key's signature over ``text``."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(text)


@dataclass(frozen=True, slots=True)
class Note:
    """A note that at least one trusted key signed: its text, and who those were."""

    text: str
    signed_by: tuple[Verifier, ...]


def sign(text: str, *signers: Signer) -> bytes:
    """Return ``text`` as a signed note. The text ends in a newline and has no other control character."""
    if not signers:
        raise JournalError("a note needs at least one signer")
    if not text.endswith("\n") or _has_control(text):
        raise JournalError("a note's text ends in a newline and holds no other control character")
    try:
        body = text.encode()
    except UnicodeEncodeError as error:
        raise JournalError("a note's text must be valid Unicode") from error
    lines = [
        f"{_DASH}{signer.name} {_b64(signer.verifier.key_id + signer.sign(body))}\n"
        for signer in dict.fromkeys(signers)
    ]
    return body + b"\n" + "".join(lines).encode()


def open_note(message: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Check a signed note and return its text.

    Signatures of unknown keys are ignored; every signature of a known key must verify, and there must be
    one. Raises :class:`JournalError` otherwise, and for whatever C2SP signed-note calls malformed. Base64
    must be canonical, so that no two byte strings are the same note.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise JournalError(f"two different keys are both called {verifier.name}+{verifier.key_id.hex()}")
    text, signatures = _split(message)
    signed_by: list[Verifier] = []
    for name, blob in signatures:
        trusted = known.get((name, blob[:4]))
        if trusted is None:
            continue
        if not trusted.verifies(text.encode(), blob[4:]):
            raise JournalError(f"the signature of {name} on the note is wrong", hint="the text was altered")
        if trusted not in signed_by:
            signed_by.append(trusted)
    if not signed_by:
        wanted = ", ".join(sorted(name for name, _ in known)) or "nobody"
        raise JournalError("no key that is trusted here has signed the note", hint=f"trusted: {wanted}")
    return Note(text, tuple(signed_by))


def _split(message: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and its signatures as (name, key id + signature), all unverified."""
    if len(message) > MAX_NOTE:
        raise JournalError(f"a note of {len(message)} bytes is over the limit of {MAX_NOTE}")
    try:
        note = message.decode()
    except UnicodeDecodeError as error:
        raise JournalError("the note is not UTF-8") from error
    if _has_control(note):
        raise JournalError("the note holds a control character")
    text, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise JournalError("the note does not end in a blank line and signatures")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise JournalError(f"the note has {len(lines)} signatures; at most {MAX_SIGNATURES} are read")
    return text + "\n", [_signature(line, number) for number, line in enumerate(lines, 1)]


def _signature(line: str, number: int) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    blob = _unb64(encoded)
    if not line.startswith(_DASH) or not space or not _is_name(name) or blob is None or len(blob) < 5:
        raise JournalError(f"signature line {number} of the note is malformed")
    return name, blob


def _has_control(text: str) -> bool:
    return any(character < " " and character != "\n" for character in text)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise JournalError(
            f"{name!r} can't name a key",
            hint="use a name without spaces and plus signs, such as example.com/keyturn",
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise JournalError("a key's name must be valid Unicode") from error


_COPY = "copy the whole key again"


def _key_bytes(encoded: str, what: str) -> bytes:
    blob = _unb64(encoded)
    if blob is None or len(blob) != 33:
        raise JournalError(f"the {what} is malformed", hint=_COPY)
    if blob[:1] != _ED25519:
        raise JournalError(f"the {what} is not an Ed25519 key", hint="only Ed25519 keys are used here")
    return blob[1:]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes | None:
    """Decode canonical base64, else None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _b64(data) == text else None
