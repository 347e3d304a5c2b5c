"""One signature of a passkey, verified by the same lines when it comes and offline, as the journal keeps it."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from webauthn import verify_authentication_response
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers.exceptions import WebAuthnException

from keyturn.core.signing import from_base64url
from keyturn.errors import Forbidden, InvalidInput

T = TypeVar("T")
MAX_PART = 8_192  # of each part: a journal's entry must hold them all
PARTS = {
    "authenticator_data": "authenticatorData",
    "client_data_json": "clientDataJSON",
    "signature": "signature",
}
"""The parts of an assertion: their names in the journal, and in the browser's answer."""


class Collected(msgspec.Struct, rename={"cross_origin": "crossOrigin", "top_origin": "topOrigin"}):
    """What the browser says of the page in which it asked."""

    origin: str
    cross_origin: bool = False
    top_origin: str | None = None


def collected(client_data: str) -> Collected:
    """The client data of an answer. Refuses what was signed in another site's frame: nobody saw which page asked."""
    try:
        found = msgspec.json.decode(from_base64url(client_data), type=Collected)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInput("the answer's client data can't be read") from None
    if found.cross_origin or found.top_origin is not None:
        raise Forbidden("the passkey was asked inside another site's page", hint="open Keyturn's own page")
    return found


def rp_id_of(origin: str) -> str:
    """The relying party of a page: its host."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def part(response: Mapping[str, object], name: str) -> str:
    """One part of an answer: base64url in its one form, so that the journal keeps what was verified."""
    text = response.get(name)
    if not isinstance(text, str) or len(text) > MAX_PART:
        raise InvalidInput(f"the answer has no {name} that can be used")
    from_base64url(text)
    return text


def verified(
    parts: Mapping[str, str], challenge: bytes, origin: str, credential: str, public_key: bytes, sign_count: int
) -> VerifiedAuthentication:
    """The signature ``parts`` (named as in the journal) of this credential over the challenge, at this origin.

    User verification is required, and the counter must be above ``sign_count``, or both are 0 (a synced passkey).
    Raises :class:`Forbidden` or :class:`InvalidInput`.
    """
    collected(parts["client_data_json"])
    answer = {
        "id": credential,
        "rawId": credential,
        "type": "public-key",
        "response": {theirs: parts[ours] for ours, theirs in PARTS.items()},
    }
    return verdict(
        lambda: verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=rp_id_of(origin),
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    )


def verdict(verify: Callable[[], T]) -> T:
    """What the library says; every exception of it is a no (it raises more kinds than its own)."""
    try:
        return verify()
    except WebAuthnException as e:
        raise Forbidden(f"the passkey's answer was refused: {str(e)[:300]}", hint="begin again on the page") from None
    except Exception as e:
        what = type(e).__name__
        raise Forbidden(f"the passkey's answer can't be read ({what})", hint="begin again on the page") from None
