"""What a passkey signs, byte by byte (docs/spec/keys.md): the statement of each ceremony, and its challenge.

A statement names all that the signature is for and ends with a nonce that the server made. The challenge is the
statement's SHA-256; each kind of statement begins with a line of its own, so that no signature serves two ends.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

import msgspec

from keyturn.errors import InvalidInput

TURN = b"keyturn/turn/1\n"
SIGN_IN = b"keyturn/sign-in/1\n"
ENROL = b"keyturn/enrol/1\n"
APPROVE = b"keyturn/approve/1\n"
USER = b"keyturn/user/1\n"
NONCE = 32
TOGETHER = 20


class SignedHold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold as a key names it: the action's id, its digest and the policy set's hash, both 64 hex digits."""

    action: str
    digest: str
    policy: str


def turn_statement(holds: Sequence[SignedHold], nonce: bytes) -> bytes:
    """Yes to these actions, in this order: one, or up to :data:`TOGETHER`. :class:`InvalidInput` for anything else."""
    if not 1 <= len(holds) <= TOGETHER:
        raise InvalidInput(f"a key is for 1 to {TOGETHER} actions, not {len(holds)}")
    return TURN + b"".join(map(_hold, holds)) + _nonce(nonce)


def sign_in_statement(nonce: bytes) -> bytes:
    """It is me; for nothing else."""
    return SIGN_IN + _nonce(nonce)


def enrol_statement(person: str, nonce: bytes) -> bytes:
    """This new passkey is this person's."""
    return ENROL + _named(person.encode()) + _nonce(nonce)


def approve_statement(person: str, credential: bytes, public_key: bytes, nonce: bytes) -> bytes:
    """Another person's yes to somebody's new passkey: whose, which credential, and the key itself."""
    return APPROVE + _named(person.encode()) + _named(credential) + hashlib.sha256(public_key).digest() + _nonce(nonce)


def challenge_of(statement: bytes) -> bytes:
    """What the authenticator is asked to sign."""
    return hashlib.sha256(statement).digest()


def user_handle(person: str) -> bytes:
    """What an authenticator keeps in place of a person's name: stable, and no name."""
    return hashlib.sha256(USER + person.encode()).digest()


def to_base64url(raw: bytes) -> str:
    """As WebAuthn writes bytes: base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes; :class:`InvalidInput` unless ``text`` is the one way to write them."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("this is not base64url", hint="as the browser's toJSON() gives it") from None
    if to_base64url(raw) != text:
        raise InvalidInput("this is not base64url", hint="as the browser's toJSON() gives it")
    return raw


def _hold(hold: SignedHold) -> bytes:
    name = hold.action.encode()
    if not 1 <= len(name) <= 255:
        raise InvalidInput("an action's id has 1 to 255 bytes")
    return _hash(hold.digest) + _hash(hold.policy) + bytes((len(name),)) + name


def _hash(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text) if text == text.lower() else b""
    except ValueError:
        raw = b""
    if len(raw) != 32 or len(text) != 64:
        raise InvalidInput(f"{text[:80]!r} is no SHA-256", hint="64 lower-case hex digits")
    return raw


def _nonce(nonce: bytes) -> bytes:
    if len(nonce) != NONCE:
        raise InvalidInput(f"a nonce has {NONCE} bytes, not {len(nonce)}")
    return nonce


def _named(raw: bytes) -> bytes:
    """A name of up to 65,535 bytes, its length before it."""
    if len(raw) > 0xFFFF:
        raise InvalidInput("a name in a statement is too long")
    return len(raw).to_bytes(2, "big") + raw
