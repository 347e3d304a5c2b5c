"""What parameters, a description and hints say. They come from the server, and can only raise what the name says."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

from keyturn.catalogue.hints import raised
from keyturn.catalogue.lexicon import parameters, plain, verbs
from keyturn.catalogue.lexicon.levels import Level, Reason, change, joined, shown, touching, worst
from keyturn.catalogue.lexicon.reads import READ_TOUCHES
from keyturn.catalogue.lexicon.spelling import singular, split
from keyturn.core.profile import Basis, Profile, Reversible, Stage, TargetRule, Touches

_MOST_DESCRIPTION, _MOST_PARAMETERS, _MOST_PARAMETER, _MOST_TARGETS, _DEEPEST = 20_000, 500, 200, 8, 4
_SENTENCE = re.compile(r"[.!?;:\n]+")
_SEPARATORS = re.compile(r"[\W_]+")


def parameter_names(parameters: Any) -> tuple[str, ...]:
    """The names in a JSON schema (of nested objects too), or those in a list; in order, each once."""
    found: Iterable[str] = ()
    if isinstance(parameters, Mapping):
        found = _properties(parameters, 0)
    elif isinstance(parameters, Iterable) and not isinstance(parameters, str | bytes):
        found = (each for each in parameters if isinstance(each, str))
    unique: dict[str, None] = {}
    for each in found:
        unique.setdefault(each)
        if len(unique) > _MOST_PARAMETERS:
            break
    return tuple(unique)


def _properties(schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    inner = schema.get("properties")
    if depth > _DEEPEST or not isinstance(inner, Mapping):
        return
    for key, value in inner.items():
        yield str(key)
        if isinstance(value, Mapping):
            yield from _properties(value, depth + 1)


def of_parameters(arguments: Iterable[str], base: Level) -> Level:
    """What the call can be told to do, or to read; what it writes is news only if the name (``base``) only reads."""
    arguments = tuple(arguments)
    if len(arguments) > _MOST_PARAMETERS:
        return worst("it has more parameters than anybody reads")
    names = {_plain(argument): argument for argument in arguments}
    pairs = ((parameters.EXECUTOR_PAIRS, "make it call anything"), (parameters.SENDER_PAIRS, "make it send"))
    for known, why in pairs:
        for one, other in known:
            if one in names and other in names:
                return worst(f"the parameters {shown(names[one])} and {shown(names[other])} {why}")
    if base.stage is Stage.ANALYSE:
        for name, given in names.items():
            if name in parameters.WRITTEN or _writes(name.split("_")):
                return worst(f"the parameter {shown(given)} is what it writes")
    return reduce(joined, (_of_parameter(name, shown(given)) for name, given in names.items()), Level())


def _of_parameter(name: str, given: str) -> Level:
    if name in parameters.EXECUTORS:
        return worst(f"the parameter {given} is run as it is given")
    if name in parameters.SENDERS:
        return worst(f"the parameter {given} makes it send")
    if name.partition("_")[0] in parameters.ACTORS or name in parameters.ACTORS:
        return worst(f"the parameter {given} makes it act")
    if name in parameters.SAVERS:
        return change(f"the parameter {given} says where it writes", Reversible.HARD, READ_TOUCHES)
    if name in parameters.QUERIES:
        return touching(f"the parameter {given} takes a free query", {Touches.PRIVILEGED_DATA})
    parts = name.split("_")
    if parts[-1] in parameters.CHOOSING or parts[0] in ("max", "min"):
        return Level()
    said = [parameters.TELLING.get(singular(part), frozenset()) for part in parts]
    return touching(f"the parameter {given} says so", frozenset[Touches]().union(*said))


def _writes(parts: list[str]) -> bool:
    """The name of a value that is put in place of another, or of a thing `to_add`."""
    names_what = len(parts) > 2 and parts[-2] == "to" and parts[-1] in parameters.WRITTEN_LAST
    return names_what or (len(parts) > 1 and parts[0] in parameters.WRITING)


def _plain(argument: str) -> str:
    return "_".join(split(argument[:_MOST_PARAMETER]))


def of_description(description: str, base: Level) -> Level:
    """A description is believed only where it says something graver than the name (``base``)."""
    if len(description) > _MOST_DESCRIPTION:
        return worst("the description is longer than anybody reads")
    found = Level()
    for sentence in _SENTENCE.split(description):
        said = [word for word in _SEPARATORS.split(sentence.lower()) if word]
        if verb := _said_change(said):
            return worst(f"the description says {shown(verb)}") if base.stage is Stage.ANALYSE else found
        found = joined(found, _said_read(said))
    return found


def _said_read(said: list[str]) -> Level:
    nouns = [singular(word) for word in said]
    found = Level()
    for at, noun in enumerate(nouns):
        around = {tuple(nouns[at : at + 2]), tuple(nouns[max(0, at - 1) : at + 1])}
        if touches := parameters.TOLD.get(noun, frozenset()) if not around & plain.HARMLESS else frozenset():
            found = joined(found, touching(f"the description says {shown(said[at])}", touches - found.touches))
    return found


def _said_change(said: list[str]) -> str:
    """A verb that changes something at the head of a sentence or joined to it, or a word for what nobody bounds."""
    for index, word in enumerate(said):
        joint = index == 0 or said[index - 1] in ("and", "then", "also")
        if (joint and _verb(word, third=index > 0)) or word in verbs.UNBOUNDED:
            return word
    return ""


def _verb(word: str, *, third: bool) -> bool:
    """The imperative or the third person of a verb that changes something; behind a joint only the third person."""
    forms = [form for form in (word.removesuffix("s"), word.removesuffix("es")) if form != word]
    return any(form in verbs.DESCRIBED for form in forms) or (not third and word in verbs.DESCRIBED)


def of_hints(hints: Any, level: Level) -> Level:
    """What the gate makes of a server's annotations anyway; a read that is none after all touches what nobody knows."""
    plain = Profile(tool="", stage=level.stage, reversible=level.reversible, basis=Basis.DERIVED)
    higher = raised(plain, hints)
    if higher is plain:
        return Level()
    touches = frozenset(Touches) if level.stage is Stage.ANALYSE else frozenset[Touches]()
    return change("the server's hints say that it changes something", higher.reversible, touches)


def _is_name(argument: str) -> bool:
    return "." not in argument and len(argument) <= _MOST_PARAMETER


def targets_of(arguments: Iterable[str]) -> tuple[tuple[TargetRule, ...], list[Reason]]:
    """The parameters that name what a call is about. A dot in a name would be read as a path."""
    kinds = ((each, parameters.KINDS.get(_plain(each), "")) for each in arguments if _is_name(each))
    kept = [(each, kind) for each, kind in kinds if kind][:_MOST_TARGETS]
    reasons = [
        Reason("targets", f"the parameter's name stands for a target of the kind {kind}", each) for each, kind in kept
    ]
    return tuple(TargetRule(each, kind) for each, kind in kept), reasons
