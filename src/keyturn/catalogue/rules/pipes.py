"""Searches that are a filter and commands behind pipes (SentinelOne's PowerQuery, Sumo Logic): do they only read?

Few commands of these languages change anything, and the profile names them: where one of those words stands anywhere,
in quotes too, the text is unread. So is one with a command that the profile does not know to read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from keyturn.catalogue.rules.rule import Rule, words
from keyturn.core.action import Target
from keyturn.core.operation import Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

_WORD: Final = re.compile(r"[a-z_]\w*")
_QUOTED: Final = re.compile(r"""\"(?:[^"\\]|\\[^"'])*\"|'(?:[^'\\]|\\[^"'])*'""")
_ODD: Final = re.compile(r"""["'`]|//|/\*""")


def read(parts: Mapping[str, Any]) -> Reading:
    """``query``; ``commands``: the words that may stand behind a pipe; ``changes``: those that no search may hold."""
    query = parts["query"]
    if not isinstance(query, str) or not query.strip():
        return Unread("there is no search text")
    text, commands = query.casefold(), words(parts["commands"])
    if found := words(parts["changes"]).intersection(_WORD.findall(text)):
        return Unread(f"{min(found)} may change what is stored")
    bare = _QUOTED.sub(" ", text)
    if _ODD.search(bare):
        return Unread("a quote never closes, or there is a comment")
    for stage in bare.split("|")[1:]:
        word = _WORD.match(stage.strip())
        if word is None or word[0] not in commands:
            return Unread(f"{stage.strip()[:40]!r} is no command that is known to read")
    return Operation(
        name="search",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=frozenset({Touches.PRIVILEGED_DATA}),
        targets=(Target("query", query),),
        why="it only reads",
    )


PIPES: Final = Rule(name="pipes", needs=frozenset({"query", "commands", "changes"}), read=read)
