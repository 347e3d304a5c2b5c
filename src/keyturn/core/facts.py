"""Facts: all that the policy sees of an action, at one moment (G12)."""

from enum import IntEnum

import msgspec

from keyturn.core.action import Action, Target
from keyturn.core.mandate import Mandate, Spent, members
from keyturn.core.profile import Basis, Profile, Reversible, Stage, Touches


class Oversight(IntEnum):
    """How much human oversight an action gets, from least to most. None of them permitted is *denied*."""

    FREE = 0
    CONFIRM = 1
    ONE_KEY = 2
    TWO_KEY = 3

    @property
    def word(self) -> str:
        """The word in policies, entries and messages: ``free``, ``confirm``, ``one_key``, ``two_key``."""
        return self.name.lower()


class Credential(msgspec.Struct, frozen=True):
    """Posture of the identity that acts: the agent's token together with the upstream's credential (G13, G20)."""

    shared: bool = False
    long_lived: bool = False
    exposed: bool = False


class Chain(msgspec.Struct, frozen=True):
    """What this agent already did in this case: distinct tools and upstreams used, and whether it analysed."""

    tools: int = 0
    upstreams: int = 0
    analysed: bool = False


class Asset(msgspec.Struct, frozen=True):
    """What the inventory knows of a target."""

    kind: str
    id: str
    owner: str = ""
    environment: str = ""
    crown_jewel: bool = False


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate read from the store and the configuration, at one moment, to judge one action by.

    ``stopped`` names the stop that holds, if any. ``agent_live``: the agent is not revoked. ``parents`` are the
    mandates that this one was narrowed from, each with all that was spent below it. ``outside`` says what else puts
    the action outside its mandate (a tool that its server does not list).
    """

    now: int
    owner: str
    agent_live: bool
    mandate: Mandate | None
    spent: Spent
    chain: Chain
    credential: Credential
    profile: Profile
    quarantined: bool
    refused_before: bool
    stopped: str
    assets: tuple[Asset, ...]
    parents: tuple[tuple[Mandate, Spent], ...] = ()
    outside: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's whole view. Its JSON is kept with the decision, so that a reader can decide again."""

    now: int
    agent: str
    owner: str
    issuer: str
    case: str
    tool: str
    stage: Stage
    reversible: Reversible
    touches: tuple[Touches, ...]
    basis: Basis
    has_inverse: bool
    targets: tuple[Target, ...]
    crown_jewel: bool
    production: bool
    names_objects: bool
    in_mandate: bool
    outside: tuple[str, ...]
    within_blast_radius: bool
    chain: Chain
    credential: Credential
    quarantined: bool
    refused_before: bool
    stopped: str


def may_hold(profile: Profile) -> bool:
    """A call of this kind may come to wait for keys, so the mandate's budget of open holds counts for it."""
    return profile.stage is Stage.RESPOND or bool(profile.touches)


def _outside(action: Action, s: Situation) -> tuple[str, ...]:
    """Every way in which the action is outside its mandate, in words; empty is inside (guardrail 6)."""
    m = s.mandate
    if m is None:
        return ("no mandate", *s.outside)
    if m.agent != action.agent:
        return ("the mandate is another agent's",)
    responds = s.profile.stage is Stage.RESPOND
    found = list(s.outside)
    if not s.agent_live:
        found.append("the agent is revoked")
    if m.revoked_at is not None:
        found.append("the mandate is revoked")
    if s.now < m.issued_at:
        found.append("the mandate has not begun")
    if s.now >= m.expires_at:
        found.append("the mandate has expired")
    if not m.covers_tool(action.tool):
        found.append(f"the mandate does not name the tool {action.tool}")
    if s.spent.actions >= m.budgets.actions:
        found.append(f"the budget of {m.budgets.actions} actions is spent")
    if responds and s.spent.responds >= m.budgets.responds:
        found.append(f"the budget of {m.budgets.responds} changes is spent")
    if may_hold(s.profile) and s.spent.open_holds >= m.budgets.open_holds:
        found.append(f"{m.budgets.open_holds} holds are open already")
    unnamed = responds and s.profile.targets and not action.targets
    if unnamed and not m.covers_all(rule.kind for rule in s.profile.targets):
        found.append("it names no target, and the mandate does not cover every target")
    strangers = [f"{t.kind}:{t.id}" for t in action.targets if not m.covers_target(t)] if responds else []
    found += [f"the mandate does not name the target {name}" for name in strangers[:5]]
    found += [why for parent, spent in s.parents if (why := _over(parent, spent, s.now, responds))]
    return tuple(found)


def _over(parent: Mandate, spent: Spent, now: int, responds: bool) -> str:
    """Why nothing more runs under a parent mandate, or ``""``: what is handed on adds up, and is never more."""
    if not parent.live(now):
        return f"the mandate {parent.id} that it was narrowed from is over"
    if spent.actions >= parent.budgets.actions or (responds and spent.responds >= parent.budgets.responds):
        return f"the budget of the mandate {parent.id} that it was narrowed from is spent"
    return ""


def facts_of(action: Action, s: Situation) -> Facts:
    """The facts of an action in a situation. Pure: the same arguments give the same facts."""
    m = s.mandate
    grants = ((m, s.spent), *s.parents) if m is not None else ()
    return Facts(
        now=s.now,
        agent=action.agent,
        owner=s.owner,
        issuer=m.issued_by if m else "",
        case=action.case,
        tool=str(action.tool),
        stage=s.profile.stage,
        reversible=s.profile.reversible,
        touches=tuple(sorted(s.profile.touches)),
        basis=s.profile.basis,
        has_inverse=s.profile.inverse is not None,
        targets=action.targets,
        crown_jewel=any(a.crown_jewel for a in s.assets),
        production=any(a.environment == "production" for a in s.assets),
        names_objects=_names_objects(action, m),
        in_mandate=not (outside := _outside(action, s)),
        outside=outside,
        within_blast_radius=bool(grants)
        and all(_met(action, s.profile, spent) <= granted.budgets.targets for granted, spent in grants),
        chain=s.chain,
        credential=s.credential,
        quarantined=s.quarantined,
        refused_before=s.refused_before,
        stopped=s.stopped,
    )


def _met(action: Action, profile: Profile, spent: Spent) -> int:
    """How many objects will have been changed under a mandate: those named so far, and what a rule counted beyond."""
    met = {member for target in spent.targets.union(action.targets) for member in members(target)}
    return len(met) + max(0, profile.reach - len(action.targets))


def _names_objects(action: Action, m: Mandate | None) -> bool:
    """The mandate names the tool's workflow exactly, or every target (and there is at least one)."""
    if m is None:
        return False
    if str(action.tool) in m.objects:
        return True
    return bool(action.targets) and all(m.names(action.tool, t) for t in action.targets)
