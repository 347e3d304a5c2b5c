"""What is still to be told, and to whom: claimed, sent, tried again, and given up where everybody sees it.

A claim is a lease on a row, so several processes send from one database and none sends what another is sending. A
process that dies between the sending and its note of it leaves a row that is sent again: at least once, with one id.
"""

from collections.abc import Mapping, Sequence

from keyturn.core.execution import State
from keyturn.gate.context import Context
from keyturn.gate.notices import Event, announce, of_action
from keyturn.gate.outbox_ports import FAILED, SENT, Delivery, Tally
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord, Person

WARNED = "notices/warned"
KEEP_MS = 7 * 24 * 3600 * 1000
PAGE = 500


class Outbox:
    """The verbs of whoever sends. Made by the gate, as ``gate.outbox``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def claim(self, free: Mapping[str, int], lease_s: float) -> list[Delivery]:
        """Up to so many due deliveries for each target, this process's alone for ``lease_s``."""

        def due(tx: Tx) -> list[str]:
            return tx.outbox.due(self._now(tx), free)

        waiting = await self._ctx.store.read(due) if free else []
        if not waiting:
            return []

        def work(tx: Tx) -> list[Delivery]:
            now = self._now(tx)
            until, holder = now + round(lease_s * 1000), self._ctx.runner
            return [each for name in waiting for each in tx.outbox.claim(name, now, free[name], until, holder)]

        return await self._ctx.store.write(work)

    async def sent(self, deliveries: Sequence[Delivery]) -> None:
        """The target has them."""

        def work(tx: Tx) -> None:
            for delivery in deliveries:
                tx.outbox.end(delivery, SENT, self._now(tx))

        await self._ctx.store.write(work)

    async def failed(self, deliveries: Sequence[Delivery], because: str, retry_s: float | None) -> None:
        """The target did not take them: again after ``retry_s``, unless their time is over by then, or it is None."""

        def work(tx: Tx) -> None:
            now = self._now(tx)
            for delivery in deliveries:
                later = None if retry_s is None else now + round(retry_s * 1000)
                if later is None or later >= delivery.give_up_at:
                    self._give_up(tx, delivery, now, because)
                else:
                    tx.outbox.put_off(delivery, later, because)

        await self._ctx.store.write(work)

    async def tidy(self) -> None:
        """Give up what nobody could send in its time (its target is gone, say), and forget what is long over."""

        def work(tx: Tx) -> None:
            now = self._now(tx)
            for delivery in tx.outbox.overdue(now, PAGE):
                self._give_up(tx, delivery, now, delivery.because or "nobody sent it in its time")
            tx.outbox.forget(now - KEEP_MS)

        await self._ctx.store.write(work)

    async def warn(self) -> None:
        """Announce the holds that expire soon (``gate.warn_s``), each once whichever process looks."""
        if any(listener.wants(Event.EXPIRING) for listener in self._ctx.listeners):
            found = await self._ctx.store.read(self._expiring)
            if found:
                await self._ctx.store.write(self._warn)

    def _expiring(self, tx: Tx) -> list[ActionRecord]:
        """The holds that expire soon, past the last one that was announced."""
        due, _, action = (tx.setting(WARNED) or b"0 ").decode().partition(" ")
        soon = self._now(tx) + self._ctx.settings.warn_s * 1000
        return tx.actions(states=(State.HELD,), due_by=soon, after=(int(due), action), limit=PAGE)

    def _warn(self, tx: Tx) -> None:
        for record in (found := self._expiring(tx)):
            announce(self._ctx, tx, of_action(Event.EXPIRING, record, self._now(tx)))
        if found:
            tx.put_setting(WARNED, f"{found[-1].due_at} {found[-1].id}".encode())

    async def tally(self, who: Person) -> list[Tally]:
        """How many notices wait, were sent, or were given up, for each target."""
        return await self._ctx.store.read(lambda tx: tx.outbox.tally())

    def _now(self, tx: Tx) -> int:
        return tx.now(self._ctx.clock.now())

    def _give_up(self, tx: Tx, delivery: Delivery, now: int, because: str) -> None:
        notice = delivery.notice
        if tx.outbox.end(delivery, FAILED, now):
            body = {
                "notice": notice.id,
                "event": notice.event.value,
                "target": delivery.target,
                "attempts": delivery.attempts,
                "because": because,
            }
            tx.record("notification_failed", now, body, action=notice.action, case=notice.case)
