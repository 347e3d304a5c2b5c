"""Reading the moment: from rows and files to the facts of one action. Used at the proposal and again at release."""

from typing import Any

import msgspec

from keyturn.core.action import Action
from keyturn.core.facts import Credential, Facts, Situation, facts_of, may_hold
from keyturn.core.mandate import Mandate, Spent
from keyturn.core.profile import WORST, Profile
from keyturn.gate.context import Context
from keyturn.gate.ports import Definition, Tx
from keyturn.gate.records import FIRST_USE, Agent, Scope, ToolPin


def profile_for(ctx: Context, definition: Definition | None, arguments: dict[str, Any]) -> Profile:
    """The profile of this very call; the worst case for a tool that no server lists."""
    return WORST if definition is None else ctx.knowledge.profile(definition, arguments)


def read_facts(
    ctx: Context, tx: Tx, action: Action, definition: Definition | None, fingerprint: str, *, held: bool = False
) -> tuple[Facts, Profile]:
    """The facts of an action now, and the profile they rest on.

    ``held``: the action is itself one of the agent's open holds, which then does not count against it.
    """
    profile = profile_for(ctx, definition, action.arguments)
    facts = facts_with(
        ctx,
        tx,
        action,
        profile,
        quarantined=definition is not None and quarantined(definition, tx.pin(definition.tool), profile),
        refused_before=tx.refused_before(action.case, fingerprint),
        outside=() if definition is not None else ("its server lists no such tool",),
        held=held,
    )
    return facts, profile


def facts_with(
    ctx: Context,
    tx: Tx,
    action: Action,
    profile: Profile,
    *,
    quarantined: bool = False,
    refused_before: bool = False,
    outside: tuple[str, ...] = (),
    held: bool = False,
) -> Facts:
    """The facts of an action now, under a profile; what only a listed tool can have is given by the caller."""
    now = tx.now(ctx.clock.now())
    agent = tx.agent(action.agent)
    mandate = tx.mandate(action.mandate) if action.mandate else None
    grants = lineage(tx, mandate) if mandate else []
    situation = Situation(
        now=now,
        owner=agent.owner if agent else "",
        agent_live=agent is not None and agent.revoked_at is None,
        mandate=mandate,
        spent=_spent(tx, mandate, profile, held) if mandate else Spent(),
        parents=tuple((m, _spent(tx, m, profile, held)) for m in grants[1:]),
        chain=tx.chain(agents_of(action.agent, grants), action.case),
        credential=_credential(ctx, agent, action),
        profile=profile,
        quarantined=quarantined,
        refused_before=refused_before,
        stopped=stop_on(tx, action.agent, grants, str(action.tool)),
        assets=tuple(a for t in action.targets if (a := ctx.knowledge.asset(t)) is not None),
        outside=(*outside, *_revoked_above(tx, grants)),
    )
    return facts_of(action, situation)


def lineage(tx: Tx, mandate: Mandate) -> list[Mandate]:
    """A mandate and those it was narrowed from, nearest first. Delegation is finite: each parent stood before."""
    found = [mandate]
    while found[-1].parent is not None and (parent := tx.mandate(found[-1].parent)) is not None:
        found.append(parent)
    return found


def agents_of(agent: str, grants: list[Mandate]) -> tuple[str, ...]:
    """The agent and those that handed it its task: what one of them did in a case, none of them can shed (G13)."""
    return tuple(dict.fromkeys((agent, *(granted.agent for granted in grants))))


def _revoked_above(tx: Tx, grants: list[Mandate]) -> tuple[str, ...]:
    above = (tx.agent(granted.agent) for granted in grants[1:])
    return tuple(f"the agent {a.id} that handed it on is revoked" for a in above if a and a.revoked_at is not None)


def _spent(tx: Tx, mandate: Mandate, profile: Profile, held: bool) -> Spent:
    actions, responds, targets = tx.spent(mandate.id)
    holds = tx.open_holds(mandate.agent, mandate.case) - (1 if held else 0) if may_hold(profile) else 0
    return Spent(actions=actions, responds=responds, targets=targets, open_holds=max(0, holds))


def _credential(ctx: Context, agent: Agent | None, action: Action) -> Credential:
    if agent is None:
        return Credential(shared=True, long_lived=True, exposed=True)
    ends = agent.token_expires_at
    lifetime = None if ends is None else ends - agent.token_issued_at
    return Credential(
        shared=agent.shared,
        long_lived=lifetime is None or lifetime > ctx.settings.token_long_lived_s * 1000,
        exposed=agent.exposed or ctx.knowledge.exposed(action.tool.upstream),
    )


def quarantined(definition: Definition, pin: ToolPin | None, profile: Profile) -> bool:
    """The definition is not the one that people trust: not the pinned one, or not the one that the profile's reviewer
    looked at, while no person has accepted it since. The first one seen is pinned (ADR 0006)."""
    if pin is not None and pin.fingerprint != definition.fingerprint:
        return True
    looked_at = profile.reviewed.definition if profile.reviewed is not None else definition.fingerprint
    return looked_at != definition.fingerprint and (pin is None or pin.pinned_by == FIRST_USE)


def stop_on(tx: Tx, agent: str, grants: list[Mandate], tool: str = "") -> str:
    """The id of a stop that covers the agent, a mandate (or one that it was narrowed from) or the tool; else ``""``."""
    if not (stops := tx.stops()):
        return ""
    subjects = {
        Scope.EVERYTHING: {""},
        Scope.AGENT: set(agents_of(agent, grants)),
        Scope.TOOL: {tool},
        Scope.MANDATE: {granted.id for granted in grants},
    }
    return next((stop.id for stop in stops if stop.subject in subjects[stop.scope]), "")


_sorted = msgspec.json.Encoder(order="sorted")


def facts_json(facts: Facts) -> bytes:
    """The facts as they are kept beside the journal."""
    return _sorted.encode(facts)
