"""Command lines of PowerShell, as far as they are plain words: pipelines of known cmdlets, with known parameters.

Variables, expressions, types, sub-expressions, call operators, splatting, aliases of one's own and script blocks are
not read, but for a filter that compares properties of what comes by (``Where-Object { $_.Name -eq 'x' }``).
"""

import re
from functools import partial
from typing import Final

from keyturn.catalogue.rules import paths, windows
from keyturn.catalogue.rules.answers import DATA, changes, of_all, reads
from keyturn.catalogue.rules.cmdlets import ALIASES, CMDLETS, FILES, Cmdlet
from keyturn.catalogue.rules.places import hunts, may_hunt, place
from keyturn.catalogue.rules.posix import exposed
from keyturn.catalogue.rules.rule import seen
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest

MOST: Final = 64
_VALUE: Final = r"""(?:'[^'\n]*'|"[^"$`\n]*"|-?\d+(?:\.\d+)?(?:[KMGT]B)?|\$true|\$false|\$null)"""
_COMPARES: Final = "[ci]?(?:eq|ne|gt|lt|ge|le|like|notlike|match|notmatch|contains|in|notin)"
_TEST: Final = rf"-?\(? *\$_(?:\.\w+){{1,3}} +-{_COMPARES} +{_VALUE}(?:, *{_VALUE})* *\)?"
_BLOCK: Final = rf"\{{ *{_TEST}(?: +-(?:and|or) +{_TEST})* *\}}"
_ATOM: Final = r"[A-Za-z0-9_./:\\*?~+-]++|'[^'\n]*'(?!')|\"[^\"$`\n]*\"(?!\")|\$(?i:true|false|null)(?![\w:.])"
_TOKEN: Final = re.compile(
    rf"[ \t]*(?:(?P<word>(?:{_ATOM})(?:, *(?:{_ATOM}))*(?=[ \t\n|;]|\Z))|(?P<end>\|\||&&|[|;]|\n)"
    rf"|(?P<block>(?i:{_BLOCK}))|(?P<quiet>[2-6*]?> ?\$(?i:null)(?![\w.:])|2>&1(?![^ \t\n|;])))|(?P<odd>.)"
)
_SPLIT: Final = re.compile(_ATOM)
_CLASS: Final = re.compile(r"(win32_(?!product)\w+|antivirusproduct|msft_\w+|cim_\w+)", re.I)
_SPACE: Final = re.compile(r"(root[\\/])?(cimv2|securitycenter2?|standardcimv2|microsoft[\\/]windows[\\/]\w+)", re.I)
_PROVIDER: Final = re.compile(r"[a-z0-9.\\]{2,}:", re.I)


def read(line: str) -> Reading:
    """Everything that the line runs, as one operation."""
    commands = split(line)
    hunting = not isinstance(commands, Unread) and may_hunt(commands)
    return of_all(commands, partial(_command, hunting=hunting))


def split(line: str) -> list[list[str]] | Unread:
    """The words of every command of the line, quotes kept."""
    if not seen(line):
        return Unread("it holds characters that can't be seen or that look like others")
    found: list[list[str]] = [[]]
    ended, line = "", line.rstrip(" \t")
    for token in _TOKEN.finditer(line):
        kind = token.lastgroup
        if kind == "word" or kind == "block":
            found[-1].append(token[kind])
        elif kind == "end":
            if not found[-1] and token["end"] != "\n" and not (token["end"] == ";" and ended in ("", "\n")):
                return Unread("a command is missing")
            ended = token["end"]
            if found[-1]:
                found.append([])
        elif kind == "odd":
            at = token.start()
            return Unread(f"PowerShell makes more of {line[at : at + 20].lstrip()!r} than plain words")
    found = found if found[-1] else found[:-1]
    return found if 0 < len(found) <= MOST else Unread("there is no command in it, or too many")


def _command(words: list[str], *, hunting: bool) -> Reading:
    name, shown = words[0].lower(), " ".join(words)
    if name[0] in "'\"{$" or "," in name:
        return Unread("an expression decides what runs")
    name = ALIASES.get(name, name)
    if name in FILES:
        return _files(name, words[1:], shown)
    if name in _CONTROLLED:
        return _control(name, words[1:], shown)
    if name not in CMDLETS:
        return _program(words)
    known = CMDLETS[name]
    given = _given(known, words[1:], filters=name == "where-object")
    if isinstance(given, Unread):
        return given
    operands, files, flags = given
    if name in ("get-ciminstance", "get-wmiobject"):
        return _cim(operands, words, shown)
    if hunting and hunts(word.strip("'\"") for word in words[1:]):
        named = [at.path for at in map(place, files + [item for word in operands for item in _items(word)]) if at]
        return exposed(shown, named if known.lists or known.opens else [])
    if len(operands) > known.most:
        return Unread(f"{name} may do more than read when it gets more words")
    if not known.lists and not known.opens:
        return reads(shown, {DATA}, why="it shows what the machine knows")
    patterns = 0 if known.first and any(word.lower() == "-pattern" for word in words) else known.first
    taken = operands[patterns:] if known.most > 2 or known.opens else operands[:1]
    files += [file for operand in taken for file in _items(operand)]
    if not files and known.lists and "recurse" in flags:
        files = ["."]
    return _placed(files, shown, opens=known.opens, deep="recurse" in flags)


def _program(words: list[str]) -> Reading:
    """A program of the system: plain words only."""
    bare = [word[1:-1] if word[0] in "'\"" else word for word in words]
    if any("," in word or "'" in word or '"' in word or word[:1] in ("", "{", "$") for word in bare):
        return Unread(f"nobody knows what {words[0][:80]} does")
    if bare[0].lower() in ("sc", "where", "sort", "find", "findstr"):
        return Unread("its name means something else here")
    return windows.native(bare)


def _given(known: Cmdlet, words: list[str], *, filters: bool = False) -> tuple[list[str], list[str], set[str]] | Unread:
    """The operands, the files that parameters name, and the switches."""
    operands: list[str] = []
    files: list[str] = []
    flags: set[str] = set()
    waiting = ""
    for word in words:
        if word[0] == "-" and len(word) > 1 and not word[1].isdigit():
            name, colon, value = word[1:].lower().partition(":")
            if waiting or colon or value or (name not in known.switches and name not in known.values):
                return Unread(f"nobody knows what the parameter {word[:40]} does here")
            if name in known.switches:
                flags.add(name)
            else:
                waiting = name
        elif word[0] == "{" and not filters:
            return Unread("a script block runs")
        elif waiting:
            if waiting in ("path", "literalpath", "filepath", "destination"):
                files += _items(word)
            waiting = ""
        else:
            operands.append(word)
    return Unread("a parameter lacks its value") if waiting else (operands, files, flags)


def _items(word: str) -> list[str]:
    return [item[1:-1] if item[0] in "'\"" else item for item in _SPLIT.findall(word)]


def _cim(operands: list[str], words: list[str], shown: str) -> Reading:
    classes, spaces = [item for word in operands for item in _items(word)], []
    for n, word in enumerate(words[1:-1], 1):
        if word.lower() in ("-class", "-classname"):
            classes += _items(words[n + 1])
        elif word.lower() == "-namespace":
            spaces += _items(words[n + 1])
    if len(classes) != 1 or not _CLASS.fullmatch(classes[0]) or not all(_SPACE.fullmatch(space) for space in spaces):
        return Unread("nobody knows what that class does when it is asked")
    return reads(shown, {DATA}, why="it shows what the machine knows")


def _placed(files: list[str], shown: str, *, opens: bool, deep: bool) -> Reading:
    targets: list[Target] = []
    reach = 0
    for file in files:
        if _PROVIDER.match(file):
            if file[:4].lower() not in ("hklm", "hkcu"):
                return Unread(f"nobody can say what {file[:80]} shows")
            one = windows.registry(shown, file.replace("/", "\\"), [file], deep=deep)
            if isinstance(one, Unread) or one.stage.rank:
                return one
            targets += one.targets
            reach = max(reach, one.reach)
            continue
        at = place(file, beneath=deep)
        if at is None or at.device or at.remote:
            return Unread(f"nobody can say where {file[:80]} leads")
        if at.secret and (opens or not at.wide):
            return exposed(shown, [at.path])
        targets.append(Target("file", at.path))
        reach = EVERYTHING if at.wide else reach
    why = "nothing tells beforehand what is in a file" if opens else "it shows what the machine knows"
    return reads(shown, {DATA}, targets, reach=reach, why=why)


def _files(name: str, words: list[str], shown: str) -> Reading:
    does, known = FILES[name]
    given = _given(known, words)
    if isinstance(given, Unread):
        return given
    operands, files, flags = given
    files += [file for operand in operands for file in _items(operand)]
    found = []
    for file in files:
        at = None if _PROVIDER.match(file) else place(file, beneath="recurse" in flags)
        if at is None or at.device:
            return Unread(f"nobody can say where {file[:80]} leads")
        found.append(paths.done(does, at))
    if not found:
        return Unread(f"{name} names no file")
    one = gravest(*found)
    return changes(shown, one.reversible, one.touches, one.targets, reach=one.reach, why=one.why)


_CONTROLLED: Final = frozenset(
    {"stop-process", "stop-service", "restart-service", "start-service", "stop-computer", "restart-computer"}
)
_CONTROL: Final = Cmdlet(switches=frozenset({"force"}), values=frozenset({"name", "id", "processname", "erroraction"}))


def _control(name: str, words: list[str], shown: str) -> Operation | Unread:
    if name.endswith("computer"):
        return windows.CHANGERS["shutdown"](words, shown) or Unread("")
    given = _given(_CONTROL, words)
    if isinstance(given, Unread):
        return given
    what = [word for n, word in enumerate(words) if word[0] != "-" and words[n - 1].lower() != "-erroraction"]
    items = [item for word in what for item in _items(word)]
    if not items:
        return Unread(f"{name} does not name what it ends")
    if name == "stop-process":
        return windows.process(shown, items, named_ones=not all(item.isdigit() for item in items))
    return windows.service(shown, name.partition("-")[0], items)
