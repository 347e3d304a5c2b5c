"""The gateway's own tools: look at an action, withdraw it. They act on the caller's own actions only."""

from typing import Any

import msgspec

from keyturn.core.execution import State
from keyturn.mcp_gateway import render, results
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.messages import text_param
from keyturn.mcp_gateway.ports import GatePort
from keyturn.wire.names import INVALID_PARAMS
from keyturn.wire.session import RpcError

LOOK, WITHDRAW = "keyturn_action", "keyturn_withdraw"
NAMES = frozenset({LOOK, WITHDRAW})
MAX_WAIT_S = 25
_ACTION = {"type": "string", "description": "The action's id, as a held call named it."}
DEFINITIONS: list[dict[str, Any]] = [
    {
        "name": LOOK,
        "description": "Look at an action that you proposed: its state, the verdict and its reasons, how many keys are "
        "missing, and its result once it has run.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "action": _ACTION,
                "wait_s": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "description": "Wait this long."},
            },
            "required": ["action"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    },
    {
        "name": WITHDRAW,
        "description": "Withdraw an action that you proposed and that is still held.",
        "inputSchema": {
            "type": "object",
            "properties": {"action": _ACTION, "reason": {"type": "string", "maxLength": 1_000}},
            "required": ["action"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": False},
    },
]
_RAN = frozenset({State.SUCCEEDED, State.CONFIRMING, State.FAILED, State.REVERTING, State.REVERTED})


async def run(x: Exchange, gate: GatePort, name: str, arguments: dict[str, Any]) -> bytes:
    """The result of one of :data:`NAMES`. Raises :class:`NotFound` for another's action, and ``-32602``."""
    action = text_param(arguments, "action", 200)
    if name == WITHDRAW:
        reason = arguments.get("reason", "withdrawn by the agent")
        if not isinstance(reason, str) or len(reason) > 1_000:
            raise RpcError(INVALID_PARAMS, "arguments.reason must be a string of at most 1000 characters")
        record = await gate.withdraw(x.agent, action, reason)
    else:
        record = await gate.look(x.agent, action)
        wait = arguments.get("wait_s", 0)
        if isinstance(wait, int | float) and wait > 0 and record.state in render.WAITING:
            record = await gate.wait(x.agent, action, min(float(wait), MAX_WAIT_S))
    shown = render.value(record)
    content: list[Any] = [{"type": "text", "text": render.text(record)}]
    kept = await gate.result(x.agent, action) if record.state in _RAN else None
    if kept is not None:
        shown["result"] = msgspec.Raw(kept)
        inner = results.members(kept).get("content")
        content += msgspec.json.decode(inner, type=list[msgspec.Raw]) if inner is not None else []
    return results.made({"content": content, "structuredContent": {"keyturn": shown}, "isError": False}, x.modern)
