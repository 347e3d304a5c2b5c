"""``subscriptions/listen``: one open request that carries what changes, of servers of either generation."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from keyturn.core.action import ToolRef
from keyturn.errors import KeyturnError
from keyturn.mcp_gateway import render, results
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.held import Held, need_tasks
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.view import View
from keyturn.wire.names import INVALID_PARAMS, META_SUBSCRIPTION
from keyturn.wire.session import RpcError, Upstream

log = logging.getLogger("keyturn.mcp_gateway")
CHANGES = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}
UPDATED = "notifications/resources/updated"
MAX_NAMED = 64
TASK_WAIT_S = 30.0


async def listen(x: Exchange, view: View, gate: GatePort, held: Held) -> bytes:
    """Acknowledge, then pass on what the client asked for, until it goes away (which cancels this)."""
    wanted = _filter(x, view)
    meta = {"_meta": {META_SUBSCRIPTION: x.id}}
    for uri in wanted.get("resourceSubscriptions", ()):
        name, located = view.located(uri)
        await gate.may_read(x.agent, ToolRef(name, "resources/read"), located, x.mandate)
    for task_id in wanted.get("taskIds", ()):
        await gate.look(x.agent, task_id)
    await x.notify("notifications/subscriptions/acknowledged", {"notifications": wanted, **meta})
    async with asyncio.TaskGroup() as group:
        for upstream in view.upstreams.values():
            group.create_task(_Ear(x, view, upstream, wanted, meta).hear())
        for task_id in wanted.get("taskIds", ()):
            group.create_task(_follow(x, gate, held, task_id, meta))
        group.create_task(asyncio.Event().wait())
    return results.made(meta, True)


def _filter(x: Exchange, view: View) -> dict[str, Any]:
    """What the client asks for and may have. Raises ``-32602`` and ``-32021``."""
    asked = x.params.get("notifications")
    if not isinstance(asked, dict):
        raise RpcError(INVALID_PARAMS, "params.notifications must be an object")
    wanted: dict[str, Any] = {key: True for key in CHANGES.values() if asked.get(key) is True}
    for key in ("resourceSubscriptions", "taskIds"):
        named = asked.get(key)
        if not named:
            continue
        if not isinstance(named, list) or len(named) > MAX_NAMED or not all(isinstance(n, str) for n in named):
            raise RpcError(INVALID_PARAMS, f"params.notifications.{key} must be at most {MAX_NAMED} strings")
        wanted[key] = named
    if "taskIds" in wanted:
        need_tasks(x)
    return wanted


class _Ear:
    """Listens to one server for one listening client."""

    def __init__(
        self, x: Exchange, view: View, upstream: Upstream, wanted: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> None:
        self._x = x
        self._view = view
        self._upstream = upstream
        self._wanted = wanted
        self._stamp = meta
        located = (view.located(uri) for uri in wanted.get("resourceSubscriptions", ()))
        self._uris = [uri for name, uri in located if name == upstream.name]

    async def hear(self) -> None:
        """Until cancelled. A server that is away is silent."""
        try:
            session = await self._upstream.session_for(self._x.client, self.tell)
        except (KeyturnError, RpcError) as e:
            log.warning("%s can't be listened to: %s", self._upstream.name, e)
            return
        try:
            for uri in self._uris:
                await session.request("resources/subscribe", {"uri": uri})
            await asyncio.Event().wait()
        except (KeyturnError, RpcError) as e:
            log.warning("%s can't be listened to: %s", self._upstream.name, e)
        finally:
            await session.close()

    async def tell(self, method: str, params: Mapping[str, Any]) -> None:
        """Pass on what was asked for, and nothing else."""
        if method == UPDATED:
            if params.get("uri") not in self._uris:
                return
        elif CHANGES.get(method) not in self._wanted:
            return
        shown = self._view.notification(self._upstream.name, method, params)
        await self._x.notify(method, {**shown, **self._stamp})


async def _follow(x: Exchange, gate: GatePort, held: Held, task_id: str, meta: Mapping[str, Any]) -> None:
    """Say each change of a task, until it is over."""
    record = await gate.look(x.agent, task_id)
    while record.state in render.WAITING:
        before = record.state
        record = await gate.wait(x.agent, task_id, TASK_WAIT_S)
        if record.state is not before:
            await x.notify("notifications/tasks", {**await held.detailed(x, record), **meta})
