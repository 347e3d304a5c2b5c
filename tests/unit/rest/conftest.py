"""The REST application over a real gate on a real database, called in process."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.gate.conftest import House, build

from keyturn.gate.records import Role
from keyturn.journal import Signer
from keyturn.rest import Journal, create_app

ORIGIN = "test.example/log"


@dataclass
class Api:
    """A client for each token: ``api.get("ana", "/v1/holds")``."""

    house: House
    app: Any
    signer: Signer
    tokens: dict[str, str]

    async def send(self, who: str, method: str, path: str, **more: Any) -> httpx2.Response:
        """One request as ``who`` (``""``: without a token)."""
        headers = dict(more.pop("headers", {}))
        if who:
            headers["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers, **more)

    async def get(self, who: str, path: str, **params: Any) -> httpx2.Response:
        return await self.send(who, "GET", path, params=params)

    async def post(self, who: str, path: str, body: Mapping[str, Any] | None = None) -> httpx2.Response:
        return await self.send(who, "POST", path, json=body)

    async def propose(self, tool: str, rationale: str = "because of alert 17", **arguments: Any) -> httpx2.Response:
        body = {"tool": f"soc/{tool}", "arguments": arguments, "rationale": rationale}
        return await self.post("responder", "/v1/actions", body)


PEOPLE = {"una": Role.OWNER, "lea": Role.LEAD, "kim": Role.ANALYST, "max": Role.ANALYST, "aud": Role.AUDITOR}


async def _found(path: Path) -> dict[str, str]:
    """Make the database and its people; their tokens."""
    house = await build(path)
    olga = house.people["olga"]
    tokens = {name: (await house.gate.add_person(olga, name, (role,))).token for name, role in PEOPLE.items()}
    tokens["responder"] = (await house.gate.renew_token(olga, "responder")).token
    await house.gate.stop_running()
    house.store.close()
    return tokens


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A database with people, an agent and its mandate, made once, and everybody's tokens."""
    path = tmp_path_factory.mktemp("founded") / "keyturn.db"
    return path, asyncio.run(_found(path))


@pytest.fixture
async def api(founded: tuple[Path, dict[str, str]], tmp_path: Path) -> AsyncIterator[Api]:
    """A small SOC. People: una (owner), lea (lead), kim and max (analysts), aud (auditor). Agent: responder."""
    path, tokens = founded
    house = await build(Path(shutil.copy(path, tmp_path)))
    signer = Signer(ORIGIN, b"k" * 32)
    house.ctx.signer = signer
    yield Api(house, create_app(house.gate, Journal(house.store, signer)), signer, dict(tokens))
    await house.gate.stop_running()
    house.store.close()
