"""Hostile strings for every field that an agent, a tool or a stranger controls (``tests/vectors/hostile.json``).

Each has a ``name`` and a ``text``, some with ``then`` repeated ``times`` after it; ``marks`` is a mark that
:mod:`keyturn.core.hidden` must find in it. One holds a lone surrogate, which may only stand where text is no JSON.
"""

import functools
import json
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).parent / "vectors/hostile.json"


class Hostile(NamedTuple):
    """One hostile string."""

    name: str
    text: str
    marks: str


@functools.cache
def corpus(most: int | None = None, *, surrogates: bool = False) -> tuple[Hostile, ...]:
    """All of them; ``most`` cuts each to so many characters, for fields that are bounded."""
    found = []
    for each in json.loads(_FILE.read_text(encoding="utf-8")):
        text = each["text"] + each.get("then", "") * each.get("times", 0)
        if surrogates or not any("\ud800" <= ch <= "\udfff" for ch in text):
            found.append(Hostile(each["name"], text[:most], each.get("marks", "")))
    return tuple(found)
