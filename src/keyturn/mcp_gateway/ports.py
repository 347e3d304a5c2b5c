"""What the gateway needs of the gate. :class:`keyturn.gate.Gate` satisfies it; tests bring it up on real parts."""

from typing import Any, Protocol

import msgspec

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.profile import Stage
from keyturn.gate.ports import Definition, ToolAnswer
from keyturn.gate.records import ActionRecord, Agent


class Proposal(msgspec.Struct, frozen=True):
    """One call that an agent proposes. ``mandate`` ``None``: the agent's only live one."""

    tool: ToolRef
    arguments: dict[str, Any]
    mandate: str | None
    model_output: ModelOutput


class Proposed(Protocol):
    """What became of a proposal. ``answer``: the server's, if the call ran while the surface waited."""

    @property
    def record(self) -> ActionRecord: ...  # noqa: D102 -- a field

    @property
    def answer(self) -> ToolAnswer | None: ...  # noqa: D102 -- a field


class GatePort(Protocol):
    """The agents' verbs, and the two questions a surface asks before it shows or reads something.

    Errors are those of :mod:`keyturn.errors`; a policy's no is a value (``record.state`` is ``denied``).
    """

    async def agent_for(self, token: str) -> Agent:
        """Whose token this is; :class:`Unauthenticated` alike for wrong, revoked and expired ones."""
        ...

    async def agent_named(self, agent_id: str) -> Agent:
        """A live agent by id, for a route without tokens; :class:`Unauthenticated` if there is none."""
        ...

    async def propose(self, agent: Agent, proposal: Proposal, caller: object | None = None) -> Proposed:
        """Propose one call: what became of it.

        Runs it at once where that is permitted. ``caller`` goes on to the tools' side, unread. Raises
        ``InvalidArguments``, ``NotFound``, ``Forbidden``, ``ToolNotSent``, ``ToolLost``, and lets the
        :class:`~keyturn.wire.session.RpcError` of a server through. Cancelling the awaiting task asks the server
        to cancel; what was already decided and recorded stays so.
        """
        ...

    async def look(self, who: Agent, action_id: str) -> ActionRecord:
        """The action, if it is the agent's own; :class:`NotFound` otherwise."""
        ...

    async def wait(self, who: Agent, action_id: str, timeout_s: float) -> ActionRecord:
        """Like :meth:`look`, once the action has left held, ready and executing, or the time is over."""
        ...

    async def withdraw(self, who: Agent, action_id: str, reason: str) -> ActionRecord:
        """Take a held action back; :class:`Conflict` if it has moved on."""
        ...

    async def result(self, who: Agent, action_id: str) -> bytes | None:
        """The server's result of an action that ran, as it came; ``None`` if there is none, or it was too large."""
        ...

    def definition(self, tool: ToolRef) -> Definition | None:
        """The tool's definition as last listed, or ``None``."""
        ...

    async def refresh(self, upstream: str) -> None:
        """Have an upstream's definitions listed again; returns when that is done, or has failed."""
        ...

    def stage_of(self, tool: ToolRef) -> Stage:
        """The gravest stage that the tool's profile gives; ``respond`` for what nobody has profiled."""
        ...

    def withholds(self, tool: ToolRef) -> bool:
        """Whether the tool's profile keeps something of its answer back."""
        ...

    async def may_read(self, agent: Agent, tool: ToolRef, subject: str, mandate: str | None) -> None:
        """Record a read before it leaves. Raises :class:`Forbidden` unless a live mandate of the agent (the named one,
        else its only one) covers it and the policy lets it run free.

        ``tool`` is ``<upstream>/resources/read`` or ``<upstream>/prompts/get``, ``subject`` the uri or the name.
        """
        ...
