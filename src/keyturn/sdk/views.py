"""What the gateway answers, as values. Fields that a later gateway adds are ignored."""

from typing import Any, Literal

import msgspec

State = Literal[
    "denied", "held", "ready", "executing", "confirming", "reverting", "succeeded", "failed", "unknown", "reverted",
    "refused", "expired", "withdrawn",
]  # fmt: skip
UNDER_WAY = frozenset({"held", "ready", "executing", "reverting"})


class Target(msgspec.Struct, frozen=True):
    """What an action touches."""

    kind: str
    id: str


class Reason(msgspec.Struct, frozen=True):
    """A policy that determined the verdict, and why."""

    policy: str
    why: str
    effect: str


class Verdict(msgspec.Struct, frozen=True):
    """A verdict's word (free, confirm, one_key, two_key, denied), the policies behind it, and the policy set's hash."""

    word: str
    reasons: tuple[Reason, ...]
    policy: str


class Change(msgspec.Struct, frozen=True):
    """One fact that, were it ``instead``, would make the verdict another; ``words`` says so plainly."""

    fact: str
    instead: str
    verdict: str
    words: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a verdict, on the facts of now, and which single facts would change it.

    ``profile`` and ``facts`` (as JSON) come with a supposed call only.
    """

    verdict: Verdict
    changes: tuple[Change, ...]
    profile: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None


class Key(msgspec.Struct, frozen=True):
    """A key that counts; the time in milliseconds."""

    person: str
    turned_at: int


class Hold(msgspec.Struct, frozen=True):
    """What a hold has, and how many more people's keys it takes by number alone."""

    opened_at: int
    expires_at: int
    keys: tuple[Key, ...]
    missing: int


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """An action and where it stands. Times in milliseconds since 1970, UTC.

    ``oversight`` is the verdict's word: free, confirm, one_key, two_key or denied. ``result`` is the tool's own (an
    MCP CallToolResult), if it ran. ``arguments``, ``model_output`` and ``missing`` come with :meth:`Client.look` only.
    """

    id: str
    digest: str
    state: State
    oversight: str
    reasons: tuple[Reason, ...]
    outside: tuple[str, ...]
    agent: str
    mandate: str
    case: str
    tool: str
    targets: tuple[Target, ...]
    proposed_at: int
    due_at: int | None
    hold: Hold | None
    ended_by: str
    ended_because: str
    is_error: bool
    result: dict[str, Any] | None = None
    arguments: dict[str, Any] | None = None
    model_output: dict[str, Any] | None = None
    missing: tuple[Reason, ...] = ()

    @property
    def under_way(self) -> bool:
        """It waits for keys, or runs."""
        return self.state in UNDER_WAY

    def why(self) -> str:
        """In a line: what ended it, or what the policy says."""
        said = [self.ended_because] if self.ended_because else [reason.why for reason in self.reasons]
        return "; ".join((*said, *self.outside)) or self.state

    def value(self) -> Any:
        """The tool's structured result, else its text, else None."""
        result = self.result or {}
        if "structuredContent" in result:
            return result["structuredContent"]
        texts = [part.get("text", "") for part in result.get("content", ()) if part.get("type") == "text"]
        return "\n".join(texts) if texts else None
