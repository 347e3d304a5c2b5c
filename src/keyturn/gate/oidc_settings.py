"""The operator's words about their provider."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from keyturn.gate.records import Role

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sign-in through an OpenID Connect provider, beside passkeys. ``client_secret`` is ``${NAME}``, taken from the
    environment at start. ``claim`` holds a person's groups, ``roles`` what each gives here; ``name_claim`` is what a
    new person is called. The address to register there is the console's, and ``/console/oidc/back``."""

    issuer: str
    client_id: Word
    client_secret: str
    roles: Annotated[dict[Word, Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)]
    claim: Word = "groups"
    name_claim: Word = "preferred_username"
    scopes: tuple[Word, ...] = ("openid", "profile")

    def __post_init__(self) -> None:
        if reason := wrong_address(self.issuer, self.issuer):
            raise ValueError(f"issuer {self.issuer[:200]!r} {reason}")
        if not _VARIABLE.fullmatch(self.client_secret):
            raise ValueError('client_secret must be "${NAME}", a variable of the environment: no secret stands here')
        if "openid" not in self.scopes or any(not re.fullmatch(r"[!#-\[\]-~]+", scope) for scope in self.scopes):
            raise ValueError("scopes must hold openid, and each is one word")


def wrong_address(url: str, issuer: str) -> str:
    """Why an address of the provider's is not used, or ``""``: https, or this machine where the issuer is on it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no address"
    if not host or parts.fragment or parts.username is not None or not url.isascii() or not url.isprintable():
        return "is no address of a server"
    if parts.scheme == "https" or (parts.scheme == "http" and _own(host) and issuer.startswith("http:")):
        return ""
    return "is not https"


def _own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
