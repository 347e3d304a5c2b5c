"""What stands before MCP: tokens, hosts, sizes, and JSON that means one thing."""

import json
import logging
from typing import Any

import pytest

from keyturn.errors import ConfigError
from keyturn.mcp_gateway import GatewaySettings

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize("token", ["", "wrong", "x" * 600])
async def test_no_token_a_wrong_one_and_a_huge_one_get_the_same_answer(site: Any, token: str) -> None:
    status, headers, body = await site.post(PING, token=token)
    assert status == 401
    assert headers["www-authenticate"].startswith("Bearer ")
    assert "wrong, revoked or expired" in body["error"]["message"]


async def test_a_token_is_never_logged(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "keyturn")
    await site.post(PING, token="secret-token-7")
    assert "secret-token-7" not in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 400),
        ({"Host": "[::1]:80"}, 400),
        ({"Host": "["}, 421),
        ({"Host": "127.0.0.1:port"}, 421),
        ({"Host": "127.0.0.1:18787@evil.example"}, 421),
        ({"Host": "evil.example@127.0.0.1"}, 421),
        ({"Host": "127.0.0.1/evil.example"}, 421),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://localhost:3000@evil.example"}, 403),
    ],
)
async def test_only_loopback_names_reach_the_gateway(site: Any, headers: dict[str, str], status: int) -> None:
    assert (await site.post(PING, headers=headers))[0] == status


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":NaN}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":1e999}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"s":"\\ud800"}}', -32700),
        (b"[" * 5_000 + b"]" * 5_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b'{"id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":3}}', -32602),
    ],
)
async def test_bad_json_rpc_gets_a_clear_error(site: Any, raw: bytes, code: int) -> None:
    status, _, body = await site.post(raw)
    assert (status, body["error"]["code"]) == (400, code)


async def test_a_body_that_is_too_large_is_refused(site: Any) -> None:
    status, _, body = await site.post(json.dumps({"jsonrpc": "2.0", "x": "x" * 70_000}).encode())
    assert status == 413
    assert "65536" in body["error"]["message"]


async def test_headers_that_steer_stand_once(site: Any) -> None:
    headers = [("Accept", "*/*"), ("Content-Type", "application/json"), ("Authorization", "Bearer token-ada")]
    twice = [("Mcp-Method", "ping"), ("Mcp-Method", "tools/list")]
    async with site.http.post(site.url, data=json.dumps(PING), headers=[*headers, *twice]) as got:
        assert (got.status, (await got.json())["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    ("changes", "status"), [({"Content-Type": "text/plain"}, 415), ({"Accept": "application/json"}, 406)]
)
async def test_media_types_are_checked(site: Any, changes: dict[str, str], status: int) -> None:
    assert (await site.post(PING, headers=changes))[0] == status


async def test_an_unknown_upstream_and_verb(site: Any) -> None:
    assert (await site.post(PING, path="/nothing"))[0] == 404
    async with site.http.put(site.url, headers={"Authorization": "Bearer token-ada"}) as got:
        assert got.status == 405


def test_a_route_without_tokens_needs_loopback() -> None:
    with pytest.raises(ConfigError, match="without tokens"):
        GatewaySettings(bind_host="0.0.0.0", open_agent="ada")


class TestOpenRoute:
    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings(open_agent="bob")

    async def test_acts_as_the_named_agent(self, site: Any) -> None:
        status, _, body = await site.post(PING, token="")
        assert (status, body["error"]["code"]) == (400, -32600)
        assert (await site.post(PING, token="wrong"))[0] == 401
