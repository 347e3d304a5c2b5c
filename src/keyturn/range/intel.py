"""Threat intelligence of the simulated SOC: a static table."""

from keyturn.range import incident
from keyturn.range.tool import READS, Call, RangeTool, Schema, shape, text

_UNKNOWN: Schema = {
    "kind": None,
    "verdict": "unknown",
    "confidence": 0,
    "tags": [],
    "first_seen": None,
    "summary": "",
}


def _lookup(call: Call) -> Schema:
    indicator = call.args["indicator"].lower()
    return {"indicator": indicator} | incident.INTEL.get(indicator, _UNKNOWN)


TOOLS = (
    RangeTool(
        "intel_lookup_indicator",
        "What is known about an IP address or a domain.",
        _lookup,
        params={"indicator": text("IP address or domain", longest=253)},
        returns=shape(
            indicator="string", kind="string?", verdict="string", confidence="integer", tags="array",
            first_seen="string?", summary="string",
        ),
        hints=READS,
    ),
)  # fmt: skip
