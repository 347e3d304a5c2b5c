"""What goes out: rows of the gate as JSON, without their secrets. Times in milliseconds since 1970, UTC."""

from typing import Any

import msgspec

from keyturn.core.action import ModelOutput, Target
from keyturn.core.execution import State
from keyturn.core.explain import Change, Explanation, Level
from keyturn.core.facts import Facts
from keyturn.core.mandate import Mandate
from keyturn.core.policy import Reason
from keyturn.core.profile import Basis, Profile, Reversible, Stage, TargetRule, Touches
from keyturn.gate import Story, Supposition
from keyturn.gate.records import ActionRecord, Agent, Person, Role, Stop


class KeyView(msgspec.Struct, frozen=True):
    """A key that counts."""

    person: str
    turned_at: int


class HoldView(msgspec.Struct, frozen=True):
    """What a hold has. ``missing`` counts people's keys; the policy may ask for more than their number."""

    opened_at: int
    expires_at: int
    keys: tuple[KeyView, ...]
    missing: int


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """An action and where it stands.

    ``oversight`` is the verdict's word: free, confirm, one_key, two_key or denied; ``reasons`` the policies that
    determined it. ``due_at``: when the state's clock runs out, null for none. ``result`` is the tool's own (an MCP
    CallToolResult), as it came: hostile text. Only the view of one action has ``arguments``, ``model_output``,
    ``inverse``, ``missing`` and ``wanted`` (whose keys it still takes, in words), read from what the digest covers.
    """

    id: str
    digest: str
    state: State
    oversight: str
    reasons: tuple[Reason, ...]
    outside: tuple[str, ...]
    agent: str
    mandate: str
    case: str
    tool: str
    targets: tuple[Target, ...]
    stage: Stage
    reversible: Reversible
    proposed_at: int
    changed_at: int
    due_at: int | None
    hold: HoldView | None
    ended_by: str
    ended_because: str
    is_error: bool
    review_due: bool
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    arguments: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    model_output: ModelOutput | msgspec.UnsetType = msgspec.UNSET
    inverse: str | msgspec.UnsetType = msgspec.UNSET
    missing: tuple[Reason, ...] | msgspec.UnsetType = msgspec.UNSET
    wanted: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class HoldsView(msgspec.Struct, frozen=True):
    """A page of what waits for keys, the next to expire first; ``next`` goes into ``after`` for the next page."""

    holds: tuple[ActionView, ...]
    next: str | None


class ActionsView(msgspec.Struct, frozen=True):
    """Actions in one state."""

    actions: tuple[ActionView, ...]


class VerdictView(msgspec.Struct, frozen=True):
    """A verdict: its word, what determined it, and the hash of the policy set."""

    word: str
    reasons: tuple[Reason, ...]
    policy: str


class ExplanationView(msgspec.Struct, frozen=True):
    """A verdict on the facts of now, what each level met, and the single facts that would change it."""

    verdict: VerdictView
    levels: tuple[Level, ...]
    changes: tuple[Change, ...]


class ProfileView(msgspec.Struct, frozen=True, kw_only=True):
    """What a call does to the world, by the catalogue: how it names targets, and the other calls that belong to it."""

    stage: Stage
    reversible: Reversible
    touches: tuple[Touches, ...]
    basis: Basis
    targets: tuple[TargetRule, ...]
    inverse: str | None
    by_hand: str
    preserve: tuple[str, ...]
    check: str | None
    idempotent: bool
    withholds: tuple[str, ...]
    why: str


class SuppositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen if: the profile, the facts of now, the verdict, what each level met, what would change it."""

    profile: ProfileView
    facts: Facts
    verdict: VerdictView
    levels: tuple[Level, ...]
    changes: tuple[Change, ...]


class IssuedView(msgspec.Struct, frozen=True):
    """A new person or agent, and the token, shown this once."""

    id: str
    token: str


class InvitedView(msgspec.Struct, frozen=True):
    """A link to the page, shown this once: whoever follows it enrols the passkey of that person."""

    person: str
    link: str
    expires_at: int


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    """An agent, without its token."""

    id: str
    owner: str
    purpose: str
    token_issued_at: int
    token_expires_at: int | None
    shared: bool
    exposed: bool
    created_at: int
    revoked_at: int | None


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A person, without their token."""

    id: str
    roles: tuple[Role, ...]
    aliases: tuple[str, ...]
    token_expires_at: int | None
    created_at: int
    revoked_at: int | None


class AgentsView(msgspec.Struct, frozen=True):
    """Every agent, revoked ones included."""

    agents: tuple[AgentView, ...]


class PeopleView(msgspec.Struct, frozen=True):
    """Everybody, revoked ones included."""

    people: tuple[PersonView, ...]


class MandatesView(msgspec.Struct, frozen=True):
    """Mandates; an agent sees its own."""

    mandates: tuple[Mandate, ...]


class StopsView(msgspec.Struct, frozen=True):
    """The stops in force."""

    stops: tuple[Stop, ...]


class AcceptedView(msgspec.Struct, frozen=True):
    """The definition of a tool that is trusted from now on."""

    tool: str
    fingerprint: str
    accepted_at: int
    accepted_by: str


class HealthView(msgspec.Struct, frozen=True):
    """The gateway answers; it says nothing of what is behind it."""

    status: str


def action_view(record: ActionRecord, result: bytes | None = None) -> ActionView:
    """A row as it goes out; ``result`` is left out if it is no JSON."""
    hold = record.hold
    return ActionView(
        id=record.id,
        digest=record.digest,
        state=record.state,
        oversight=record.oversight_word,
        reasons=record.reasons,
        outside=record.outside,
        agent=record.agent,
        mandate=record.mandate,
        case=record.case,
        tool=str(record.tool),
        targets=record.targets,
        stage=record.stage,
        reversible=record.reversible,
        proposed_at=record.proposed_at,
        changed_at=record.changed_at,
        due_at=record.due_at or None,
        hold=None
        if hold is None
        else HoldView(
            hold.opened_at,
            hold.expires_at,
            tuple(KeyView(key.person, key.turned_at) for key in hold.counted()),
            hold.missing(),
        ),
        ended_by=record.ended_by,
        ended_because=record.ended_because,
        is_error=record.is_error,
        review_due=record.review_due,
        result=_json(result),
    )


def story_view(story: Story, result: bytes | None) -> ActionView:
    """One action with all that a person needs to decide."""
    inverse = story.profile.inverse
    return msgspec.structs.replace(
        action_view(story.record, result),
        arguments=story.action.arguments,
        model_output=story.action.model_output,
        inverse=msgspec.UNSET if inverse is None else inverse.tool,
        missing=story.missing,
        wanted=story.wanted,
    )


def _json(raw: bytes | None) -> msgspec.Raw | msgspec.UnsetType:
    if raw is None:
        return msgspec.UNSET
    try:
        return msgspec.json.decode(raw, type=msgspec.Raw)
    except msgspec.DecodeError:
        return msgspec.UNSET


def explanation_view(explanation: Explanation) -> ExplanationView:
    """An explanation with words instead of numbers."""
    verdict = explanation.verdict
    return ExplanationView(
        VerdictView(verdict.word, verdict.reasons, verdict.policy), explanation.levels, explanation.changes
    )


def profile_view(profile: Profile) -> ProfileView:
    """A profile with tools by name instead of templates."""
    return ProfileView(
        stage=profile.stage,
        reversible=profile.reversible,
        touches=tuple(sorted(profile.touches)),
        basis=profile.basis,
        targets=profile.targets,
        inverse=profile.inverse.tool if profile.inverse is not None else None,
        by_hand=profile.by_hand,
        preserve=tuple(step.tool for step in profile.preserve.values()),
        check=profile.check.tool if profile.check is not None else None,
        idempotent=profile.idempotent,
        withholds=profile.withholds,
        why=profile.why,
    )


def supposition_view(supposed: Supposition) -> SuppositionView:
    """A supposition with words instead of numbers."""
    told = explanation_view(supposed.explanation)
    return SuppositionView(
        profile=profile_view(supposed.profile),
        facts=supposed.facts,
        verdict=told.verdict,
        levels=told.levels,
        changes=told.changes,
    )


def agent_view(agent: Agent) -> AgentView:
    """An agent as people may see it."""
    return msgspec.convert(agent, AgentView, from_attributes=True)


def person_view(person: Person) -> PersonView:
    """A person as people may see them."""
    return msgspec.convert(person, PersonView, from_attributes=True)
