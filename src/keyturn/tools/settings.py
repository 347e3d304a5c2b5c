"""What the operator says of one upstream. Values of ``env`` and ``headers`` are secrets and are never shown."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

Generation: TypeAlias = Literal["auto", "modern", "handshake"]
"""``auto`` asks ``server/discover`` first and shakes hands if the server does not know it."""

INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
"""All that a stdio server sees of the gateway's own environment."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much and how long. Progress extends ``answer_s``, but never beyond ``answer_max_s``; so does waiting for
    the client's own answer to a question of the server."""

    answer_bytes: int = 10 * 1024 * 1024
    answer_s: float = 60.0
    answer_max_s: float = 600.0
    start_s: float = 30.0
    probe_s: float = 10.0
    connect_s: float = 10.0
    stop_s: float = 2.0
    list_ttl_s: float = 300.0
    list_pages: int = 100
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0


class StdioSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that the gateway starts. ``exclusive``: it has one client, whose abilities it may be told."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    inherit: tuple[str, ...] = INHERITED
    cwd: str | None = None
    generation: Generation = "auto"
    exclusive: bool = False
    limits: Limits = Limits()

    def __repr__(self) -> str:
        return f"StdioSettings({self.command!r}, {len(self.args)} args, env {sorted(self.env)})"


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server at a URL. ``keep_alive_s`` stays below the five seconds after which many servers hang up."""

    url: str
    headers: Mapping[str, str] = {}
    generation: Generation = "auto"
    keep_alive_s: float = 4.0
    limits: Limits = Limits()

    def __repr__(self) -> str:
        return f"HttpSettings({self.url!r}, headers {sorted(self.headers)})"
