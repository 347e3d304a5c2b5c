"""Command lines: a reader for each shell, and the worst case for whatever none of them surely reads."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from keyturn.catalogue.rules import cmd, posix, powershell
from keyturn.core.operation import Reading, Unread

_DIALECTS: Final[Mapping[str, Callable[[str], Reading]]] = MappingProxyType(
    {"bash": posix.read, "sh": posix.read, "powershell": powershell.read, "cmd": cmd.read}
)


def read(parts: Mapping[str, Any]) -> Reading:
    """``command`` in a ``dialect``: ``bash`` (any POSIX shell, the default), ``powershell``, ``cmd``."""
    command, dialect = parts["command"], parts.get("dialect", "bash")
    if not isinstance(command, str) or not isinstance(dialect, str) or dialect not in _DIALECTS:
        return Unread("it is no command line of a shell that is known here")
    return _DIALECTS[dialect](command)
