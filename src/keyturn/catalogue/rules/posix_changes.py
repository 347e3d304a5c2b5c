"""Programs of a POSIX system that change something known: files, services, processes, the machine itself."""

import posixpath
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from keyturn.catalogue.rules import paths
from keyturn.catalogue.rules.answers import (
    ALL,
    DETECTION,
    EVIDENCE,
    HARD,
    IRREVERSIBLE,
    PRODUCTION,
    REVERSIBLE,
    changes,
)
from keyturn.catalogue.rules.places import detects, place
from keyturn.catalogue.rules.words import Simple
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Reversible

_VERBS: Final[Mapping[str, Reversible]] = {
    "start": REVERSIBLE, "stop": HARD, "restart": HARD, "reload": HARD, "enable": REVERSIBLE, "disable": HARD,
    "try-restart": HARD, "reload-or-restart": HARD, "mask": HARD, "unmask": REVERSIBLE, "kill": IRREVERSIBLE,
}  # fmt: skip
_UNIT: Final = re.compile(r"[A-Za-z0-9_.@:-]+")
_OPTIONS: Final[Mapping[str, str]] = {
    "rm": "rRfvdi", "unlink": "", "rmdir": "pv", "shred": "fuvz", "mv": "fvn", "cp": "arRpfvn", "mkdir": "pv",
    "touch": "c", "tee": "a", "chmod": "Rvf", "chown": "Rvf", "chgrp": "Rvf",
}  # fmt: skip
_DONE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("rm", "unlink", "rmdir", "shred"), paths.DELETE),
    **dict.fromkeys(("cp", "mkdir", "touch", "tee", "chmod", "chown", "chgrp"), paths.WRITE),
    "mv": paths.MOVE,
}
_MODE: Final = re.compile(r"0?[0-7]{3}|[ugoa]*[+=-][rwxX]+")


def files(command: Simple, folder: str) -> Reading:
    """Programs that delete, move, write or own files: their last words, each judged by where it lies."""
    name = command.words[0].rpartition("/")[2]
    known, operands, deep = _OPTIONS[name], [], False
    for n, word in enumerate(command.words[1:], 1):
        if word[:1] == "-" and len(word) > 1:
            if not set(word[1:]) <= set(known):
                return Unread(f"nobody knows what {name} does with {word[:40]}")
            deep = deep or bool(set(word[1:]) & set("rRa"))
        else:
            operands.append((word, n in command.wild))
    if name in ("chmod", "chown", "chgrp"):
        if not operands or (name == "chmod" and not _MODE.fullmatch(operands[0][0])):
            return Unread("a mode that gives more than it says")
        operands = operands[1:]
    if not operands:
        return Unread(f"{name} names no file")
    found = []
    for word, wild in operands:
        at = place(posixpath.join(folder, word), beneath=wild or deep)
        if at is None or at.device:
            return Unread(f"nobody can say where {word[:80]} leads")
        found.append(paths.done(_DONE[name], at))
    return _named(" ".join(command.words), gravest(*found))


def _named(shown: str, one: Operation) -> Operation:
    return changes(shown, one.reversible, one.touches, one.targets, reach=one.reach, why=one.why)


def service(command: Simple, folder: str) -> Reading:
    """``systemctl VERB UNIT…`` and ``service UNIT VERB``."""
    words = [word for word in command.words[1:] if word not in ("--now", "--no-block", "-q", "--quiet")]
    if command.words[0].endswith("service"):
        words = words[1:2] + words[:1] if len(words) == 2 else []
    if len(words) < 2 or words[0] not in _VERBS or command.wild or not all(map(_UNIT.fullmatch, words[1:])):
        return Unread("it does more to services than start, stop or restart them by name")
    shields = any(detects(unit) for unit in words[1:])
    return changes(
        " ".join(command.words),
        IRREVERSIBLE if shields and _VERBS[words[0]] is not REVERSIBLE else _VERBS[words[0]],
        {PRODUCTION} | ({DETECTION, EVIDENCE} if shields else set()),
        [Target("service", unit.removesuffix(".service")) for unit in words[1:]],
        why="what happens meanwhile is not seen" if shields else "what the service serves is interrupted",
    )


def kill(command: Simple, folder: str) -> Reading:
    """``kill``, ``pkill``, ``killall``: the memory of a process is gone with it."""
    words = [word for word in command.words[1:] if not re.fullmatch(r"-(\d+|s|[A-Z]+|f|9|e|x|u)", word)]
    if not words or command.wild or any(word.startswith("-") for word in words):
        return Unread("it names no process plainly")
    by_id = command.words[0].endswith("/kill") or command.words[0] == "kill"
    if by_id and not all(word.isdigit() and int(word) > 1 for word in words):
        return Unread("it names no process plainly")
    shields = not by_id and any(detects(word) for word in words)
    return changes(
        " ".join(command.words),
        IRREVERSIBLE,
        {PRODUCTION, EVIDENCE} | ({DETECTION} if shields else set()),
        [Target("process", word) for word in words],
        reach=0 if by_id else EVERYTHING,
        why="the process ends, and its memory is gone",
    )


def down(command: Simple, folder: str) -> Reading:
    """The machine goes down."""
    return changes(
        " ".join(command.words), IRREVERSIBLE, ALL, reach=EVERYTHING, why="the machine goes down and its memory is gone"
    )


CHANGERS: Final[Mapping[str, Callable[[Simple, str], Reading]]] = MappingProxyType(
    {
        **dict.fromkeys(_DONE, files),
        "service": service,
        "systemctl": service,
        "kill": kill,
        "pkill": kill,
        "killall": kill,
        **dict.fromkeys(("reboot", "shutdown", "poweroff", "halt"), down),
    }
)
