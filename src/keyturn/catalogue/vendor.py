"""A vendor's file: its shape, and the rules that a profile must keep to be believed (format: docs/spec/catalogue.md).

A file is taken whole or refused whole: one profile that can't be read never lets its tool fall back to a milder one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from keyturn.catalogue import strict_yaml
from keyturn.catalogue.command_line import smuggles, unread
from keyturn.catalogue.namespaces import routed, worst
from keyturn.catalogue.rules import RULES, Applied
from keyturn.core.operation import narrowed
from keyturn.core.profile import (
    Basis,
    Check,
    Profile,
    Reversible,
    Reviewed,
    Stage,
    Step,
    TargetRule,
    Touches,
    at_path,
    no_graver,
    same,
)
from keyturn.core.withholding import bare
from keyturn.errors import ProfileError

_Ids = tuple[str, ...]
EXPLAINED = frozenset({Touches.SECRETS, Touches.IDENTITY, Touches.PRIVILEGED_DATA})
"""A reviewed read that touches one of these says why, as a reviewed change does."""

PASSED_ON = frozenset({"resources/read", "prompts/get"})
"""Reads that are no tool's: their answers are passed on as they come."""

SHORTEST = 3
"""Letters and digits of a withheld field's name; a shorter one stands in too many words."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool: the profile of any call of it, and what finds a milder one in the arguments (variants or a rule).

    ``runs``: the tools of which it runs one (:mod:`~keyturn.catalogue.namespaces`). ``command_line``: its server makes
    options of its arguments, so a text that begins like an option or a file of options may say anything.
    """

    base: Profile
    variants: tuple["Variant", ...] = ()
    rule: Applied | None = None
    runs: Mapping[str, "Tool"] | None = None
    command_line: bool = False

    def profile(self, arguments: Any) -> Profile:
        """The profile of a call; never raises. The base stands unless one variant matches or the rule reads less.

        A call without arguments says nothing that could select a variant.
        """
        if not isinstance(arguments, dict):
            return self.base
        if self.command_line and smuggles(arguments):
            return unread(self.base)
        if self.runs is not None:
            return routed(self.base.tool, self.runs, arguments)
        if self.rule is not None:
            return narrowed(self.base, self.rule.read(arguments))
        if not arguments:
            return self.base
        matching = [variant.profile for variant in self.variants if variant.matches(arguments)]
        return matching[0] if len(matching) == 1 else self.base


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A milder profile, for calls whose arguments (dotted paths) each hold one of the values named for them."""

    when: dict[str, tuple[Any, ...]]
    profile: Profile

    def matches(self, arguments: Any) -> bool:
        """True if every named argument holds a named value; an absent argument counts as null."""
        for path, values in self.when.items():
            try:
                found = at_path(arguments, path)
            except LookupError:
                found = None
            if not any(same(found, value) for value in values):
                return False
        return True


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's file, read: who, which servers it speaks for, what was looked at, and the tools by name."""

    vendor: str
    servers: tuple[str, ...]
    against: str
    source: str
    tools: Mapping[str, Tool]


class _Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    basis: Basis = Basis.REVIEWED


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vendor: str
    servers: tuple[str, ...]
    tools: dict[str, Any] = {}
    against: str = ""
    reads: tuple[str, ...] = ()
    reads_basis: Basis | None = None
    defaults: _Defaults = _Defaults()
    namespace: str = ""
    command_line: bool = False


class _Packed(_File, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file in the package: its tools stay as they are written until somebody asks for one."""

    source: str
    tools: dict[str, msgspec.Raw] = {}


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that a tool and a variant share; what is left out is inherited (a variant) or the default."""

    reversible: Reversible | None = None
    touches: frozenset[Touches] | None = None
    targets: dict[str, str] | None = None
    inverse: Step | None = None
    by_hand: str = ""
    preserve: dict[str, Step] = {}
    check: Check | None = None
    idempotent: bool | None = None
    basis: Basis | None = None
    why: str = ""
    does: str = ""
    openc2: str | None = None
    d3fend: _Ids | None = None
    react: _Ids | None = None


class _WrittenVariant(_Written, frozen=True, kw_only=True, forbid_unknown_fields=True):
    when: dict[str, Any]
    stage: Stage | None = None


class _WrittenTool(_Written, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stage: Stage
    variants: tuple[_WrittenVariant, ...] = ()
    rule: dict[str, dict[str, Any]] = {}
    reviewed: Reviewed | None = None
    withholds: tuple[str, ...] = ()


class LazyTools(Mapping[str, Tool]):
    """The tools of a file that was checked when it was packaged: each is read when it is first asked for."""

    __slots__ = ("_file", "_read", "_reads", "_source")

    def __init__(self, file: _File, source: str) -> None:
        self._file = file
        self._source = source
        self._reads = frozenset(file.reads)
        self._read: dict[str, Tool] = {}

    def __getitem__(self, name: str) -> Tool:
        found = self._read.get(name)
        if found is None and name and name == self._file.namespace:
            found = self._read[name] = Tool(base=worst(name), runs=self, command_line=self._file.command_line)
        elif found is None:
            plain = {"stage": "analyse", "basis": self._file.reads_basis}
            written = plain if name in self._reads else self._file.tools[name]
            found = self._read[name] = _read_tool(name, written, self._file, self._source)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self._file.reads
        yield from self._file.tools
        if self._file.namespace:
            yield self._file.namespace

    def __len__(self) -> int:
        return len(self._file.reads) + len(self._file.tools) + bool(self._file.namespace)


def read_vendor(text: str, source: str) -> Vendor:
    """Read one file. ``source`` is named in the :class:`ProfileError` that anything wrong in it raises."""
    return _checked(strict_yaml.read(text, source), source)


def _checked(written: Any, source: str) -> Vendor:
    file = _convert(written, _File, source)
    if not file.servers or not (file.tools or file.reads) or not file.vendor or "" in file.servers:
        raise ProfileError(f"{source}: vendor, servers and tools must not be empty")
    _once(file, source)
    vendor = _vendor(file, source)
    _steps_lead_somewhere(vendor.tools, source)
    return vendor


def pack(files: Mapping[str, str]) -> bytes:
    """The texts of checked files (by a short name each) as one that loads fast, for :func:`unpack`."""
    packed = []
    for source, text in files.items():
        written = strict_yaml.read(text, source)
        _checked(written, source)
        packed.append({"source": source, **written})
    return b"[\n" + b",\n".join(msgspec.json.encode(file) for file in packed) + b"\n]\n"


def unpack(packed: bytes) -> tuple[Vendor, ...]:
    """The vendors of :func:`pack`. It was checked then, so a tool is read only when it is asked for."""
    try:
        files = msgspec.json.decode(packed, type=tuple[_Packed, ...])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"the packaged catalogue can't be read: {error}", hint="install the package anew") from None
    return tuple(_vendor(file, file.source) for file in files)


def _vendor(file: _File, source: str) -> Vendor:
    tools = LazyTools(file, source)
    return Vendor(vendor=file.vendor, servers=file.servers, against=file.against, source=source, tools=tools)


def _once(file: _File, source: str) -> None:
    seen = set(file.tools)
    for name in (*file.reads, *filter(None, [file.namespace])):
        if name in seen:
            raise ProfileError(f"{source}: the tool {name[:80]!r} is there twice", hint="keep it in reads or in tools")
        seen.add(name)


def _read_tool(name: str, value: Any, file: _File, source: str) -> Tool:
    where = f"{source}: tool {name[:80]!r}"
    try:
        return _tool(name, _convert(value, _WrittenTool, where), file)
    except ProfileError as error:
        if error.message.startswith(where):
            raise
        raise ProfileError(f"{where}: {error.message}", hint=error.hint) from None


def _convert(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(value, type=kind) if isinstance(value, msgspec.Raw) else msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ProfileError(f"{where}: {error}", hint="docs/spec/catalogue.md lists the keys") from None


def _tool(name: str, written: _WrittenTool, file: _File) -> Tool:
    empty = Profile(
        tool=name,
        stage=written.stage,
        reversible=Reversible.NO_EFFECT,
        basis=file.defaults.basis,
        reviewed=written.reviewed,
        withholds=written.withholds,
    )
    if written.reversible is None and written.stage is not Stage.ANALYSE:
        raise ProfileError(f"stage {written.stage} needs reversible", hint="say what it takes to restore")
    base = _profile(written, written.stage, empty)
    _believable(base)
    variants = []
    for item in written.variants:
        variant = Variant(
            when={path: _values(value) for path, value in item.when.items()},
            profile=_profile(item, item.stage or base.stage, base),
        )
        _milder(variant, base)
        variants.append(variant)
    return Tool(base=base, variants=tuple(variants), rule=_rule(written), command_line=file.command_line)


def _rule(written: _WrittenTool) -> Applied | None:
    if not written.rule:
        return None
    if len(written.rule) > 1 or written.variants:
        raise ProfileError("a tool has one rule, or variants", hint="keep the one that decides")
    ((name, parts),) = written.rule.items()
    if name not in RULES:
        raise ProfileError(f"there is no rule {name[:40]!r}", hint=f"the rules are {', '.join(sorted(RULES))}")
    read = {text.removeprefix("$").removeprefix("?") for text in parts.values() if isinstance(text, str)}
    if named := [argument for argument in written.targets or {} if f"arguments.{argument}" in read]:
        raise ProfileError(
            f"the rule {name} reads {named[0]!r} and names the targets in it", hint="leave it out of targets"
        )
    return Applied(RULES[name], parts)


def _values(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _profile(written: _Written, stage: Stage, below: Profile) -> Profile:
    """What is written, over what is inherited. Steps and checks belong to one case and are never inherited."""
    reversible = written.reversible or (Reversible.NO_EFFECT if stage is Stage.ANALYSE else below.reversible)
    rules = written.targets
    return Profile(
        tool=below.tool,
        stage=stage,
        reversible=reversible,
        touches=below.touches if written.touches is None else written.touches,
        targets=below.targets if rules is None else tuple(TargetRule(a, k) for a, k in rules.items()),
        inverse=written.inverse,
        by_hand=written.by_hand,
        preserve=written.preserve,
        check=written.check,
        idempotent=below.idempotent if written.idempotent is None else written.idempotent,
        basis=written.basis or below.basis,
        reviewed=below.reviewed,
        why=written.why or below.why,
        does=written.does or below.does,
        openc2=below.openc2 if written.openc2 is None else written.openc2,
        d3fend=below.d3fend if written.d3fend is None else written.d3fend,
        react=below.react if written.react is None else written.react,
        withholds=below.withholds,
    )


def _believable(profile: Profile) -> None:
    """Refuse a profile that contradicts itself, or that claims more than it explains."""
    reads = profile.stage is Stage.ANALYSE
    can_undo = profile.inverse is not None or bool(profile.by_hand)
    sensitive = profile.touches & EXPLAINED
    faults = (
        (
            reads is not (profile.reversible is Reversible.NO_EFFECT),
            "no_effect and the stage analyse belong together",
        ),
        (reads and bool(can_undo or profile.preserve), "what has no effect has nothing to take back or preserve"),
        (
            profile.stage is Stage.RESPOND and profile.reversible is Reversible.REVERSIBLE and not can_undo,
            "reversible needs an inverse, or by_hand: what a person does to take it back",
        ),
        (
            profile.reversible is Reversible.IRREVERSIBLE and profile.inverse is not None,
            "what has an inverse is not irreversible",
        ),
        (
            profile.basis is Basis.REVIEWED and bool(not reads or sensitive) and not profile.why,
            "a reviewed profile of a change or of a sensitive read says why",
        ),
        (
            profile.reviewed is not None and profile.basis is not Basis.REVIEWED,
            "a profile that somebody accepted is reviewed: basis and reviewed belong together",
        ),
        (
            bool(profile.withholds) and (not reads or profile.tool in PASSED_ON),
            "only a tool that reads withholds something of its answer",
        ),
        (
            any(len(bare(name)) < SHORTEST for name in profile.withholds),
            f"withholds names fields, each of at least {SHORTEST} letters or digits",
        ),
        (
            profile.basis is Basis.REVIEWED and bool(profile.withholds) and not profile.why,
            "a reviewed read that withholds something says why",
        ),
        (profile.basis is Basis.UNKNOWN, "a profile that is written down is reviewed or derived"),
    )
    for is_fault, message in faults:
        if is_fault:
            raise ProfileError(message)


def _milder(variant: Variant, base: Profile) -> None:
    if not variant.when or not all(variant.when.values()):
        raise ProfileError("a variant names the arguments and values that select it")
    _believable(variant.profile)
    if not no_graver(variant.profile, base):
        raise ProfileError(
            f"the variant for {', '.join(variant.when)} is graver than its tool, or names fewer targets",
            hint="the tool's own keys are its worst case: raise them",
        )


def _steps_lead_somewhere(tools: Mapping[str, Tool], source: str) -> None:
    for name, tool in tools.items():
        for profile in (tool.base, *(variant.profile for variant in tool.variants)):
            for step in steps_of(profile):
                if step.tool not in tools:
                    raise ProfileError(f"{source}: tool {name!r}: its step {step.tool!r} is no tool of this file")
            for step in profile.preserve.values():
                if tools[step.tool].base.stage is Stage.RESPOND:
                    raise ProfileError(f"{source}: tool {name!r}: {step.tool!r} responds, so it preserves nothing")
            if profile.check is not None and tools[profile.check.tool].base.stage is not Stage.ANALYSE:
                raise ProfileError(f"{source}: tool {name!r}: {profile.check.tool!r} changes things, so it can't look")


def steps_of(profile: Profile) -> tuple[Step | Check, ...]:
    """Every other call that a profile names: its inverse, what it preserves first, its check."""
    single = (profile.inverse, profile.check)
    return (*(step for step in single if step is not None), *profile.preserve.values())
