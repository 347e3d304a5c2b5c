"""The REST application over a real gate on a real database, called in process."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from keyturn.gate.records import Role
from keyturn.journal import Signer
from keyturn.rest import Journal, create_app
from tests.unit.gate.conftest import House, build

ORIGIN = "test.example/log"


@dataclass
class Api:
    """A client for each token: ``api.get("ana", "/v1/holds")``."""

    house: House
    app: Any
    signer: Signer
    tokens: dict[str, str] = field(default_factory=dict)

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


async def make_api(path: Path) -> Api:
    house = await build(path)
    signer = Signer(ORIGIN, b"k" * 32)
    api = Api(house, create_app(house.gate, Journal(house.store, signer)), signer)
    olga = house.people["olga"]
    for name, role in (("una", "owner"), ("lea", "lead"), ("kim", "analyst"), ("max", "analyst"), ("aud", "auditor")):
        api.tokens[name] = (await house.gate.add_person(olga, name, (Role(role),))).token
    api.tokens["responder"] = (await house.gate.renew_token(olga, "responder")).token
    return api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """The gate's small SOC. People: una (owner), lea (lead), kim and max (analysts), aud (auditor); agent: responder."""
    made = await make_api(tmp_path / "keyturn.db")
    yield made
    await made.house.gate.stop_running()
    made.house.store.close()


@pytest.fixture
def build_api() -> Callable[[Path], Any]:
    """Make one on a path of the test's own."""
    return make_api
