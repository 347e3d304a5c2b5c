"""One request on its way to a server: where its notifications and questions go, and how long it may take."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from keyturn.errors import InvalidInput
from keyturn.tools.settings import Limits
from keyturn.wire import rpc
from keyturn.wire.names import (
    ENVELOPE_META,
    INTERNAL_ERROR,
    META_LOG_LEVEL,
    META_PROGRESS,
    META_SUBSCRIPTION,
    METHOD_NOT_FOUND,
)
from keyturn.wire.session import Link, RpcError

log = logging.getLogger(__name__)

Reply = Callable[[bytes], Awaitable[None]]
MAX_QUESTIONS = 16
ASKABLE = frozenset({"sampling/createMessage", "elicitation/create", "roots/list"})


class Call:
    """One open request. ``id`` is the gateway's own, unique on its connection, and doubles as progress token."""

    def __init__(self, id: rpc.Id, method: str, link: Link | None, limits: Limits) -> None:
        self.id = id
        self.method = method
        self.link = link
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time() + limits.answer_max_s
        self._questions: dict[rpc.Id, asyncio.Task[None]] = {}
        self.clock = asyncio.timeout(limits.answer_s)

    def meta(self, own: Mapping[str, Any]) -> Mapping[str, Any]:
        """The request's ``_meta``: the client's, less what belongs to its own hop, and the gateway's ``own``."""
        if self.link is None:
            return own
        dropped = ENVELOPE_META if own else {*ENVELOPE_META, META_LOG_LEVEL}
        meta = {key: value for key, value in self.link.meta.items() if key not in dropped}
        if META_PROGRESS in meta:
            meta[META_PROGRESS] = self.id
        return meta | dict(own)

    async def handle(self, message: rpc.Message, reply: Reply) -> None:
        """A notification or a request of the server's that belongs to this call. Hostile: what is odd is dropped."""
        try:
            params = message.params_dict()
        except InvalidInput as e:
            log.info("dropped a server's message: %s", e)
            return
        method = str(message.method)
        if isinstance(message.id, int | str):
            self._question(message.id, method, params, reply)
        elif method == "notifications/cancelled":
            asked = params.get("requestId")
            if isinstance(asked, int | str) and (task := self._questions.get(asked)) is not None:
                task.cancel()
        elif self.link is not None:
            await self._pass_on(self.link, method, params)

    async def _pass_on(self, link: Link, method: str, params: dict[str, Any]) -> None:
        if method == "notifications/progress":
            if params.get(META_PROGRESS) != self.id or META_PROGRESS not in link.meta:
                return
            params[META_PROGRESS] = link.meta[META_PROGRESS]
            self._extend(self._loop.time() + self._limits.answer_s)
        await link.notify(method, params)

    def _question(self, id: rpc.Id, method: str, params: dict[str, Any], reply: Reply) -> None:
        if id in self._questions or len(self._questions) >= MAX_QUESTIONS:
            log.info("dropped a server's %.64r: too many open questions", method)
            return
        task = asyncio.create_task(self._ask(id, method, params, reply))
        self._questions[id] = task
        task.add_done_callback(lambda _: self._questions.pop(id, None))

    async def _ask(self, id: rpc.Id, method: str, params: dict[str, Any], reply: Reply) -> None:
        self._extend(self._last)
        try:
            answer = rpc.result(id, await answered(self.link, method, params))
        except RpcError as e:
            answer = rpc.error(id, e)
        except Exception:
            log.exception("asking the client %.64r failed", method)
            answer = rpc.error(id, RpcError(INTERNAL_ERROR, "the client could not be asked"))
        self._extend(self._loop.time() + self._limits.answer_s)
        await reply(answer)

    def _extend(self, until: float) -> None:
        if not self.clock.expired():
            self.clock.reschedule(min(until, self._last))

    async def close(self) -> None:
        """End the questions that are still open."""
        if self._questions:
            tasks = list(self._questions.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def answered(link: Link | None, method: str, params: Mapping[str, Any]) -> Any:
    """The client's answer to a server's question; ``ping`` is the gateway's to answer."""
    if method == "ping":
        return {}
    if link is None or method not in ASKABLE:
        raise RpcError(METHOD_NOT_FOUND, f"nobody here answers {method[:64]}")
    return await link.ask(method, params)


def without_subscription(params: dict[str, Any]) -> dict[str, Any]:
    """A stream notification's params without the gateway's own subscription id."""
    meta = params.get("_meta")
    if isinstance(meta, dict) and META_SUBSCRIPTION in meta:
        meta = {key: value for key, value in meta.items() if key != META_SUBSCRIPTION}
        params = {key: value for key, value in params.items() if key != "_meta"} | ({"_meta": meta} if meta else {})
    return params
