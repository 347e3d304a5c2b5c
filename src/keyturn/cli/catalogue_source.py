"""Which server a command about the catalogue means, and what it is called there."""

import shlex
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import click

from keyturn.catalogue import Catalogue
from keyturn.config import Config, UpstreamSettings, read_config
from keyturn.errors import ConfigError
from keyturn.gate.ports import Definition

COMMAND = click.option("--command", default="", help="A server that is not configured yet, as one line.")
_RUNNERS = frozenset({"npx", "bunx", "pnpx", "uvx"})


class Source(NamedTuple):
    """A server: its name here and in the catalogue, how it is started or reached, and the catalogue beside it."""

    name: str
    server: str
    upstream: UpstreamSettings
    catalogue: Catalogue

    def listed(self) -> list[Definition]:
        """Its tools, as it lists them now."""
        from keyturn.inspection import listed
        from keyturn.server import upstream_settings

        return listed(self.name, upstream_settings(self.name, self.upstream))

    @property
    def recognised(self) -> bool:
        """Its configuration alone tells the gate which file speaks for it."""
        words = (self.upstream.command, *self.upstream.args)
        return self.server in (self.upstream.catalogue, *(word.rpartition("@")[0] or word for word in words))


def source_of(words: Sequence[str], command: str, path: Path) -> Source:
    """The upstream that one word names, or the server that a command (or several words) starts."""
    if command and words:
        raise click.UsageError("name an upstream, or give a command, not both")
    started = _split(command) if command else list(words) if len(words) > 1 else []
    config = read_config(path) if path.exists() or not started else Config()
    catalogue = Catalogue.load(config.catalogue)
    if started:
        upstream = UpstreamSettings(command=started[0], args=tuple(started[1:]), cwd=str(path.absolute().parent))
        return Source(_slug(started), _server(started, catalogue, _slug(started)), upstream, catalogue)
    if not words:
        raise click.UsageError("name an upstream of the configuration, or a server's command behind --")
    found = config.upstreams.get(words[0])
    if found is None:
        known = ", ".join(config.upstreams) or "none"
        raise ConfigError(f"{path} has no upstream {words[0]!r}", hint=f"it has {known}; or give --command")
    given = (found.command, *found.args)
    server = found.catalogue or _server(given, catalogue, words[0])
    return Source(words[0], server, found, catalogue)


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise click.UsageError(f"--command can't be read: {str(error).lower()}") from None


def source_for(servers: Sequence[str], upstream: str, command: str, path: Path) -> Source:
    """The one upstream that a file with these servers speaks for; :class:`ConfigError` if there is not one."""
    names = [upstream] if upstream else [] if command else list(read_config(path).upstreams)
    found = (
        [source_of((name,), "", path) for name in names] or [source_of((), command, path)] if names or command else []
    )
    fitting = [source for source in found if upstream or command or source.server in servers]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{len(fitting)} upstreams of {path} are" if fitting else f"no upstream of {path} is"
    raise ConfigError(
        f"{what} a server of this file: {', '.join(servers)}", hint="name one with --upstream, or --command"
    )


def _server(words: Sequence[str], catalogue: Catalogue, name: str) -> str:
    """The server's name in the catalogue: a known one, else the package that a runner starts, else its name here."""
    if known := catalogue.recognise(words):
        return known
    if PurePath(words[0]).name in _RUNNERS:
        package = next((word for word in words[1:] if not word.startswith("-")), "")
        package = package.partition("==")[0]
        at = package.rfind("@")
        if bare := package[:at] if at > 0 else package:
            return bare
    return f"own-{name}" if catalogue.speaks_for(name) else name


def _slug(words: Sequence[str]) -> str:
    plain = [word for word in words if not word.startswith("-")]
    last = PurePath(plain[min(1, len(plain) - 1)] if plain else words[0]).name.partition("@")[0].lower()
    return "-".join("".join(ch if ch.isascii() and ch.isalnum() else " " for ch in last).split())[:40] or "server"
