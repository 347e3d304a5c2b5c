"""What a person sees of one action before they turn a key, as one value; and narrowing it to a smaller one.

Everything is rendered from the bytes that the digest covers, the profile, the operator's files and the rows of this
moment (CVE-2026-32065: a person saw a rendering, something else ran). What comes from the agent or from tools is
hostile text and is marked as theirs: surfaces show it through :mod:`keyturn.core.hidden`.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from keyturn.core.action import Action, Target
from keyturn.core.execution import State
from keyturn.core.facts import Asset, Facts
from keyturn.core.mandate import Mandate
from keyturn.core.policy import Reason, Verdict
from keyturn.core.profile import Profile, resolve
from keyturn.core.sentence import Back, Sentence, happens, takes_back
from keyturn.errors import ProfileError
from keyturn.gate import review
from keyturn.gate.context import Context
from keyturn.gate.narrow import draft_of, narrow
from keyturn.gate.ports import Definition, Tx
from keyturn.gate.provenance import Provenance, trace
from keyturn.gate.records import ActionRecord, How, Person
from keyturn.gate.situation import lineage, read_facts
from keyturn.gate.standing import wanted
from keyturn.gate.submit import action_of

MOST_STEPS = 30
MOST_TRACES = 512
SEARCH_S = 0.1
"""How long the earlier steps are searched for where values are from, while other work waits."""


class AgentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The agent that asks, without its token's hash."""

    id: str
    owner: str
    purpose: str
    created_at: int
    token_expires_at: int | None
    shared: bool
    exposed: bool
    revoked_at: int | None


class BudgetSeen(msgspec.Struct, frozen=True):
    """One budget: ``actions``, ``responds``, ``targets`` or ``open_holds``; its limit, and what is used of it."""

    name: str
    limit: int
    used: int

    @property
    def left(self) -> int:
        """What is left, never below zero."""
        return max(0, self.limit - self.used)


class MandateSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate and what is left of it: ``remaining_ms`` is 0 once it is over. ``parents``: what it was narrowed from,
    the nearest first."""

    mandate: Mandate
    live: bool
    remaining_ms: int
    budgets: tuple[BudgetSeen, ...]
    parents: tuple[str, ...]


class TargetSeen(msgspec.Struct, frozen=True):
    """A target, what the inventory knows of it (None: nothing), and whether the mandate covers it."""

    target: Target
    asset: Asset | None
    in_mandate: bool


class Planned(msgspec.Struct, frozen=True):
    """Another call that the profile makes around the action. ``arguments`` None: known only once it comes to that."""

    name: str
    tool: str
    arguments: dict[str, Any] | None


class EarlierStep(msgspec.Struct, frozen=True, kw_only=True):
    """An action that this agent proposed before in this case. ``seq``: the index of its first entry."""

    seq: int
    action: str
    tool: str
    targets: tuple[Target, ...]
    state: State
    oversight: str
    proposed_at: int
    is_error: bool


class Blast(msgspec.Struct, frozen=True, kw_only=True):
    """How far it reaches: targets of this action, those that the mandate would have changed with it, and the budget
    for one person's approval; crown jewels and production among its targets."""

    targets: int
    changed_with_it: int
    budget: int
    crown_jewels: tuple[Target, ...]
    production: tuple[Target, ...]


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """An action as a person must see it, at the moment ``now``.

    ``content`` are the exact canonical bytes that the digest covers, ``action`` is read from them; ``sentence`` says in
    plain words what will happen, ``back`` how it is taken back. ``record`` holds why it is held (``reasons``), its
    keys and its clock; ``missing`` the policy's reasons why the keys are not enough, ``still`` the same in words.
    ``facts`` and ``verdict`` are those of now, not of the proposal. ``mandate`` and ``agent`` None: they are gone.
    ``listed`` False: no server lists the tool now, so nothing can run, and the profile is the files' alone;
    ``definition_changed``: the tool is not the one that it was proposed for. ``model_output`` of the action is the
    agent's own writing. ``steps_total`` counts all earlier steps, ``steps`` are the newest of them, newest first.
    """

    now: int
    record: ActionRecord
    content: bytes
    action: Action
    profile: Profile
    sentence: Sentence
    back: Back
    targets: tuple[TargetSeen, ...]
    agent: AgentSeen | None
    mandate: MandateSeen | None
    missing: tuple[Reason, ...]
    still: str
    facts: Facts
    verdict: Verdict
    listed: bool
    definition_changed: bool
    provenance: Provenance
    steps: tuple[EarlierStep, ...]
    steps_total: int
    preserve: tuple[Planned, ...]
    check: Planned | None
    blast: Blast

    @property
    def due_at(self) -> int:
        """When the state's own clock runs out; 0 for none."""
        return self.record.due_at


class Dossiers:
    """The verbs around one action's dossier. Made by the gate, as ``gate.dossier``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._traced: dict[str, Provenance] = {}

    async def read(self, who: Person, action_id: str) -> Dossier:
        """All that a person needs to decide on an action.

        Raises ``NotFound``, and ``Forbidden`` if its content was erased or altered: then there is only the row
        (:meth:`Gate.look`), and nothing to turn a key on.
        """

        def work(tx: Tx) -> Dossier:
            seen = compile_dossier(self._ctx, tx, review.need(tx, action_id), self._traced.get(action_id))
            if len(self._traced) >= MOST_TRACES:
                self._traced.clear()
            # What stood before an action stands for good, so it is searched once.
            self._traced[seen.record.id] = seen.provenance
            return seen

        return await self._ctx.store.read(work)

    async def narrow(
        self, who: Person, action_id: str, arguments: dict[str, Any], *, how: How = "token"
    ) -> ActionRecord:
        """Change a held action to a smaller one: the same tool, fewer targets, all else equal. The new action's row.

        The original ends ``withdrawn``; the new one is the agent's with ``who`` beside it, decided anew, and held for
        at least one key: nobody who narrowed it counts as independent. Raises ``Conflict`` if it is not held,
        ``InvalidArguments`` if it is no smaller, ``Forbidden`` if it would be denied; the original still waits then.
        """
        draft = await self._ctx.store.read(lambda tx: draft_of(self._ctx, tx, action_id, arguments))
        _, narrowed = await self._ctx.store.write(narrow(self._ctx, who, action_id, draft, how))
        self._ctx.changed(action_id)
        return narrowed


def compile_dossier(ctx: Context, tx: Tx, record: ActionRecord, traced: Provenance | None = None) -> Dossier:
    """The dossier of a row, in one read; ``traced`` is its provenance if it is known already."""
    action = action_of(tx, record)
    definition = ctx.tools.definition(record.tool)
    held = record.state is State.HELD
    facts, profile = read_facts(ctx, tx, action, definition, record.fingerprint, held=held)
    if definition is None:
        away = Definition(tool=record.tool, fingerprint="", input_schema={}, annotations={})
        profile = ctx.knowledge.profile(away, action.arguments)
    mandate = tx.mandate(record.mandate) if record.mandate else None
    missing = review.missing(ctx, tx, record)
    first = tx.cases.first_entry(record.id)
    before = first if first is not None else 0
    total, steps = tx.cases.steps_before(record.case, record.agent, before, MOST_STEPS) if record.case else (0, [])
    targets = tuple(
        TargetSeen(t, ctx.knowledge.asset(t), mandate is not None and mandate.covers_target(t)) for t in action.targets
    )
    return Dossier(
        now=facts.now,
        record=record,
        content=action.content(),
        action=action,
        profile=profile,
        sentence=happens(action, profile),
        back=takes_back(action, profile),
        targets=targets,
        agent=_agent(tx, record.agent),
        mandate=mandate_seen(tx, mandate, facts.now) if mandate is not None else None,
        missing=missing,
        still=_still(ctx, tx, record, missing, facts.now),
        facts=facts,
        verdict=ctx.policy.decide(facts),
        listed=definition is not None,
        definition_changed=definition is not None and definition.fingerprint != record.definition,
        provenance=traced if traced is not None else trace(tx, action, mandate, before, _late_in(SEARCH_S)),
        steps=tuple(_step(seq, step) for seq, step in steps),
        steps_total=total,
        preserve=tuple(_planned(name, s.tool, s.arguments, action) for name, s in profile.preserve.items()),
        check=_planned("check", profile.check.tool, profile.check.arguments, action) if profile.check else None,
        blast=_blast(tx, targets, mandate, facts),
    )


def _agent(tx: Tx, agent_id: str) -> AgentSeen | None:
    agent = tx.agent(agent_id)
    return None if agent is None else msgspec.convert(agent, AgentSeen, from_attributes=True)


def mandate_seen(tx: Tx, mandate: Mandate, now: int) -> MandateSeen:
    """A mandate, whether it is in force, and what is left of it."""
    actions, responds, targets = tx.spent(mandate.id)
    limits, live = mandate.budgets, mandate.live(now)
    return MandateSeen(
        mandate=mandate,
        live=live,
        remaining_ms=max(0, mandate.expires_at - now) if live else 0,
        budgets=(
            BudgetSeen("actions", limits.actions, actions),
            BudgetSeen("responds", limits.responds, responds),
            BudgetSeen("targets", limits.targets, len(targets)),
            BudgetSeen("open_holds", limits.open_holds, tx.open_holds(mandate.agent, mandate.case)),
        ),
        parents=tuple(parent.id for parent in lineage(tx, mandate)[1:]),
    )


def _still(ctx: Context, tx: Tx, record: ActionRecord, missing: tuple[Reason, ...], now: int) -> str:
    """What the keys lack, in words; empty if nothing."""
    if record.hold is None or record.state is not State.HELD or not missing:
        return ""
    return " and ".join(wanted(ctx, tx, record, now)) or "; ".join(reason.why for reason in missing)


def _step(seq: int, record: ActionRecord) -> EarlierStep:
    return EarlierStep(
        seq=seq,
        action=record.id,
        tool=str(record.tool),
        targets=record.targets,
        state=record.state,
        oversight=record.oversight_word,
        proposed_at=record.proposed_at,
        is_error=record.is_error,
    )


def _planned(name: str, tool: str, arguments: dict[str, Any], action: Action) -> Planned:
    try:
        return Planned(name, tool, resolve(arguments, {"arguments": action.arguments}))
    except ProfileError:
        return Planned(name, tool, None)


def _blast(tx: Tx, targets: tuple[TargetSeen, ...], mandate: Mandate | None, facts: Facts) -> Blast:
    before = tx.spent(mandate.id)[2] if mandate is not None else frozenset()
    return Blast(
        targets=len(facts.targets),
        changed_with_it=len(before.union(facts.targets)),
        budget=mandate.budgets.targets if mandate is not None else 0,
        crown_jewels=tuple(t.target for t in targets if t.asset is not None and t.asset.crown_jewel),
        production=tuple(t.target for t in targets if t.asset is not None and t.asset.environment == "production"),
    )


def _late_in(seconds: float) -> Callable[[], bool]:
    until = time.perf_counter() + seconds
    return lambda: time.perf_counter() > until
