"""What a policy makes of a profile alone, with nothing known of the case: for proofs, reviews, `catalogue explain`."""

from collections.abc import Mapping
from typing import Any, Final

from keyturn.core.action import Action, ModelOutput, ToolRef
from keyturn.core.facts import Chain, Credential, Facts, Situation, facts_of
from keyturn.core.mandate import Budgets, Mandate, Spent
from keyturn.core.policy import Policy, Verdict
from keyturn.core.profile import Profile, named_targets

_WHEN: Final = 1_000_000
_LIFE: Final = 3_600_000


def outlook(
    policy: Policy, profile: Profile, tool: ToolRef, arguments: Mapping[str, Any], *, objects: tuple[str, ...] = ()
) -> Verdict:
    """The verdict for a first call under a plain analyst's mandate.

    The mandate covers every tool and target and has its usual budgets; the agent is live, its credential its own, and
    it did nothing in the case before. ``objects`` are the sensitive things that the mandate names (none: plain).
    """
    return policy.decide(plain_facts(profile, tool, arguments, objects=objects))


def plain_facts(
    profile: Profile, tool: ToolRef, arguments: Mapping[str, Any], *, objects: tuple[str, ...] = ()
) -> Facts:
    """The facts that :func:`outlook` decides on."""
    given = dict(arguments)
    action = Action(
        id="",
        agent="analyst",
        mandate="plain",
        case="case",
        tool=tool,
        definition="",
        arguments=given,
        targets=named_targets(profile, given),
        model_output=ModelOutput(),
        proposed_at=_WHEN,
        nonce="",
    )
    mandate = Mandate(
        id="plain",
        agent="analyst",
        case="case",
        purpose="analysis",
        tools=("*",),
        targets=("*",),
        objects=objects,
        budgets=Budgets(),
        issued_by="lead",
        issued_at=_WHEN,
        expires_at=_WHEN + _LIFE,
    )
    situation = Situation(
        now=_WHEN,
        owner="owner",
        agent_live=True,
        mandate=mandate,
        spent=Spent(),
        chain=Chain(),
        credential=Credential(),
        profile=profile,
        quarantined=False,
        refused_before=False,
        stopped="",
        assets=(),
    )
    return facts_of(action, situation)
