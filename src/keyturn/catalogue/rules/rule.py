"""What a rule is: it reads the arguments of a tool that runs what it is given (docs/spec/catalogue.md, *Rules*)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from keyturn.core.operation import Reading, Unread
from keyturn.core.profile import resolve
from keyturn.errors import ProfileError

LONGEST: Final = 65_536
"""Characters of a text that a rule reads; a longer one is the worst case."""


def words(text: str) -> frozenset[str]:
    """The words of a list, in small letters."""
    return frozenset(text.casefold().split())


def any_of(patterns: str) -> str:
    """One pattern for any of these, which stand with white space between them (``\\x20`` is a space in one)."""
    return "|".join(patterns.split())


def seen(text: str) -> bool:
    """Nothing stands in it but letters, digits and signs of ASCII, spaces, tabs and newlines."""
    return text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A reader by its name, the parts that it must get and those that it may get.

    ``read`` gets the parts by name, each as the call has it (any JSON value, hostile) or as the profile says it. It
    answers with what it surely read, and with :class:`~keyturn.core.operation.Unread` for everything else.
    """

    name: str
    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    read: Callable[[Mapping[str, Any]], Reading]


class Applied(msgspec.Struct, frozen=True):
    """A rule on one tool: each part is a template over the call's arguments, or a literal."""

    rule: Rule
    parts: dict[str, Any]

    def __post_init__(self) -> None:
        missing, strange = self.rule.needs - self.parts.keys(), self.parts.keys() - self.rule.needs - self.rule.may
        if missing or strange:
            raise ProfileError(
                f"the rule {self.rule.name} misses {sorted(missing)} and does not know {sorted(strange)}",
                hint="docs/spec/catalogue.md lists each rule's parts",
            )

    def read(self, arguments: Any) -> Reading:
        """What these arguments do. Never raises: a reader that fails has read nothing."""
        try:
            parts = resolve(self.parts, {"arguments": arguments})
            long = [name for name, part in parts.items() if isinstance(part, str) and len(part) > LONGEST]
            if long:
                return Unread(f"{long[0]} has more than {LONGEST:,} characters")
            return self.rule.read(parts)
        except ProfileError as error:
            return Unread(error.message)
        except Exception as error:
            return Unread(f"its reader failed on it ({type(error).__name__})")
