"""A mandate: a task grant for one agent in one case. It can be narrowed by delegation, never widened (G8, G9)."""

import fnmatch
import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from keyturn.core.action import Target, ToolRef
from keyturn.core.hidden import Mark, shown
from keyturn.errors import Forbidden, InvalidInput

MAX_LIFETIME_MS = 30 * 24 * 3600 * 1000
MAX_PATTERNS = 500
MAX_PATTERN = 1_000
MAX_TOOLS_BYTES = 30_000
MAX_CASE = 200
MAX_PURPOSE = 2_000
_TOOL = re.compile(r"\*|[^/]+/.+")
_TARGET = re.compile(r"\*|[^:]+:.+")
_OBJECT = re.compile(r"[^:/]+[:/].+")
_MANY = re.compile(r"[*?]|/\d{1,3}\s*$")
_LENGTH = re.compile(r"/\d{1,3}\s*$")
_APART = re.compile(r"[,;\r\n\t]+")
_SPAN = re.compile(
    r"\s*(?:\d{1,3}\.){3}\d{1,3}\s*(?:/\s*\d{1,3}(?:\.\d{1,3}){3}|-\s*\d|\s\d)"
    r"|\s*[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*(?:/|-|\s)"
)
"""A network by its mask, a range, several addresses, an IPv6 network: no pattern's text says what lies in it."""

_NETWORK = re.compile(r":((?:\d{1,3}\.){1,3}\d{1,3})/(\d{1,2})\s*$")
_OCTET = 8
_HIDDEN = frozenset(Mark) - {Mark.LINE, Mark.LOOKALIKE}


class Budgets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a mandate may do in its life, with all that is narrowed from it: calls, changes, distinct targets
    changed; and how many holds its agent may have open at once in the case."""

    actions: int = 10_000
    responds: int = 20
    targets: int = 5
    open_holds: int = 10

    def __post_init__(self) -> None:
        if min(self.actions, self.responds, self.targets, self.open_holds) < 0:
            raise InvalidInput("a budget is below zero", hint="0 forbids; leave it out for the default")

    def within(self, other: "Budgets") -> bool:
        """True if no budget is larger than ``other``'s."""
        return all(getattr(self, name) <= getattr(other, name) for name in self.__struct_fields__)


class Spent(msgspec.Struct, frozen=True):
    """What has been used of the budgets: calls and changes that left, targets changed, holds open now."""

    actions: int = 0
    responds: int = 0
    targets: frozenset[Target] = frozenset()
    open_holds: int = 0


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """Who may do what, to what, in which case, until when.

    ``tools`` are ``upstream/tool`` patterns and ``targets`` ``kind:id`` patterns (``*`` and ``?`` as in a shell,
    case kept). ``objects`` names sensitive things exactly, without patterns: a person who writes one down has
    approved the workflow that reads it (G11). Times in milliseconds.
    """

    id: str
    agent: str
    case: str
    purpose: str
    tools: tuple[str, ...]
    targets: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    budgets: Budgets = Budgets()
    issued_by: str
    issued_at: int
    expires_at: int
    parent: str | None = None
    revoked_at: int | None = None

    def __post_init__(self) -> None:
        if not self.tools:
            raise InvalidInput("a mandate names no tool", hint='name tools as patterns, such as "edr/get_*"')
        if not self.case or not self.purpose:
            raise InvalidInput("a mandate needs a case and a purpose", hint="say in a line what the task is")
        if not self.issued_at < self.expires_at <= self.issued_at + MAX_LIFETIME_MS:
            raise InvalidInput("a mandate ends after it starts, within 30 days", hint="no standing access (G9)")
        if any(set(name) & set("*?[") for name in self.objects):
            raise InvalidInput("objects are named exactly, without * ? [", hint="list each sensitive object")

    def live(self, now: int) -> bool:
        """In force at ``now``."""
        return self.revoked_at is None and self.issued_at <= now < self.expires_at

    def covers_tool(self, tool: ToolRef) -> bool:
        """One of the tool patterns matches."""
        name = str(tool)
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.tools)

    def covers_target(self, target: Target) -> bool:
        """One of the target patterns, or an object named exactly, matches.

        A path that climbs (``..`` as a part of it, however written) leads out of the folder that a pattern seems to
        bound, so only a pattern for all targets of its kind covers it. A target that is itself a pattern or a network
        is covered only by a pattern that surely holds all of it, and a list in one text if each of its members is.
        """
        name = f"{target.kind}:{target.id}"
        if name in self.objects or self.covers_all((target.kind,)):
            return True
        if _climbs(target.id) or (_SPAN.match(target.id) and name not in self.targets):
            return False
        parts = members(target)
        if len(parts) > 1 and all(self.covers_target(part) for part in parts):
            return True
        holds = _holds_all if _MANY.search(target.id) else _matches
        return any(holds(name, pattern) for pattern in self.targets)

    def covers_all(self, kinds: Iterable[str]) -> bool:
        """Patterns cover every target of each of these kinds: ``*``, ``*:*``, ``kind:*``."""
        return all(any(_covers_kind(pattern, kind) for pattern in self.targets) for kind in kinds)

    def names(self, tool: ToolRef, target: Target) -> bool:
        """The mandate names this sensitive object, or this tool's workflow, exactly."""
        return f"{target.kind}:{target.id}" in self.objects or str(tool) in self.objects


def members(target: Target) -> tuple[Target, ...]:
    """The targets that one text names with commas, semicolons or lines between them; ``cn=a,ou=b`` is one."""
    if "=" in target.id:
        return (target,)
    parts = [part.strip() for part in _APART.split(target.id)]
    return tuple(Target(target.kind, part) for part in parts if part) or (target,)


def _climbs(name: str) -> bool:
    return any(part.partition(";")[0].strip() == ".." for part in re.split(r"[/\\]", unquote(name)))


def _matches(name: str, pattern: str) -> bool:
    """As a shell matches, but no ``*`` reaches over what sets members apart (``cn=*,ou=staff`` is one pattern)."""
    names, patterns = _APART.split(name), _APART.split(pattern)
    return len(names) == len(patterns) and all(map(fnmatch.fnmatchcase, names, patterns))


def _holds_all(name: str, pattern: str) -> bool:
    """The pattern covers whatever the target's own pattern or network may mean: it is the same text, or a beginning.

    A network begins where its address does, so the beginning must end before the first part that its mask leaves open.
    """
    if name == pattern:
        return True
    network = _NETWORK.search(name)
    if network is not None:
        bits = int(network[2])
        fixed = network[1].split(".")[: bits // 8]
        name = f"{name[: network.start(1)]}{'.'.join(fixed)}{'.' if bits >= _OCTET else ''}"
    return pattern.endswith("*") and not set("*?[") & set(pattern[:-1]) and name.startswith(pattern[:-1])


def check_terms(mandate: Mandate) -> None:
    """Raise :class:`InvalidInput` for a mandate that nobody should issue: it would cover nothing, or hide what it is.

    Patterns for tools are ``upstream/tool``, for targets ``kind:id``, or ``*``; objects are ``kind:id`` or
    ``upstream/tool``. All is bounded, and visible. Two cases are the same only if every character is.
    """
    for what, patterns, form, like in (
        ("tool", mandate.tools, _TOOL, "upstream/tool, such as edr/get_*, or * for every tool"),
        ("target", mandate.targets, _TARGET, "kind:id, such as host:ws-*, or * for every target"),
        ("object", mandate.objects, _OBJECT, "kind:id or upstream/tool"),
    ):
        if len(patterns) > MAX_PATTERNS:
            raise InvalidInput(f"a mandate names {len(patterns)} {what}s", hint=f"at most {MAX_PATTERNS}; use patterns")
        for pattern in patterns:
            _check_text(what, pattern, MAX_PATTERN)
            if not form.fullmatch(pattern):
                raise InvalidInput(f"the {what} {pattern!r} covers nothing", hint=f"write {like}")
    if sum(len(tool.encode()) for tool in mandate.tools) > MAX_TOOLS_BYTES:
        raise InvalidInput("the tools of a mandate are too many to record", hint="use patterns")
    _check_text("case", mandate.case, MAX_CASE)
    _check_text("purpose", mandate.purpose, MAX_PURPOSE)


def _check_text(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidInput(f"the {what} has {len(text)} characters", hint=f"at most {most}")
    if text != text.strip() or not _HIDDEN.isdisjoint(shown(text, most).marked) or "\n" in text:
        raise InvalidInput(
            f"the {what} {text[:200]!a} begins or ends with space, or holds characters that can't be seen",
            hint="write it in plain letters, on one line",
        )


def _covers_kind(pattern: str, kind: str) -> bool:
    """The last ``*`` swallows whatever follows the kind."""
    return pattern.endswith("*") and fnmatch.fnmatchcase(f"{kind}:", pattern)


def narrower_pattern(child: str, parents: tuple[str, ...]) -> bool:
    """True if a child's pattern is surely no wider than one of the parents'.

    A pattern is narrower if it is the same, or if a parent matches its text and it only uses ``*`` and ``?``
    where the parent's own ``*`` swallows them. Classes (``[``) and lists are compared as text only.
    """
    if child in parents:
        return True
    kind, _, rest = child.partition(":")
    if _APART.search(child) or _SPAN.match(rest) or _LENGTH.search(child):
        many = _LENGTH.search(child) and not _SPAN.match(rest) and not _APART.search(child)
        return any(_covers_kind(parent, kind) or (many and _holds_all(child, parent)) for parent in parents)
    return "[" not in child and any("[" not in p and fnmatch.fnmatchcase(child, p) and "?" not in p for p in parents)


def delegate(parent: Mandate, child: Mandate, now: int) -> Mandate:
    """The child mandate, if it is within its parent in every respect, else :class:`Forbidden` with the reason."""
    if not parent.live(now):
        raise Forbidden(f"mandate {parent.id} is over", hint="ask a person for a new one")
    reasons = [
        reason
        for wider, reason in (
            (child.case != parent.case, "another case"),
            (child.expires_at > parent.expires_at, "a later end"),
            (not all(narrower_pattern(t, parent.tools) for t in child.tools), "tools that the parent lacks"),
            (
                not all(narrower_pattern(t, parent.targets) for t in child.targets),
                "targets that the parent lacks",
            ),
            (
                not set(child.objects) <= set(parent.objects),
                "sensitive objects that the parent does not name",
            ),
            (not child.budgets.within(parent.budgets), "larger budgets"),
        )
        if wider
    ]
    if reasons:
        raise Forbidden(f"a delegated mandate is never wider: {', '.join(reasons)}", hint="narrow it")
    return msgspec.structs.replace(child, parent=parent.id)
