"""A draft profile from what a tool says of itself: its name, its parameters, its description and its hints.

Deterministic, and a guess: the person who reviews it decides. Four rules keep it on the grave side:

1. What no word explains stays the worst case.
2. Only the **name** can make a draft milder. A description is hostile text, a hint is a claim, a parameter is one more
   thing that the call can do: each can only raise (:func:`keyturn.catalogue.lexicon.levels.joined`).
3. Every verb in the name counts. A word that may be a verb or a noun is a noun only behind another verb.
4. A read is plain only if the words for what is read are known, and none says that it is sensitive. In front of a
   noun that is known an unknown word only says which kind of it.

Every field comes with its reason: which word, parameter or hint said so. ``benchmarks/measure_lexicon.py`` tells
how good the guess is, from the reviewed profiles.
"""

from functools import reduce
from typing import Any

import msgspec

from keyturn.catalogue.lexicon.claims import of_description, of_hints, of_parameters, parameter_names, targets_of
from keyturn.catalogue.lexicon.levels import Reason, joined
from keyturn.catalogue.lexicon.names import of_name
from keyturn.core.profile import Basis, Profile, Reversible

__all__ = ["BY_HAND", "WHY", "Draft", "Reason", "draft"]

BY_HAND = "take it back in the product itself, by its opposite"
"""What a draft says of the way back: nobody has looked for a tool that does it."""
WHY = "Drafted from the tool's words; nobody has reviewed it."


class Draft(msgspec.Struct, frozen=True):
    """A derived profile, and a reason for each of its fields."""

    profile: Profile
    reasons: tuple[Reason, ...]

    def why(self, field: str, value: str = "") -> str:
        """The reasons of one field in words; of one value of it, those that speak of it, if any does."""
        said = [reason for reason in self.reasons if reason.field == field]
        own = [reason for reason in said if value and reason.value == value]
        return "; ".join(dict.fromkeys(reason.why for reason in own or said if not reason.value or own or not value))


def draft(name: str, description: str = "", parameters: Any = (), hints: Any = None) -> Draft:
    """The draft for one tool. ``parameters``: a JSON schema, or names. ``hints``: MCP's annotations, in any shape.

    Never raises: hostile input of any shape is read as far as it goes, and what can't be read explains nothing.
    """
    arguments = parameter_names(parameters)
    base = of_name(name)
    level = reduce(joined, (of_parameters(arguments, base), of_description(description, base)), base)
    level = joined(level, of_hints(hints, level))
    targets, reasons = targets_of(arguments)
    profile = Profile(
        tool=name,
        stage=level.stage,
        reversible=level.reversible,
        touches=level.touches,
        targets=targets,
        by_hand=BY_HAND if level.reversible is Reversible.REVERSIBLE else "",
        basis=Basis.DERIVED,
        why=WHY,
    )
    return Draft(profile, (*level.reasons, *reasons))
