"""Which Host and Origin reach REST over a network: a page in a browser must not (DNS rebinding)."""

from typing import Any

import pytest

from keyturn.rest import create_app


@pytest.fixture
def guarded(api: Any) -> Any:
    api.app = create_app(api.house.gate, allowed_hosts=("gate.example", "soc.example:8443"))
    return api


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "["}, 421),
        ({"Host": "127.0.0.1:8787@evil.example"}, 421),
        ({"Host": "soc.example"}, 421),
        ({"Host": "localhost", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost", "Origin": "http://["}, 403),
        ({"Host": "localhost", "Origin": "null"}, 403),
        ({"Host": "localhost"}, 200),
        ({"Host": "127.0.0.1:8787"}, 200),
        ({"Host": "[::1]:8787", "Origin": "http://localhost:3000"}, 200),
        ({"Host": "Gate.Example:444"}, 200),
        ({"Host": "soc.example:8443", "Origin": "https://soc.example:8443"}, 200),
    ],
)
async def test_only_known_names_are_served(guarded: Any, headers: dict[str, str], status: int) -> None:
    got = await guarded.send("kim", "GET", "/v1/holds", headers=headers)
    assert got.status_code == status
    if status != 200:
        assert got.json()["error"]["code"] == "misdirected"
        assert "allowed_hosts" in got.json()["error"]["message"]


async def test_two_hosts_are_none(guarded: Any) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/v1/health", "query_string": b"", "headers": headers}
    await guarded.app(scope, receive, send)
    assert sent[0]["status"] == 421
