"""Programs of a POSIX system that read, with arguments in a language of their own: ``find``, ``ip``, clouds' tools."""

import posixpath
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from keyturn.catalogue.rules import aws_cli, azure, kubectl
from keyturn.catalogue.rules.answers import DATA, HARD, SECRETS, changes, reads
from keyturn.catalogue.rules.places import hunts, place
from keyturn.catalogue.rules.rule import words
from keyturn.catalogue.rules.words import Simple
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Reading, Unread
from keyturn.core.profile import Stage

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
    if hunts(given):
        return changes(shown, HARD, {SECRETS, DATA}, targets, reach=EVERYTHING, why="it looks for credentials")
    return reads(shown, {DATA}, targets, reach=EVERYTHING, why="it lists files")


def ip(command: Simple, folder: str) -> Reading:
    """``ip`` where it shows."""
    words = [word for word in command.words[1:] if not _IP_OPTION.fullmatch(word)]
    if not words or not _IP_SHOWS.fullmatch(" ".join(words)):
        return Unread("ip is not known to only show")
    return reads(" ".join(command.words), {DATA}, why="it shows how the machine is connected")


def rpm(command: Simple, folder: str) -> Reading:
    """``rpm -q…``: what is installed."""
    if (
        len(command.words) < 2
        or not re.fullmatch(r"-q[ailfR]*", command.words[1])
        or " -" in " ".join(command.words[2:])
    ):
        return Unread("rpm does more than ask")
    return reads(" ".join(command.words), {DATA}, why="it shows what is installed")


def _cloud(line: Callable[[tuple[str, ...]], Reading]) -> Callable[[Simple, str], Reading]:
    """A cloud's or a cluster's own tool: a read of it is a read by a shell, and a secret that it shows is exposed."""

    def read(command: Simple, folder: str) -> Reading:
        if command.wild:
            return Unread("a wildcard decides what is meant")
        found = line(command.words[1:])
        if isinstance(found, Unread) or found.stage is not Stage.ANALYSE:
            return found
        if SECRETS in found.touches:
            return changes(found.name, HARD, found.touches | {DATA}, found.targets, reach=found.reach, why=found.why)
        return reads(found.name, found.touches | {DATA}, found.targets, reach=found.reach, why=found.why)

    return read


READERS: Final[Mapping[str, Callable[[Simple, str], Reading]]] = MappingProxyType(
    {
        "find": find,
        "ip": ip,
        "rpm": rpm,
        "kubectl": _cloud(kubectl.line),
        "aws": _cloud(aws_cli.line),
        "az": _cloud(azure.line),
    }
)
