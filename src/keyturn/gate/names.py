"""Names of people and agents: one each, and none that can be mistaken for another."""

from keyturn.core.hidden import skeleton
from keyturn.errors import Conflict
from keyturn.gate.ports import Tx


def need_own_name(tx: Tx, name: str, aliases: tuple[str, ...] = ()) -> None:
    """Raise :class:`Conflict` if a person or an agent has a name already, or one that looks like it."""
    for spelling in (name, *aliases):
        if (known := tx.person(spelling)) is not None:
            raise Conflict(f"{spelling} is already {known.id}, a person", hint="each person and agent has its own name")
        if tx.agent(spelling) is not None:
            raise Conflict(f"{spelling} is an agent already", hint="each person and agent has its own name")
    taken = {skeleton(agent.id): agent.id for agent in tx.agents()}
    taken |= {skeleton(known): known for person in tx.people() for known in (person.id, *person.aliases)}
    for spelling in (name, *aliases):
        if (other := taken.get(skeleton(spelling))) is not None:
            raise Conflict(f"{spelling} looks like {other}, who is there already", hint="choose another name")
