"""People whom an OpenID Connect provider knows: who is who, and browsers that are on their way there and back."""

import msgspec

from keyturn.gate.access_records import Opened
from keyturn.gate.records import Role


class Recognised(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider vouches for. They are ``issuer`` and ``subject``; ``name`` is only what they are called there.

    ``roles`` follow from ``groups``, those of their groups that give a role here.
    """

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]
    roles: tuple[Role, ...]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One account at a provider, and the person whose it is. ``linked_by``: that person, or an owner."""

    issuer: str
    subject: str
    person: str
    linked_by: str
    created_at: int
    used_at: int | None = None


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is on its way to the provider and back, once. ``browser`` is the hash of the secret that only
    that browser has; ``person`` who links an account while signed in (``""``: somebody signs in), ``found`` which."""

    state: str
    browser: str
    nonce: str
    verifier: str
    then: str
    person: str
    expires_at: int
    used_at: int | None = None
    found: Recognised | None = None


# What the verbs hand back


class Departed(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the browser, and the secret that it brings back."""

    address: str
    secret: str
    expires_at: int


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """Who came back: signed in (``opened``), or with an account that waits to be linked (``journey``)."""

    then: str
    opened: Opened | None = None
    journey: str = ""


class Linking(msgspec.Struct, frozen=True, kw_only=True):
    """What a person links if they say so: the account, and the roles that they then have."""

    found: Recognised
    roles: tuple[Role, ...]
