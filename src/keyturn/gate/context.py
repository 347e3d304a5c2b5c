"""What every part of the gate works with: its ports, its settings, and who waits for which action."""

import asyncio
import base64
import hashlib
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from keyturn.core.policy import Policy
from keyturn.core.quorum import QuorumRule
from keyturn.gate.access_ports import Passkeys
from keyturn.gate.notices import Listener
from keyturn.gate.oidc_ports import Recogniser
from keyturn.gate.ports import Clock, Knowledge, Runners, Store, Tools
from keyturn.journal import Signer

log = logging.getLogger("keyturn.gate")


DAY_S = 24 * 3600
Seconds = Annotated[int, msgspec.Meta(ge=1)]
Pause = Annotated[float, msgspec.Meta(ge=0, le=600)]


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times in seconds. ``result_limit`` in bytes: a larger answer is passed on and only its hash is kept.

    ``keep_read_result``: the same for a read that ran free, so that a person can see later where a value is from; 0
    keeps none. What such a read shows of secrets is never kept. ``warn_s``: how long before a hold expires people hear
    of it again.
    """

    hold_s: Annotated[int, msgspec.Meta(ge=1, le=30 * DAY_S)] = 4 * 3600
    confirm_s: Annotated[int, msgspec.Meta(ge=1, le=30 * DAY_S)] = 15 * 60
    execution_s: Annotated[int, msgspec.Meta(ge=1, le=DAY_S)] = 120
    check_after_s: Annotated[tuple[Pause, ...], msgspec.Meta(min_length=1, max_length=20)] = (0.0, 1.0, 3.0)
    token_long_lived_s: Annotated[int, msgspec.Meta(ge=1, le=3650 * DAY_S)] = 90 * DAY_S
    result_limit: Annotated[int, msgspec.Meta(ge=0, le=100 * 1_048_576)] = 1_048_576
    keep_read_result: Annotated[int, msgspec.Meta(ge=0, le=100 * 1_048_576)] = 65_536
    sweep_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 0.5
    warn_s: Annotated[int, msgspec.Meta(ge=0, le=30 * DAY_S)] = 15 * 60


class AccessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a person stays signed in (unused, and at the most), and how long an invitation stands; in seconds."""

    session_idle_s: Seconds = 1800
    session_max_s: Seconds = 12 * 3600
    invitation_s: Seconds = 24 * 3600


class CareSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Care for people: after ``keys_per_hour`` keys in an hour, further holds go to others who are there (seen within
    ``there_s``). ``drills_per_week``: how many test actions come at random times; 0 is none."""

    keys_per_hour: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    there_s: Annotated[int, msgspec.Meta(ge=60)] = 1800
    drills_per_week: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0


def new_id(prefix: str, now: int) -> str:
    """A fresh name: the prefix and 16 hex digits, of which six grow with the time ``now`` (in ms) and ten are random.

    Rows that are written together so stand together, and a commit touches few pages. The time comes round every five
    hours, which keeps names short.
    """
    return f"{prefix}{now & 0xFFFFFF:06x}{secrets.token_hex(5)}"


def new_token(prefix: str) -> str:
    """A fresh secret token of 256 random bits; shown once, kept only as :func:`token_hash`."""
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What is kept of a token. It is random, so a plain SHA-256 can't be guessed back."""
    return hashlib.sha256(b"keyturn/token/1\n" + token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Context:
    """The gate's ports and settings. ``runner`` names this process, ``running`` are the actions that it is at;
    ``policy`` is replaced whole, never edited; ``quorum`` are the operator's threshold sets, ``chance`` a number from 0
    to 1 for what comes at random. ``passkeys`` is None where no page is served, ``signer`` where no log is signed,
    ``oidc`` where no provider is configured; ``listeners`` hear of events."""

    store: Store
    tools: Tools
    knowledge: Knowledge
    policy: Policy
    clock: Clock
    runners: Runners
    runner: str
    settings: GateSettings = field(default_factory=GateSettings)
    quorum: tuple[QuorumRule, ...] = ()
    care: CareSettings = field(default_factory=CareSettings)
    chance: Callable[[], float] = random.SystemRandom().random
    passkeys: Passkeys | None = None
    signer: Signer | None = None
    oidc: Recogniser | None = None
    access: AccessSettings = field(default_factory=AccessSettings)
    listeners: tuple[Listener, ...] = ()
    running: set[str] = field(default_factory=set)
    _watchers: dict[str, set[asyncio.Event]] = field(default_factory=dict)
    _tasks: set["asyncio.Task[object]"] = field(default_factory=set)

    @contextmanager
    def at(self, action_id: str) -> Iterator[None]:
        """Within the block this process is at the action; what it left without an outcome is lost, not running."""
        self.running.add(action_id)
        try:
            yield
        finally:
            self.running.discard(action_id)

    def changed(self, action_id: str) -> None:
        """Wake those who wait for this action."""
        for event in self._watchers.get(action_id, ()):
            event.set()

    async def watch(self, action_id: str, done: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Return when ``done()`` says so, or when the time is over; looks again at every change, and twice a second
        for changes that another process made."""
        event = asyncio.Event()
        self._watchers.setdefault(action_id, set()).add(event)
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                while not await done():
                    try:
                        async with asyncio.timeout(0.5):
                            await event.wait()
                    except TimeoutError:
                        pass
                    event.clear()
        except TimeoutError:
            pass
        finally:
            waiting = self._watchers[action_id]
            waiting.discard(event)
            if not waiting:
                del self._watchers[action_id]

    def spawn(self, work: Coroutine[Any, Any, object], what: str) -> None:
        """Run in the background; an error is logged, never lost."""
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def ended(ended_task: "asyncio.Task[object]") -> None:
            self._tasks.discard(ended_task)
            if not ended_task.cancelled() and (error := ended_task.exception()) is not None:
                log.error("%s failed: %s", what, error, exc_info=error)

        task.add_done_callback(ended)

    async def drain(self) -> None:
        """Wait for what runs in the background."""
        while self._tasks:
            await asyncio.wait(self._tasks)
