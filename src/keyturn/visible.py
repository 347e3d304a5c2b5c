"""The settings as people may see them: names and values in words, and no secret among them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from keyturn.config import Config

Section = tuple[str, tuple[tuple[str, str], ...]]
_SECRET = ("secret", "token", "password", "key_", "_key")
_NAMES_ONLY = frozenset({"env", "headers"})


def visible(config: Config) -> tuple[Section, ...]:
    """Every setting, by section. Of an address only where it leads is told; of an environment, headers and arguments
    only the names or the number; of a secret only whether it is set."""
    plain = {name: getattr(config, name) for name in config.__struct_fields__}
    top = {name: value for name, value in plain.items() if not isinstance(value, msgspec.Struct | dict)}
    rows = tuple(row for name, value in top.items() if not _structs(value) for row in _rows(name, value))
    found: list[Section] = [("general", rows)]
    for name, value in sorted(plain.items(), key=lambda item: not isinstance(item[1], msgspec.Struct)):
        found += _sections(name, value)
    return tuple(section for section in found if section[1])


def _structs(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(each, msgspec.Struct) for each in value)


def _sections(name: str, value: Any) -> Iterator[Section]:
    if isinstance(value, msgspec.Struct):
        yield name, tuple(row for field in value.__struct_fields__ for row in _rows(field, getattr(value, field)))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _sections(f"{name}.{key}", inner)
    elif _structs(value):
        for number, inner in enumerate(value, 1):
            yield from _sections(f"{name} {number}", inner)


def _rows(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if any(word in name for word in _SECRET) and isinstance(value, str | tuple):
        yield name, "set, not shown" if value else "not set"
    elif name in _NAMES_ONLY and isinstance(value, dict):
        yield name, ", ".join(sorted(value)) + " (names only)" if value else "none"
    elif name == "args":
        yield name, f"{len(value)} of them, not shown" if value else "none"
    elif name == "url" and isinstance(value, str):
        yield name, _where(value)
    else:
        yield name, str(value) if name == "port" else _said(value)


def _where(url: str) -> str:
    """Scheme and host: the rest of an address may be its secret."""
    if not url:
        return "not set"
    if url.startswith("${"):
        return "from the environment"
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "set, not shown"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{parts.scheme}://…" if parts.scheme else "set, not shown"
    return f"{parts.scheme}://{parts.hostname}{port}" + ("/…" if parts.path.strip("/") or parts.query else "")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "not set"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, tuple) and all(isinstance(each, str | int | float) for each in value):
        return ", ".join(str(each) for each in value) or "none"
    return msgspec.json.encode(value).decode()
