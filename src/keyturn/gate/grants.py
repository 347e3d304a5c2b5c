"""Who may act at all: people, agents, mandates, tools' definitions, and the stop. Owners and leads grant; it expires.

Every verb is one transaction with its journal entry. Tokens are shown once and kept as hashes.
"""

import hmac
from collections.abc import Callable, Iterable
from difflib import get_close_matches

import msgspec

from keyturn.core.action import ToolRef
from keyturn.core.hidden import says_something
from keyturn.core.hold import person_id
from keyturn.core.mandate import Budgets, Mandate, check_terms, delegate
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound
from keyturn.gate.context import Context, new_id, new_token, token_hash
from keyturn.gate.names import need_own_name
from keyturn.gate.notices import stop_changed
from keyturn.gate.ports import Tx
from keyturn.gate.reading import KINDS
from keyturn.gate.records import DECIDERS, Agent, Person, Role, Scope, Stop, ToolPin
from keyturn.gate.review import SENIORS, need_reason, need_role
from keyturn.gate.situation import lineage, stop_on
from keyturn.gate.submit import pin_of

replace = msgspec.structs.replace
OWNERS = frozenset({Role.OWNER})
DAY_MS = 24 * 3600 * 1000


class MandateDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mandate as asked for. ``lifetime_s`` in seconds; fields as in :class:`~keyturn.core.mandate.Mandate`."""

    agent: str
    case: str
    purpose: str
    tools: tuple[str, ...]
    targets: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    budgets: Budgets = Budgets()
    lifetime_s: int = 8 * 3600


class Issued(msgspec.Struct, frozen=True):
    """A new person or agent, and the token that is shown this once."""

    id: str
    token: str


def add_person(
    ctx: Context,
    who: Person | None,
    name: str,
    roles: tuple[Role, ...],
    aliases: tuple[str, ...] = (),
    token_days: int = 30,
) -> Callable[[Tx], Issued]:
    """A human with roles. ``who`` None makes the first owner, and only while there is nobody."""
    human, spellings = person_id(name), tuple(sorted({person_id(a) for a in aliases}))
    if not roles:
        raise InvalidInput(f"{human} would have no role", hint=f"one of {', '.join(Role)}")

    def work(tx: Tx) -> Issued:
        if who is None:
            if tx.people() or Role.OWNER not in roles:
                raise Forbidden("only the first person can be added without a token, as an owner")
            by = human
        else:
            by = need_role(tx, who, OWNERS, "add a person").id
        need_own_name(tx, human, spellings)
        now, token = tx.now(ctx.clock.now()), new_token("ktp_")
        person = Person(
            id=human,
            roles=roles,
            aliases=spellings,
            token_hash=token_hash(token),
            token_expires_at=now + token_days * DAY_MS,
            created_at=now,
        )
        tx.put_person(person)
        tx.record("person_added", now, {"person": human, "roles": [r.value for r in roles], "by": by})
        return Issued(human, token)

    return work


def add_agent(
    ctx: Context, who: Person, name: str, owner: str, purpose: str, token_days: int = 30
) -> Callable[[Tx], Issued]:
    """A non-human identity with one purpose, one human owner and a token of its own that ends (G8, G9, NHI7)."""
    agent_id = person_id(name)
    if not says_something(purpose) or not 1 <= token_days <= 365:
        raise InvalidInput("an agent needs a purpose and a token of 1 to 365 days")

    def work(tx: Tx) -> Issued:
        by = need_role(tx, who, SENIORS, "add an agent").id
        human = tx.person(person_id(owner))
        if human is None:
            raise NotFound(f"there is no person {owner[:80]!r}", hint="an agent has one human owner; add them first")
        need_own_name(tx, agent_id)
        now, token = tx.now(ctx.clock.now()), new_token("kta_")
        tx.put_agent(
            Agent(
                id=agent_id,
                owner=human.id,
                purpose=purpose.strip(),
                token_hash=token_hash(token),
                token_issued_at=now,
                token_expires_at=now + token_days * DAY_MS,
                created_at=now,
            )
        )
        tx.record("agent_added", now, {"agent": agent_id, "owner": human.id, "purpose": purpose.strip(), "by": by})
        return Issued(agent_id, token)

    return work


def renew_token(ctx: Context, who: Person, agent_id: str, token_days: int = 30) -> Callable[[Tx], Issued]:
    """A new token for an agent; the old one is void at once."""

    def work(tx: Tx) -> Issued:
        by, agent = need_role(tx, who, SENIORS, "renew a token").id, _agent(tx, agent_id)
        now, token = tx.now(ctx.clock.now()), new_token("kta_")
        expires = now + token_days * DAY_MS
        tx.put_agent(
            replace(agent, token_hash=token_hash(token), token_issued_at=now, token_expires_at=expires, exposed=False)
        )
        tx.record("token_renewed", now, {"agent": agent.id, "by": by})
        return Issued(agent.id, token)

    return work


def mark_agent(ctx: Context, who: Person, agent_id: str, *, shared: bool, exposed: bool) -> Callable[[Tx], Agent]:
    """Say that an agent's credential is shared or exposed: it then responds no more (guardrail 5, G20)."""

    def work(tx: Tx) -> Agent:
        by = need_role(tx, who, SENIORS, "mark an agent").id
        agent = replace(_agent(tx, agent_id), shared=shared, exposed=exposed)
        tx.put_agent(agent)
        body = {"agent": agent.id, "shared": shared, "exposed": exposed, "by": by}
        tx.record("agent_marked", tx.now(ctx.clock.now()), body)
        return agent

    return work


def revoke_agent(ctx: Context, who: Person, agent_id: str, reason: str) -> Callable[[Tx], Agent]:
    """An agent that acts no more, from the next call on."""

    def work(tx: Tx) -> Agent:
        by, now = need_role(tx, who, SENIORS, "revoke an agent").id, tx.now(ctx.clock.now())
        agent = replace(_agent(tx, agent_id), revoked_at=now)
        tx.put_agent(agent)
        tx.record("agent_revoked", now, {"agent": agent.id, "by": by, "because": need_reason(reason)})
        return agent

    return work


def revoke_person(ctx: Context, who: Person, name: str, reason: str) -> Callable[[Tx], Person]:
    """A person who turns no more keys; keys they turned on holds that still wait count no more."""

    def work(tx: Tx) -> Person:
        by, now = need_role(tx, who, OWNERS, "revoke a person").id, tx.now(ctx.clock.now())
        person = tx.person(person_id(name))
        if person is None:
            raise NotFound(f"there is no person {name[:80]!r}")
        others = [p for p in tx.people() if Role.OWNER in p.roles and p.revoked_at is None and p.id != person.id]
        if not others:
            raise Conflict(f"{person.id} is the last owner", hint="add another owner first")
        person = replace(person, revoked_at=now)
        tx.put_person(person)
        tx.record("person_revoked", now, {"person": person.id, "by": by, "because": need_reason(reason)})
        return person

    return work


def grant(ctx: Context, who: Person, draft: MandateDraft) -> Callable[[Tx], Mandate]:
    """A person's task grant to an agent (G8, G9)."""

    def work(tx: Tx) -> Mandate:
        by, agent = need_role(tx, who, SENIORS, "issue a mandate").id, _agent(tx, draft.agent)
        mandate = _mandate(ctx, tx, draft, agent, by)
        _issue(tx, mandate, by)
        return mandate

    return work


def narrow(ctx: Context, who: Agent, parent_id: str, draft: MandateDraft) -> Callable[[Tx], Mandate]:
    """An agent hands a part of its own mandate to another agent; never more than it has."""

    def work(tx: Tx) -> Mandate:
        parent = tx.mandate(parent_id)
        if parent is None or parent.agent != who.id:
            raise NotFound(f"the agent has no mandate {parent_id[:40]!r}")
        if stop_on(tx, who.id, lineage(tx, parent)):
            raise Forbidden(f"mandate {parent.id} is stopped", hint="ask again when a person has resumed")
        child = _mandate(ctx, tx, draft, _agent(tx, draft.agent), parent.issued_by)
        child = delegate(parent, child, tx.now(ctx.clock.now()))
        _issue(tx, child, who.id)
        return child

    return work


def revoke_mandate(ctx: Context, who: Person, mandate_id: str, reason: str) -> Callable[[Tx], Mandate]:
    """A mandate that is over now, and with it those narrowed from it."""

    def work(tx: Tx) -> Mandate:
        by, now = need_role(tx, who, SENIORS, "revoke a mandate").id, tx.now(ctx.clock.now())
        mandate = tx.mandate(mandate_id)
        if mandate is None:
            raise NotFound(f"there is no mandate {mandate_id[:40]!r}")
        mandate = replace(mandate, revoked_at=now)
        tx.put_mandate(mandate)
        body = {"mandate": mandate.id, "by": by, "because": need_reason(reason)}
        tx.record("mandate_revoked", now, body, case=mandate.case)
        return mandate

    return work


def press_stop(ctx: Context, who: Person, scope: Scope, subject: str, reason: str) -> Callable[[Tx], Stop]:
    """The kill switch; whoever may turn keys may press it, on one thing or on everything."""
    if (scope is Scope.EVERYTHING) != (subject == ""):
        raise InvalidInput("a stop names what it stops", hint="everything has no subject; the other scopes have one")

    def work(tx: Tx) -> Stop:
        by, now = need_role(tx, who, DECIDERS, "stop").id, tx.latest(ctx.clock.now())
        _need_subject(ctx, tx, scope, subject)
        stop = Stop(id=new_id("s", now), scope=scope, subject=subject, reason=need_reason(reason), by=by, at=now)
        tx.put_stop(stop)
        body = {"stop": stop.id, "scope": scope.value, "subject": subject, "by": by, "because": stop.reason}
        stop_changed(ctx, tx, stop, now, tx.record("stopped", now, body))
        return stop

    return work


def _need_subject(ctx: Context, tx: Tx, scope: Scope, subject: str) -> None:
    """What is to be stopped exists: a stop on a misspelt name would stop nothing, and say that it did."""
    known: Iterable[str]
    if scope is Scope.AGENT:
        known = (agent.id for agent in tx.agents())
    elif scope is Scope.MANDATE:
        known = (mandate.id for mandate in tx.mandates())
    elif scope is Scope.TOOL:
        upstream, listed = ToolRef.parse(subject).upstream, {u: ctx.tools.names(u) for u in ctx.tools.upstreams()}
        if not listed or listed.get(upstream, ()) is None:
            return  # its server is away, or not ours to ask: the stop waits for it
        known = (f"{each}/{name}" for each, names in listed.items() for name in (*(names or ()), *KINDS))
    else:
        return
    if subject not in (there := sorted(known)):
        near = get_close_matches(subject, there, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "or stop everything"
        raise NotFound(f"there is no {scope.value} {subject[:80]!r}, so nothing was stopped", hint=hint)


def lift_stop(ctx: Context, who: Person, stop_id: str, reason: str) -> Callable[[Tx], Stop]:
    """Resume; it takes a lead or an owner."""

    def work(tx: Tx) -> Stop:
        by, now, stop = need_role(tx, who, SENIORS, "resume").id, tx.now(ctx.clock.now()), tx.stop(stop_id)
        if stop is None:
            raise NotFound(f"there is no stop {stop_id[:40]!r}")
        if stop.lifted_at is not None:
            raise Conflict(f"{stop.id} is lifted already")
        stop = replace(stop, lifted_at=now, lifted_by=by)
        tx.put_stop(stop)
        entry = tx.record("resumed", now, {"stop": stop.id, "by": by, "because": need_reason(reason)})
        stop_changed(ctx, tx, stop, now, entry)
        return stop

    return work


def accept_tool(ctx: Context, who: Person, tool: ToolRef, seen: str = "") -> Callable[[Tx], ToolPin]:
    """A person looked at a tool's changed definition and trusts it from now on (CVE-2025-54136).

    ``seen``: the fingerprint that they looked at; :class:`Conflict` if the definition changed since.
    """

    def work(tx: Tx) -> ToolPin:
        by, now = need_role(tx, who, SENIORS, "accept a tool").id, tx.now(ctx.clock.now())
        definition = ctx.tools.definition(tool)
        if definition is None:
            raise NotFound(f"no server lists {str(tool)[:200]!r} now", hint="it is away, or has no such tool")
        if seen and not hmac.compare_digest(seen.encode(), definition.fingerprint.encode()):
            raise Conflict(f"{tool} changed again since you looked", hint="look at what it is now, then accept it")
        pin = pin_of(definition, now, by)
        tx.put_pin(pin)
        tx.record("tool_accepted", now, {"tool": str(tool), "definition": pin.fingerprint, "by": by})
        return pin

    return work


def _agent(tx: Tx, agent_id: str) -> Agent:
    agent = tx.agent(agent_id)
    if agent is None or agent.revoked_at is not None:
        raise NotFound(f"there is no live agent {agent_id[:80]!r}", hint="add it first")
    return agent


def _mandate(ctx: Context, tx: Tx, draft: MandateDraft, agent: Agent, issuer: str) -> Mandate:
    now = tx.now(ctx.clock.now())
    mandate = Mandate(
        id=new_id("m", now),
        agent=agent.id,
        case=draft.case,
        purpose=draft.purpose,
        tools=draft.tools,
        targets=draft.targets,
        objects=draft.objects,
        budgets=draft.budgets,
        issued_by=issuer,
        issued_at=now,
        expires_at=now + draft.lifetime_s * 1000,
    )
    check_terms(mandate)
    return mandate


def _issue(tx: Tx, mandate: Mandate, by: str) -> None:
    tx.put_mandate(mandate)
    body = {
        "mandate": mandate.id,
        "agent": mandate.agent,
        "tools": list(mandate.tools),
        "expires_at": mandate.expires_at,
        "parent": mandate.parent or "",
        "by": by,
    }
    payload = {"mandate": msgspec.json.encode(mandate, order="sorted")}
    tx.record("mandate_issued", mandate.issued_at, body, payload, case=mandate.case)
