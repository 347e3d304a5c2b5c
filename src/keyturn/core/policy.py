"""The policy: from facts to the lowest oversight that it permits, and to whose keys are enough.

Rules in Cedar (docs/spec/policy.md): guardrails are forbids and always loaded in front; packs hold the permits.
Nothing permitted is *denied*; so is any error while deciding (G3: no clear checkpoint, no action).
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from keyturn.core.canonical import canonical_json, sha256_hex
from keyturn.core.cedar import ENGINE, Answer, Engine, Rule, erring_policy, read_rules, validate
from keyturn.core.facts import Facts, Oversight
from keyturn.core.hold import person_id
from keyturn.errors import InvalidInput, PolicyError

NOTHING_PERMITS = "nothing-permits"
ERRED = "policy-error"
SINGLE_OPERATOR = "single_operator"
REVIEW = "review"
_ERRED_WHY = "it erred while deciding, so the answer is no: "


class Reason(msgspec.Struct, frozen=True):
    """A policy that determined a verdict: its ``@id``, its ``@why``, and whether it permits or forbids."""

    policy: str
    why: str
    effect: Literal["permit", "forbid"]

    @property
    def erred(self) -> bool:
        """The policy said nothing: it failed, and a failure is a no."""
        return self.why.startswith(_ERRED_WHY)


class Verdict(msgspec.Struct, frozen=True):
    """How much oversight an action needs, and why. ``oversight`` ``None`` is *denied*; ``policy`` is the set's hash.

    ``reasons``: for a held action the forbids that ruled out the lower levels, then the permit; for a denied one
    the forbids, or the one reason that nothing permits it.
    """

    oversight: Oversight | None
    reasons: tuple[Reason, ...]
    policy: str

    @property
    def denied(self) -> bool:
        """No oversight makes it right."""
        return self.oversight is None

    @property
    def word(self) -> str:
        """``free``, ``confirm``, ``one_key``, ``two_key`` or ``denied``."""
        return "denied" if self.oversight is None else self.oversight.word


class Ruling(msgspec.Struct, frozen=True):
    """A yes or no with its reasons. ``review``: it is a yes that a person must look at again afterwards (G18)."""

    allowed: bool
    reasons: tuple[Reason, ...]
    policy: str
    review: bool = False


class TurnFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to turn a key, how, and on what. ``facts`` are the action's; ``is_agent``: an agent asks, not a person.
    ``has_passkey``: this person has one (or had: whoever lost theirs is invited again).

    ``tired``: the person's budget of keys in an hour is spent; ``others``: how many rested people who are there could
    turn this key instead.
    """

    facts: Facts
    action: str
    oversight: Oversight
    person: str
    roles: tuple[str, ...]
    already_turned: bool
    method: Literal["token", "passkey"] = "token"
    has_passkey: bool = False
    tired: bool = False
    others: int = 0
    is_agent: bool = False


class ReleaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What keys a hold has. ``people`` are those whose keys still count, ``roles`` all their roles together;
    ``passkeys`` of the keys are signed with one; ``co_authors`` are people who narrowed the action to what it is.

    ``quorum_met``: they make up the threshold sets. ``deputies``: who stands in for whom, (deputy, absent): a deputy
    is no more independent than the absent person.
    """

    facts: Facts
    action: str
    oversight: Oversight
    people: tuple[str, ...]
    roles: tuple[str, ...]
    held_for_ms: int
    passkeys: int = 0
    co_authors: tuple[str, ...] = ()
    quorum_met: bool
    deputies: tuple[tuple[str, str], ...] = ()


class Policy:
    """A loaded policy set: immutable, with its hash. Made by :meth:`load`. ``single_operator``: a rule of it lets one
    person stand in for two."""

    def __init__(self, rules: tuple[Rule, ...], engine: Engine, digest: str, author: str) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._numbered = {r.id: (n, Reason(r.id, r.why, r.effect)) for n, r in enumerate(rules)}
        self._engine = engine
        self.single_operator = any(rule.marked(SINGLE_OPERATOR) for rule in rules)
        self.hash = digest
        self.author = author

    @classmethod
    def load(cls, schema: str, guardrails: str, sources: Mapping[str, str], *, author: str = "") -> "Policy":
        """The policy of these texts: the guardrails in front of the operator's sources (file name to text).

        ``author`` is the person who last changed the sources (guardrail 9). Raises :class:`PolicyError` for
        syntax, types, a duplicate or missing ``@id``, a missing ``@why``; says the file and line.
        """
        rules, problems = read_rules(guardrails, sources)
        problems = problems or validate(schema, rules)
        if problems:
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise PolicyError(f"{problems[0].where}: {problems[0].what}{more}", hint=problems[0].hint)
        return cls(rules, Engine(schema, rules), policy_hash(schema, guardrails, sources), author)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The policies in order, the guardrails first."""
        return tuple(self._rules.values())

    def decide(self, facts: Facts) -> Verdict:
        """The lowest oversight that the policy permits, asked from ``free`` upwards; any error is a denial."""
        principal, resource = ("Agent", facts.agent), ("Tool", facts.tool)
        if facts.stopped:
            answer = self._engine.ask(principal, "read_while_stopped", resource, facts)
            if answer.allowed or answer.errors:
                return self._verdict(Oversight.FREE, (), answer)
        ruled_out: dict[Reason, None] = {}
        for oversight in Oversight:
            answer = self._engine.ask(principal, oversight.word, resource, facts)
            if answer.allowed or answer.errors:
                return self._verdict(oversight, tuple(ruled_out), answer)
            forbids = self._reasons(answer)
            ruled_out.update(dict.fromkeys(forbids))
        return Verdict(None, forbids or (_nothing_permits("this action"),), self.hash)

    def permits(self, facts: Facts, oversight: Oversight) -> tuple[bool, tuple[Reason, ...]]:
        """What the policy says to this one oversight, and by which policies; ``decide`` takes the lowest yes."""
        answer = self._engine.ask(("Agent", facts.agent), oversight.word, ("Tool", facts.tool), facts)
        return answer.allowed, self._errors(answer) or self._reasons(answer)

    def may_turn(self, turn: TurnFacts) -> Ruling:
        """May this person turn a key on this hold? An agent never may, nor a person twice (guardrail 9)."""
        context = {
            "facts": turn.facts,
            "oversight": turn.oversight.word,
            "person": turn.person,
            "roles": sorted(set(turn.roles)),
            "author": self.author,
            "already_turned": turn.already_turned,
            "method": turn.method,
            "has_passkey": turn.has_passkey,
            "tired": turn.tired,
            "others": turn.others,
        }
        principal = ("Agent" if turn.is_agent else "Person", turn.person)
        return self._rule(principal, "turn_key", turn.action, context, "this person to turn a key on it")

    def may_release(self, release: ReleaseFacts) -> Ruling:
        """Are these keys enough? By number of people, their independence, and the time held (guardrail 9).

        Where the agent's owner or the mandate's issuer is not known, nobody counts as independent of them.
        """
        facts = release.facts
        try:
            people = {person_id(name) for name in release.people}
            independent = self.independent(release)
        except InvalidInput as e:
            return Ruling(False, (Reason(ERRED, f"a name in the hold is no person's: {e}", "forbid"),), self.hash)
        context = {
            "facts": facts,
            "oversight": release.oversight.word,
            "keys": len(people),
            "independent": len(independent),
            "roles": sorted(set(release.roles)),
            "held_for_ms": release.held_for_ms,
            "passkeys": release.passkeys,
            "quorum_met": release.quorum_met,
            "single_operator": self.single_operator,
        }
        return self._rule(("Gate", "keyturn"), "release", release.action, context, "it with these keys")

    def independent(self, release: ReleaseFacts) -> frozenset[str]:
        """Those of the people who have no hand in it, neither themselves nor as somebody's deputy (guardrail 9).

        Raises :class:`InvalidInput` for a name that is no person's.
        """
        facts = release.facts
        if not (facts.owner and facts.issuer):
            return frozenset()
        involved = {person_id(n) for n in (facts.owner, facts.issuer, self.author, *release.co_authors) if n}
        involved |= {person_id(deputy) for deputy, absent in release.deputies if person_id(absent) in involved}
        return frozenset(map(person_id, release.people)) - involved

    def _rule(
        self, principal: tuple[str, str], action: str, hold: str, context: dict[str, object], what: str
    ) -> Ruling:
        answer = self._engine.ask(principal, action, ("Hold", hold), context)
        if answer.errors:
            return Ruling(False, self._errors(answer), self.hash)
        review = answer.allowed and any(self._rules[name].marked(REVIEW) for name in answer.reasons)
        return Ruling(answer.allowed, self._reasons(answer) or (_nothing_permits(what),), self.hash, review)

    def _verdict(self, oversight: Oversight, ruled_out: tuple[Reason, ...], answer: Answer) -> Verdict:
        if answer.errors:
            return Verdict(None, self._errors(answer), self.hash)
        return Verdict(oversight, (*ruled_out, *self._reasons(answer)), self.hash)

    def _reasons(self, answer: Answer) -> tuple[Reason, ...]:
        """The policies that determined the answer, in the order of the files."""
        return tuple(reason for _, reason in sorted(self._numbered[name] for name in answer.reasons))

    def _errors(self, answer: Answer) -> tuple[Reason, ...]:
        return tuple(Reason(erring_policy(error) or ERRED, f"{_ERRED_WHY}{error}", "forbid") for error in answer.errors)


def policy_hash(schema: str, guardrails: str, sources: Mapping[str, str]) -> str:
    """SHA-256 over everything that decides: the engine's version, schema, guardrails and sources by name."""
    return sha256_hex(
        canonical_json({"engine": ENGINE, "schema": schema, "guardrails": guardrails, "sources": dict(sources)})
    )


def _nothing_permits(what: str) -> Reason:
    return Reason(NOTHING_PERMITS, f"no policy permits {what}, and what nothing permits is denied", "forbid")
