"""Reads that are no tool's: resources, prompts, completion. No journal entry, no read (G10, guardrail 10).

They are judged as a tool's read is, by the same facts and the same policy, but there is no way to hold one: what the
policy does not let run free is refused. The entry is durable before the read leaves; refused ones have one, too.
"""

from collections.abc import Callable

import msgspec

from keyturn.core.action import Action, ModelOutput, Target, ToolRef
from keyturn.core.facts import Oversight
from keyturn.core.policy import Verdict
from keyturn.core.profile import Basis, Profile, Reversible, Stage
from keyturn.errors import Forbidden
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import Agent
from keyturn.gate.situation import facts_json, facts_with
from keyturn.gate.submit import charge, choose_mandate, verdict_body

KINDS = {"resources/read": "resource", "prompts/get": "prompt"}


class Read(msgspec.Struct, frozen=True):
    """What is read: ``upstream/resources/read`` or ``upstream/prompts/get`` as a tool's name, and which one of them."""

    tool: ToolRef
    subject: str


def plain(tool: ToolRef) -> Profile:
    """What a read is where the catalogue does not say more of it under its name (``resources/read``)."""
    return Profile(tool=tool.name, stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.DERIVED)


def admit_read(ctx: Context, agent: Agent, read: Read, named: str | None) -> Callable[[Tx], Forbidden | None]:
    """One transaction: facts, verdict, entry, and what the mandate has spent. Why it may not leave, or None."""

    def work(tx: Tx) -> Forbidden | None:
        now = tx.now(ctx.clock.now())
        mandate, case = choose_mandate(tx, agent.id, named, now)
        action = Action(
            id="",
            agent=agent.id,
            mandate=mandate,
            case=case,
            tool=read.tool,
            definition="",
            arguments={},
            targets=(Target(KINDS.get(read.tool.name, "read"), read.subject),),
            model_output=ModelOutput(),
            proposed_at=now,
            nonce="",
        )
        facts = facts_with(ctx, tx, action, ctx.knowledge.profile_named(read.tool) or plain(read.tool))
        verdict = ctx.policy.decide(facts)
        body = {"agent": agent.id, "mandate": mandate, "tool": str(read.tool), **verdict_body(verdict)}
        payloads = {"subject": read.subject.encode(), "facts": facts_json(facts)}
        tx.record("read", now, body, payloads, case=case)
        granted = tx.mandate(mandate)
        if verdict.oversight is not Oversight.FREE or granted is None:
            return _refusal(read, verdict, facts.outside)
        charge(tx, agent.id, granted, case, read.tool, facts.stage)
        return None

    return work


def _refusal(read: Read, verdict: Verdict, outside: tuple[str, ...]) -> Forbidden:
    held = "" if verdict.denied else f"it would take {verdict.word}, and such a read can't wait for keys: "
    return Forbidden(
        f"{read.tool} may not run: {held}{'; '.join((*outside, *(reason.why for reason in verdict.reasons)))}",
        hint=f'ask for a mandate that names "{read.tool}", or use a tool of the server',
        reasons=tuple((reason.policy, reason.why) for reason in verdict.reasons),
    )
