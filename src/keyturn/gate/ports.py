"""What the gate needs of the world. Small on purpose: the contract of each port stands in its comments."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from keyturn.core.action import Action, Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Asset, Chain
from keyturn.core.hold import Hold
from keyturn.core.mandate import Mandate
from keyturn.core.profile import Profile
from keyturn.gate.access_ports import AccessRows
from keyturn.gate.care_ports import CareRows
from keyturn.gate.case_ports import CaseRows
from keyturn.gate.oidc_ports import OidcRows
from keyturn.gate.outbox_ports import OutboxRows
from keyturn.gate.pulse_ports import PulseRows
from keyturn.gate.records import ActionRecord, Agent, Person, Stop, ToolPin

T = TypeVar("T")


class Clock(Protocol):
    """The time. One instance a process, so that a test can move it."""

    def now(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...


class Tx(Protocol):
    """One transaction: what is read in it is the moment's truth, what is written becomes durable together.

    Every method is synchronous and quick; none of them commits. Reads answer ``None`` for what is not there.
    Any failure raises :class:`~keyturn.errors.StoreError`, and then nothing of the transaction stands.
    """

    @property
    def access(self) -> AccessRows:
        """Passkeys, ceremonies, sessions, invitations."""
        ...

    @property
    def care(self) -> CareRows:
        """Deputies, who opened what, answers, drills, and the queue in order."""
        ...

    @property
    def cases(self) -> CaseRows:
        """A case's story: reads alone."""
        ...

    @property
    def pulse(self) -> PulseRows:
        """What is new: reads alone."""
        ...

    @property
    def oidc(self) -> OidcRows:
        """Accounts at the provider, and browsers on their way."""
        ...

    @property
    def outbox(self) -> OutboxRows:
        """What people are still to be told."""
        ...

    # Who
    def agent(self, agent_id: str) -> Agent | None: ...
    def agent_by_token(self, token_hash: str) -> Agent | None: ...
    def agents(self) -> list[Agent]: ...
    def put_agent(self, agent: Agent) -> None: ...
    def person(self, person_id: str) -> Person | None:
        """By id or by alias: an alias is the same human."""
        ...

    def person_by_token(self, token_hash: str) -> Person | None: ...
    def people(self) -> list[Person]: ...
    def put_person(self, person: Person) -> None: ...

    # Mandates
    def mandate(self, mandate_id: str) -> Mandate | None: ...
    def mandates(self, *, agent: str | None = None, live_at: int | None = None) -> list[Mandate]: ...
    def put_mandate(self, mandate: Mandate) -> None: ...
    def spend(self, mandate_id: str, *, actions: int, responds: int, targets: Iterable[Target]) -> None:
        """Add to what the mandate has spent (its ancestors' are separate calls)."""
        ...

    def spent(self, mandate_id: str) -> tuple[int, int, frozenset[Target]]:
        """Actions, responds and distinct changed targets so far."""
        ...

    def open_holds(self, agent: str, case: str) -> int:
        """The holds of an agent that are open in a case, under whichever of its mandates."""
        ...

    def chain(self, agents: Iterable[str], case: str) -> Chain:
        """What these agents together have done in the case."""
        ...

    def note_chain(self, agent: str, case: str, tool: ToolRef, *, analysed: bool) -> None: ...

    # Actions
    def action(self, action_id: str) -> ActionRecord | None: ...
    def put_action(self, record: ActionRecord) -> None: ...
    def actions(
        self,
        *,
        states: Iterable[State],
        upstreams: Iterable[str] | None = None,
        due_by: int | None = None,
        after: tuple[int, str] = (0, ""),
        limit: int = 100,
    ) -> list[ActionRecord]:
        """In order of (``due_at``, id), past ``after``; ``due_by`` keeps those whose clock has run out."""
        ...

    def keyed_holds(self) -> list[ActionRecord]:
        """The held actions on which somebody has turned a key."""
        ...

    def reviews_due(self, limit: int) -> list[ActionRecord]:
        """What one person released alone and nobody has looked at since."""
        ...

    def actions_like(self, start: str, limit: int) -> list[ActionRecord]:
        """Those whose id begins with ``start``."""
        ...

    def held_twin(self, agent: str, fingerprint: str) -> ActionRecord | None:
        """A held action of the same agent with the same tool, case and arguments."""
        ...

    def unconfirmed_twin(self, agent: str, fingerprint: str) -> ActionRecord | None:
        """One that runs under ``confirm``: executing, not yet confirmed, or being taken back."""
        ...

    def refused_before(self, case: str, fingerprint: str) -> bool: ...

    # Stops and pins
    def stops(self) -> list[Stop]:
        """The stops in force."""
        ...

    def put_stop(self, stop: Stop) -> None: ...
    def stop(self, stop_id: str) -> Stop | None: ...
    def pin(self, tool: ToolRef) -> ToolPin | None: ...
    def put_pin(self, pin: ToolPin) -> None: ...

    def setting(self, name: str) -> bytes | None: ...
    def put_setting(self, name: str, value: bytes) -> None: ...

    # Journal
    def now(self, wall: int) -> int:
        """``wall``, or the time of the newest entry if the wall clock is a little behind it: time never runs back.

        Further behind, time would stand still and nothing would end: whatever writes gets :class:`StoreError`.
        """
        ...

    def latest(self, wall: int) -> int:
        """:meth:`now` under any clock: for what happened already, and for stops."""
        ...

    def behind(self, wall: int) -> int:
        """By how much the wall clock is too far behind; 0 if it is not."""
        ...

    def accept_clock(self, behind: int) -> None:
        """Let time run on from the newest entry with this clock's progress; an entry says so."""
        ...

    def record(
        self,
        kind: str,
        at: int,
        body: Mapping[str, Any],
        payloads: Mapping[str, bytes] = {},
        *,
        action: str = "",
        case: str = "",
    ) -> int:
        """Append one entry and keep its payloads beside it; the entry's index. It shares this transaction."""
        ...

    def payload(self, action: str, name: str) -> bytes | None:
        """The newest payload of that name for an action, or ``None`` if it was erased or never kept."""
        ...


class Store(Protocol):
    """The database. It alone commits, and it may commit several callers' work at once (group commit)."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in a transaction and return its result once that is durable.

        If ``work`` raises, its writes are undone (and only its), and the error is raised here. Work of several
        callers may share a commit; each sees the writes of those before it. If the commit fails, every one of
        them gets :class:`~keyturn.errors.StoreError`. ``work`` may be run again when another's fails, and only its
        last run stands: it has no effect but on the transaction and through its result.
        """
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` on a consistent snapshot of what is durable; it must not write."""
        ...

    def defer(self, work: Callable[[Tx], object]) -> None:
        """Have ``work`` committed soon, with others' writes, without waiting for it; in order with them."""
        ...


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it goes out. ``arguments`` are the canonical bytes that the digest covers.

    ``withholds``: what the tool's profile keeps back, which the caller may not learn on the way either. Of the answer
    the gate takes it out itself.
    """

    tool: ToolRef
    arguments: bytes
    action: str
    withholds: tuple[str, ...] = ()


class ToolAnswer(msgspec.Struct, frozen=True):
    """What came back: the upstream's result as it came (JSON bytes of an MCP CallToolResult), and its own verdict.

    The gate takes out what the tool's profile withholds: ``withheld`` values.
    """

    result: bytes
    is_error: bool
    withheld: int = 0


class Definition(msgspec.Struct, frozen=True):
    """A tool as its server defines it now. ``fingerprint``: SHA-256 over the definition and the server's launch
    (command, arguments, working folder, names and hashes of the environment, hashes of the files it names). ``raw`` is
    the definition as listed, ``launch`` the hash of the launch."""

    tool: ToolRef
    fingerprint: str
    input_schema: dict[str, Any]
    annotations: dict[str, Any]
    description: str = ""
    raw: dict[str, Any] = {}
    launch: str = ""


class Tools(Protocol):
    """The tools behind the gate."""

    async def call(self, call: ToolCall, caller: object | None = None) -> ToolAnswer:
        """Send one call, once. ``caller`` is whatever the surface passed to ``submit`` (a live client), or None.

        Raises :class:`~keyturn.errors.ToolNotSent` if it surely did not leave, and
        :class:`~keyturn.errors.ToolLost` if it may have left and no usable answer came. It never retries.
        """
        ...

    def definition(self, tool: ToolRef) -> Definition | None:
        """The definition as last listed by the server, or None if it lists no such tool (or is away)."""
        ...

    def upstreams(self) -> frozenset[str]:
        """The upstreams that this process can call."""
        ...

    def names(self, upstream: str) -> frozenset[str] | None:
        """The tools that the upstream lists; None while it is away, or is not this process's to ask."""
        ...

    async def refresh(self, upstream: str) -> None:
        """Ask the upstream for its tools again, so that :meth:`definition` is of now; returns also if that failed."""
        ...


class Runners(Protocol):
    """Which processes are alive: what a dead one left in ``executing`` is unknown, and nobody else's."""

    def alive(self, runner: str) -> bool:
        """True unless the process of that name has surely ended."""
        ...


class Knowledge(Protocol):
    """What the operator's files say: profiles, the inventory, the posture of upstream credentials."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        """The profile for this very call, raised by the tool's own hints; the worst case if there is none."""
        ...

    def profile_named(self, tool: ToolRef) -> Profile | None:
        """The profile of another tool on the same upstream (an inverse's, a check's)."""
        ...

    def asset(self, target: Target) -> Asset | None: ...

    def exposed(self, upstream: str) -> bool:
        """The upstream's own credential is known to be exposed (G20)."""
        ...


__all__ = [
    "Action",
    "Clock",
    "Definition",
    "Hold",
    "Knowledge",
    "Runners",
    "Store",
    "ToolAnswer",
    "ToolCall",
    "Tools",
    "Tx",
]
