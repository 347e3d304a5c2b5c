"""Hostile text on a terminal: what can't be seen is made visible, and what is cut is counted. All output goes here."""

import json
import re
from typing import Any

from keyturn.core.hidden import segments

MOST = 2_000
QUARANTINED = (
    "quarantined: the definition, or how the server is launched, is not what people trusted. "
    "keyturn tools show TOOL says what changed, and keyturn tools accept TOOL trusts it again"
)
RUNS = {
    "free": "runs at once",
    "confirm": "runs, and is taken back unless a person confirms it",
    "one_key": "waits for one key",
    "two_key": "waits for two keys",
    "denied": "is denied",
}
"""What a verdict's word means, after *it*."""
_MISTAKABLE = re.compile(r"\\(?=[nt\\]|u\{)")


def plain(text: object, most: int = MOST) -> str:
    """``text`` on one line, with hidden and look-alike characters as ``\\u{…}``, and at most ``most``
    characters of it; how many were left out is said. A backslash stands for itself only where it can't be mistaken."""
    given = text if isinstance(text, str) else str(text)
    return _cut(_MISTAKABLE.sub(r"\\\\", given[:most]), len(given) - most)


def plain_json(value: Any, most: int = MOST) -> str:
    """A value as JSON on one line, made visible like :func:`plain`; JSON has doubled the backslashes already."""
    given = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return _cut(given[:most], len(given) - most)


def _cut(text: str, left: int) -> str:
    shown = "".join(segment.shown for segment in segments(text))
    return f"{shown} … [{left} more characters]" if left > 0 else shown
