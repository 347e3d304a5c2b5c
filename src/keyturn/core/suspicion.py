"""What is odd about a tool's definition: text for the model's eyes, hidden characters, another server's name.

A definition is hostile text that an agent obeys (tool poisoning, shadowing; OWASP ASI01, ASI02). Nothing here decides:
a flag is a reason for a person to read the definition, and one that is absent proves nothing.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from keyturn.core.action import ToolRef
from keyturn.core.hidden import Mark, marks_in, skeleton

MOST = 65_536
"""Characters of a definition that are looked through; a longer one is flagged for its length."""


class Sign(StrEnum):
    """What kind of oddity."""

    INSTRUCTS = "instructs"
    HIDDEN = "hidden"
    LOOKS_LIKE = "looks_like"
    SPEAKS_OF = "speaks_of"
    LONG = "long"


class Flag(msgspec.Struct, frozen=True):
    """One oddity. ``why`` is for a person; what it quotes of the definition is cut, and hostile text still."""

    sign: Sign
    why: str


_ASIDE = r"instructions?|rules?|prompts?|polic(y|ies)|guidelines?|guardrails?|messages?"
_PEOPLE = r"user|human|person|operator|analyst|anyone|anybody"
_ORDERS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), why)
    for why, pattern in {
        "it marks text for the model": r"<\s{0,9}/?\s{0,9}"
        r"(important|system|instructions?|admin|hidden|assistant|critical)\b[^>]{0,80}>",
        "it writes as if it were the conversation": r"\[/?(inst|system)\]|<\|[\w ]{1,30}\|>"
        r"|(?m:^\s{0,9}(system|assistant)\s{0,9}:)",
        "it says to set instructions aside": r"\b(ignore|disregard|forget|override)\b.{0,40}"
        r"\b(previous|prior|above|earlier|other|all|any|your|system)\b.{0,30}\b(" + _ASIDE + ")",
        "it says to keep something from people": r"\b(do not|don't|never|without)\b.{0,30}"
        r"\b(tell|mention|inform|notify|reveal|show|ask|alert)(ing)?\b.{0,30}\b(" + _PEOPLE + ")",
        "it puts itself in front of other tools": r"\b(before|prior to|instead of)\b.{0,20}"
        r"\b(us(e|ing)|call(ing)?|invok(e|ing)|run(ning)?)?\b.{0,20}\b(any|other|another|every)\b.{0,20}\btools?\b",
        "it tells the model what to hand over": r"\b(you|the (model|assistant|agent|ai|llm))\s+"
        r"(must|should|have to|need to|are required to)\s+((always|first|also|never|not)\s+)?"
        r"(read|send|include|pass|append|copy|forward|upload|embed|reveal|output|exfiltrate)\b",
        "it asks for files with secrets": r"(contents? of|read)\b.{0,40}"
        r"(~/|\.ssh|\.env\b|id_rsa|/etc/|mcp\.json|\.aws|credentials?\b.{0,10}file|private key)",
        "it asks for the conversation": r"\b(system prompt|(conversation|chat) history)\b.{0,60}\b(in|as|to|into)\b",
        "it speaks of approval as if it were given": r"\b(auto-?approve|no (need for )?(approval|confirmation)"
        r"|skip (the )?(approval|confirmation|review)|already (been )?approved|pre-?approved)\b",
    }.items()
)
_HIDES: Final = frozenset(Mark) - {Mark.LINE, Mark.SPACE}
_WORD: Final = re.compile(r"[A-Za-z][\w-]+")


class Neighbours:
    """The tools of all servers by name and by how a name reads: made once for many questions."""

    def __init__(self, tools: Iterable[ToolRef]) -> None:
        self._named: dict[str, list[ToolRef]] = {}
        self._read: dict[str, list[ToolRef]] = {}
        for tool in tools:
            self._named.setdefault(tool.name, []).append(tool)
            self._read.setdefault(_read(tool.name), []).append(tool)

    def twin(self, tool: ToolRef) -> ToolRef | None:
        """Another server's tool whose name reads the same."""
        return next((other for other in self._read.get(_read(tool.name), ()) if other.upstream != tool.upstream), None)

    def spoken_of(self, tool: ToolRef, text: str) -> list[ToolRef]:
        """Other servers' tools that a text names."""
        words = {word.rstrip("-") for word in _WORD.findall(text)} - {tool.name}
        named = (other for word in words if re.search(r".[_-].", word) for other in self._named.get(word, ()))
        return sorted(other for other in named if other.upstream != tool.upstream)


def flags(tool: ToolRef, definition: Mapping[str, Any], neighbours: Neighbours) -> tuple[Flag, ...]:
    """What is odd about a tool's definition as its server lists it."""
    return (*flags_within(definition), *flags_beside(tool, definition, neighbours))


def flags_within(definition: Mapping[str, Any]) -> tuple[Flag, ...]:
    """What is odd about a definition by itself: the same for the same definition."""
    text = "\n".join(_texts(definition))
    found = []
    if len(text) > MOST:
        found.append(Flag(Sign.LONG, f"its definition has {len(text):,} characters; nobody reads that"))
    text = text[:MOST]
    found += [Flag(Sign.INSTRUCTS, why) for pattern, why in _ORDERS if pattern.search(text)]
    if hidden := sorted({mark.value.replace("_", " ") for mark in marks_in(text) if mark in _HIDES}):
        found.append(Flag(Sign.HIDDEN, f"it holds characters that the eye misses: {', '.join(hidden)}"))
    return tuple(found)


def flags_beside(tool: ToolRef, definition: Mapping[str, Any], neighbours: Neighbours) -> tuple[Flag, ...]:
    """What is odd about it beside the other servers' tools."""
    found = []
    if (twin := neighbours.twin(tool)) is not None:
        same = "has the name of" if twin.name == tool.name else "looks like"
        found.append(Flag(Sign.LOOKS_LIKE, f"it {same} {twin}, another server's tool"))
    if spoken := neighbours.spoken_of(tool, "\n".join(_texts(definition))[:MOST]):
        found.append(Flag(Sign.SPEAKS_OF, f"it speaks of {', '.join(map(str, spoken[:3]))}, of another server"))
    return tuple(found)


def _read(name: str) -> str:
    """How a name reads at a glance: look-alikes and signs aside."""
    return re.sub(r"[\W_]+", "", skeleton(name)).translate(str.maketrans("01i", "oll"))


def _texts(value: Any, depth: int = 0) -> Iterable[str]:
    """Every text in a definition, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < 32:
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner, depth + 1)
    elif isinstance(value, list | tuple) and depth < 32:
        for inner in value:
            yield from _texts(inner, depth + 1)
