"""The conversation with an OpenID Connect provider: discovery, keys, the code's exchange. Bounded in time and size;
nothing is followed elsewhere (OpenID Connect Core and Discovery 1.0; RFC 7636, RFC 9207, RFC 9700).
"""

import asyncio
import base64
import contextlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request  # type: ignore[import-untyped]  # has no stubs
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # has no stubs
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from keyturn.errors import ProviderError, Unauthenticated
from keyturn.gate.oidc_records import Recognised
from keyturn.gate.oidc_settings import OidcSettings, wrong_address
from keyturn.gate.records import Role
from keyturn.oidc.token import UnknownKey, claims_of

BACK_PATH = "/console/oidc/back"
MAX_BYTES = 262_144
MAX_KEYS = 100
TIMEOUT_S = 8.0
KEPT_S = 3600.0
AGAIN_S = 30.0


class _Metadata(msgspec.Struct, frozen=True):
    """What the provider says of itself, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Provider:
    """One provider. ``secret`` is the client's; ``origin`` the console's one address; ``timeout_s`` is for each request
    to the provider."""

    def __init__(self, settings: OidcSettings, secret: str, origin: str, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._secret = secret
        self._back = origin + BACK_PATH
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._alone = asyncio.Lock()
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @property
    def issuer(self) -> str:
        """Its name, an address."""
        return self._settings.issuer

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that give a role here."""
        return tuple(self._settings.roles)

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser signs in."""
        metadata = await self._discovered()
        return str(
            prepare_grant_uri(
                metadata.authorization_endpoint,
                self._settings.client_id,
                "code",
                redirect_uri=self._back,
                scope=list(self._settings.scopes),
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    async def recognise(self, answer: Mapping[str, str], nonce: str, verifier: str, now: int) -> Recognised:
        """Whom the answer is of; ``now`` in milliseconds."""
        metadata = await self._discovered()
        given = answer.get("iss", "")
        if (given or metadata.authorization_response_iss_parameter_supported) and given != self.issuer:
            raise Unauthenticated("the answer is of another provider", hint="begin again")
        if error := answer.get("error", ""):
            raise Unauthenticated(f"the provider did not sign you in: {_plain(error)}", hint="begin again")
        tokens = await self._exchange(metadata, answer.get("code", ""), verifier)
        claims = await self._proven(metadata, tokens, nonce, now // 1000)
        access_token = tokens.get("access_token")
        wanted = (self._settings.claim, self._settings.name_claim)
        if metadata.userinfo_endpoint and isinstance(access_token, str) and any(name not in claims for name in wanted):
            claims = {**await self._user_info(metadata, access_token, claims["sub"]), **claims}
        return self._recognised(claims)

    def _recognised(self, claims: Mapping[str, Any]) -> Recognised:
        said = claims.get(self._settings.claim, [])
        held = {said} if isinstance(said, str) else {each for each in said if isinstance(each, str)} if said else set()
        groups = tuple(group for group in self._settings.roles if group in held)
        given = {role for group in groups for role in self._settings.roles[group]}
        name = claims.get(self._settings.name_claim)
        return Recognised(
            issuer=self.issuer,
            subject=claims["sub"],
            name=name if isinstance(name, str) and name.strip() else claims["sub"],
            groups=groups,
            roles=tuple(role for role in Role if role in given),
        )

    async def _exchange(self, metadata: _Metadata, code: str, verifier: str) -> dict[str, Any]:
        if not code or len(code) > 4096:
            raise Unauthenticated("the provider sent no code", hint="begin again")
        settings, headers = self._settings, {"Content-Type": "application/x-www-form-urlencoded"}
        inside = {}
        methods = metadata.token_endpoint_auth_methods_supported
        if "client_secret_basic" in methods or "client_secret_post" not in methods:
            pair = f"{quote(settings.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            inside = {"client_id": settings.client_id, "client_secret": self._secret}
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._back, code=code, code_verifier=verifier, **inside
        )
        status, said = await self._asked("POST", metadata.token_endpoint, headers, body)
        if status in (400, 401, 403):
            why = _plain(said.get("error", "")) or str(status)
            raise Unauthenticated(f"the provider did not take the code: {why}", hint="begin again")
        return _good(metadata.token_endpoint, status, said)

    async def _proven(self, metadata: _Metadata, tokens: Mapping[str, Any], nonce: str, now: int) -> dict[str, Any]:
        access_token = tokens.get("access_token")
        said: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": self._settings.client_id,
            "nonce": nonce,
            "access_token": access_token if isinstance(access_token, str) else "",
            "now": now,
        }
        token, began = tokens.get("id_token"), time.monotonic()
        try:
            return claims_of(token, await self._key_set(metadata), **said)
        except UnknownKey:
            if self._keys is not None and began - self._keys[0] < AGAIN_S:
                raise
            self._keys = None
            return claims_of(token, await self._key_set(metadata), **said)

    async def _user_info(self, metadata: _Metadata, access_token: str, subject: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {access_token}"}
        status, said = await self._asked("GET", metadata.userinfo_endpoint, headers)
        said = _good(metadata.userinfo_endpoint, status, said)
        if said.get("sub") != subject:
            raise Unauthenticated("the provider spoke of somebody else", hint="begin again")
        return said

    async def _discovered(self) -> _Metadata:
        async with self._alone:
            if self._metadata is not None and time.monotonic() - self._metadata[0] < KEPT_S:
                return self._metadata[1]
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, said = await self._asked("GET", url, {})
            try:
                metadata = msgspec.convert(_good(url, status, said), _Metadata)
            except msgspec.ValidationError as error:
                raise ProviderError(f"{url} says what can't be used: {error}"[:300]) from None
            if metadata.issuer != self.issuer:
                raise ProviderError(f"{url} is of another issuer", hint="write oidc.issuer as the provider does")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
                address = getattr(metadata, name)
                if (address or name != "userinfo_endpoint") and (why := wrong_address(address, self.issuer)):
                    raise ProviderError(f"{url}: {name} {why}")
            self._metadata = (time.monotonic(), metadata)
            return metadata

    async def _key_set(self, metadata: _Metadata) -> KeySet:
        async with self._alone:
            if self._keys is not None and time.monotonic() - self._keys[0] < KEPT_S:
                return self._keys[1]
            status, said = await self._asked("GET", metadata.jwks_uri, {})
            listed = _good(metadata.jwks_uri, status, said).get("keys")
            keys = KeySet(_public(listed if isinstance(listed, list) else []))
            self._keys = (time.monotonic(), keys)
            return keys

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One request, and its status and JSON object (``{}`` for anything else)."""
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()) as client,
                client.request(
                    method, url, data=body, headers={"Accept": "application/json", **headers}, allow_redirects=False
                ) as response,
            ):
                found = bytearray()
                async for chunk in response.content.iter_chunked(65_536):
                    found += chunk
                    if len(found) > MAX_BYTES:
                        raise ProviderError(f"{url} answered more than {MAX_BYTES} bytes")
        except TimeoutError:
            raise ProviderError(f"{url} did not answer in {self._timeout.total:g} s", hint="try again later") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProviderError(f"{url} can't be reached: {type(error).__name__}", hint="try again later") from None
        try:
            said = msgspec.json.decode(found)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = {}
        return response.status, said if isinstance(said, dict) else {}


def _public(listed: list[Any]) -> list[Key]:
    """The public keys that sign, of those that can be read; a shared secret is none."""
    found = []
    for each in listed[:MAX_KEYS]:
        if isinstance(each, dict) and each.get("kty") in ("RSA", "EC", "OKP") and each.get("use") != "enc":
            with contextlib.suppress(JoseError, ValueError, TypeError):
                found.append(import_key(each))
    return found


def _good(url: str, status: int, said: dict[str, Any]) -> dict[str, Any]:
    if status != 200 or not said:
        raise ProviderError(f"{url} answered {status}{'' if said else ' and nothing that can be read'}")
    return said


def _plain(word: object) -> str:
    """A code of the provider's, as far as it is one (RFC 6749, 4.1.2.1)."""
    text = word if isinstance(word, str) else ""
    return text[:80] if text.isascii() and text.replace("_", "").replace("-", "").isalnum() else ""
