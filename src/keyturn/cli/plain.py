"""Hostile text on a terminal: what can't be seen is made visible, and what is cut is counted. All output goes here."""

import json
import re
import unicodedata
from typing import Any

_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
MOST = 2_000
_MISTAKABLE = re.compile(r"\\(?=[nt\\]|u\{)")


def plain(text: object, most: int = MOST) -> str:
    """``text`` on one line, with control, bidi, zero-width and filler characters as ``\\u{…}``, and at most ``most``
    characters of it; how many were left out is said. A backslash stands for itself only where it can't be mistaken."""
    given = text if isinstance(text, str) else str(text)
    return _cut(_MISTAKABLE.sub(r"\\\\", given[:most]), len(given) - most)


def plain_json(value: Any, most: int = MOST) -> str:
    """A value as JSON on one line, made visible like :func:`plain`; JSON has doubled the backslashes already."""
    given = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return _cut(given[:most], len(given) - most)


def _cut(text: str, left: int) -> str:
    shown = "".join(map(_visible, text))
    return f"{shown} … [{left} more characters]" if left > 0 else shown


def _visible(ch: str) -> str:
    if ch == "\n":
        return "\\n"
    if ch == "\t":
        return "\\t"
    unseen = unicodedata.category(ch) in _UNSEEN or ch in _FILLERS or _is_selector(ch)
    odd_space = ch != " " and unicodedata.category(ch) == "Zs"
    return f"\\u{{{ord(ch):x}}}" if unseen or odd_space else ch


def _is_selector(ch: str) -> bool:
    return "\ufe00" <= ch <= "\ufe0f" or "\U000e0100" <= ch <= "\U000e01ef"
