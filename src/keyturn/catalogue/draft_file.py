"""Writing vendors' files: a new one from drafts, and one tool of a file anew, with everything else left as it stands.

Names and descriptions are a server's own words, so hostile. A scalar of theirs is quoted with every character beyond
plain ASCII escaped, and a comment is bounded, on one line, with what can't be seen made visible
(:mod:`keyturn.core.hidden`): nothing of theirs can become a key, a value or a line of its own.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from keyturn.catalogue import strict_yaml
from keyturn.catalogue.lexicon import Draft
from keyturn.core.hidden import shown
from keyturn.core.profile import Reversible, Touches
from keyturn.errors import ProfileError

MOST_COMMENT = 300
_LONG_KEY = 900
"""YAML reads a key of more than 1,024 characters only behind a question mark."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")
_NOT_TEXT = frozenset({"true", "false", "null"})
_HEAD = """\
# Drafted from what the server says of its own tools, {at}. Nobody has reviewed it: each comment says which word made
# the draft say so, and what no word explains counts as the worst case. Then: keyturn catalogue review FILE --person YOU
"""


class Drafted(NamedTuple):
    """One tool to write: its name and description as its server says them, and the draft."""

    name: str
    description: str
    draft: Draft


def new_file(vendor: str, server: str, against: str, at: str, tools: Iterable[Drafted]) -> str:
    """The text of a vendor's file with these drafts (at least one); ``at`` is the day, in words.

    Raises :class:`ProfileError` for a name that no file can hold (half a surrogate pair).
    """
    lines = [
        *_HEAD.format(at=comment(at)).splitlines(),
        f"vendor: {quoted(vendor)}",
        f"servers: [{quoted(server)}]",
        f"against: {quoted(against)}",
        "defaults: {basis: derived}",
        "tools:",
    ]
    for tool in sorted(tools):
        lines += _block(tool)
    return "\n".join(lines) + "\n"


def _block(tool: Drafted) -> list[str]:
    draft, profile = tool.draft, tool.draft.profile
    lines = [f"  # it says: {comment(tool.description)}"] if tool.description else []
    if profile.touches == frozenset(Touches) and profile.reversible is Reversible.IRREVERSIBLE:
        lines.append("  # the worst case: review it, or it waits for two keys each time")
    lines += [
        *_key(tool.name, 2),
        f"    stage: {profile.stage.value}  # {comment(draft.why('stage'))}",
        f"    reversible: {profile.reversible.value}  # {comment(draft.why('reversible'))}",
        *_touches(draft),
    ]
    if profile.targets:
        lines.append("    targets:")
        for rule in profile.targets:
            said = comment(draft.why("targets", rule.argument))
            lines.append(f"      {quoted(rule.argument)}: {rule.kind}  # {said}")
    if profile.by_hand:
        lines.append(f"    by_hand: {quoted(profile.by_hand)}")
    return [*lines, f"    why: {quoted(profile.why)}", ""]


def _touches(draft: Draft) -> list[str]:
    touches = sorted(draft.profile.touches)
    if not touches:
        return [f"    touches: []  # {comment(draft.why('touches'))}"]
    return [
        "    touches:",
        *(f"      - {each.value}  # {comment(draft.why('touches', each.value))}" for each in touches),
    ]


def _key(name: str, indent: int) -> list[str]:
    written, space = quoted(name), " " * indent
    return [f"{space}{written}:"] if len(written) < _LONG_KEY else [f"{space}? {written}", f"{space}:"]


def _flow_key(name: str) -> str:
    written = quoted(name)
    return written if len(written) < _LONG_KEY else f"? {written} "


def comment(text: str, most: int = MOST_COMMENT) -> str:
    """A text as the rest of a comment's line: on one line, bounded, made visible."""
    return shown(text, most).text


def quoted(text: str) -> str:
    """A YAML scalar that reads as exactly this text, in ASCII alone."""
    if _PLAIN.fullmatch(text) and text not in _NOT_TEXT:
        return text
    return '"' + "".join(_escaped(ch) for ch in text) + '"'


def _escaped(ch: str) -> str:
    if ch in '"\\':
        return "\\" + ch
    if " " <= ch <= "~":
        return ch
    if "\ud800" <= ch <= "\udfff":
        raise ProfileError("a name holds half a character, which no file can hold", hint="have the server correct it")
    return f"\\U{ord(ch):08X}"


def flow(value: Any) -> str:
    """A value (as :func:`strict_yaml.read` answers) on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow_key(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return quoted(value) if isinstance(value, str) else str(value)


def with_tool(text: str, source: str, name: str, entry: Mapping[str, Any]) -> str:
    """The file's text with one tool's entry replaced, and nothing else touched: comments and order stay.

    Raises :class:`ProfileError` if the tool does not stand on lines of its own, or the result would not say exactly
    what the file said before but for this tool.
    """
    start, end = _place(text, source, name)
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip(" ?"):
        raise ProfileError(f"{source}: the tool {name[:80]!r} shares its line", hint="give it lines of its own")
    indent = len(text[line:start]) - len(text[line:start].lstrip(" "))
    rest = text.find("\n", end)
    rest = len(text) if rest < 0 else rest
    lines = [*_key(name, indent), *(f"{' ' * (indent + 2)}{key}: {flow(value)}" for key, value in entry.items())]
    made = text[:line] + "\n".join(lines) + text[rest:]
    before, after = strict_yaml.read(text, source), strict_yaml.read(made, source)
    before["tools"][name] = dict(entry)
    if before != after:
        raise ProfileError(
            f"{source}: the tool {name[:80]!r} can't be rewritten alone", hint="give it lines of its own"
        )
    return made


def _place(text: str, source: str, name: str) -> tuple[int, int]:
    """Where a tool's key begins and its entry ends, as offsets."""
    strict_yaml.read(text, source)
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    tools = next((value for key, value in root.value if key.value == "tools"), None)
    for key, value in tools.value if isinstance(tools, yaml.MappingNode) else ():
        if key.value == name:
            return key.start_mark.index, _end(value)
    raise ProfileError(f"{source}: there is no tool {name[:80]!r} among its tools")


def _end(node: yaml.Node) -> int:
    """Where a value's last visible character is; a block's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
