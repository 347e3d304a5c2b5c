"""What a read answers with, less the credentials in it: the agent gets the rest, the secret stays closed (ADR 14)."""

import re
from collections.abc import Iterable
from string import ascii_letters, digits
from typing import Any

import msgspec

WITHHELD = "[withheld by Keyturn: a credential]"
_NO_NAME = re.compile(r"[\W_]+")
_NO_NAME_ASCII = bytes(set(range(128)) - set((ascii_letters + digits).encode()))
_JOINT = re.compile(r"[.:;/\[\]]")
_PATH = re.compile(r"(?:[\w-]+\.)*([\w-]+)")
_WORD = re.compile(r"[a-z]{1,20}(?:_[a-z]{1,20}){0,4}")
"""A word of a fixed list, such as ``client_secret_post``: it speaks of the field and holds no value."""

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_BLOB = frozenset({"blob", "data"})


def bare(name: str) -> str:
    """A field's name as it is compared: ``clientSecret``, ``client_secret`` and ``Client Secret`` are one."""
    if name.isascii():
        return name.lower().encode().translate(None, _NO_NAME_ASCII).decode()
    return _NO_NAME.sub("", name.casefold())


def without(result: bytes, names: Iterable[str]) -> tuple[bytes, int]:
    """An MCP result (JSON bytes) without the values of the fields of these names, and how many were taken out.

    A field counts wherever it stands: in an object, also as a part of a path (``app.client_secret``), in JSON within a
    text, or named beside its value (``{"key": "client_secret", "value": …}``, or a list of columns beside the rows,
    which then go). A text that is no JSON and speaks of one, and what is no text at all (a blob), are taken out whole:
    what can't be read can't be let through. A result that can't be read is replaced.
    """
    wanted = frozenset(map(bare, names))
    if not wanted:
        return result, 0
    taken = _Taken(wanted)
    try:
        return msgspec.json.encode(taken.less(msgspec.json.decode(result))), taken.count
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return msgspec.json.encode({"content": [{"type": "text", "text": WITHHELD}], "isError": False}), 1


class _Taken:
    """One result's way through; ``count`` says how many values were taken out so far."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._one_of = re.compile("|".join(map(re.escape, wanted))).search
        self._spoken: dict[str, bool] = {}
        self._fields: dict[str, bool] = {}
        self.count = 0

    def less(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._object(value)
        return self._list(value) if isinstance(value, list) else value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        if any(map(self._names, value.values())):
            return {key: self._beside(inner) for key, inner in value.items()}
        blob = _BLOB if "mimeType" in value or "uri" in value else frozenset()
        return {
            key: self._out(inner) if key in blob or self._is_field(key) else self.less(inner)
            for key, inner in value.items()
        }

    def _list(self, value: list[Any]) -> list[Any]:
        return list(map(self._beside if any(map(self._names, value)) else self.less, value))

    def _names(self, value: Any) -> bool:
        """What stands beside this is, or may be, the field's value: its name, or a list with it (a table's columns)."""
        if isinstance(value, list):
            return any(self._is_name(inner) for inner in value)
        return self._is_name(value)

    def _beside(self, value: Any) -> Any:
        if self._is_name(value):
            return value
        return self._list(value) if self._names(value) else self._out(value)

    def _is_name(self, value: Any) -> bool:
        """The field's name and no more, alone or at the end of a path: another text may hold the value, too."""
        if not isinstance(value, str) or not self._speaks(value):
            return False
        path = _PATH.fullmatch(value)
        return bare(value if path is None else path[1]) in self._wanted

    def _is_field(self, name: str) -> bool:
        """A key that is the field's name, alone or as a part of a path."""
        found = self._fields.get(name)
        if found is None:
            found = self._fields[name] = any(bare(part) in self._wanted for part in (name, *_JOINT.split(name)))
        return found

    def _speaks(self, text: str) -> bool:
        found = self._spoken.get(text)
        if found is None:
            told = bare(_ESCAPED.sub(lambda each: chr(int(each[1], 16)), text) if "\\" in text else text)
            found = self._spoken[text] = self._one_of(told) is not None
        return found

    def _text(self, value: str) -> Any:
        """JSON is written anew, also where nothing is taken out: of two fields of one name only one was looked at."""
        if value.lstrip()[:1] in ("{", "[", '"'):
            try:
                return msgspec.json.encode(self.less(msgspec.json.decode(value))).decode()
            except msgspec.DecodeError:
                pass
        return self._out(value) if self._speaks(value) and not _WORD.fullmatch(value) else value

    def _out(self, value: Any) -> Any:
        """A value that says nothing is no secret."""
        if value is None or value in ("", [], {}) or isinstance(value, bool):
            return value
        self.count += 1
        return WITHHELD
