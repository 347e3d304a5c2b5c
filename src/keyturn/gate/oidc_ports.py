"""What the verbs of sign-in by OpenID Connect need of the world: the provider, and rows."""

from collections.abc import Mapping
from typing import Protocol

from keyturn.gate.oidc_records import Identity, Journey, Recognised


class Recogniser(Protocol):
    """One provider. It alone knows the protocol. Raises :class:`~keyturn.errors.ProviderError` if the provider does
    not answer or answers what can't be, :class:`~keyturn.errors.Unauthenticated` for what does not prove who it is."""

    @property
    def issuer(self) -> str:
        """Its name, an address."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that give a role here."""
        ...

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser signs in there."""
        ...

    async def recognise(self, answer: Mapping[str, str], nonce: str, verifier: str, now: int) -> Recognised:
        """Whom the answer that a browser brought back is of."""
        ...


class OidcRows(Protocol):
    """The part of a transaction that keeps identities and journeys."""

    def identity(self, issuer: str, subject: str) -> Identity | None: ...
    def identities(self, person: str | None = None) -> list[Identity]:
        """Those of one person, or everybody's."""
        ...

    def put_identity(self, identity: Identity) -> None: ...
    def remove_identity(self, issuer: str, subject: str) -> None: ...

    def journey(self, state: str) -> Journey | None: ...
    def put_journey(self, journey: Journey) -> None: ...
    def bound_journeys(self, before: int, keep: int) -> None:
        """Remove those that expired before, and all but so many of the newest."""
        ...
