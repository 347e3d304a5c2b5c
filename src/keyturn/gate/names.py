"""Names of people and agents: one each, and none that can be mistaken for another, or for the gate's own word."""

import re
import unicodedata

from keyturn.core.hidden import skeleton
from keyturn.errors import Conflict
from keyturn.gate.ports import Tx

RESERVED = frozenset({"gate", "policy", "check", "nobody yet", "nobody", "system", "keyturn"})
"""What records say where no person acted (``by``, ``ended_by``), and what would read like it."""

_DIGITS = str.maketrans("01", "ol")
_SMALL_CAPITAL = "LATIN LETTER SMALL CAPITAL "


def need_own_name(tx: Tx, name: str, aliases: tuple[str, ...] = ()) -> None:
    """Raise :class:`Conflict` if a person or an agent has a name already, or one that looks like it."""
    reserved = {_reading(word) for word in RESERVED}
    for spelling in (name, *aliases):
        if _reading(spelling) in reserved:
            raise Conflict(f"{spelling} would read like the gate itself", hint="choose another name")
        if (known := tx.person(spelling)) is not None:
            raise Conflict(f"{spelling} is already {known.id}, a person", hint="each person and agent has its own name")
        if tx.agent(spelling) is not None:
            raise Conflict(f"{spelling} is an agent already", hint="each person and agent has its own name")
    taken = {_reading(agent.id): agent.id for agent in tx.agents()}
    taken |= {_reading(known): known for person in tx.people() for known in (person.id, *person.aliases)}
    for spelling in (name, *aliases):
        if (other := taken.get(_reading(spelling))) is not None:
            raise Conflict(f"{spelling} looks like {other}, who is there already", hint="choose another name")


def _reading(name: str) -> str:
    """How a name reads at a glance: look-alikes, small capitals, 0 and 1 as the letters, no signs at its ends."""
    plain = "".join(_plain(ch) for ch in name)
    return re.sub(r"^[\W_]+|[\W_]+$", "", skeleton(plain).translate(_DIGITS)) or name


def _plain(ch: str) -> str:
    called = unicodedata.name(ch, "")
    letter = called.removeprefix(_SMALL_CAPITAL)
    return letter.lower() if called.startswith(_SMALL_CAPITAL) and len(letter) == 1 else ch
