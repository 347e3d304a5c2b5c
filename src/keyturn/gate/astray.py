"""A clock that was ahead and has been set right: the journal's time runs on from its newest entry, by an owner's word.

Time never runs back. While a clock is far behind the newest entry, it would stand still, and neither a mandate nor a
hold nor the time to confirm would end; so nothing runs then (:meth:`~keyturn.gate.ports.Tx.now`).
"""

from collections.abc import Callable

from keyturn.errors import Conflict
from keyturn.gate.context import Context
from keyturn.gate.grants import OWNERS
from keyturn.gate.ports import Tx
from keyturn.gate.records import Person
from keyturn.gate.review import need_reason, need_role


def accept_clock(ctx: Context, who: Person, reason: str) -> Callable[[Tx], int]:
    """By how much, in ms, the gate's time is ahead of this clock from now on; :class:`Conflict` if it needs not be."""

    def work(tx: Tx) -> int:
        by, why = need_role(tx, who, OWNERS, "accept the clock").id, need_reason(reason)
        wall = ctx.clock.now()
        behind = tx.behind(wall)
        if not behind:
            raise Conflict("the clock is not behind the journal", hint="nothing was changed")
        tx.accept_clock(behind)
        tx.record("clock_accepted", tx.now(wall), {"by": by, "because": why, "wall": wall, "behind_ms": behind})
        return behind

    return work
