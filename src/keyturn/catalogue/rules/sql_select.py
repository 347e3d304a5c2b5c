"""What a select amounts to, by whichever way it was read, and which names speak of credentials."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from keyturn.core.action import Target
from keyturn.core.operation import Operation
from keyturn.core.profile import Reversible, Stage, Touches

_DATA = frozenset({Touches.PRIVILEGED_DATA})
_TABLE: Final = re.compile(
    r"shadow|authid|passw|credential|secret|token|api_?key|private_?key|mysql\.(?:user|servers|global_priv)\b|user_mapping"
    r"|sys\.user\$|sql_logins|syslogins|sysxlogins|linked_logins|master_info|replication_connection|pg_subscription"
    r"|foreign_server|pg_largeobject"
)
_COLUMN: Final = re.compile(
    r"passw|\bpwd\b|passwd|secret|credential|api_?key|private_?key|auth\w*_string|(?:access|refresh|session|bearer)_?token"
)
_EITHER: Final = re.compile(f"{_TABLE.pattern}|{_COLUMN.pattern}")
_ABOUT: Final = re.compile(r"last|change|age\b|expir|attempt|count|_set|_at\b|date|time|policy|reset|fail")


def is_secret_table(name: str) -> bool:
    """A table that holds credentials, by its whole name."""
    return _TABLE.search(name.casefold()) is not None


def is_secret_column(name: str) -> bool:
    """A column that may hold credentials, and not only when they were changed or expire."""
    folded = name.casefold()
    return _COLUMN.search(folded) is not None and _ABOUT.search(folded) is None


def speaks_of_secrets(names: Iterable[str]) -> bool:
    """Whether one of these may be a secret table or column; some that are not pass for one."""
    return _EITHER.search("\n".join(names).casefold()) is not None


def selected(tables: Collection[str], *, secret: bool) -> Operation:
    """Reading these tables; ``secret``: a column that may hold credentials is named."""
    return Operation(
        name="select",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=_DATA | {Touches.SECRETS} if secret else _DATA,
        targets=tuple(Target("table", name) for name in sorted(tables)),
        why="it reads a column that may hold credentials" if secret else "it only selects",
    )
