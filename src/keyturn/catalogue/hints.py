"""A tool's own hints (MCP ``ToolAnnotations``): they can raise a profile and never lower it (design, section 3)."""

from typing import Any

import msgspec

from keyturn.core.profile import Basis, Profile, Reversible, Stage


def raised(profile: Profile, annotations: Any) -> Profile:
    """The profile, or a graver one where the server's hints claim more than it does.

    ``readOnlyHint: false`` on what was profiled as a read makes it a change, irreversible unless
    ``destructiveHint`` is false; ``destructiveHint: true`` makes a note a change, and a change that nobody
    reviewed hard to reverse; ``idempotentHint: false`` takes idempotence away. A hint that says the call is
    harmless is ignored, and so is one that is absent: MCP's defaults would call every bare tool destructive.
    Hostile input: any shape is taken, and a hint that is no boolean counts as its graver value.
    """
    if not isinstance(annotations, dict):
        return profile
    writes = annotations.get("readOnlyHint") not in (None, True)
    destroys = annotations.get("destructiveHint") not in (None, False)
    spares = annotations.get("destructiveHint") is False
    stage, reversible = profile.stage, profile.reversible
    if stage is Stage.ANALYSE and (writes or destroys):
        stage = Stage.RESPOND
        least = Reversible.HARD if spares else Reversible.IRREVERSIBLE
        reversible = max(reversible, least, key=lambda level: level.rank)
    elif destroys and (stage is Stage.RECORD or profile.basis is not Basis.REVIEWED):
        stage = Stage.RESPOND
        reversible = max(reversible, Reversible.HARD, key=lambda level: level.rank)
    idempotent = profile.idempotent and annotations.get("idempotentHint") in (None, True)
    if (stage, reversible, idempotent) == (profile.stage, profile.reversible, profile.idempotent):
        return profile
    why = f"{profile.why} (raised by the server's own hints)".lstrip()
    return msgspec.structs.replace(profile, stage=stage, reversible=reversible, idempotent=idempotent, why=why, does="")
