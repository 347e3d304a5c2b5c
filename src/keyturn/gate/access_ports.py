"""What the verbs of access need of the world: an authenticator's counterpart, and rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from keyturn.gate.access_records import Ceremony, Invitation, Passkey, Session


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A new credential as its authenticator made it."""

    credential: str
    public_key: bytes
    sign_count: int
    backed_up: bool
    transports: tuple[str, ...]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says of itself, before anything is verified: which credential, and whose."""

    credential: str
    user_handle: bytes | None


class Asserted(msgspec.Struct, frozen=True, kw_only=True):
    """A verified signature: the counter, whether the key is synced, and the three parts (base64url) for the journal."""

    sign_count: int
    backed_up: bool
    assertion: dict[str, str]


class Passkeys(Protocol):
    """WebAuthn for one relying party. It alone knows the protocol; user verification is always required.

    Every answer is hostile input. Each refusal is :class:`~keyturn.errors.Forbidden`, an answer that can't be read
    :class:`~keyturn.errors.InvalidInput`.
    """

    @property
    def origin(self) -> str:
        """The page's one origin, such as ``https://keyturn.example.com``; links begin with it."""
        ...

    def creation(self, challenge: bytes, person: str, handle: bytes, known: Sequence[Passkey]) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``; ``known`` credentials are not made twice."""
        ...

    def request(self, challenge: bytes, allowed: Sequence[Passkey]) -> dict[str, Any]:
        """Options for ``navigator.credentials.get``; nothing in ``allowed`` lets the person choose."""
        ...

    def registered(self, challenge: bytes, answer: Mapping[str, Any]) -> Registered:
        """Verify a new credential: challenge, origin, relying party, presence, user verification, and a sound key."""
        ...

    def claim(self, answer: Mapping[str, Any]) -> Claim:
        """Which credential an assertion says it is of; nothing is verified yet."""
        ...

    def asserted(self, challenge: bytes, answer: Mapping[str, Any], passkey: Passkey) -> Asserted:
        """Verify an assertion: challenge, origin, relying party, user verification, signature, and a counter above
        the last one (or 0 for ever)."""
        ...


class AccessRows(Protocol):
    """The part of a transaction that keeps passkeys, ceremonies, sessions and invitations."""

    def passkey(self, credential: str) -> Passkey | None: ...
    def passkeys(self, person: str | None = None) -> list[Passkey]:
        """Revoked and pending ones included, the oldest first; ``None``: everybody's."""
        ...

    def has_passkey(self, person: str) -> bool:
        """They have one that is live, or had one: who ever enrolled one turns no key without."""
        ...

    def holders(self) -> frozenset[str]:
        """The people who have a live one."""
        ...

    def put_passkey(self, passkey: Passkey) -> None: ...

    def ceremony(self, ceremony_id: str) -> Ceremony | None: ...
    def put_ceremony(self, ceremony: Ceremony) -> None: ...
    def forget_ceremonies(self, before: int) -> None:
        """Remove those that expired before."""
        ...

    def bound_open(self, start: str, keep: int) -> None:
        """Remove the oldest of the ceremonies whose id begins with this letter, down to so many."""
        ...

    def session(self, session_id: str) -> Session | None: ...
    def session_by_token(self, token_hash: str) -> Session | None: ...
    def sessions(self, person: str | None, live_at: int) -> list[Session]:
        """Those not revoked and not at their absolute end, the newest first; ``None``: everybody's."""
        ...

    def put_session(self, session: Session) -> None: ...

    def invitation(self, invitation_id: str) -> Invitation | None: ...
    def invitation_by_token(self, token_hash: str) -> Invitation | None: ...
    def invitations(self, live_at: int) -> list[Invitation]:
        """Those that can still be used."""
        ...

    def put_invitation(self, invitation: Invitation) -> None: ...
