"""``requestState``: what a client echoes when it comes back for a held call. Attacker-controlled, so sealed.

AES-256-GCM binds the agent, the action, a digest of method and parameters, the expiry and a nonce. A state opens
once: spent nonces are kept until they expire. That memory is this process's own, and may be, for a replayed state
only looks at the agent's own action again; no key turns and nothing runs by it.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keyturn.core.canonical import canonical_json
from keyturn.wire.names import INVALID_PARAMS
from keyturn.wire.session import RpcError

PREFIX = "keyturn1."
MAX_SPENT = 100_000


class State(msgspec.Struct, frozen=True):
    """What the seal holds. ``round`` counts how often this client was asked already."""

    agent: str
    action: str
    digest: str
    expires_at: int
    nonce: str
    round: int


def digest_of(method: str, params: Mapping[str, Any]) -> str:
    """A digest of what is asked, without what differs between a call and its retry."""
    asked = {k: v for k, v in params.items() if k not in ("_meta", "requestState", "inputResponses")}
    return hashlib.sha256(canonical_json([method, asked])).hexdigest()


def not_valid() -> RpcError:
    """What every state that can't be used is answered with."""
    return RpcError(INVALID_PARAMS, "requestState is not valid (call the tool again without it)")


class Seal:
    """Seals and opens states. ``key`` is the server's secret; empty makes one that ends with the process."""

    def __init__(self, key: bytes = b"") -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"keyturn/requestState/1")
        self._cipher = AESGCM(derived.derive(key or os.urandom(32)))
        self._spent: dict[str, int] = {}

    def seal(self, agent: str, action: str, digest: str, expires_at: int, round: int) -> str:
        """A fresh state."""
        state = State(agent, action, digest, expires_at, os.urandom(12).hex(), round)
        nonce = os.urandom(12)
        sealed = self._cipher.encrypt(nonce, msgspec.json.encode(state), PREFIX.encode())
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, text: str, agent: str, digest: str, now: int) -> State:
        """The state, spent by this. Raises ``-32602`` alike for a forged, foreign, altered, late or used one."""
        state = self._read(text)
        if (
            state is None
            or (state.agent, state.digest) != (agent, digest)
            or now >= state.expires_at
            or state.nonce in self._spent
        ):
            raise not_valid()
        self._spend(state, now)
        return state

    def _read(self, text: str) -> State | None:
        body = text.removeprefix(PREFIX)
        try:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            if base64.urlsafe_b64encode(raw).decode().rstrip("=") != body:
                return None
            return msgspec.json.decode(self._cipher.decrypt(raw[:12], raw[12:], PREFIX.encode()), type=State)
        except (ValueError, InvalidTag, msgspec.DecodeError):
            return None

    def _spend(self, state: State, now: int) -> None:
        if len(self._spent) >= MAX_SPENT:
            self._spent = {nonce: until for nonce, until in self._spent.items() if until > now}
        if len(self._spent) >= MAX_SPENT:
            raise RpcError(INVALID_PARAMS, "too many states are open (call the tool again without requestState)")
        self._spent[state.nonce] = state.expires_at
