"""The console over a real gate on a real database, called in process, with people who are signed in."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.authenticator import Authenticator
from tests.unit.gate.conftest import House, build

from keyturn.console import Console
from keyturn.gate.access_records import Opened
from keyturn.gate.records import Role
from keyturn.journal import Signer

SIGNER = Signer("keyturn.test/journal", bytes(32))
ORIGIN = "http://localhost:8787"


@dataclass
class Browser:
    """One person's browser: it sends what a real one sends with its own page's requests."""

    console: Console
    token: str = ""
    authenticator: Authenticator = field(default_factory=Authenticator)

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx2.Response:
        """One request of the page itself."""
        sent = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        if method == "POST":
            sent["origin"] = ORIGIN
        if self.token:
            sent["cookie"] = f"keyturn={self.token}"
        transport = httpx2.ASGITransport(app=self.console, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.request(method, path, headers={**sent, **(headers or {})}, **more)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.send("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    async def csrf(self) -> str:
        """The mark that this session's forms carry, read from a page as a browser has it."""
        found = re.search(r'<meta name="csrf" content="([^"]+)">', (await self.get("/console/nowhere")).text)
        assert found, "no page of this session carries its mark"
        return found[1]

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        """A form of the page, with its mark."""
        return await self.send("POST", path, data={"csrf": await self.csrf(), **fields})

    async def call(self, path: str, **said: Any) -> httpx2.Response:
        """A script's JSON, with its mark where there is a session."""
        mark = {"x-keyturn-csrf": await self.csrf()} if self.token else {}
        return await self.send("POST", path, mark, json=said)


@dataclass
class Desk:
    """The console, and a browser for each of the people of the house."""

    house: House
    console: Console
    opened: dict[str, Opened] = field(default_factory=dict)

    async def browser(self, name: str = "", method: Any = "passkey") -> Browser:
        """A browser in which this person is signed in; ``""``: nobody."""
        if not name:
            return Browser(self.console)
        opened = await self.house.gate.access.open_session(name, method)
        self.opened[name] = opened
        return Browser(self.console, opened.token)

    async def hold(self, tool: str = "isolate", **arguments: Any) -> Any:
        """An action that is held."""
        proposed = await self.house.gate.propose(self.house.agent, self.house.call(tool, **arguments))
        return proposed.record


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """olga and pavel (owners), lena (lead), ana and bob (analysts), zoe (auditor); a key signs the journal."""
    house = await build(tmp_path / "keyturn.db")
    house.ctx.signer = SIGNER
    await house.gate.add_person(house.people["olga"], "zoe", (Role.AUDITOR,))
    console = Console(house.gate, house.clock, ORIGIN)
    yield Desk(house, console)
    await console.close()
    await house.gate.stop_running()
    house.store.close()
