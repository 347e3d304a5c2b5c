"""What would happen if: a call that nobody proposed, judged like a proposal. Nothing is written, and nothing runs."""

from collections.abc import Callable

import msgspec

from keyturn.core.explain import Explanation, explain
from keyturn.core.facts import Facts
from keyturn.core.profile import Profile
from keyturn.errors import Forbidden, InvalidInput, NotFound
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import Agent, Person
from keyturn.gate.situation import read_facts
from keyturn.gate.submit import Proposal, check, choose_mandate, drafted, fingerprint_of


class Supposition(msgspec.Struct, frozen=True):
    """A supposed call's profile, the facts of now, and the explanation of its verdict on them."""

    profile: Profile
    facts: Facts
    explanation: Explanation


def suppose(ctx: Context, who: Agent | Person, proposal: Proposal, agent_id: str) -> Callable[[Tx], Supposition]:
    """For a read. An agent asks about itself; a person about any agent, by its id (``agent_id``) or its mandate.

    Raises ``InvalidArguments`` and ``InvalidInput`` as a proposal does, :class:`NotFound` for an agent or a mandate
    that is not there, and :class:`Forbidden` for another agent's.
    """
    draft = check(ctx, proposal)

    def work(tx: Tx) -> Supposition:
        now = tx.now(ctx.clock.now())
        agent = _about(tx, who, agent_id, proposal.mandate)
        mandate, case = choose_mandate(tx, agent, proposal.mandate, now)
        action = drafted(draft, agent, mandate, case, now)
        fingerprint = fingerprint_of(proposal.tool, case, draft.arguments)
        facts, profile = read_facts(ctx, tx, action, draft.definition, fingerprint)
        return Supposition(profile, facts, explain(ctx.policy, facts))

    return work


def _about(tx: Tx, who: Agent | Person, agent_id: str, mandate_id: str | None) -> str:
    """The id of the agent that the call would be of."""
    if isinstance(who, Agent):
        if agent_id not in ("", who.id):
            raise Forbidden(f"{who.id} may not ask about another agent", hint="leave the agent out")
        return who.id
    mandate = tx.mandate(mandate_id) if mandate_id is not None else None
    if mandate_id is not None and mandate is None:
        raise NotFound(f"there is no mandate {mandate_id[:40]!r}")
    name = agent_id or (mandate.agent if mandate is not None else "")
    if not name:
        raise InvalidInput("whose call would it be?", hint="name an agent or a mandate")
    agent = tx.agent(name)
    if agent is None:
        raise NotFound(f"there is no agent {name[:80]!r}")
    return agent.id
