"""The gate: the only code that changes state."""

from keyturn.gate.context import CareSettings, Context, GateSettings
from keyturn.gate.gate import Gate, Proposed, Story
from keyturn.gate.grants import Issued, MandateDraft
from keyturn.gate.suppose import Supposition

__all__ = [
    "CareSettings",
    "Context",
    "Gate",
    "GateSettings",
    "Issued",
    "MandateDraft",
    "Proposed",
    "Story",
    "Supposition",
]
