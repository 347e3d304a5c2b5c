"""The way back to a client while a call runs whose answer is withheld in part: what is told there is withheld, too."""

from collections.abc import Mapping
from typing import Any

import msgspec

from keyturn.core.withholding import without
from keyturn.wire.session import Link


class Discreet:
    """A client's :class:`~keyturn.wire.session.Link`, less the values of the named fields (ADR 14).

    A server may tell of its answer in a progress or log message, or in a question, before it answers.
    """

    def __init__(self, link: Link, names: tuple[str, ...]) -> None:
        self.client = link.client
        self.meta = link.meta
        self._link = link
        self._names = names

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """See :meth:`keyturn.wire.session.Link.notify`."""
        await self._link.notify(method, self._less(params))

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """See :meth:`keyturn.wire.session.Link.ask`."""
        return await self._link.ask(method, self._less(params))

    def _less(self, params: Mapping[str, Any]) -> dict[str, Any]:
        told, _ = without(msgspec.json.encode(params), self._names)
        return dict(msgspec.json.decode(told))
