"""What an entry must be, apart from its place in the tree."""

from typing import Any

import msgspec
import rfc8785

from keyturn.errors import JournalError
from keyturn.journal.payload import is_commitment

_MAX_SAFE = 2**53 - 1


def _number(text: str) -> float:
    """Take a number with a fraction or an exponent only in its one RFC 8785 form."""
    value = float(text)
    if rfc8785.dumps(value) != text.encode():
        raise ValueError("a number is not in its RFC 8785 form")
    return value


_decode = msgspec.json.Decoder(float_hook=_number).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _quick_is_exact(entry: bytes, content: Any) -> bool:
    """Whether the quick encoder surely writes RFC 8785 here.

    They part where names are sorted by UTF-16 units, not code points (a byte of 0xEE or more: U+E000 and
    above), and for integers that a double can't hold, which RFC 8785 has no form for.
    """
    return (entry.isascii() or max(entry) < 0xEE) and _safe_integers(content)


def _safe_integers(value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return bool(-_MAX_SAFE <= value <= _MAX_SAFE)
    if kind is dict:
        return all(map(_safe_integers, value.values()))
    return kind is not list or all(map(_safe_integers, value))


def _doubles(value: Any) -> Any:
    """Return ``value`` with every integer past 2**53 as the double that RFC 8785 takes it for."""
    kind = type(value)
    if kind is int:
        return value if _safe_integers(value) else float(value)
    if kind is dict:
        return {name: _doubles(inner) for name, inner in value.items()}
    return list(map(_doubles, value)) if kind is list else value


def read_entry(index: int, entry: bytes) -> dict[str, Any]:
    """Return an entry's content, or raise :class:`JournalError` if it may not stand at ``index``.

    An entry is a JSON object in RFC 8785 canonical form; its ``seq`` is its index; ``payloads``, if it has
    one, is an object of commitments (64 lower-case hex digits) by name.
    """
    try:
        content = _decode(entry)
        canonical = _encode(content) == entry and _quick_is_exact(entry, content)
        if not canonical:
            content = _doubles(content)
            canonical = rfc8785.dumps(content) == entry
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
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
