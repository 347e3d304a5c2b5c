"""Texts that an integration pastes into a command or a query of its own: what it does while they are plain words.

Such a tool is an executor, for odd text in an argument becomes code. Words of letters, digits and a few signs can't: no
quote, bracket, separator, variable, redirection or line break is among them. The profile says what the tool does then.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keyturn.catalogue.rules.rule import Rule
from keyturn.core.operation import Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

_WORDS: Final = re.compile(r"[A-Za-z0-9 ._:/@,=*+-]*")


class _Then(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stage: Stage
    reversible: Reversible = Reversible.NO_EFFECT
    touches: frozenset[Touches] = frozenset()


def read(parts: Mapping[str, Any]) -> Reading:
    """``texts``: each that is pasted (absent ones are harmless); ``then``: stage, reversible and touches."""
    texts = parts["texts"]
    for text in texts.values() if isinstance(texts, dict) else [texts]:
        if isinstance(text, bool | int) or text is None:
            continue
        if not isinstance(text, str) or not _WORDS.fullmatch(text):
            return Unread("a text that is pasted into a command or a query holds more than plain words")
    try:
        then = msgspec.convert(parts["then"], _Then)
    except msgspec.ValidationError as error:
        return Unread(f"the profile does not say what it does then: {error}")
    return Operation(
        name="plain words",
        stage=then.stage,
        reversible=then.reversible,
        touches=then.touches,
        why="what is pasted into it holds nothing that could become a command",
    )


PLAIN: Final = Rule(name="plain", needs=frozenset({"texts", "then"}), read=read)
