"""What all pages share."""

from dataclasses import dataclass, field

from keyturn.console.live import Live
from keyturn.console.pages import Pages
from keyturn.console.rate import Rate
from keyturn.gate import Gate
from keyturn.gate.ports import Clock

Settings = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""Sections of names and values, as the composition root tells them: without secrets."""


@dataclass(frozen=True)
class Desk:
    """The gate's verbs, the templates, the live stream, the clock, the one address, what is configured, and how often
    strangers came to the door."""

    gate: Gate
    pages: Pages
    live: Live
    clock: Clock
    origin: str
    settings: Settings = ()
    door: Rate = field(default_factory=Rate)

    @property
    def secure(self) -> bool:
        """Served over https: then the cookie is, too."""
        return self.origin.startswith("https://")

    @property
    def cookie(self) -> str:
        """The session cookie's name. ``__Host-`` binds it to this very host, where https makes that possible."""
        return "__Host-keyturn" if self.secure else "keyturn"
