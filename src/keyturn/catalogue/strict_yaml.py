"""YAML as the catalogue reads it: plain data, read one way only, and quickly.

Mappings with text keys, lists and scalars. Refused, because two readers may differ or a reader may overlook it:
duplicate keys, anchors and aliases, tags, several documents. Plain ``true``, ``false``, ``null`` and decimal
numbers mean what JSON says; every other scalar is text (so ``no`` and ``on`` are words).
"""

import re
from typing import Any

import yaml

from keyturn.errors import ProfileError

MAX_DEPTH = 24
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str, where: str) -> Any:
    """The value that ``text`` holds. ``where`` is named in the :class:`ProfileError` that anything else raises."""
    parser = None
    try:
        parser = _Parser(text)
        parser.get_event()  # start of the stream
        first = parser.get_event()
        if isinstance(first, yaml.StreamEndEvent):
            raise ProfileError(f"{where} is empty", hint="a vendor's file has vendor, servers and tools")
        value = _value(parser, parser.get_event(), where, 0)
        parser.get_event()  # end of the document
        if not isinstance(parser.get_event(), yaml.StreamEndEvent):
            raise ProfileError(f"{where} holds several documents", hint="one file, one vendor")
    except (yaml.YAMLError, ValueError) as error:
        raise ProfileError(f"{where} is not YAML: {' '.join(str(error).split())[:300]}") from None
    finally:
        if parser is not None:
            parser.dispose()
    return value


def _value(parser: Any, event: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ProfileError(f"{_at(where, event)}: nested more than {MAX_DEPTH} deep")
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None or event.tag is not None:
        raise ProfileError(f"{_at(where, event)}: anchors, aliases and tags are not read", hint="write it out")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := parser.get_event(), yaml.SequenceEndEvent):
            items.append(_value(parser, event, where, depth + 1))
        return items
    entries: dict[str, Any] = {}
    while not isinstance(event := parser.get_event(), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
            raise ProfileError(f"{_at(where, event)}: a key is not text")
        if event.value in entries:
            raise ProfileError(f"{_at(where, event)}: the key {event.value[:80]!r} is there twice")
        entries[event.value] = _value(parser, parser.get_event(), where, depth + 1)
    return entries


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block: text as it stands
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[1] else int(text)


def _at(where: str, event: Any) -> str:
    return f"{where}, line {event.start_mark.line + 1}"
