"""One tool that runs the others of its file: ``command`` names one, ``parameters`` holds its arguments.

So Microsoft's servers list their tools by default, one a service. Such a tool is the worst case, for a command that the
server does not know, and a call that names none, let the client's own model choose what runs (MCP sampling). A command
of the file counts as the tool that it names, with every path led through ``parameters``. With ``learn`` the server only
describes its commands, but if there is an intent it may ask the model and go on: only without one it surely reads.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from keyturn.catalogue.rules import Applied
from keyturn.core.profile import WORST, Basis, Check, Expectation, Profile, Reversible, Stage, Step, TargetRule
from keyturn.core.sentence import HOLE, holes

_KEYS: Final = frozenset({"intent", "command", "parameters", "learn"})
_REFERENCE: Final = re.compile(r"\$(\??)arguments(?=\.|\Z)")
_NAMED: Final = re.compile(rb'"\$\??arguments\.([^".]+)')


class Selected(Protocol):
    """What is asked of a variant: the arguments that select it, and its profile."""

    @property
    def when(self) -> Mapping[str, Any]: ...  # noqa: D102 — as in :class:`keyturn.catalogue.vendor.Variant`
    @property
    def profile(self) -> Profile: ...  # noqa: D102


class Judged(Protocol):
    """What is asked of a tool: the profile of a call, and what that is made of."""

    @property
    def base(self) -> Profile: ...  # noqa: D102 — as in :class:`keyturn.catalogue.vendor.Tool`
    @property
    def variants(self) -> Sequence[Selected]: ...  # noqa: D102
    @property
    def rule(self) -> Applied | None: ...  # noqa: D102
    def profile(self, arguments: Any) -> Profile: ...  # noqa: D102


def worst(name: str) -> Profile:
    """The profile of a call of the tool ``name`` that says nothing certain."""
    return msgspec.structs.replace(
        WORST,
        tool=name,
        basis=Basis.REVIEWED,
        why="Nobody can say what this runs: the call names no command that is known, so the server may ask the agent's "
        "model for one. With learn and an empty intent it only describes its commands.",
        does="have the server do what it takes {intent} for[, by the command {command}][, with {parameters}]",
        openc2="start command",
    )


def routed(name: str, tools: Mapping[str, Judged], arguments: dict[str, Any]) -> Profile:
    """The profile of a call of the tool ``name``, which runs one of ``tools`` (itself aside). Never raises."""
    command, parameters = arguments.get("command"), arguments.get("parameters", {})
    learn, intent = arguments.get("learn", False), arguments.get("intent", "")
    if not arguments.keys() <= _KEYS or not isinstance(parameters, dict):
        return worst(name)
    if learn is True and isinstance(intent, str) and not intent.strip():
        return Profile(tool=name, stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED)
    if learn is not False or not isinstance(command, str) or command == name or command not in tools:
        return worst(name)
    tool = tools[command]
    return worst(name) if _hides(parameters, tool) else _through(name, tool.profile(parameters))


def _hides(parameters: dict[str, Any], tool: Judged) -> bool:
    """The server minds neither capitals nor hyphens in a name: one is there twice, or spelt as nobody looks for it."""
    folded = {_folded(key): key for key in parameters}
    return len(folded) < len(parameters) or any(folded.get(_folded(name), name) != name for name in _looked_at(tool))


def _folded(name: str) -> str:
    return name.casefold().replace("-", "")


def _looked_at(tool: Judged) -> Iterator[str]:
    """The arguments that the tool's profiles and rule judge by, and show to people."""
    for profile in (tool.base, *(variant.profile for variant in tool.variants)):
        for path in (*(rule.argument for rule in profile.targets), *holes(profile.does)):
            yield path.partition(".")[0]
    for variant in tool.variants:
        yield from (path.partition(".")[0] for path in variant.when)
    if tool.rule is not None:
        yield from (name.decode() for name in _NAMED.findall(msgspec.json.encode(tool.rule.parts)))


def _through(name: str, profile: Profile) -> Profile:
    """A command's profile as the tool's own: its paths lead through ``parameters``, its other calls go the same way."""
    check = profile.check
    return msgspec.structs.replace(
        profile,
        tool=name,
        targets=tuple(TargetRule(f"parameters.{rule.argument}", rule.kind) for rule in profile.targets),
        inverse=None if profile.inverse is None else _called(name, profile.inverse),
        preserve={key: _called(name, step) for key, step in profile.preserve.items()},
        check=None if check is None else Check(name, _wrapped(check.tool, check.arguments), _expected(check.expect)),
        does=HOLE.sub(r"{parameters.\1}", profile.does),
    )


def _called(name: str, step: Step) -> Step:
    return Step(name, _wrapped(step.tool, step.arguments))


def _wrapped(command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"intent": "", "command": command, "parameters": _moved(arguments)}


def _expected(expect: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
    return tuple(
        Expectation(one.at, _moved(one.equals), _moved(one.one_of), _moved(one.includes), _moved(one.excludes))
        for one in expect
    )


def _moved(template: Any) -> Any:
    """A template whose references to arguments find them in ``parameters``."""
    if isinstance(template, dict):
        return {key: _moved(inner) for key, inner in template.items()}
    if isinstance(template, list | tuple):
        return type(template)(_moved(inner) for inner in template)
    return _REFERENCE.sub(r"$\1arguments.parameters", template, count=1) if _refers(template) else template


def _refers(template: Any) -> bool:
    return isinstance(template, str) and _REFERENCE.match(template) is not None
