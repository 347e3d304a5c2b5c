"""Providers that are down, hang, lie about themselves, or lead elsewhere: nobody comes in, and soon."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from keyturn.errors import ProviderError
from keyturn.gate.oidc_settings import OidcSettings
from keyturn.gate.records import Role
from keyturn.oidc import Provider

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]
ORIGIN = "http://localhost:8787"


def provider(issuer: str, timeout_s: float = 5) -> Provider:
    settings = OidcSettings(
        issuer=issuer, client_id="keyturn", client_secret="${SECRET}", roles={"soc": (Role.ANALYST,)}
    )
    return Provider(settings, "s3cret", ORIGIN, timeout_s)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve every path of a server of its own with one handler; its issuer."""
    running: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        running.append(runner := web.AppRunner(app, shutdown_timeout=0.1))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in running:
        await runner.cleanup()


def metadata(issuer: str, **different: Any) -> dict[str, Any]:
    said = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
    }
    return said | different


async def refused(issuer: str, timeout_s: float = 5) -> str:
    with pytest.raises(ProviderError) as caught:
        await provider(issuer, timeout_s).address("state", "nonce", "v" * 64)
    return str(caught.value)


async def test_one_that_is_down_is_told() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert "can't be reached" in await refused(f"http://127.0.0.1:{port}")


async def test_one_that_hangs_is_given_up(serve: Serve) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    began = time.monotonic()
    assert "did not answer in 0.2 s" in await refused(await serve(hang), 0.2)
    assert time.monotonic() - began < 5


async def test_one_that_drips_is_given_up(serve: Serve) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    assert "did not answer in 0.3 s" in await refused(await serve(drip), 0.3)


async def test_more_than_is_read_is_refused(serve: Serve) -> None:
    async def much(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"[" * 10_000_000)

    assert "more than 262144 bytes" in await refused(await serve(much))


async def test_it_is_not_followed_elsewhere(serve: Serve) -> None:
    asked: list[str] = []

    async def inside(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response(metadata(target))

    target = await serve(inside)

    async def lead(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{target}{request.path}")

    assert "answered 302" in await refused(await serve(lead))
    assert asked == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "<html>",
        '{"issuer": 1}',
        '{"issuer": "https://other.example"}',
        "\ud800".encode("utf-16-le", "surrogatepass"),
    ],
)
async def test_nonsense_about_itself_is_refused(serve: Serve, body: Any) -> None:
    async def nonsense(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    await refused(await serve(nonsense))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("token_endpoint", "http://169.254.169.254/latest/meta-data"),
        ("token_endpoint", "http://evil.example/token"),
        ("jwks_uri", "file:///etc/passwd"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "https://user:pw@evil.example/"),
        ("userinfo_endpoint", "http://[::1"),
        ("jwks_uri", ""),
        ("issuer", "http://127.0.0.1:1"),
    ],
)
async def test_an_endpoint_at_a_wrong_place_is_refused(serve: Serve, name: str, address: str) -> None:
    async def lying(request: web.Request) -> web.StreamResponse:
        return web.json_response(metadata(issuer, **{name: address}))

    issuer = await serve(lying)
    await refused(issuer)


async def test_keys_are_got_again_for_an_unknown_one_but_not_at_each_try(serve: Serve) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/jwks":
            return web.json_response({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}, {"kty": "??"}, 7]})
        if request.path == "/token":
            header = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ"
            return web.Response(body=json.dumps({"id_token": f"{header}.e30.AAAA"}), content_type="application/json")
        return web.json_response(metadata(issuer))

    issuer = await serve(answer)
    known = provider(issuer)
    for _ in range(3):
        with pytest.raises(Exception, match="no key of the provider's signed it"):
            await known.recognise({"code": "c"}, "nonce", "v" * 64, 0)
    assert asked.count("/jwks") <= 2 and asked.count("/.well-known/openid-configuration") == 1


async def test_the_secret_does_not_show(serve: Serve) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            return web.json_response({"error": "<b>no</b>", "error_description": "s3cret"}, status=400)
        return web.json_response(metadata(issuer))

    issuer = await serve(refuse)
    with pytest.raises(Exception, match="did not take the code: 400") as caught:
        await provider(issuer).recognise({"code": "c"}, "nonce", "v" * 64, 0)
    assert "s3cret" not in repr(caught.value) + str(caught.value) and "s3cret" not in repr(
        provider(issuer).__dict__.get("_settings")
    )
