"""Which Host and Origin a request may name: a page in a browser must not reach a local gateway (DNS rebinding)."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MAX_SEEN = 256


class Strange(NamedTuple):
    """Why a request is refused, with the HTTP status of that."""

    status: int
    message: str


class Origins:
    """``allowed``: names beside the loopback ones, each with its port, or without for any port."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = {*LOOPBACK_NAMES, *(host.lower() for host in allowed)}
        self._seen: set[bytes] = set()

    def strange(self, host: bytes, origin: bytes | None) -> Strange | None:
        """What is strange about the two headers' values, or ``None``. A request without a Host has a strange one."""
        if host not in self._seen:
            if not self._known(f"//{host.decode('latin-1')}"):
                return Strange(421, "this Host is not served here (allowed_hosts names others)")
            if len(self._seen) < MAX_SEEN:
                self._seen.add(host)
        if origin is not None and not self._known(origin.decode("latin-1")):
            return Strange(403, "this Origin may not reach the gateway (allowed_hosts names others)")
        return None

    def _known(self, url: str) -> bool:
        """A host and perhaps a port, and nothing else: no user, no path."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return False
        if not host or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
            return False
        name = f"[{host}]" if ":" in host else host
        return name in self._allowed or f"{name}:{port}" in self._allowed
