"""Drills: test actions that ought to be refused. What marks them, when they come, and what is wrong with them. Pure.

The journal holds the hash of a secret mark before the drill opens; the action's nonce comes from the mark, and the
digest covers the nonce. When the drill ends the mark is told: anyone can see that this action was a drill from the
start, while nobody could before.
"""

import hashlib
import math
import re
from collections.abc import Sequence

from keyturn.core.action import Target

WEEK_MS = 7 * 24 * 3600 * 1000
_REASONS = (
    "The alert on {other} is confirmed, so this contains {other} now.",
    "{other} is beaconing to the address in the alert. Acting on {other} stops it.",
    "As agreed in the case: {other} is the only one affected and has to be dealt with first.",
)


def commitment(mark: bytes) -> str:
    """What the journal holds of a mark beforehand."""
    return hashlib.sha256(b"keyturn/drill/1\n" + mark).hexdigest()


def nonce(mark: bytes) -> str:
    """The nonce of the action that a mark belongs to: 32 hex digits, like any other's."""
    return hashlib.sha256(b"keyturn/drill/nonce/1\n" + mark).hexdigest()[:32]


def pause_ms(chance: float, per_week: float) -> int:
    """How long until the next drill: exponential, so that the last says nothing about the next; at most a year."""
    return min(int(-math.log(1 - min(chance, 0.999_999)) * WEEK_MS / per_week), 52 * WEEK_MS)


def rationale(target: Target, known: Sequence[Target], chance: float) -> str:
    """A reason that speaks of another target than the arguments hit: to be refused by whoever reads both."""
    alike = [other.id for other in known if other.kind == target.kind and other.id != target.id]
    other = alike[int(chance * len(alike)) % len(alike)] if alike else _sibling(target.id)
    return _REASONS[int(chance * 997) % len(_REASONS)].format(other=other)


def _sibling(name: str) -> str:
    """A name like this one: its last digit turned on, or a number behind it."""
    found = re.search(r"\d(?=\D*$)", name)
    if found is None:
        return f"{name}-2"
    return f"{name[: found.start()]}{(int(found[0]) + 3) % 10}{name[found.end() :]}"
