"""The small SOC of the gate's own tests."""

from tests.unit.gate.conftest import house

__all__ = ["house"]
