"""What a read answers with, less the credentials in it: the agent gets the rest, the secret stays closed (ADR 14)."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

WITHHELD = "[withheld by Keyturn: a credential]"
_NO_NAME = re.compile(r"[\W_]+")
_NAMING = frozenset({"name", "key", "type", "id", "attribute", "field", "parameter"})
_BLOB = frozenset({"blob", "data"})


def bare(name: str) -> str:
    """A field's name as it is compared: ``clientSecret``, ``client_secret`` and ``Client Secret`` are one."""
    return _NO_NAME.sub("", name.casefold())


def without(result: bytes, names: Iterable[str]) -> tuple[bytes, int]:
    """An MCP result (JSON bytes) without the values of the fields of these names, and how many were taken out.

    A field counts wherever it stands: in an object, in JSON within a text, or as an object that names it beside its
    value (``{"key": "client_secret", "value": …}``). A text that is no JSON and speaks of one, and what is no text at
    all (a blob), are taken out whole: what can't be read can't be let through. A result that can't be read is replaced.
    """
    wanted = frozenset(map(bare, names))
    if not wanted:
        return result, 0
    taken = _Taken(wanted)
    try:
        return msgspec.json.encode(taken.less(msgspec.json.decode(result))), taken.count
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.encode({"content": [{"type": "text", "text": WITHHELD}], "isError": False}), 1


class _Taken:
    """One result's way through; ``count`` says how many values were taken out so far."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self.count = 0

    def less(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self.less(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        if any(bare(key) in _NAMING and self._is_name(inner) for key, inner in value.items()):
            return {key: inner if self._is_name(inner) else self._out(inner) for key, inner in value.items()}
        blob = _BLOB if "mimeType" in value else frozenset()
        return {
            key: self._out(inner) if key in blob or bare(key) in self._wanted else self.less(inner)
            for key, inner in value.items()
        }

    def _is_name(self, value: Any) -> bool:
        return isinstance(value, str) and bare(value) in self._wanted

    def _text(self, value: str) -> Any:
        """JSON is written anew, also where nothing is taken out: of two fields of one name only one was looked at."""
        if value.lstrip().startswith(("{", "[")):
            try:
                return msgspec.json.encode(self.less(msgspec.json.decode(value))).decode()
            except msgspec.DecodeError:
                pass
        told = bare(value)
        return self._out(value) if any(name in told for name in self._wanted) else value

    def _out(self, value: Any) -> Any:
        """A value that says nothing is no secret."""
        if value is None or value in ("", [], {}) or isinstance(value, bool):
            return value
        self.count += 1
        return WITHHELD
