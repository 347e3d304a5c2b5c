"""An authenticator in software, for tests without a browser: real keys, real bytes, and every way to be wrong."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass
class Credential:
    """One discoverable key of an authenticator."""

    id: bytes
    rp_id: str
    user: bytes
    private: ec.EllipticCurvePrivateKey
    count: int = 0


@dataclass
class Authenticator:
    """Answers ``create`` and ``get`` as a browser with it would. The fields make it lie or fail.

    ``synced``: its counter stays 0. ``origin`` and ``rp_id`` are those of the page that asks it.
    """

    origin: str = "http://localhost:8787"
    rp_id: str = ""
    verifies: bool = True
    synced: bool = False
    cross_origin: bool = False
    credentials: dict[bytes, Credential] = field(default_factory=dict)

    def create(self, options: dict[str, Any], again: Credential | None = None) -> dict[str, Any]:
        """A new credential for ``navigator.credentials.create`` with these options; ``again``: an old one instead."""
        rp_id = self.rp_id or options["rp"]["id"]
        user, private = websafe_decode(options["user"]["id"]), ec.generate_private_key(ec.SECP256R1())
        made = again or Credential(secrets.token_bytes(32), rp_id, user, private)
        self.credentials[made.id] = made
        key = cbor.encode(ES256.from_cryptography_key(made.private.public_key()))  # type: ignore[no-untyped-call]
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + key
        data = self._data(made, AT) + attested
        client = self._client("webauthn.create", options["challenge"])
        response = {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal"],
        }
        return self._answer(made, response)

    def get(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        """A signature for ``navigator.credentials.get``. ``lies``: ``challenge`` (another), ``count`` (repeated)."""
        allowed = [websafe_decode(c["id"]) for c in options.get("allowCredentials", ())]
        known = [c for i, c in self.credentials.items() if not allowed or i in allowed]
        used = known[0] if known else next(iter(self.credentials.values()))
        if not self.synced:
            used.count += 1
        if "count" in lies:
            used.count = lies["count"]
        data = self._data(used)
        client = self._client("webauthn.get", lies.get("challenge", options["challenge"]))
        signature = used.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(used.user),
        }
        return self._answer(used, response)

    def _data(self, credential: Credential, flags: int = 0) -> bytes:
        flags |= UP | (UV if self.verifies else 0) | (BE | BS if self.synced else 0)
        rp = hashlib.sha256((self.rp_id or credential.rp_id).encode()).digest()
        return rp + bytes((flags,)) + credential.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        collected = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(collected, separators=(",", ":")).encode()

    def _answer(self, credential: Credential, response: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(credential.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
