"""What a client gets for a held action: a task, a question that it declared it takes, or a plain result."""

import asyncio
import contextlib
from collections.abc import Mapping, Set
from typing import Any

import msgspec

from keyturn.core.action import ToolRef
from keyturn.core.execution import State
from keyturn.errors import Conflict
from keyturn.gate.ports import Clock
from keyturn.gate.records import ActionRecord
from keyturn.mcp_gateway import render, results
from keyturn.mcp_gateway.exchange import TASKS, Exchange
from keyturn.mcp_gateway.messages import text_param
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.sealing import Seal, digest_of
from keyturn.mcp_gateway.settings import GatewaySettings
from keyturn.wire import rpc
from keyturn.wire.names import META_PROGRESS, MISSING_CAPABILITY
from keyturn.wire.session import RpcError

STATE_LIFE_MS = 3_600_000
RAN = frozenset({State.SUCCEEDED, State.CONFIRMING, State.FAILED, State.REVERTING, State.REVERTED})
FORM = {
    "type": "object",
    "properties": {
        "next": {
            "type": "string",
            "title": "What now",
            "enum": ["wait", "withdraw"],
            "enumNames": ["Wait for the keys", "Withdraw the action"],
            "default": "wait",
        }
    },
}


class Held:
    """Answers for held actions, and the tasks methods on them."""

    def __init__(
        self, gate: GatePort, clock: Clock, settings: GatewaySettings, seal: Seal, strict: Set[ToolRef]
    ) -> None:
        self._strict = strict
        self._gate = gate
        self._clock = clock
        self._settings = settings
        self._seal = seal

    async def answer(self, x: Exchange, record: ActionRecord, round: int = 0) -> bytes:
        """The answer to a call that waits; its outcome if the wait ended meanwhile."""
        if x.takes_tasks:
            return results.made(self._task(record), True, kind="task")
        if (question := self._question(x, record)) is not None and round < self._settings.elicit_rounds:
            state = self._seal.seal(
                x.agent.id, record.id, digest_of(x.method, x.params), self._clock.now() + STATE_LIFE_MS, round + 1
            )
            asked = {"keyturn": {"method": "elicitation/create", "params": question}}
            return results.made({"inputRequests": asked, "requestState": state}, True, kind="input_required")
        if META_PROGRESS in x.meta:
            record = await self._wait(x, record)
        return self.plain(x, record) if record.state in render.WAITING else await self.outcome(x, record)

    def plain(self, x: Exchange, record: ActionRecord) -> bytes:
        """The plain result that says *held*. For a tool with an output schema that was not widened it is an error:
        clients check every other result against that schema."""
        text = render.text(record, own_tools=self._settings.own_tools)
        return results.text_result(text, render.value(record), x.modern, is_error=record.tool in self._strict)

    async def outcome(self, x: Exchange, record: ActionRecord) -> bytes:
        """What became of an action that no longer waits: the server's own result if it ran."""
        if record.state in RAN:
            kept = await self._gate.result(x.agent, record.id)
            if kept is not None:
                if (error := rpc.error_in_result(kept)) is not None:
                    raise error
                return results.complete(kept, x.modern)
        ran_well = record.state in RAN and record.state is not State.FAILED
        text = render.text(record, own_tools=self._settings.own_tools)
        return results.text_result(text, render.value(record), x.modern, is_error=not ran_well)

    async def _wait(self, x: Exchange, record: ActionRecord) -> ActionRecord:
        """Wait for keys while the client sees progress; how long is a setting."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.hold_wait_s
        ticks = 0
        while record.state in render.WAITING and (left := until - loop.time()) > 0:
            ticks += 1
            await x.notify("notifications/progress", {"progress": ticks, "message": render.text(record).split("\n")[0]})
            record = await self._gate.wait(x.agent, record.id, min(left, self._settings.progress_every_s))
        return record

    def _question(self, x: Exchange, record: ActionRecord) -> dict[str, Any] | None:
        """The elicitation that the client declared, or ``None``: never ask one that has not."""
        ability = x.declared.get("elicitation")
        if not x.modern or not isinstance(ability, Mapping):
            return None
        message = render.text(record, own_tools=self._settings.own_tools)
        if "url" in ability and self._settings.review_url:
            return {"mode": "url", "message": message, "url": self._settings.review_url.replace("{action}", record.id)}
        if "form" in ability or not ability:
            return {"mode": "form", "message": message, "requestedSchema": FORM}
        return None

    # Tasks: an action is the task, its id the task's

    def _task(self, record: ActionRecord) -> dict[str, Any]:
        until = record.hold.expires_at if record.hold is not None else record.due_at
        return {
            "taskId": record.id,
            "status": "working",
            "statusMessage": render.text(record, own_tools=self._settings.own_tools),
            "createdAt": render.iso(record.proposed_at),
            "lastUpdatedAt": render.iso(record.changed_at),
            "ttlMs": max(0, until - record.proposed_at) if record.state is State.HELD and until else None,
            "pollIntervalMs": self._settings.task_poll_ms,
        }

    async def detailed(self, x: Exchange, record: ActionRecord) -> dict[str, Any]:
        """The whole task, with its result once there is one."""
        task = self._task(record)
        if record.state in render.WAITING:
            return task
        if record.state is State.WITHDRAWN:
            return {**task, "status": "cancelled"}
        try:
            return {**task, "status": "completed", "result": msgspec.Raw(await self.outcome(x, record))}
        except RpcError as e:
            error = {"code": e.code, "message": e.message} | ({} if e.data is None else {"data": e.data})
            return {**task, "status": "failed", "error": error}

    async def task_method(self, x: Exchange) -> bytes:
        """``tasks/get``, ``tasks/update`` and ``tasks/cancel``."""
        need_tasks(x)
        task_id = text_param(x.params, "taskId", 200)
        record = await self._gate.look(x.agent, task_id)
        if x.method == "tasks/get":
            return results.made(await self.detailed(x, record), x.modern)
        if x.method == "tasks/cancel" and record.state is State.HELD:
            with contextlib.suppress(Conflict):
                await self._gate.withdraw(x.agent, task_id, "the client cancelled the task")
        return results.made({}, x.modern)


def need_tasks(x: Exchange) -> None:
    """Raise ``-32021`` unless the client declared the tasks extension on this request."""
    if not x.takes_tasks:
        required: dict[str, Any] = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
        raise RpcError(MISSING_CAPABILITY, "Missing required client capability", required)
