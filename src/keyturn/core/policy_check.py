"""``keyturn policy check``: what is wrong with a policy before it decides anything."""

from collections.abc import Mapping
from typing import Any

from cedarpy import pst

from keyturn.core.cedar import ACTIONS, Problem, Rule, read_rules, validate
from keyturn.core.policy import SINGLE_OPERATOR
from keyturn.core.reach import Space, TooManyCases, Variable, atom_of, leaves, path_of, witness

_PRINCIPALS = {"turn_key": ("Person", "Agent"), "release": ("Gate",)}


def check(schema: str, guardrails: str, sources: Mapping[str, str], *, shipped: str | None = None) -> list[Problem]:
    """Everything that is wrong, or worth knowing, about these policies; empty is good.

    Errors (``Policy.load`` refuses them, or a guardrail is loosened), warnings (policies that never apply, actions
    that nothing permits) and notes (what can't be judged). ``shipped`` is the text of the shipped guardrails, to
    hold ``guardrails`` against when those are a copy: each must still rule out all that it rules out.
    """
    rules, problems = read_rules(guardrails, sources)
    found = [*problems, *(validate(schema, rules) if rules else ())]
    if found:
        return found
    if shipped is not None:
        found += loosened(guardrails, shipped)
    for rule in rules:
        found += _never_applies(rule, rules)
        found += _not_judged(rule)
        if rule.marked(SINGLE_OPERATOR):
            what = f"{rule.id} lets one person release alone after a cooling-off time"
            found.append(Problem("note", rule.where, what, "take it out if two people are at hand"))
    for action in ACTIONS:
        if action != "read_while_stopped" and not any(_permits(r) and r.concerns(action) for r in rules):
            what = f"nothing permits {action}, so it is always denied"
            found.append(Problem("warning", "the whole set", what, "add a permit if that is not meant"))
    return found


def loosened(guardrails: str, shipped: str) -> list[Problem]:
    """The shipped guardrails that an edited copy no longer keeps, each with facts that slip through."""
    ours, _ = read_rules(guardrails, {})
    theirs, _ = read_rules(shipped, {})
    return [
        problem
        for rule in theirs
        for action in ACTIONS
        if rule.concerns(action) and (problem := _slips_through(rule, action, ours, theirs)) is not None
    ]


def _slips_through(rule: Rule, action: str, ours: tuple[Rule, ...], theirs: tuple[Rule, ...]) -> Problem | None:
    forbids = [other for other in ours if other.concerns(action)]
    where = next((other.where for other in ours if other.id == rule.id), "guardrails.cedar")
    try:
        facts = witness(_space(action, (*ours, *theirs)), [rule], forbids)
    except TooManyCases:
        what = f"{rule.id} could not be proved to hold for {action}"
        return Problem("error", where, what, "use the shipped guardrails")
    if facts is None:
        return None
    what = f"{rule.id} no longer holds: {action} is not ruled out when {in_words(facts)}"
    return Problem("error", where, what, "use the shipped guardrails; loosen packs, never guardrails")


def _never_applies(rule: Rule, rules: tuple[Rule, ...]) -> list[Problem]:
    """A warning for a condition that is always false, or for a permit that forbids shadow everywhere."""
    actions = [action for action in ACTIONS if rule.concerns(action)]
    try:
        if all(witness(_space(action, (rule,)), [rule], []) is None for action in actions):
            what = f"{rule.id} never applies: its condition is always false"
            return [Problem("warning", rule.where, what, "look for a word that no fact has")]
        if not _permits(rule):
            return []
        for action in actions:
            forbids = [other for other in rules if not _permits(other) and other.concerns(action)]
            if witness(_space(action, rules), [rule], forbids) is not None:
                return []
    except TooManyCases:
        what = f"{rule.id}: too many cases to judge whether it ever applies"
        return [Problem("note", rule.where, what, "split it into simpler policies")]
    what = f"{rule.id} never applies: whatever it permits, a forbid rules out"
    return [Problem("warning", rule.where, what, "guardrails can't be overridden; permit a higher oversight")]


def _not_judged(rule: Rule) -> list[Problem]:
    """A note when an operator's policy rests on something that the check takes as possible either way."""
    opaque = [leaf for leaf in leaves(rule) if atom_of(leaf) is None and not isinstance(leaf, pst.Is)]
    if rule.guardrail or not opaque:
        return []
    what = f"{rule.id}: {len(opaque)} of its comparisons can't be judged here, and count as possible either way"
    return [Problem("note", rule.where, what, "try it with: keyturn policy explain")]


def _permits(rule: Rule) -> bool:
    return rule.effect == "permit"


def _space(action: str, rules: tuple[Rule, ...]) -> Space:
    return Space((r for r in rules if r.concerns(action)), _PRINCIPALS.get(action, ("Agent",)))


def in_words(facts: Mapping[Variable, Any]) -> str:
    """A witness as a line: ``stage is respond, chain.analysed is true``."""
    return ", ".join(f"{_name(variable)} is {_value(value)}" for variable, value in facts.items()) or "anything"


def _name(variable: Variable) -> str:
    if isinstance(variable, tuple):
        return ".".join(variable)
    paths = (path_of(getattr(variable, part, None)) for part in ("arg", "left", "right", "base"))
    return next((f"a comparison of {'.'.join(path)}" for path in paths if path), "a comparison")


def _value(value: Any) -> str:
    if isinstance(value, frozenset):
        return " and ".join(sorted(value)) or "nothing"
    return str(value).lower() if isinstance(value, bool) else f"{value!s}" or "empty"
