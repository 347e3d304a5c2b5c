"""What an ID token says, once it is proven. Pure: keys, bytes and the time in, claims out."""

import hmac
from typing import Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # has no stubs
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from keyturn.errors import Unauthenticated

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that only the provider has: never ``none``, never one with a shared secret."""
MAX_TOKEN = 16_384
LEEWAY_S = 60
MAX_AGE_S = 600


class UnknownKey(Unauthenticated):
    """No key of the set signed this; the set may be old."""


def claims_of(
    token: object, keys: KeySet, *, issuer: str, client_id: str, nonce: str, access_token: str, now: int
) -> dict[str, Any]:
    """The claims of an ID token for this client and this sign-in (OpenID Connect Core, 3.1.3.7); ``now`` in seconds.

    Raises :class:`Unauthenticated`, which says what was wrong and nothing of the token.
    """
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN:
        raise _refused("it is missing or too long")
    try:
        signed = jwt.decode(token, keys, algorithms=ALGORITHMS)
        params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            {"iss": {"essential": True, "value": issuer}, "nonce": {"essential": True}},
            params,
        )
        claims.validate(now=now, leeway=LEEWAY_S)
    except InvalidKeyIdError:
        raise UnknownKey("the provider's ID token was not accepted: no key of the provider's signed it") from None
    except (JoseError, ValueError, TypeError) as error:
        raise _refused(f"{type(error).__name__}: {getattr(error, 'description', '')}"[:200]) from None
    found = dict(claims)
    audience = found["aud"] if isinstance(found["aud"], list) else [found["aud"]]
    if client_id not in audience or (len(audience) > 1 and found.get("azp") != client_id):
        raise _refused("it is for another client")
    if not isinstance(found["nonce"], str) or not hmac.compare_digest(found["nonce"].encode(), nonce.encode()):
        raise _refused("it is of another sign-in")
    if not isinstance(found["iat"], int) or found["iat"] < now - MAX_AGE_S:
        raise _refused("it is old")
    if not isinstance(found["sub"], str) or not 1 <= len(found["sub"]) <= 255 or not found["sub"].isprintable():
        raise _refused("it names nobody")
    return found


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"the provider's ID token was not accepted: {why}", hint="begin again")
