"""What an entry must be, apart from its place in the tree."""

import re
from typing import Any

import msgspec
import rfc8785

from keyturn.errors import JournalError
from keyturn.journal.payload import is_commitment

# Where the quick encoder and RFC 8785 may part: names sorted by UTF-16 (U+E000 and above), integers past 2**53.
_SUSPECT = re.compile(rb"[\xee-\xff]|[0-9]{16}")


def _number(text: str) -> float:
    """Take a number with a fraction or an exponent only in its one RFC 8785 form."""
    value = float(text)
    if rfc8785.dumps(value) != text.encode():
        raise ValueError("a number is not in its RFC 8785 form")
    return value


_decode = msgspec.json.Decoder(float_hook=_number).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def read_entry(index: int, entry: bytes) -> dict[str, Any]:
    """Return an entry's content, or raise :class:`JournalError` if it may not stand at ``index``.

    An entry is a JSON object in RFC 8785 canonical form; its ``seq`` is its index; ``payloads``, if it has
    one, is an object of commitments (64 lower-case hex digits) by name.
    """
    try:
        content = _decode(entry)
        same = not _SUSPECT.search(entry) and _encode(content) == entry
        canonical = same or rfc8785.dumps(content) == entry
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise JournalError(f"entry {index} is not canonical JSON: {error}") from error
    if not canonical:
        raise JournalError(f"entry {index} is JSON, but not in its RFC 8785 canonical form")
    if not isinstance(content, dict):
        raise JournalError(f"entry {index} is not a JSON object")
    seq = content.get("seq")
    if type(seq) is not int or seq != index:
        raise JournalError(f"entry {index} says that its seq is {str(seq)[:40]!r}")
    payloads = content.get("payloads")
    if "payloads" in content and not (isinstance(payloads, dict) and all(map(is_commitment, payloads.values()))):
        raise JournalError(f"entry {index} has payloads that are not commitments by name")
    return content
