"""What a call really does, where its arguments say it: a query, a command line, a request (design, section 3).

A tool that runs what it is given counts as the worst case. A rule of the catalogue reads the arguments and answers with
an :class:`Operation`, or with :class:`Unread` and the reason; :func:`narrowed` takes the answer only as far as it is
nowhere graver than the tool's own profile, so that no argument can say more for itself than the tool's reviewer did.
"""

import msgspec

from keyturn.core.action import Target
from keyturn.core.profile import Profile, Reversible, Stage, Touches, does_no_more

EVERYTHING = 2**31 - 1
"""The reach of what names no bound: a wildcard, a filter, a statement without a condition."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call, read. ``name`` is the operation in its language's own words (``delete pods``, ``DELETE /v1/hosts``).

    ``targets`` are the objects that the arguments name; ``reach`` is how many there are at least, where that is more
    than the named ones (a network's addresses, :data:`EVERYTHING`). ``why`` is a clause for the person who decides.
    """

    name: str
    stage: Stage
    reversible: Reversible
    touches: frozenset[Touches] = frozenset()
    targets: tuple[Target, ...] = ()
    reach: int = 0
    why: str = ""


class Unread(msgspec.Struct, frozen=True):
    """The arguments can't be read with certainty, and why: the worst case stands."""

    why: str


Reading = Operation | Unread


def narrowed(base: Profile, found: Reading) -> Profile:
    """The profile of this very call: what the rule read, or ``base`` where it is unread or would be graver.

    The way back, the check and what is preserved belong to a tool, not to a text that it runs: they are left out. A
    change that names no target meets everything.
    """
    if isinstance(found, Unread):
        return _standing(base, found.why)
    if not does_no_more(found, base):
        return msgspec.structs.replace(
            _standing(base, f"{found.name} is graver than this tool is known to be"),
            named=found.targets,
            reach=found.reach,
        )
    return msgspec.structs.replace(
        base,
        stage=found.stage,
        reversible=found.reversible,
        touches=found.touches,
        named=found.targets,
        reach=found.reach if found.targets or found.stage is not Stage.RESPOND else EVERYTHING,
        inverse=None,
        by_hand="",
        preserve={},
        check=None,
        openc2="",
        d3fend=(),
        react=(),
        why=f"{found.name}: {found.why}" if found.why else found.name,
    )


def _standing(base: Profile, why: str) -> Profile:
    return msgspec.structs.replace(base, reach=EVERYTHING, why=f"{base.why} (read as the worst case: {why})".lstrip())


def gravest(*operations: Operation) -> Operation:
    """One operation that is at least as grave as each of these (at least one), with all their targets together."""
    if len(operations) == 1:
        return operations[0]
    kinds: dict[tuple[Stage, Reversible, frozenset[Touches]], Operation] = {}
    for one in operations:
        kinds.setdefault((one.stage, one.reversible, one.touches), one)
    worst = max(kinds.values(), key=lambda one: (one.stage.rank, one.reversible.rank, len(one.touches)))
    return Operation(
        name=worst.name,
        stage=max((stage for stage, _, _ in kinds), key=lambda stage: stage.rank),
        reversible=max((level for _, level, _ in kinds), key=lambda level: level.rank),
        touches=frozenset[Touches]().union(*(touches for _, _, touches in kinds)),
        targets=tuple(sorted({target for one in operations for target in one.targets})),
        reach=max(one.reach for one in operations),
        why=worst.why,
    )
