"""What stands: mandates and what is left of them, tools and what is trusted of them, the rules, people's roles."""

from collections.abc import Callable

import msgspec

from keyturn.core.action import ToolRef
from keyturn.core.cedar import Rule
from keyturn.core.difference import Difference, differences
from keyturn.core.hold import person_id
from keyturn.core.mandate import Mandate
from keyturn.core.profile import Profile
from keyturn.core.suspicion import Flag, Neighbours, flags_beside, flags_within
from keyturn.errors import Conflict, InvalidInput, NotFound
from keyturn.gate import astray
from keyturn.gate.context import Context
from keyturn.gate.dossier import MandateSeen, mandate_seen
from keyturn.gate.grants import OWNERS
from keyturn.gate.ports import Definition, Tx
from keyturn.gate.records import Person, Role, ToolPin
from keyturn.gate.review import need_reason, need_role
from keyturn.gate.situation import lineage, profile_for, quarantined, stop_on


class GrantSeen(msgspec.Struct, frozen=True):
    """A mandate with what is left of it, the id of a stop that covers it (or ``""``), and what was narrowed from it."""

    seen: MandateSeen
    stopped: str
    children: tuple[str, ...]

    @property
    def mandate(self) -> Mandate:
        """The mandate itself."""
        return self.seen.mandate


class GrantPage(msgspec.Struct, frozen=True):
    """Some mandates, the newest first, and how many there are."""

    rows: tuple[GrantSeen, ...]
    total: int


class ToolSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A tool: its definition now, its gravest profile, and the pin.

    ``flags``: what is odd about the definition (:mod:`keyturn.core.suspicion`).
    """

    tool: ToolRef
    definition: Definition
    profile: Profile
    pin: ToolPin | None
    stopped: bool
    flags: tuple[Flag, ...]

    @property
    def quarantined(self) -> bool:
        """Its definition is not the one that people trust."""
        return quarantined(self.definition, self.pin, self.profile)

    @property
    def relaunched(self) -> bool:
        """Its server is launched another way than when people trusted it."""
        return bool(self.pin and self.pin.launch and self.pin.launch != self.definition.launch)

    @property
    def difference(self) -> Difference | None:
        """What changed in a quarantined tool's definition; None if it is not, or if the old text was not kept."""
        known = self.quarantined and self.pin is not None and self.pin.definition
        return differences(known, self.definition.raw) if known else None


class UpstreamSeen(msgspec.Struct, frozen=True):
    """A server behind the gate: ``tools`` is None while it is away; ``exposed``: its credential is (G20)."""

    name: str
    exposed: bool
    tools: tuple[ToolSeen, ...] | None


class RulesSeen(msgspec.Struct, frozen=True):
    """The policy in force: its hash, who last changed the operator's files, and every rule, the guardrails first."""

    hash: str
    author: str
    rules: tuple[Rule, ...]


class Registry:
    """The verbs. Made by the gate from its :class:`Context`, as ``gate.registry``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._flagged: dict[str, tuple[Flag, ...]] = {}

    async def mandates(
        self, who: Person, *, agent: str = "", live: bool = False, skip: int = 0, limit: int = 50
    ) -> GrantPage:
        """The mandates, the newest first: of one agent, or only those in force, if that is asked."""

        def work(tx: Tx) -> GrantPage:
            now = tx.now(self._ctx.clock.now())
            every = tx.mandates()
            wanted = [m for m in every if agent in ("", m.agent) and (not live or m.live(now))]
            wanted.sort(key=lambda m: (m.issued_at, m.id), reverse=True)
            return GrantPage(
                tuple(_grant(tx, m, every, now) for m in wanted[skip : skip + min(limit, 500)]), len(wanted)
            )

        return await self._ctx.store.read(work)

    async def mandate(self, who: Person, mandate_id: str) -> GrantSeen:
        """One mandate; :class:`NotFound` if there is none."""

        def work(tx: Tx) -> GrantSeen:
            mandate = tx.mandate(mandate_id)
            if mandate is None:
                raise NotFound(f"there is no mandate {mandate_id[:40]!r}")
            return _grant(tx, mandate, tx.mandates(), tx.now(self._ctx.clock.now()))

        return await self._ctx.store.read(work)

    async def upstreams(self, who: Person) -> tuple[UpstreamSeen, ...]:
        """The servers behind the gate that this process knows, and their tools by name."""

        def work(tx: Tx) -> tuple[UpstreamSeen, ...]:
            around = self._neighbours()
            found = tuple(self._upstream(tx, name, around) for name in sorted(self._ctx.tools.upstreams()))
            listed = {tool.definition.fingerprint for each in found for tool in each.tools or ()}
            self._flagged = {known: flags for known, flags in self._flagged.items() if known in listed}
            return found

        return await self._ctx.store.read(work)

    async def tool(self, who: Person, tool: ToolRef) -> ToolSeen:
        """One tool; :class:`NotFound` if no server lists it now."""

        def work(tx: Tx) -> ToolSeen:
            found = self._tool(tx, tool, self._neighbours())
            if found is None:
                raise NotFound(f"no server lists {str(tool)[:200]!r} now", hint="it is away, or has no such tool")
            return found

        return await self._ctx.store.read(work)

    def rules(self, who: Person) -> RulesSeen:
        """The rules in force, in order."""
        policy = self._ctx.policy
        return RulesSeen(policy.hash, policy.author, policy.rules)

    async def accept_clock(self, who: Person, reason: str) -> int:
        """An owner says that a clock behind the journal is right: time runs on from its newest entry. So many ms."""
        return await self._ctx.store.write(astray.accept_clock(self._ctx, who, reason))

    async def change_roles(self, who: Person, name: str, roles: tuple[Role, ...], reason: str) -> Person:
        """Give a person other roles: by an owner, and there is always another owner left.

        Raises ``Forbidden``, ``NotFound``, ``Conflict``, ``InvalidInput``.
        """
        return await self._ctx.store.write(_change_roles(self._ctx, who, name, roles, reason))

    def _neighbours(self) -> Neighbours:
        tools = self._ctx.tools
        return Neighbours(ToolRef(name, each) for name in tools.upstreams() for each in tools.names(name) or ())

    def _upstream(self, tx: Tx, name: str, around: Neighbours) -> UpstreamSeen:
        names = self._ctx.tools.names(name)
        found = None if names is None else tuple(self._tool(tx, ToolRef(name, each), around) for each in sorted(names))
        tools = None if found is None else tuple(tool for tool in found if tool is not None)
        return UpstreamSeen(name, self._ctx.knowledge.exposed(name), tools)

    def _tool(self, tx: Tx, tool: ToolRef, around: Neighbours) -> ToolSeen | None:
        definition = self._ctx.tools.definition(tool)
        if definition is None:
            return None
        return ToolSeen(
            tool=tool,
            definition=definition,
            profile=profile_for(self._ctx, definition, {}),
            pin=tx.pin(tool),
            stopped=bool(stop_on(tx, "", [], str(tool))),
            flags=(*self._within(definition), *flags_beside(tool, definition.raw, around)),
        )

    def _within(self, definition: Definition) -> tuple[Flag, ...]:
        """Remembered: several pages look at every tool, on the loop, and a long definition takes milliseconds."""
        found = self._flagged.get(definition.fingerprint)
        if found is None:
            found = self._flagged[definition.fingerprint] = flags_within(definition.raw)
        return found


def _grant(tx: Tx, mandate: Mandate, every: list[Mandate], now: int) -> GrantSeen:
    children = tuple(m.id for m in every if m.parent == mandate.id)
    return GrantSeen(mandate_seen(tx, mandate, now), stop_on(tx, mandate.agent, lineage(tx, mandate)), children)


def _change_roles(ctx: Context, who: Person, name: str, roles: tuple[Role, ...], reason: str) -> Callable[[Tx], Person]:
    wanted = tuple(role for role in Role if role in roles)

    def work(tx: Tx) -> Person:
        by, now = need_role(tx, who, OWNERS, "change roles").id, tx.now(ctx.clock.now())
        person, why = tx.person(person_id(name)), need_reason(reason)
        if person is None or person.revoked_at is not None:
            raise NotFound(f"there is no live person {name[:80]!r}")
        if not wanted:
            raise InvalidInput(f"{person.id} would have no role", hint="choose one, or revoke the person")
        if set(wanted) == set(person.roles):
            raise Conflict(f"{person.id} has these roles already", hint="nothing was changed")
        owners = [p for p in tx.people() if Role.OWNER in p.roles and p.revoked_at is None and p.id != person.id]
        if Role.OWNER not in wanted and not owners:
            raise Conflict(f"{person.id} is the last owner", hint="make somebody else an owner first")
        body = {
            "person": person.id,
            "before": [role.value for role in person.roles],
            "roles": [role.value for role in wanted],
            "by": by,
            "because": why,
        }
        person = msgspec.structs.replace(person, roles=wanted)
        tx.put_person(person)
        tx.record("roles_changed", now, body)
        return person

    return work
