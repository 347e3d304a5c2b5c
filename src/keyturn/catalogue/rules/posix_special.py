"""Programs of a POSIX system that read, and whose arguments are a language of their own: ``find``, ``ip``."""

import posixpath
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from keyturn.catalogue.rules.answers import DATA, HARD, SECRETS, changes, reads
from keyturn.catalogue.rules.places import hunts, place
from keyturn.catalogue.rules.rule import words
from keyturn.catalogue.rules.words import Simple
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Reading, Unread

_FIND_PLAIN: Final = words(
    """
    -print -print0 -ls -empty -a -o -and -or -not ! -xdev -mount -depth -daystart -readable -writable -executable
    -nouser -nogroup -true -prune
    """
)
_FIND_VALUE: Final = words(
    """
    -name -iname -path -ipath -type -size -mtime -mmin -atime -amin -ctime -cmin -newer -newermt -user -group -uid -gid
    -perm -maxdepth -mindepth -regex -iregex -links -inum -printf
    """
)
_IP_OPTION: Final = re.compile(r"-(4|6|br|brief|o|oneline|s|stats|c|color|d|details|j|json|p|pretty|h|human)")
_IP_SHOWS: Final = re.compile(
    r"(a|addr|address|r|route|l|link|n|neigh|neighbour|neighbor|ru|rule|maddr|tunnel|vrf)"
    r"( (s|sh|show|l|ls|lst|list)( (dev )?[\w.@:/-]+)?( (up|table) ?[\w]*)?)?"
)


def find(command: Simple, folder: str) -> Reading:
    """``find`` with tests and plain printing: anything that runs, deletes or writes is not known here."""
    given = command.words[1:]
    starts = 0
    while starts < len(given) and given[starts][:1] not in ("-", "!", "("):
        starts += 1
    value = False
    for word in given[starts:]:
        if value:
            value = False
        elif word in _FIND_VALUE:
            value = True
        elif word not in _FIND_PLAIN:
            return Unread(f"nobody knows what find does with {word[:40]}")
    shown = " ".join(command.words)
    targets = []
    for word in given[:starts] or (".",):
        at = place(posixpath.join(folder, word))
        if at is None:
            return Unread(f"nobody can say where {word[:80]} leads")
        targets.append(Target("file", at.path))
    if any(hunts(word) for word in given):
        return changes(shown, HARD, {SECRETS, DATA}, targets, reach=EVERYTHING, why="it looks for credentials")
    return reads(shown, {DATA}, targets, reach=EVERYTHING, why="it lists files")


def ip(command: Simple, folder: str) -> Reading:
    """``ip`` where it shows."""
    words = [word for word in command.words[1:] if not _IP_OPTION.fullmatch(word)]
    if not words or not _IP_SHOWS.fullmatch(" ".join(words)):
        return Unread("ip is not known to only show")
    return reads(" ".join(command.words), {DATA}, why="it shows how the machine is connected")


READERS: Final[Mapping[str, Callable[[Simple, str], Reading]]] = MappingProxyType({"find": find, "ip": ip})
