"""The console as people reach it: a small SOC behind a real gate, served over HTTP by uvicorn, in a thread of its own.

Tests are synchronous: the browser's side waits for the page, and :meth:`Soc.do` waits for the gate.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvicorn
from tests.authenticator import Authenticator
from tests.passkeys import enrol
from tests.unit.gate.conftest import Call, House, build, call

from keyturn.console import Console
from keyturn.gate.access_records import Opened
from keyturn.gate.records import ActionRecord, Person
from keyturn.passkeys import RelyingParty
from keyturn.server import routed

T = TypeVar("T")


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float = 30) -> T:
        """What the work gives, run there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def end(self) -> None:
        """Stop the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class Soc:
    """olga and pavel (owners), lena (lead), ana and bob (analysts), one agent with a mandate, and the page of it all.

    It can go away and come back at the same address (:meth:`stop`, :meth:`start`).
    """

    def __init__(self, loop: Loop, folder: Path, change: Callable[[House], None] = lambda house: None) -> None:
        self._loop = loop
        self._path = folder / "keyturn.db"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.origin = f"http://localhost:{self.port}"
        self.house: House = loop.do(build(self._path))
        self.house.ctx.passkeys = RelyingParty(self.origin)
        change(self.house)
        self.start()

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float = 30) -> T:
        """What a verb gives."""
        return self._loop.do(work, timeout_s)

    @property
    def people(self) -> dict[str, Person]:
        """Those of the small SOC, as they began."""
        return self.house.people

    def start(self) -> None:
        """Serve the page; returns when it answers."""
        self.do(self._start())

    async def _start(self) -> None:
        self.console = Console(self.house.gate, self.house.clock, self.origin)
        app = routed(_nothing, _nothing, self.console)
        self._server = _Server(uvicorn.Config(app, lifespan="off", ws="none", log_level="error", access_log=False))
        listener = socket.create_server(("127.0.0.1", self.port))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))

    def stop(self) -> None:
        """Go away: connections end, and no new one is taken."""
        self.do(self._stop())

    async def _stop(self) -> None:
        self.console.end()
        self._server.should_exit = True
        self._server.force_exit = True
        await self._serving
        await self.console.close()

    def end(self) -> None:
        """All of it."""
        self.stop()
        self.do(self.house.gate.stop_running())
        self.house.store.close()

    def hold(self, tool: str = "isolate", proposal: Call | None = None, **arguments: Any) -> ActionRecord:
        """An action that is held."""
        record = self.do(self.house.gate.propose(self.house.agent, proposal or call(tool, **arguments))).record
        assert record.state == "held", record
        return record

    def look(self, action_id: str) -> ActionRecord:
        """An action as it now stands."""
        return self.do(self.house.gate.look(self.people["olga"], action_id))

    def later(self, seconds: float) -> None:
        """Let so much time pass, and let the gate see to what is due."""
        self.house.clock.ms += int(seconds * 1000)
        self.do(self.house.gate.sweep())

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The journal's entries of one kind."""

        def read(tx: Any) -> list[dict[str, Any]]:
            return [msgspec.json.decode(entry) for entry in tx.journal.entries(0, 10**9)]

        found: list[dict[str, Any]] = self.do(self.house.store.read(read))
        return [entry for entry in found if entry["kind"] == kind]

    def session(self, name: str) -> Opened:
        """A session of somebody's."""
        return self.do(self.house.gate.access.open_session(name, "passkey"))

    def passkey(self, name: str) -> Authenticator:
        """An authenticator that holds a live passkey of this person's."""
        key = Authenticator(origin=self.origin)
        self.do(enrol(self.house.gate, self.people["olga"], name, key))
        return key


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
