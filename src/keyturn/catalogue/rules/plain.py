"""Texts that an integration pastes into a command or a query of its own: what it does while they are plain.

Such a tool is an executor, for odd text in an argument becomes code. Words of letters, digits and a few signs can't: no
quote, bracket, separator, variable, redirection or line break is among them. Where one more word would be an option of
the command, the text is a ``name``; a ``formula`` calls nothing; a ``command`` has no second one behind it. The profile
says what the tool does then.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keyturn.catalogue.rules.rule import Rule
from keyturn.core.operation import Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

_FORMS: Final = {
    "words": re.compile(r"[A-Za-z0-9 ._:/@,=*+-]*"),
    "name": re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_-]*)?"),
    "formula": re.compile(r"(?:[0-9.+/%() -]|\*(?!\*)){0,200}"),
    "command": re.compile(r"[A-Za-z0-9 ._:/\\@,=*+'\"()~-]*"),
}


class _Then(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stage: Stage
    reversible: Reversible = Reversible.NO_EFFECT
    touches: frozenset[Touches] = frozenset()


def read(parts: Mapping[str, Any]) -> Reading:
    """``texts``: each that is pasted (absent ones are harmless); ``then``: stage, reversible and touches.

    ``form``: what the texts look like, ``words`` unless it says otherwise. ``begins``: the words of which each begins
    with one. ``off``: arguments that must be absent or false.
    """
    texts, form, begins = parts["texts"], _FORMS[parts.get("form", "words")], parts.get("begins")
    if any(value is not False for value in parts.get("off", {}).values()):
        return Unread("a switch is on, with which it does more")
    for text in texts.values() if isinstance(texts, dict) else [texts]:
        if begins is None and (isinstance(text, bool | int) or text is None):
            continue
        if not isinstance(text, str) or not form.fullmatch(text):
            return Unread("a text that is pasted into a command or a query holds more than plain words")
        if begins is not None and text.split(" ")[0] not in begins:
            return Unread(f"it begins with a word that is not known to read: {text[:40]!r}")
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


PLAIN: Final = Rule(
    name="plain", needs=frozenset({"texts", "then"}), may=frozenset({"form", "begins", "off"}), read=read
)
