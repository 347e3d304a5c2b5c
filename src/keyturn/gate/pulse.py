"""The gate's pulse: how much waits, what is stopped, and which actions changed since; for pages that stay open."""

import msgspec

from keyturn.core.execution import State
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord, Person, Stop
from keyturn.gate.standing import wanted

MOST = 500
LATELY = 200
_PEOPLES = frozenset({State.CONFIRMING, State.REVERTING, State.UNKNOWN})


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One moment. ``seq``: the journal's size, which grows with every change; ``unsettled`` actions need a person:
    they ran and are taken back unless confirmed, or nobody knows what became of them."""

    seq: int
    at: int
    waiting: int
    unsettled: int
    stops: tuple[Stop, ...]

    @property
    def stopped(self) -> bool:
        """Something is stopped."""
        return bool(self.stops)


class Changed(msgspec.Struct, frozen=True):
    """An action as it is now, and what its hold still lacks, in words."""

    record: ActionRecord
    wanted: tuple[str, ...]


class Changes(msgspec.Struct, frozen=True):
    """What changed between two moments: actions that people were, or are, asked about. ``more``: too many to list."""

    pulse: Pulse
    actions: tuple[Changed, ...]
    more: bool


class PulseVerbs:
    """Made by the gate from its :class:`Context`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def now(self) -> Pulse:
        """How it stands."""
        return await self._ctx.store.read(self._look)

    async def since(self, seq: int) -> Changes:
        """How it stands, and what changed since the journal had ``seq`` entries, whichever process did it."""

        def work(tx: Tx) -> Changes:
            pulse = self._look(tx)
            found = tx.pulse.touched(seq, MOST + 1) if pulse.seq > seq else []
            concern = (r for r in found if r.hold is not None or r.state in _PEOPLES)
            changed = tuple(Changed(r, self._wanted(tx, r, pulse.at)) for r in concern)
            return Changes(pulse, changed, len(found) > MOST)

        return await self._ctx.store.read(work)

    async def lately(self, who: Person, limit: int) -> tuple[ActionRecord, ...]:
        """The actions that something happened to last, the newest first."""

        def work(tx: Tx) -> list[ActionRecord]:
            return tx.pulse.touched(max(0, tx.pulse.size() - LATELY), MOST)

        found = await self._ctx.store.read(work)
        return tuple(sorted(found, key=lambda record: (-record.changed_at, record.id))[:limit])

    def _wanted(self, tx: Tx, record: ActionRecord, now: int) -> tuple[str, ...]:
        return wanted(self._ctx, tx, record, now) if record.state is State.HELD else ()

    def _look(self, tx: Tx) -> Pulse:
        return Pulse(
            seq=tx.pulse.size(),
            at=tx.now(self._ctx.clock.now()),
            waiting=tx.pulse.waiting(),
            unsettled=tx.pulse.unsettled(),
            stops=tuple(tx.stops()),
        )
