"""How people come in: passkeys, ceremonies, sessions and invitations. Secrets only as hashes; times in milliseconds."""

from enum import StrEnum
from typing import Any, Literal

import msgspec

from keyturn.core.signing import SignedHold
from keyturn.gate.records import Person, Role

Method = Literal["passkey", "oidc"]


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A person's WebAuthn credential. ``credential`` is its id (base64url), ``public_key`` the COSE bytes.

    It turns keys and signs in once it is ``live_at`` (else it waits for another person's approval) and until it is
    revoked. ``backed_up``: it is synced to other devices, and its counter stays 0.
    """

    credential: str
    person: str
    public_key: bytes
    sign_count: int
    name: str
    backed_up: bool
    transports: tuple[str, ...] = ()
    created_at: int
    added_by: str
    live_at: int | None
    approved_by: str = ""
    last_used_at: int | None = None
    revoked_at: int | None = None

    @property
    def live(self) -> bool:
        """It may sign."""
        return self.live_at is not None and self.revoked_at is None

    @property
    def pending(self) -> bool:
        """It waits for another person's approval."""
        return self.live_at is None and self.revoked_at is None


class CeremonyKind(StrEnum):
    """What a ceremony is for; no answer to one kind serves another."""

    ENROL = "enrol"
    SIGN_IN = "sign_in"
    TURN = "turn"
    APPROVE = "approve"


class HoldSeen(SignedHold, frozen=True, kw_only=True):
    """A hold as it was when a person began to turn the key: it must still be so at the end."""

    definition: str


class Ceremony(msgspec.Struct, frozen=True, kw_only=True):
    """One question to an authenticator. Its nonce is spent by the first answer, right or wrong.

    ``person`` is whose answer counts (``""`` at sign-in: whoever's passkey it is). ``holds`` are what is turned,
    ``credential`` the passkey that is approved; an enrolment has the roles of a new person and who vouches for them.
    """

    id: str
    kind: CeremonyKind
    nonce: bytes
    person: str
    expires_at: int
    holds: tuple[HoldSeen, ...] = ()
    credential: str = ""
    invitation: str = ""
    vouched_by: str = ""
    used_at: int | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link that lets one person enrol a passkey, once. ``person`` ``""``: the set-up link of the first owner, who
    names themself. ``roles`` are those of a person who is not there yet."""

    id: str
    token_hash: str
    person: str
    roles: tuple[Role, ...]
    by: str
    created_at: int
    expires_at: int
    used_at: int | None = None

    @property
    def setup(self) -> bool:
        """It makes the first owner."""
        return self.person == ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser in which a person has signed in, with the passkey ``credential`` or elsewhere. It ends at
    ``expires_at``, and earlier when it is not used or its passkey is revoked."""

    id: str
    token_hash: str
    person: str
    method: Method
    user_agent: str
    created_at: int
    seen_at: int
    expires_at: int
    revoked_at: int | None = None
    credential: str = ""


# What the verbs hand back


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A ceremony that a page carries out: its id, and the options for ``navigator.credentials`` as JSON values."""

    ceremony: str
    options: dict[str, Any]
    expires_at: int


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """A link that is shown this once."""

    person: str
    link: str
    expires_at: int


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A new passkey, and, where a link led to it, the session that its person now has."""

    passkey: Passkey
    opened: "Opened | None"


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the page, and in which session."""

    person: Person
    session: Session


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A new session, and its token that is shown this once."""

    person: Person
    session: Session
    token: str
