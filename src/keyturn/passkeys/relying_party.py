"""One relying party: options for the browser, and the verdict on what comes back. User verification is required.

The answers are hostile: they are read strictly and within bounds, and whatever the library raises over them is a
refusal. Its messages are kept, for they name what does not fit and hold no secret.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_registration_response,
)
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from keyturn.core.signing import from_base64url, to_base64url
from keyturn.errors import Forbidden, InvalidInput
from keyturn.gate.access_ports import Asserted, Claim, Registered
from keyturn.gate.access_records import Passkey
from keyturn.passkeys.assertions import MAX_PART, PARTS, collected, part, rp_id_of, verdict, verified
from keyturn.passkeys.public_keys import KINDS, need_sound

MAX_ANSWER = 65_536
MAX_CREDENTIAL = 1_023
TIMEOUT_MS = 300_000
ALGORITHMS = list(KINDS)
TRANSPORTS = frozenset(transport.value for transport in AuthenticatorTransport)


class RelyingParty:
    """The gate's :class:`~keyturn.gate.access_ports.Passkeys` for the page at ``origin``; its host is the rp id."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.rp_id = rp_id_of(origin)

    @property
    def origin(self) -> str:
        """The one origin that answers come from."""
        return self._origin

    def creation(self, challenge: bytes, person: str, handle: bytes, known: Sequence[Passkey]) -> dict[str, Any]:
        """Options for a new credential that is discoverable and verifies its user."""
        options = generate_registration_options(
            rp_id=self.rp_id,
            rp_name="Keyturn",
            user_name=person,
            user_id=handle,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in known if passkey.revoked_at is None],
            supported_pub_key_algs=ALGORITHMS,
        )
        return _plain(options_to_json_dict(options))

    def request(self, challenge: bytes, allowed: Sequence[Passkey]) -> dict[str, Any]:
        """Options for a signature by one of these, or by whichever the person chooses."""
        options = generate_authentication_options(
            rp_id=self.rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=[_descriptor(passkey) for passkey in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _plain(options_to_json_dict(options))

    def registered(self, challenge: bytes, answer: Mapping[str, Any]) -> Registered:
        """Verify a new credential."""
        response, given = _bounded(answer)
        collected(part(response, "clientDataJSON"))
        found = verdict(
            lambda: verify_registration_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=self.rp_id,
                expected_origin=self._origin,
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            )
        )
        if len(found.credential_id) > MAX_CREDENTIAL or len(found.credential_public_key) > MAX_PART:
            raise Forbidden("the new passkey is too large", hint="use another authenticator")
        need_sound(found.credential_public_key)
        transports = response.get("transports")
        return Registered(
            credential=to_base64url(found.credential_id),
            public_key=found.credential_public_key,
            sign_count=found.sign_count,
            backed_up=found.credential_backed_up,
            transports=tuple(sorted(TRANSPORTS.intersection(t for t in transports if isinstance(t, str))))
            if isinstance(transports, list)
            else (),
        )

    def claim(self, answer: Mapping[str, Any]) -> Claim:
        """Which credential an assertion says it is of."""
        response, given = _bounded(answer)
        credential, handle = given.get("id"), response.get("userHandle")
        if not isinstance(credential, str) or len(from_base64url(credential)) > MAX_CREDENTIAL:
            raise InvalidInput("the answer names no credential")
        return Claim(credential=credential, user_handle=from_base64url(handle) if isinstance(handle, str) else None)

    def asserted(self, challenge: bytes, answer: Mapping[str, Any], passkey: Passkey) -> Asserted:
        """Verify a signature by this passkey over the challenge."""
        response, given = _bounded(answer)
        if given.get("id") != passkey.credential or given.get("rawId") != passkey.credential:
            raise Forbidden("the answer is of another passkey")
        parts = {ours: part(response, theirs) for ours, theirs in PARTS.items()}
        found = verified(parts, challenge, self._origin, passkey.credential, passkey.public_key, passkey.sign_count)
        return Asserted(sign_count=found.new_sign_count, backed_up=found.credential_backed_up, assertion=parts)


def _bounded(answer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer and its ``response``, if they are objects of a bearable size."""
    response = answer.get("response")
    try:
        size = len(msgspec.json.encode(dict(answer)))
    except (TypeError, ValueError, RecursionError):
        size = MAX_ANSWER + 1
    if not isinstance(response, dict) or size > MAX_ANSWER:
        raise InvalidInput("this is no passkey's answer", hint="send what the browser's toJSON() gives")
    return response, dict(answer)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """The options as JSON values alone; the library leaves members of its enumerations among them."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(options))
    return plain


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(name) for name in passkey.transports if name in TRANSPORTS]
    return PublicKeyCredentialDescriptor(id=from_base64url(passkey.credential), transports=transports or None)
