"""Command lines of a POSIX shell: which programs run, on what (words: :mod:`keyturn.catalogue.rules.words`).

The best that a shell command can be is a read of whatever the machine shows: never plain, because nothing tells
beforehand what that is. What it reads of credentials is exposed from then on, so that counts as a change.
"""

import posixpath
import re
from itertools import chain
from typing import Final

from keyturn.catalogue.rules import paths, posix_changes, posix_special
from keyturn.catalogue.rules.answers import DATA, HARD, SECRETS, changes, reads
from keyturn.catalogue.rules.places import hunts, place
from keyturn.catalogue.rules.programs import PROGRAMS, Program, What
from keyturn.catalogue.rules.words import Simple, split
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Stage

_FOLDERS: Final = frozenset({"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/"})
_PATTERN, _NAMES, _NONE = What.PATTERN, What.NAMES, What.NONE
_FILES: Final = (What.CONTENTS, _PATTERN, _NAMES)


def read(line: str) -> Reading:
    """Everything that the line runs, as one operation."""
    commands = split(line)
    if isinstance(commands, Unread):
        return commands
    found: list[Operation] = []
    folder, sure, hunting = "", True, hunts(chain.from_iterable(command.words for command in commands))
    for command in commands:
        if command.words[0] == "cd" and _enters(command):
            folder, sure = posixpath.join(folder, command.words[1]), sure and command.then == "&&"
            one: Reading = reads(f"cd {folder}", {DATA})
        else:
            one = _redirected(command, folder, hunting=hunting)
            if not sure and isinstance(one, Operation):
                other = _redirected(command, "", hunting=hunting)
                one = other if isinstance(other, Unread) else gravest(one, other)
            sure = sure and (not folder or command.then in ("&&", "|"))
        if isinstance(one, Unread):
            return one
        found.append(one)
    return gravest(*found)


def _in(folder: str, path: str) -> str:
    return posixpath.join(folder, path) if folder else path


def _enters(command: Simple) -> bool:
    """``cd FOLDER``. Whether it gets there is sure only for what stands behind ``&&``."""
    words = command.words
    return len(words) == 2 and words[1][:1] not in ("-", "") and not command.wild and not command.sinks


def _redirected(command: Simple, folder: str, *, hunting: bool) -> Reading:
    one = program(command, folder, hunting=hunting)
    if isinstance(one, Unread) or not (command.sources or command.sinks):
        return one
    parts = [one]
    parts += [_opened(" ".join(command.words), [(path, False)], folder) for path in command.sources]
    for path in command.sinks:
        if path != "/dev/null":
            at = place(_in(folder, path))
            if at is None or at.device:
                return Unread(f"nobody can say what it writes to when it writes to {path[:80]}")
            parts.append(paths.done(paths.WRITE, at))
    return one if len(parts) == 1 else gravest(*parts)


def program(command: Simple, folder: str, *, hunting: bool) -> Reading:
    """What one command does. ``hunting``: the line that it stands in may look for credentials."""
    words = command.words
    name = words[0]
    if "/" in name:
        at, _, name = name.rpartition("/")
        if f"{at}/" not in _FOLDERS:
            return Unread(f"nobody knows what {words[0][:80]} does")
    if 0 in command.wild:
        return Unread("a wildcard decides what runs")
    known = PROGRAMS.get(name)
    if known is not None:
        one = _reading(known, command, folder, hunting=hunting)
        if not isinstance(one, Unread) or name not in posix_changes.CHANGERS:
            return one
    if name in posix_special.READERS:
        return posix_special.READERS[name](command, folder)
    if name in posix_changes.CHANGERS:
        return posix_changes.CHANGERS[name](command, folder)
    if name == "sudo" and len(words) > 1 and not words[1].startswith("-"):
        inner = program(Simple(words[1:], frozenset(n - 1 for n in command.wild)), folder, hunting=hunting)
        return (
            inner if isinstance(inner, Unread) or inner.stage is Stage.RESPOND else Unread("it reads with all rights")
        )
    return Unread(f"nobody knows what {name[:80]} does")


def _reading(known: Program, command: Simple, folder: str, *, hunting: bool) -> Reading:
    words, shown = command.words, " ".join(command.words)
    if words[0] in ("echo", "printf") and words[1:2] != ("-v",):
        operands, deep = [(word, n in command.wild) for n, word in enumerate(words) if n], False
    else:
        parsed = _parsed(known, command)
        if isinstance(parsed, Unread):
            return parsed
        operands, deep = parsed
    if hunting and hunts(words):
        files = [_in(folder, word) for word, _ in operands] if known.what in _FILES else []
        return exposed(shown, [at.path for at in map(place, files) if at is not None])
    if len(operands) > known.most or (known.what is _NONE and operands):
        return Unread(f"{words[0]} may do more than read when it gets more words")
    if known.first and operands and operands[0][0] not in known.first:
        return Unread(f"{words[0]} {operands[0][0][:40]} is not known to only read")
    if known.what in _FILES:
        if known.what is _NAMES:
            return _listed(shown, operands or ([(".", False)] if deep else []), folder, deep=deep)
        return _opened(shown, operands or ([(".", False)] if deep else []), folder, deep=deep)
    return reads(shown, {DATA}, why="it shows what the machine knows")


def _parsed(known: Program, command: Simple) -> tuple[list[tuple[str, bool]], bool] | Unread:
    """The operands (and whether each holds a wildcard), and whether it goes down into folders."""
    operands: list[tuple[str, bool]] = []
    deep, value, options, pattern = "*" in known.deep, False, True, known.what is _PATTERN
    shape = "" if pattern else known.shape
    for n, word in enumerate(command.words[1:], 1):
        if value:
            value = False
        elif options and word == "--":
            options = False
        elif options and word[:1] == "-" and len(word) > 1:
            read = _option(known, word)
            if read is None:
                return Unread(f"nobody knows what {command.words[0]} does with {word[:40]}")
            value, went, gave = read
            deep, pattern = deep or went, pattern and not gave
        elif pattern:
            if known.shape and not re.fullmatch(known.shape, word):
                return Unread(f"{command.words[0]} may do more than read with {word[:40]}")
            pattern = False
        elif shape and not re.fullmatch(shape, word):
            return Unread(f"{command.words[0]} may do more than read with {word[:40]}")
        else:
            operands.append((word, n in command.wild))
    return operands, deep


def _option(known: Program, word: str) -> tuple[bool, bool, bool] | None:
    """Whether the next word is its value, whether it goes down into folders, whether it gives the pattern."""
    if word.startswith("--"):
        name, equals, _ = word[2:].partition("=")
        if name in known.longs:
            return False, name in known.deep, False
        if name in known.long_values:
            return not equals, False, name == "regexp"
        return None
    went = False
    for n, letter in enumerate(word[1:], 2):
        if letter in known.flags:
            went = went or letter in known.deep
        elif letter in known.values:
            return n == len(word), went, letter == "e"
        else:
            return None
    return False, went, False


def _listed(shown: str, operands: list[tuple[str, bool]], folder: str, *, deep: bool) -> Reading:
    targets, reach = [], 0
    for word, wild in operands:
        at = place(_in(folder, word), beneath=deep)
        if at is None:
            return Unread(f"nobody can say where {word[:80]} leads")
        targets.append(Target("file", at.path))
        if not at.wide and at.secret:
            return exposed(shown, [at.path])
        reach = EVERYTHING if at.wide or wild else reach
    return reads(shown, {DATA}, targets, reach=reach, why="it lists files")


def _opened(shown: str, operands: list[tuple[str, bool]], folder: str, *, deep: bool = False) -> Operation:
    targets, reach, secret = [], 0, False
    for word, wild in operands:
        if word == "-":
            continue
        at = place(_in(folder, word), beneath=deep)
        if at is None or at.device:
            return exposed(shown, [word])
        targets.append(Target("file", at.path))
        secret = secret or at.secret
        reach = EVERYTHING if at.wide or wild else reach
    if secret:
        return exposed(shown, [target.id for target in targets], reach)
    return reads(shown, {DATA}, targets, reach=reach, why="nothing tells beforehand what is in a file")


def exposed(shown: str, files: list[str], reach: int = 0) -> Operation:
    """It shows, or looks for, what may be a credential: whoever saw it has it."""
    return changes(
        shown,
        HARD,
        {SECRETS, DATA},
        [Target("file", path) for path in files],
        reach=reach,
        why="it shows or looks for what may be a credential, which is exposed from then on",
    )
