"""What the gate keeps: one frozen value a row. Times in milliseconds; tokens only as hashes."""

from enum import StrEnum
from typing import Literal

import msgspec

from keyturn.core.action import Target, ToolRef
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.hold import Hold
from keyturn.core.policy import Reason
from keyturn.core.profile import Reversible, Stage


class Role(StrEnum):
    """What a person may do: look and turn keys (analyst, lead), or also grant, configure and stop (owner)."""

    ANALYST = "analyst"
    LEAD = "lead"
    OWNER = "owner"
    AUDITOR = "auditor"


DECIDERS = frozenset({Role.ANALYST, Role.LEAD, Role.OWNER})
"""Who answers holds: turns keys, refuses, confirms."""


How = Literal["token", "passkey"]
"""How a person did it: under a token (or in a session that was opened without a passkey), or with a passkey."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A human. ``id`` is :func:`~keyturn.core.hold.person_id` of the name; ``aliases`` are the same human."""

    id: str
    roles: tuple[Role, ...]
    aliases: tuple[str, ...] = ()
    token_hash: str = ""
    token_expires_at: int | None = None
    created_at: int
    revoked_at: int | None = None


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A non-human identity: one purpose, one human owner, one credential of its own."""

    id: str
    owner: str
    purpose: str
    token_hash: str
    token_issued_at: int
    token_expires_at: int | None
    shared: bool = False
    exposed: bool = False
    created_at: int
    revoked_at: int | None = None


class Scope(StrEnum):
    """What a stop stops."""

    EVERYTHING = "everything"
    AGENT = "agent"
    TOOL = "tool"
    MANDATE = "mandate"


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch, in force from ``at`` until it is lifted."""

    id: str
    scope: Scope
    subject: str
    reason: str
    by: str
    at: int
    lifted_at: int | None = None
    lifted_by: str = ""


FIRST_USE = "first use"
"""Who pinned a definition that nobody looked at (ADR 0006)."""


class ToolPin(msgspec.Struct, frozen=True, kw_only=True):
    """The definition that people trust. Another one quarantines the tool (CVE-2025-54136).

    ``definition`` is its text (JSON), so that people can see what changed; ``""`` if it was too large to keep, or
    pinned before it was kept. ``launch`` is the hash of how its server was launched then.
    """

    tool: ToolRef
    fingerprint: str
    pinned_at: int
    pinned_by: str
    definition: str = ""
    launch: str = ""


class ActionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action and where it stands. Its content (the canonical bytes of the digest) is the payload ``action``.

    ``fingerprint`` is the same for the same tool, case and arguments; ``due_at`` is when the state's own clock
    runs out (a hold's expiry, a confirmation window's end), 0 for none. ``runner`` is the process that runs it.
    ``preserved``: what must be saved first has been. ``review_due``: a person released it alone, and somebody
    looks at it afterwards (G18). ``reversal_at``: when a reversal first was begun that may have left, or that the gate
    tries again; ``retried_at``: when a person last had it sent again; 0 is never.
    """

    id: str
    digest: str
    fingerprint: str
    agent: str
    mandate: str
    case: str
    tool: ToolRef
    targets: tuple[Target, ...]
    definition: str
    stage: Stage
    reversible: Reversible
    oversight: Oversight | None
    policy: str
    reasons: tuple[Reason, ...]
    outside: tuple[str, ...] = ()
    state: State
    proposed_at: int
    changed_at: int
    due_at: int = 0
    hold: Hold | None = None
    ended_by: str = ""
    ended_because: str = ""
    is_error: bool = False
    runner: str = ""
    preserved: bool = False
    review_due: bool = False
    reversal_at: int = 0
    retried_at: int = 0

    @property
    def drill(self) -> bool:
        """A test action: no agent proposed it, and nothing ever runs it."""
        return self.hold is not None and bool(self.hold.drill)

    @property
    def oversight_word(self) -> str:
        """``free`` … ``two_key``, or ``denied``."""
        return "denied" if self.oversight is None else self.oversight.word
