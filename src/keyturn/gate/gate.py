"""The gate: the only code that changes state. Surfaces call these verbs and nothing else (design, section 5).

Each verb authenticates nothing itself: it takes the :class:`Agent` or :class:`Person` that :meth:`Gate.agent_for` or
:meth:`Gate.person_for` returned, and looks them up again inside its transaction.
"""

import asyncio
from typing import Any, TypeVar

import msgspec

from keyturn.core.action import Action, ToolRef
from keyturn.core.canonical import sha256_hex
from keyturn.core.execution import State
from keyturn.core.explain import Explanation, explain
from keyturn.core.mandate import Mandate
from keyturn.core.policy import Reason
from keyturn.core.profile import Profile, Stage
from keyturn.errors import KeyturnError, NotFound, Unauthenticated
from keyturn.gate import grants, recover, review
from keyturn.gate.access import Access
from keyturn.gate.care import CareVerbs
from keyturn.gate.case import CaseVerbs
from keyturn.gate.context import Context, log, token_hash
from keyturn.gate.dossier import Dossiers
from keyturn.gate.execute import kick, run
from keyturn.gate.grants import Issued, MandateDraft
from keyturn.gate.oidc import OidcVerbs
from keyturn.gate.outbox import Outbox
from keyturn.gate.ports import Definition, ToolAnswer, Tx
from keyturn.gate.pulse import PulseVerbs
from keyturn.gate.quorum import QuorumVerbs
from keyturn.gate.reading import Read, admit_read
from keyturn.gate.records import ActionRecord, Agent, How, Person, Role, Scope, Stop, ToolPin
from keyturn.gate.registry import Registry
from keyturn.gate.situation import profile_for, read_facts
from keyturn.gate.submit import Proposal, action_of, admit, check
from keyturn.gate.suppose import Supposition, suppose

Who = TypeVar("Who", Agent, Person)
BUSY = frozenset({State.HELD, State.READY, State.EXECUTING, State.REVERTING})


class Proposed(msgspec.Struct, frozen=True):
    """What became of a proposal; ``answer`` only if it ran during the call."""

    record: ActionRecord
    answer: ToolAnswer | None


class Story(msgspec.Struct, frozen=True):
    """An action as a person must see it: the row, the bytes that the digest covers, what the keys still lack by the
    policy, and whose are wanted, in words."""

    record: ActionRecord
    content: bytes
    action: Action
    profile: Profile
    missing: tuple[Reason, ...]
    wanted: tuple[str, ...]


class Gate:
    """The verbs. Made by the composition root from a :class:`Context`. ``access``: passkeys, sessions, signed keys."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.access, self.quorum, self.care = Access(ctx), QuorumVerbs(ctx), CareVerbs(ctx)
        self.pulse = PulseVerbs(ctx)
        self.dossier, self.case, self.registry = Dossiers(ctx), CaseVerbs(ctx), Registry(ctx)
        self._sweeper: asyncio.Task[None] | None = None
        self.outbox = Outbox(ctx)
        self.oidc = OidcVerbs(ctx)

    # Life

    async def start(self) -> None:
        """Record the policy in force, settle what a crash left, and keep the clocks running."""
        await self._ctx.store.write(self._record_policy)
        if await self._ctx.store.read(lambda tx: tx.care.unfollowed()):
            await self._ctx.store.write(self._follow_holds)
        await recover.sweep(self._ctx)
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop_running(self) -> None:
        """End the clocks and wait for what is running."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._ctx.drain()

    async def sweep(self) -> None:
        """One round of the clocks, now (expiry, cooling-off, reverts, lost processes), and wait for what it began."""
        await recover.sweep(self._ctx)
        await self._ctx.drain()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._ctx.settings.sweep_s)
            try:
                await recover.sweep(self._ctx)
            except KeyturnError as e:
                log.error("the sweep failed: %s", e)

    def _record_policy(self, tx: Tx) -> None:
        """What decides from now on: the policy, and the operator's threshold sets."""
        policy, quorum = self._ctx.policy, msgspec.json.encode(self._ctx.quorum)
        in_force = f"{policy.hash} {sha256_hex(quorum)}".encode()
        if tx.setting("policy") != in_force:
            tx.put_setting("policy", in_force)
            body: dict[str, Any] = {"policy": policy.hash, "author": policy.author, "rules": len(policy.rules)}
            body["single_operator"] = policy.single_operator
            text = "\n".join(rule.text for rule in policy.rules).encode()
            tx.record("policy_loaded", tx.latest(self._ctx.clock.now()), body, {"rules": text, "quorum": quorum})

    def _follow_holds(self, tx: Tx) -> None:
        """Holds of a version that had no queue yet."""
        for record in tx.care.unfollowed():
            tx.put_action(record)

    # Who

    async def agent_for(self, token: str) -> Agent:
        """Whose token this is; :class:`Unauthenticated` alike for wrong, revoked and expired ones."""
        hashed = token_hash(token)
        return await self._ctx.store.read(lambda tx: self._live(tx, tx.agent_by_token(hashed)))

    async def agent_named(self, agent_id: str) -> Agent:
        """A live agent by id, for a local route without tokens."""
        return await self._ctx.store.read(lambda tx: self._live(tx, tx.agent(agent_id)))

    async def person_for(self, token: str) -> Person:
        """Whose token this is; :class:`Unauthenticated` alike for wrong, revoked and expired ones."""
        hashed = token_hash(token)
        return await self._ctx.store.read(lambda tx: self._live(tx, tx.person_by_token(hashed)))

    def _live(self, tx: Tx, found: Who | None) -> Who:
        ended = found is None or found.revoked_at is not None
        now = tx.now(self._ctx.clock.now())
        if found is None or ended or (found.token_expires_at is not None and now >= found.token_expires_at):
            raise Unauthenticated("no such token", hint="it is wrong, revoked or expired; ask for a new one")
        return found

    # Agents' verbs

    async def propose(self, agent: Agent, proposal: Proposal, caller: object | None = None) -> Proposed:
        """Propose one call: denied, held, or run at once. A policy's no is a value, not an error.

        Raises ``InvalidArguments``, ``InvalidInput``, ``StoreError``, and what the call itself raised.
        """
        draft = check(self._ctx, proposal)
        record, action, profile = await self._ctx.store.write(lambda tx: admit(self._ctx, tx, agent, draft))
        if action is None or record.state is not State.EXECUTING:
            return Proposed(record, None)
        if profile.stage is Stage.ANALYSE:
            return Proposed(*await run(self._ctx, record, action, profile, caller))
        # A change goes on when its client leaves: half a change is worse than an unread answer.
        running = asyncio.ensure_future(run(self._ctx, record, action, profile, caller))
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        return Proposed(*await asyncio.shield(running))

    async def look(self, who: Agent | Person, action_id: str) -> ActionRecord:
        """The row; an agent sees its own only."""
        return await self._ctx.store.read(lambda tx: self._seen(tx, who, action_id))

    async def wait(self, who: Agent | Person, action_id: str, timeout_s: float) -> ActionRecord:
        """The row once it is neither held nor running, or when the time is over."""

        async def done() -> bool:
            return (await self.look(who, action_id)).state not in BUSY

        await self._ctx.watch(action_id, done, timeout_s)
        return await self.look(who, action_id)

    async def result(self, who: Agent | Person, action_id: str) -> bytes | None:
        """The server's result of an action that was held, as it came; None if there is none, or it was too large."""

        def work(tx: Tx) -> bytes | None:
            return tx.payload(self._seen(tx, who, action_id).id, "result")

        return await self._ctx.store.read(work)

    async def withdraw(self, who: Agent | Person, action_id: str, reason: str) -> ActionRecord:
        """Take a hold back before it runs."""
        return await self._write(action_id, review.withdraw(self._ctx, who, action_id, reason))

    async def may_read(self, agent: Agent, tool: ToolRef, subject: str, mandate: str | None) -> None:
        """Record a read that is no tool's (``upstream/resources/read`` and such) before it leaves.

        Raises :class:`Forbidden`, once that is recorded, unless the policy lets it run free.
        """
        refused = await self._ctx.store.write(admit_read(self._ctx, agent, Read(tool, subject), mandate))
        if refused is not None:
            raise refused

    # People's verbs

    async def holds(self, who: Person, *, after: str = "", limit: int = 50) -> list[ActionRecord]:
        """What waits for keys, the next to expire first. ``after`` is the id of the last one seen."""

        def work(tx: Tx) -> list[ActionRecord]:
            last = tx.action(after) if after else None
            start = (last.due_at, last.id) if last else (0, "")
            return tx.actions(states=(State.HELD,), after=start, limit=min(limit, 1000))

        return await self._ctx.store.read(work)

    async def in_state(self, who: Person, states: tuple[State, ...], limit: int = 200) -> list[ActionRecord]:
        """The open actions in these states: the unknown ones to settle, those to confirm."""
        return await self._ctx.store.read(lambda tx: tx.actions(states=states, limit=min(limit, 1000)))

    async def story(self, who: Agent | Person, action_id: str) -> Story:
        """All that a person needs to decide, rendered from the bytes that the digest covers."""

        def work(tx: Tx) -> Story:
            record = self._seen(tx, who, action_id)
            action = action_of(tx, record)
            profile = profile_for(self._ctx, self._ctx.tools.definition(record.tool), action.arguments)
            wanted = self.quorum.lacking(tx, record)
            return Story(record, action.content(), action, profile, review.missing(self._ctx, tx, record), wanted)

        return await self._ctx.store.read(work)

    async def find(self, who: Person, start: str) -> ActionRecord:
        """The one action whose id begins so."""
        found = await self._ctx.store.read(lambda tx: tx.actions_like(start, 2) if start else [])
        if len(found) != 1:
            many = "no action's id begins" if not found else "several actions' ids begin"
            raise NotFound(f"{many} with {start[:40]!r}", hint="write more of the id")
        return found[0]

    async def turn(self, who: Person, action_id: str, digest: str) -> ActionRecord:
        """Turn a key on the digest that the person saw. It runs at once where the keys are now enough."""
        record = await self._write(action_id, review.turn(self._ctx, who, action_id, digest))
        kick(self._ctx, record)
        return record

    async def reject(self, who: Person, action_id: str, reason: str) -> ActionRecord:
        """One refusal ends it."""
        return await self._write(action_id, review.reject(self._ctx, who, action_id, reason))

    async def confirm(self, who: Person, action_id: str, *, how: How = "token") -> ActionRecord:
        """Keep what ran under ``confirm``. Who has a passkey does this, and the next two, no other way (``how``)."""
        return await self._write(action_id, review.confirm(self._ctx, who, action_id, how))

    async def revert(self, who: Person, action_id: str, reason: str, *, how: How = "token") -> ActionRecord:
        """Take an action back by its inverse. ``Conflict`` while a stop covers it, ``Forbidden`` by the policy,
        :class:`~keyturn.errors.ToolNotSent` where the reversal did not leave."""
        why = review.need_reason(reason)
        return await recover.revert(self._ctx, action_id, who.id, why, review.taking_back(self._ctx, who, how))

    async def settle(
        self, who: Person, action_id: str, outcome: str, reason: str, *, how: How = "token"
    ) -> ActionRecord:
        """Say what became of an unknown action: succeeded, failed, reverted, or retry where that is safe."""
        record = await self._write(action_id, review.settle(self._ctx, who, action_id, outcome, reason, how))
        kick(self._ctx, record)
        return record

    async def reviews(self, who: Person, limit: int = 200) -> list[ActionRecord]:
        """What one person released alone and nobody has looked at since (G18)."""
        return await self._ctx.store.read(lambda tx: tx.reviews_due(min(limit, 1000)))

    async def reviewed(self, who: Person, action_id: str, note: str) -> ActionRecord:
        """Look afterwards at what one person released alone."""
        return await self._write(action_id, review.reviewed(self._ctx, who, action_id, note))

    async def explain(self, who: Agent | Person, action_id: str) -> Explanation:
        """Why this verdict, on the facts of now, and which facts would change it."""

        def work(tx: Tx) -> Explanation:
            record = self._seen(tx, who, action_id)
            action, definition = action_of(tx, record), self._ctx.tools.definition(record.tool)
            held = record.state is State.HELD
            facts, _ = read_facts(self._ctx, tx, action, definition, record.fingerprint, held=held)
            return explain(self._ctx.policy, facts)

        return await self._ctx.store.read(work)

    async def suppose(self, who: Agent | Person, proposal: Proposal, agent: str = "") -> Supposition:
        """What would happen if: a call's profile, facts, verdict and what would change it. Nothing is written.

        ``agent``: whose call it would be, where a person asks and names no mandate.
        """
        return await self._ctx.store.read(suppose(self._ctx, who, proposal, agent))

    # Grants

    async def add_person(
        self, who: Person | None, name: str, roles: tuple[Role, ...], aliases: tuple[str, ...] = ()
    ) -> Issued:
        """A human with roles; ``who`` None only for the very first owner."""
        return await self._ctx.store.write(grants.add_person(self._ctx, who, name, roles, aliases))

    async def revoke_person(self, who: Person, name: str, reason: str) -> Person:
        """A person who turns no more keys."""
        return await self._ctx.store.write(grants.revoke_person(self._ctx, who, name, reason))

    async def people(self, who: Person) -> list[Person]:
        """Everybody, revoked ones included."""
        return await self._ctx.store.read(lambda tx: tx.people())

    async def add_agent(self, who: Person, name: str, owner: str, purpose: str, token_days: int = 30) -> Issued:
        """A non-human identity with one owner and a token that ends."""
        return await self._ctx.store.write(grants.add_agent(self._ctx, who, name, owner, purpose, token_days))

    async def renew_token(self, who: Person, agent_id: str, token_days: int = 30) -> Issued:
        """A new token; the old one is void at once."""
        return await self._ctx.store.write(grants.renew_token(self._ctx, who, agent_id, token_days))

    async def mark_agent(self, who: Person, agent_id: str, *, shared: bool, exposed: bool) -> Agent:
        """Say that an agent's credential is shared or exposed."""
        return await self._ctx.store.write(grants.mark_agent(self._ctx, who, agent_id, shared=shared, exposed=exposed))

    async def revoke_agent(self, who: Person, agent_id: str, reason: str) -> Agent:
        """An agent that acts no more."""
        return await self._ctx.store.write(grants.revoke_agent(self._ctx, who, agent_id, reason))

    async def agents(self, who: Person) -> list[Agent]:
        """Every agent, revoked ones included."""
        return await self._ctx.store.read(lambda tx: tx.agents())

    async def grant(self, who: Person, draft: MandateDraft) -> Mandate:
        """Issue a mandate."""
        return await self._ctx.store.write(grants.grant(self._ctx, who, draft))

    async def narrow(self, who: Agent, parent_id: str, draft: MandateDraft) -> Mandate:
        """Hand a part of an agent's mandate on."""
        return await self._ctx.store.write(grants.narrow(self._ctx, who, parent_id, draft))

    async def revoke_mandate(self, who: Person, mandate_id: str, reason: str) -> Mandate:
        """End a mandate now."""
        return await self._ctx.store.write(grants.revoke_mandate(self._ctx, who, mandate_id, reason))

    async def mandates(self, who: Agent | Person) -> list[Mandate]:
        """All mandates; an agent sees its own."""
        agent = who.id if isinstance(who, Agent) else None
        return await self._ctx.store.read(lambda tx: tx.mandates(agent=agent))

    async def stop(self, who: Person, scope: Scope, subject: str, reason: str) -> Stop:
        """The kill switch; effective on the next call."""
        return await self._ctx.store.write(grants.press_stop(self._ctx, who, scope, subject, reason))

    async def resume(self, who: Person, stop_id: str, reason: str) -> Stop:
        """Lift a stop."""
        return await self._ctx.store.write(grants.lift_stop(self._ctx, who, stop_id, reason))

    async def stops(self, who: Agent | Person) -> list[Stop]:
        """The stops in force."""
        return await self._ctx.store.read(lambda tx: tx.stops())

    async def accept_tool(self, who: Person, tool: ToolRef, seen: str = "") -> ToolPin:
        """Trust a tool's definition as it is now; ``seen``: only if it still is the one of this fingerprint."""
        return await self._ctx.store.write(grants.accept_tool(self._ctx, who, tool, seen))

    # Tools

    def definition(self, tool: ToolRef) -> Definition | None:
        """The tool's definition as last listed."""
        return self._ctx.tools.definition(tool)

    async def refresh(self, upstream: str) -> None:
        """Ask a server for its tools again, so that what it lists now is what calls are judged by."""
        await self._ctx.tools.refresh(upstream)

    def stage_of(self, tool: ToolRef) -> Stage:
        """The gravest stage that the tool's profile gives; ``respond`` for what nobody has profiled."""
        return profile_for(self._ctx, self._ctx.tools.definition(tool), {}).stage

    def withholds(self, tool: ToolRef) -> bool:
        """Whether the tool's profile keeps something of its answer back."""
        return bool(profile_for(self._ctx, self._ctx.tools.definition(tool), {}).withholds)

    # Within

    def _seen(self, tx: Tx, who: Agent | Person, action_id: str) -> ActionRecord:
        record = review.need(tx, action_id)
        if isinstance(who, Agent) and (record.agent != who.id or record.drill):
            raise NotFound(f"there is no action {action_id[:40]!r}", hint="an agent sees its own actions")
        return record

    async def _write(self, action_id: str, work: Any) -> ActionRecord:
        record: ActionRecord = await self._ctx.store.write(work)
        self._ctx.changed(action_id)
        return record


__all__ = ["Gate", "Proposed", "Story"]
