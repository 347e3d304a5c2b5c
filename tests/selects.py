"""Selects that agents may send, made by chance from the grammar in ``vectors/selects.json``, and texts like them."""

import json
import random
import re
from pathlib import Path
from typing import Final

_VECTORS: Final = json.loads((Path(__file__).parent / "vectors/selects.json").read_text())
_EDGE: Final = re.compile(r"\b|(?<=\W)(?=\W)|$")
_SYMBOL: Final = re.compile(r"\{([a-z]+)\}")


def select(by: random.Random) -> str:
    """A select of any length, which some dialects may not take."""
    return _made("text", by, by.randint(3, 6))


def spoiled(text: str, by: random.Random) -> str:
    """The text with some words put in, taken out or exchanged, or pieces glued to them."""
    for _ in range(by.choice((1, 1, 2, 3))):
        words = text.split(" ")
        at, piece = by.randrange(len(words)), by.choice(_VECTORS["spoils"])
        match by.choice(("put in", "take out", "exchange", "glue", "glue")):
            case "put in":
                words.insert(at, piece)
            case "take out":
                del words[at]
            case "exchange":
                words[at] = words[by.randrange(len(words))]
            case _:
                place = by.choice([found.start() for found in _EDGE.finditer(text)])
                words = [text[:place] + piece + text[place + by.randrange(2) :]]
        text = " ".join(words)
    return text


def _made(symbol: str, by: random.Random, deep: int) -> str:
    lines = _VECTORS["grammar"][symbol]
    line = lines[0] if deep < 1 and any("{" in each for each in lines) else by.choice(lines)
    return _SYMBOL.sub(lambda found: _made(found[1], by, deep - 1), line)
