"""``keyturn policy explain``: why this verdict, and which single fact would change it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from keyturn.core.action import Target
from keyturn.core.facts import Facts, Oversight
from keyturn.core.policy import Policy, Reason, Verdict
from keyturn.core.profile import Basis, Reversible, Stage, Touches

_COUNTS = (0, 1, 2, 3, 10)
_PHRASES = {
    "has_inverse": ("a named inverse could take it back", "nothing could take it back"),
    "crown_jewel": ("a target were a crown jewel", "no target were a crown jewel"),
    "production": ("a target stood in production", "no target stood in production"),
    "names_objects": (
        "a person's mandate named exactly these objects",
        "the mandate did not name these objects exactly",
    ),
    "in_mandate": ("the mandate covered it", "it were outside the mandate"),
    "within_blast_radius": (
        "it stayed within the blast-radius budget",
        "it went beyond the blast-radius budget",
    ),
    "quarantined": ("the tool were in quarantine", "a person had looked at the tool's new definition"),
    "refused_before": ("a person had refused it before", "nobody had refused it before"),
    "chain.analysed": ("this agent had investigated the case itself", "another agent had investigated the case"),
    "credential.shared": ("the credential were shared", "the agent had a credential of its own"),
    "credential.long_lived": ("the credential were long-lived", "the credential were short-lived"),
    "credential.exposed": ("the credential had been exposed", "the credential had not been exposed"),
}


class Level(msgspec.Struct, frozen=True):
    """What the policy says to one oversight: permitted or not, and by what."""

    oversight: str
    permitted: bool
    reasons: tuple[Reason, ...]


class Change(msgspec.Struct, frozen=True):
    """One fact that, were it ``instead``, would make the verdict ``verdict``; ``words`` says so plainly."""

    fact: str
    instead: str
    verdict: str
    words: str


class Explanation(msgspec.Struct, frozen=True):
    """A verdict, what each oversight met, and every single-fact change that leads to another verdict."""

    verdict: Verdict
    levels: tuple[Level, ...]
    changes: tuple[Change, ...]


def explain(policy: Policy, facts: Facts) -> Explanation:
    """Why the policy decides so on these facts, and what would change it. Tries bounded alternatives only:

    booleans turned over, every other word, one sensitive thing more or less, small counts, a stop or none.
    """
    verdict = policy.decide(facts)
    changes = []
    for fact, instead, words, other in alternatives(facts):
        word = policy.decide(other).word
        if word != verdict.word:
            changes.append(Change(fact, instead, word, f"if {words}: {word}"))
    levels = tuple(Level(o.word, *policy.permits(facts, o)) for o in Oversight)
    return Explanation(verdict, levels, tuple(changes))


def alternatives(facts: Facts) -> Iterator[tuple[str, str, str, Facts]]:
    """Every fact that can be varied within bounds: its name, the other value, that in words, and the facts then."""
    for name, (yes, no) in _PHRASES.items():
        value = not _get(facts, name)
        yield name, str(value).lower(), yes if value else no, _with(facts, name, value)
    for name, words in (("stage", Stage), ("reversible", Reversible), ("basis", Basis)):
        for word in words:
            if word != getattr(facts, name):
                yield name, word, f"its {name} were {word}", _with(facts, name, word)
    for thing in Touches:
        has = thing in facts.touches
        left = tuple(sorted(set(facts.touches) ^ {thing}))
        words_ = f"it did {'not ' if has else ''}touch {thing.replace('_', ' ')}"
        yield "touches", ", ".join(left) or "nothing", words_, _with(facts, "touches", left)
    for name in ("chain.tools", "chain.upstreams"):
        for count in _COUNTS:
            if count != _get(facts, name):
                what = "tools" if name == "chain.tools" else "systems"
                words_ = f"the agent had used {count} {what} in this case"
                yield name, str(count), words_, _with(facts, name, count)
    targets = () if facts.targets else (Target("host", "example"),)
    words_ = "its targets were not known" if facts.targets else "its targets were known exactly"
    yield "targets", "known" if targets else "unknown", words_, _with(facts, "targets", targets)
    stopped = "" if facts.stopped else "everything"
    words_ = "no stop held" if facts.stopped else "a stop held"
    yield "stopped", stopped or "nothing", words_, _with(facts, "stopped", stopped)


def _get(facts: Facts, name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = getattr(facts, outer)
    return getattr(value, inner) if inner else value


def _with(facts: Facts, name: str, value: Any) -> Facts:
    outer, _, inner = name.partition(".")
    if inner:
        value = msgspec.structs.replace(getattr(facts, outer), **{inner: value})
    if name == "in_mandate":
        return msgspec.structs.replace(facts, in_mandate=value, outside=() if value else ("supposed",))
    return msgspec.structs.replace(facts, **{outer: value})
