"""Functions whose call goes through the gate.

A check inside the agent's own process would be the agent's to skip (whoever can call the function can call it
without the check), so the function that the agent holds is a *stub*: its signature names the arguments, its body
never runs here. The body runs where the gate calls it: in the upstream tool of the same name, which has the
credentials that the agent lacks. One module may be both: see ``examples/gated_function``.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from keyturn.errors import KeyturnError, ToolError, ToolLost
from keyturn.sdk.views import ActionView

P = ParamSpec("P")
R = TypeVar("R")
_REFUSED_KINDS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Proposes(Protocol):
    """What a gated function needs of its client."""

    def propose(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        rationale: str,
        evidence: Sequence[str],
        confidence: float | None,
        mandate: str | None,
    ) -> ActionView:
        """Propose one call."""
        ...

    def wait(self, action: str, timeout_s: float | None = None) -> ActionView:
        """Wait for an action."""
        ...


class NotDone(KeyturnError):
    """The call had no effect that stands; ``action`` is where it ended (refused, expired, withdrawn, reverted)."""

    code = "not_done"

    def __init__(self, action: ActionView) -> None:
        super().__init__(f"{action.tool} ({action.id}) is {action.state}: {action.why()}")
        self.action = action


class Denied(NotDone):
    """The policy permits it under no oversight; ``action.reasons`` say why."""

    code = "denied"


class Held(NotDone):
    """It waits for people's keys, or still runs; :meth:`wait` for it, or look at ``id`` later."""

    code = "held"

    def __init__(self, action: ActionView, client: Proposes) -> None:
        super().__init__(action)
        self._client = client

    @property
    def id(self) -> str:
        """The action's id."""
        return self.action.id

    def wait(self, timeout_s: float | None = None) -> Any:
        """What the call returns once it has run; raises as the call does, :class:`Held` again if time is over."""
        return outcome(self._client.wait(self.id, timeout_s), self._client)


def outcome(action: ActionView, client: Proposes) -> Any:
    """The tool's value if the action ran; otherwise the error that says what became of it."""
    if action.state in ("succeeded", "confirming") and not action.is_error:
        return action.value()
    if action.under_way:
        raise Held(action, client)
    if action.state == "denied":
        raise Denied(action)
    if action.state == "unknown":
        why = f"{action.tool} ({action.id}) left, and what happened is unknown"
        raise ToolLost(why, hint="a person settles it", action=action.id)
    if action.state == "failed" or action.is_error:
        said = str(action.value() or action.why())[:2000]
        raise ToolError(f"{action.tool} ({action.id}) failed: {said}", action=action.id)
    raise NotDone(action)


class Gated(Generic[P, R]):
    """A function whose call proposes a tool call of the same arguments; made by :meth:`Client.gated`.

    It returns the tool's structured result, else its text. Defaults other than None are sent too, so that what
    people approve is complete. It raises :class:`Denied`, :class:`Held` (after ``wait_s`` seconds of waiting for
    keys), :class:`NotDone`, ``ToolError``, and whatever the client raises. ``function`` is the plain one, for the
    server that runs it.
    """

    def __init__(
        self, client: Proposes, tool: str, function: Callable[P, R], *, mandate: str | None, wait_s: float
    ) -> None:
        self._client, self._tool, self._mandate, self._wait_s = client, tool, mandate, wait_s
        self._signature = inspect.signature(function)
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is async; call gated functions in a thread (asyncio.to_thread)")
        if any(p.kind in _REFUSED_KINDS for p in self._signature.parameters.values()):
            raise TypeError(f"{function.__name__} takes * or ** arguments; name each, so that people see what they are")
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Propose the call without a rationale, which is enough for analysis only."""
        return self.because("")(*args, **kwargs)

    def because(
        self, rationale: str, *, evidence: Sequence[str] = (), confidence: float | None = None
    ) -> Callable[P, R]:
        """The same function with the reason that the agent gives; people read it before they turn a key."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            action = self._client.propose(
                self._tool,
                self._arguments(*args, **kwargs),
                rationale=rationale,
                evidence=evidence,
                confidence=confidence,
                mandate=self._mandate,
            )
            if action.under_way and self._wait_s > 0:
                action = self._client.wait(action.id, self._wait_s)
            value: R = outcome(action, self._client)
            return value

        return call

    def _arguments(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        given = frozenset(bound.arguments)
        bound.apply_defaults()
        return {name: value for name, value in bound.arguments.items() if name in given or value is not None}
