"""The order in which holds wait: by expiry, and a weighty one as if it expired earlier."""

from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.profile import Reversible, Stage
from keyturn.gate.records import ActionRecord

AHEAD_MS = 15 * 60 * 1000
MAX_TOGETHER = 20
_BACK = {Reversible.NO_EFFECT: 0, Reversible.REVERSIBLE: 1, Reversible.HARD: 2, Reversible.IRREVERSIBLE: 4}


def weight(record: ActionRecord) -> int:
    """How weighty a hold is, 0 to 9: what can't be taken back, what two people must answer, changes, many targets."""
    keys = 2 if record.oversight is Oversight.TWO_KEY else 0
    changes = 1 if record.stage is Stage.RESPOND else 0
    return _BACK[record.reversible] + keys + changes + min(2, max(0, len(record.targets) - 1))


def rank(record: ActionRecord) -> int:
    """The place in the queue: its expiry in ms, a quarter of an hour earlier for each point of weight."""
    expires_at = record.hold.expires_at if record.hold is not None else record.due_at
    return expires_at - weight(record) * AHEAD_MS


def together(record: ActionRecord) -> bool:
    """One touch may do for it and others like it: it is held, and can be taken back (or only reads)."""
    return record.state is State.HELD and record.reversible in (Reversible.NO_EFFECT, Reversible.REVERSIBLE)
