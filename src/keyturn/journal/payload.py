"""Salted commitments: an entry names what is private or large, which lives beside the log.

The stored form of a payload is one byte, the salt's length; the salt; the body. Its commitment is the
SHA-256, in hex, of ``keyturn/payload/1`` and a newline before that form. Without the salt nobody can guess
a body from its commitment, so erasing the file erases the content, and the log still verifies.
"""

import hmac
import re
from hashlib import sha256

from keyturn.errors import JournalError

DOMAIN = b"keyturn/payload/1\n"
MIN_SALT = 16
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


def encode_payload(salt: bytes, body: bytes) -> bytes:
    """Return the stored form; raises :class:`JournalError` for a salt outside 16 to 255 bytes."""
    if not MIN_SALT <= len(salt) <= 255:
        raise JournalError(
            f"a salt of {len(salt)} bytes can't be used", hint="take 32 bytes from a secure random source"
        )
    return bytes((len(salt),)) + salt + body


def decode_payload(stored: bytes) -> tuple[bytes, bytes]:
    """Return (salt, body) of a stored form; raises :class:`JournalError` if it is none."""
    length = stored[0] if stored else 0
    if length < MIN_SALT or len(stored) < 1 + length:
        raise JournalError("a stored payload is malformed", hint="it was cut off, or is another file")
    return stored[1 : 1 + length], stored[1 + length :]


def commit(salt: bytes, body: bytes) -> str:
    """Return the commitment to ``body`` under ``salt``."""
    return sha256(DOMAIN + encode_payload(salt, body)).hexdigest()


def matches(salt: bytes, body: bytes, commitment: str) -> bool:
    """Say whether ``commitment`` is the one to ``body`` under ``salt``, in constant time."""
    return is_commitment(commitment) and hmac.compare_digest(commit(salt, body), commitment)


def is_commitment(text: object) -> bool:
    """Say whether ``text`` has a commitment's form: 64 lower-case hex digits."""
    return isinstance(text, str) and _COMMITMENT.fullmatch(text) is not None


def payload_path(commitment: str) -> str:
    """Return where a payload lives in a published directory: ``payload/<first two digits>/<commitment>``."""
    if not is_commitment(commitment):
        raise JournalError("that is no payload's commitment", hint="it has 64 lower-case hex digits")
    return f"payload/{commitment[:2]}/{commitment}"
