"""What a tool does to the world: the catalogue's knowledge, never the agent's word (design, section 3).

A tool with no profile counts as :data:`WORST`. A profile may have variants that an argument chooses; the base
stands for every call that no variant matches, so it must be at least as severe as each of them.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from keyturn.core.action import Target
from keyturn.core.canonical import parse_json
from keyturn.errors import InvalidJson, ProfileError

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class Stage(StrEnum):
    """Where in the work a tool belongs: reading, noting, or changing (closing work is changing: G5)."""

    ANALYSE = "analyse"
    RECORD = "record"
    RESPOND = "respond"

    @property
    def rank(self) -> int:
        """0 for the mildest, higher is graver."""
        return _STAGES[self]


class Reversible(StrEnum):
    """What it takes to restore the state, from nothing to impossible (G1)."""

    NO_EFFECT = "no_effect"
    REVERSIBLE = "reversible"
    HARD = "hard_to_reverse"
    IRREVERSIBLE = "irreversible"

    @property
    def rank(self) -> int:
        """0 for the mildest, higher is graver."""
        return _REVERSIBLE[self]


_STAGES = {stage: rank for rank, stage in enumerate(Stage)}
_REVERSIBLE = {reversible: rank for rank, reversible in enumerate(Reversible)}


class Touches(StrEnum):
    """Sensitive things. The first three count for reads too, the others for changes (G2, G11)."""

    SECRETS = "secrets"
    IDENTITY = "identity"
    PRIVILEGED_DATA = "privileged_data"
    PRODUCTION = "production"
    EVIDENCE = "evidence"
    DETECTION_CONTROLS = "detection_controls"


GUARDED = frozenset({Touches.SECRETS, Touches.PRIVILEGED_DATA, Touches.EVIDENCE})
"""What a person's mandate must name before a read of it runs free (guardrail 1)."""


class Basis(StrEnum):
    """Who stands behind a profile: a reviewer, a rule that derived it, or nobody."""

    REVIEWED = "reviewed"
    DERIVED = "derived"
    UNKNOWN = "unknown"


class Reviewed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who accepted a profile, when (ISO 8601, UTC), and the fingerprint of the definition that they looked at."""

    by: str
    at: str
    definition: str

    def __post_init__(self) -> None:
        if not self.by.strip():
            raise ProfileError("reviewed names nobody", hint="say who accepted it: by")
        if not _MOMENT.fullmatch(self.at):
            raise ProfileError(f"{self.at[:40]!r} is no moment in UTC", hint="write it as 2026-01-31T12:00:00Z")
        if not _FINGERPRINT.fullmatch(self.definition):
            raise ProfileError("definition is no fingerprint", hint="keyturn catalogue review writes it: 64 hex digits")


class TargetRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The argument (dotted path) that names targets, and of what kind; a list names several."""

    argument: str
    kind: str


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of another tool on the same upstream: its arguments are a template (see :func:`resolve`)."""

    tool: str
    arguments: dict[str, Any] = {}


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to look in a result (dotted path), and what must stand there. All values are templates.

    Exactly one is given: ``equals`` a value; ``one_of`` several; ``includes`` or ``excludes`` an item that the list
    there has, or has not (an object matches when it holds at least the named entries).
    """

    at: str
    equals: Any = msgspec.UNSET
    one_of: tuple[Any, ...] = ()
    includes: Any = msgspec.UNSET
    excludes: Any = msgspec.UNSET

    def __post_init__(self) -> None:
        given = sum(value is not msgspec.UNSET for value in (self.equals, self.includes, self.excludes))
        if given + bool(self.one_of) != 1:
            raise ProfileError(
                f"the expectation at {self.at!r} is not clear", hint="one of equals, one_of, includes, excludes"
            )

    def met_by(self, found: Any, scope: dict[str, Any]) -> bool:
        """True if the value found is what is expected. Raises :class:`ProfileError` for a template without a value."""
        if self.equals is not msgspec.UNSET:
            return same(found, resolve(self.equals, scope))
        if self.one_of:
            return any(same(found, resolve(template, scope)) for template in self.one_of)
        if not isinstance(found, list):
            return False
        wanted = self.includes is not msgspec.UNSET
        item = resolve(self.includes if wanted else self.excludes, scope)
        return any(_holds(element, item) for element in found) is wanted


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The read that proves the effect: it holds if every expectation does, and there is at least one."""

    tool: str
    arguments: dict[str, Any]
    expect: tuple[Expectation, ...]

    def __post_init__(self) -> None:
        if not self.expect:
            raise ProfileError(f"the check {self.tool!r} expects nothing", hint="name at least one value to look at")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One tool's effect on the world. Fields as in design, section 3.

    ``by_hand`` says how a person takes it back where no tool of the same server does; ``does`` what the call does, as
    a phrase with ``{argument}`` where a value of the call belongs (:mod:`keyturn.core.sentence`). ``named`` and
    ``reach`` are of one call only: the targets that a rule read in its arguments, and how many it meets at least
    (:mod:`keyturn.core.operation`). ``withholds`` names the fields of a read's answer that hold credentials: the agent
    gets the answer without them (:mod:`keyturn.core.withholding`). ``reviewed``: the definition that its reviewer
    looked at; another one quarantines the tool until a person accepts it (ADR 0006).
    """

    tool: str
    stage: Stage
    reversible: Reversible
    touches: frozenset[Touches] = frozenset()
    targets: tuple[TargetRule, ...] = ()
    inverse: Step | None = None
    by_hand: str = ""
    preserve: dict[str, Step] = {}
    check: Check | None = None
    idempotent: bool = False
    basis: Basis = Basis.UNKNOWN
    reviewed: Reviewed | None = None
    why: str = ""
    does: str = ""
    openc2: str = ""
    d3fend: tuple[str, ...] = ()
    react: tuple[str, ...] = ()
    named: tuple[Target, ...] = ()
    reach: int = 0
    withholds: tuple[str, ...] = ()


WORST = Profile(
    tool="*",
    stage=Stage.RESPOND,
    reversible=Reversible.IRREVERSIBLE,
    touches=frozenset(Touches),
    basis=Basis.UNKNOWN,
    why="nobody has profiled this tool, so it counts as the worst case",
)


class Effect(Protocol):
    """What something does: a tool, or one call of it."""

    @property
    def stage(self) -> Stage: ...  # noqa: D102 — as in :class:`Profile`
    @property
    def reversible(self) -> Reversible: ...  # noqa: D102
    @property
    def touches(self) -> frozenset[Touches]: ...  # noqa: D102


def does_no_more(one: Effect, ceiling: Effect) -> bool:
    """True if ``one`` does nothing graver to the world than ``ceiling``: stage, reversibility, touches."""
    return (
        one.stage.rank <= ceiling.stage.rank
        and one.reversible.rank <= ceiling.reversible.rank
        and one.touches <= ceiling.touches
    )


def no_graver(profile: Profile, ceiling: Profile) -> bool:
    """True if ``profile`` claims nothing graver than ``ceiling``: stage, reversibility, touches, retry, targets,
    what it withholds.

    The order is partial and :data:`WORST` is above every profile that names the targets it names.
    """
    return (
        does_no_more(profile, ceiling)
        and profile.idempotent >= ceiling.idempotent
        and set(profile.targets) >= set(ceiling.targets)
        and set(profile.withholds) >= set(ceiling.withholds)
    )


def at_path(value: Any, path: str) -> Any:
    """The value at a dotted path (`a.b.0`); :class:`LookupError` if it is not there. `""` is the whole."""
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value[part]
        elif isinstance(value, list | tuple) and part.isdigit():
            value = value[int(part)]
        else:
            raise LookupError(part)
    return value


def resolve(template: Any, scope: dict[str, Any]) -> Any:
    """Fill a template: a string ``$root.dotted.path`` becomes the value there; ``$$`` at the start is a plain ``$``.

    An entry ``$?root.path`` is left out of its object where there is no value, or null. ``scope`` holds the roots:
    ``arguments`` (of the action), ``preserved`` (results of the preserve steps by name) and ``result``, each as
    :func:`readable` shows it.
    Raises :class:`ProfileError` when a reference leads nowhere: nothing is guessed.
    """
    if isinstance(template, str) and template.startswith("$$"):
        return template[1:]
    if isinstance(template, str) and template.startswith("$"):
        try:
            return at_path(scope, template[1:])
        except (LookupError, ValueError):
            raise ProfileError(f"{template!r} leads nowhere in this call") from None
    if isinstance(template, dict):
        return {key: resolve(_sure(inner), scope) for key, inner in template.items() if _has(inner, scope)}
    if isinstance(template, list | tuple):
        return [resolve(inner, scope) for inner in template]
    return template


def _has(template: Any, scope: dict[str, Any]) -> bool:
    if not (isinstance(template, str) and template.startswith("$?")):
        return True
    try:
        return at_path(scope, template[2:]) is not None
    except LookupError:
        return False


def _sure(template: Any) -> Any:
    return f"${template[2:]}" if isinstance(template, str) and template.startswith("$?") else template


def named_targets(profile: Profile, arguments: dict[str, Any]) -> tuple[Target, ...]:
    """The targets that a call names, sorted, each once: by its arguments, and as a rule read them.

    An absent argument names none. A path leads through lists: ``entities.name`` names each entity by its name, and an
    entity without one by all that it is.
    """
    found = set(profile.named)
    for rule in profile.targets:
        for item in _each(arguments, rule.argument.split(".")):
            found.add(Target(rule.kind, item if isinstance(item, str) else msgspec.json.encode(item).decode()))
    return tuple(sorted(found))


def _each(value: Any, path: list[str]) -> Iterator[Any]:
    if value is None:
        return
    if not path:
        yield from (item for item in (value if isinstance(value, list) else [value]) if item is not None)
    elif isinstance(value, dict):
        yield from _each(value.get(path[0]), path[1:])
    elif isinstance(value, list) and path[0].isdigit():
        yield from _each(value[int(path[0])] if int(path[0]) < len(value) else None, path[1:])
    elif isinstance(value, list):
        for item in value:
            inner = item.get(path[0]) if isinstance(item, dict) else None
            yield from _each(item, []) if inner is None else _each(inner, path[1:])


def readable(result: Any) -> Any:
    """What templates see of an MCP tool result: its structured content, else what its texts say.

    One JSON text is its value, several are the list of their values (some servers send a list as one text an item,
    and a list of one as that item), none is an empty list. Text that is not JSON reads as ``{"text": ...}``, and a
    result in no known shape as ``{}``, so that every reference into it leads nowhere. A structured ``result`` alone
    whose text is a JSON object or list (FastMCP's answer for a tool that returns text) is that under ``result``.
    """
    contents = result.get("content") if isinstance(result, dict) else None
    structured = result.get("structuredContent") if isinstance(result, dict) else None
    if structured is not None:
        return _unwrapped(structured)
    if not isinstance(contents, list):
        return {}
    texts = [item["text"] for item in contents if isinstance(item, dict) and isinstance(item.get("text"), str)]
    try:
        values = [parse_json(text) for text in texts]
    except InvalidJson:
        return {"text": "\n".join(texts)}
    return values[0] if len(values) == 1 else values


def _unwrapped(structured: Any) -> Any:
    text = structured.get("result") if isinstance(structured, dict) and len(structured) == 1 else None
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return structured
    try:
        return {"result": parse_json(text)}
    except InvalidJson:
        return structured


def unmet(check: Check, result: Any, scope: dict[str, Any]) -> tuple[str, ...]:
    """Why the check's result (as :func:`readable`) does not prove the effect; empty when it does.

    Raises :class:`ProfileError` when an expectation's own template leads nowhere.
    """
    reasons = []
    for expectation in check.expect:
        try:
            found = at_path(result, expectation.at)
        except LookupError:
            reasons.append(f"{check.tool} shows nothing at {expectation.at!r}")
            continue
        if not expectation.met_by(found, scope):
            reasons.append(f"{check.tool} does not show what is expected at {expectation.at!r}")
    return tuple(reasons)


def disproved(check: Check, result: Any, scope: dict[str, Any]) -> bool:
    """True if the result surely shows another state: a single value is there, and it is not the expected one.

    A list without the item, or a path that leads nowhere, may only lag or be cut off: that proves nothing.
    """
    for expectation in check.expect:
        try:
            found = at_path(result, expectation.at)
        except LookupError:
            continue
        single = expectation.equals is not msgspec.UNSET or bool(expectation.one_of)
        if single and not expectation.met_by(found, scope):
            return True
    return False


def same(one: Any, other: Any) -> bool:
    """Equal as JSON values: ``true`` is not ``1``, and nothing is equal by coercion."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _holds(element: Any, item: Any) -> bool:
    if isinstance(element, dict) and isinstance(item, dict):
        return all(key in element and same(element[key], value) for key, value in item.items())
    return same(element, item)
