"""Canonical JSON: the bytes that people sign and tools receive (RFC 8785 over I-JSON, RFC 7493).

JSON that two parsers may read differently is refused, never repaired: duplicate keys, NaN and infinities,
integers beyond 2**53-1, lone surrogates, nesting beyond ``MAX_DEPTH``.
"""

import hashlib
import json
import re
from typing import Any

import msgspec
import rfc8785

from keyturn.errors import InvalidJson

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

_SURROGATES = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_sorted = msgspec.json.Encoder(order="sorted")


def _reject_constant(word: str) -> Any:
    raise InvalidJson(f"JSON has no number {word}", hint="send null or a string instead")


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 17 else MAX_INTEGER + 1
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise InvalidJson(
            f"the integer {text[:32]} is beyond 2^53-1, where parsers disagree", hint="send it as a string"
        )
    return value


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise InvalidJson(f"the number {text[:32]} does not fit a double", hint="send it as a string")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidJson(f"the key {twice!r} stands twice in one object", hint="send each key once")
    return found


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_reject_constant, parse_int=_integer, parse_float=_float
)


def parse_json(raw: bytes | str) -> Any:
    """The one value that ``raw`` can mean, or :class:`InvalidJson`."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = _decoder.decode(text)
        if _SURROGATES.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except InvalidJson:
        raise
    except UnicodeEncodeError:
        raise InvalidJson("a lone surrogate, which is half a character", hint="escape both halves") from None
    except UnicodeDecodeError as e:
        raise InvalidJson(f"not UTF-8 at byte {e.start}", hint="encode JSON as UTF-8") from None
    except RecursionError:
        raise InvalidJson("nested too deeply", hint=f"at most {MAX_DEPTH} levels") from None
    except ValueError as e:
        raise InvalidJson(f"not JSON: {e}", hint="send one JSON value") from None


def _is_plain(value: Any, depth: int) -> bool:
    """Check the value; True if msgspec's sorted encoding of it is already RFC 8785.

    It writes every string as RFC 8785 does; it sorts keys by code points, which differs beyond ASCII, and writes
    fractions its own way.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise InvalidJson("an integer is beyond 2^53-1", hint="send it as a string")
        return True
    if depth >= MAX_DEPTH:
        raise InvalidJson("nested too deeply", hint=f"at most {MAX_DEPTH} levels")
    if kind is dict:
        plain = True
        for key, inner in value.items():
            if type(key) is not str:
                raise InvalidJson(f"an object's key must be a string, not {type(key).__name__}")
            plain = _is_plain(inner, depth + 1) and plain and key.isascii()
        return plain
    if kind is list or kind is tuple:
        plain = True
        for inner in value:
            plain = _is_plain(inner, depth + 1) and plain
        return plain
    if kind is float and MAX_INTEGER < abs(value) < 1e21:
        # ECMAScript writes such a double as a plain integer, which parse_json rightly refuses.
        raise InvalidJson("a number is beyond 2^53-1 and would be written as an integer", hint="send it as a string")
    return False


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value (dict, list or tuple, str, int, float, bool, None).

    Raises :class:`InvalidJson` for what has no canonical form.
    """
    try:
        if _is_plain(value, 0):
            return _sorted.encode(value)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as e:
        raise InvalidJson(f"no canonical form: {e}", hint="lone surrogates, NaN and infinities are refused") from None


def sha256_hex(raw: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(raw).hexdigest()
