"""What differs between two definitions of a tool, value by value. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

MOST = 200
_Leaf = tuple[str, str]


class Change(msgspec.Struct, frozen=True):
    """One value that is not as it was: ``before`` None: it is new; ``after`` None: it is gone. Hostile text.

    ``same_start`` and ``same_end`` are how many characters of both agree from each side.
    """

    path: str
    before: str | None
    after: str | None
    same_start: int = 0
    same_end: int = 0


class Difference(msgspec.Struct, frozen=True):
    """The changes in the order of the present definition, and how many more there are."""

    changes: tuple[Change, ...]
    left_out: int


def differences(before: str, after: Any) -> Difference:
    """From the pinned definition's JSON text to the present one."""
    old, new = dict(_leaves(msgspec.json.decode(before), ())), dict(_leaves(after, ()))
    paths = [path for path in dict.fromkeys((*new, *old)) if old.get(path) != new.get(path)]
    changes = tuple(_change(".".join(path), old.get(path), new.get(path)) for path in paths[:MOST])
    return Difference(changes, max(0, len(paths) - MOST))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], _Leaf]]:
    """Every value with its place; an empty list or object is a value, too."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(index)))
    elif isinstance(value, str):
        yield path, ("text", value)
    else:
        yield path, ("json", msgspec.json.encode(value).decode())


def _change(path: str, old: _Leaf | None, new: _Leaf | None) -> Change:
    before, after = old[1] if old else None, new[1] if new else None
    if before is None or after is None:
        return Change(path, before, after)
    most = min(len(before), len(after))
    start = next((i for i in range(most) if before[i] != after[i]), most)
    end = next((i for i in range(most - start) if before[-1 - i] != after[-1 - i]), most - start)
    return Change(path, before, after, start, end)
