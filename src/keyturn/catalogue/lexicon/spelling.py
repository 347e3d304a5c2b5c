"""The words of a name, as :mod:`keyturn.catalogue.lexicon` takes them apart."""

import re

from keyturn.catalogue.lexicon import objects, plain

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")


def split(text: str) -> list[str]:
    """The words of a name (camelCase, snake_case, kebab-case, dotted), in lower case."""
    found: list[str] = []
    for word in filter(None, _SEPARATORS.split(_CAMEL.sub(" ", text).lower())):
        one = objects.PLURALS.get((found[-1], word)) if found else None
        found[-1:] = [one] if one else [*found[-1:], word]
    return found


def singular(word: str) -> str:
    """A noun in the singular, roughly."""
    if word in plain.PLAIN or word in objects.SENSITIVE:
        return word
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
