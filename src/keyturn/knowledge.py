"""What the operator's files say, for the gate: profiles, the inventory, the posture of upstreams' credentials."""

import json
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from keyturn.catalogue import Catalogue
from keyturn.catalogue.strict_yaml import read as read_yaml
from keyturn.config import Config
from keyturn.core.action import Target, ToolRef
from keyturn.core.facts import Asset
from keyturn.core.profile import Profile
from keyturn.errors import ConfigError, KeyturnError
from keyturn.gate.ports import Definition


class _Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One asset as written. The words for environments are fixed: ``prod`` must not pass for something else."""

    kind: str
    id: str
    owner: str = ""
    environment: Literal["", "production", "staging", "development", "test"] = ""
    crown_jewel: bool = False


class _Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    assets: tuple[_Listed, ...]


class FileKnowledge:
    """The gate's :class:`~keyturn.gate.ports.Knowledge` from the catalogue, the configuration and an inventory file."""

    def __init__(self, catalogue: Catalogue, servers: Mapping[str, str], inventory: Mapping[Target, Asset]) -> None:
        self._catalogue = catalogue
        self._servers = dict(servers)
        self._inventory = {_folded(target): asset for target, asset in inventory.items()}
        self._exposed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config) -> "FileKnowledge":
        """Read the catalogue and the inventory that the configuration names."""
        catalogue = Catalogue.load(config.catalogue)
        servers = {}
        for name, upstream in config.upstreams.items():
            if upstream.catalogue and not catalogue.speaks_for(upstream.catalogue):
                raise ConfigError(
                    f"upstreams.{name}.catalogue: no catalogue file speaks for {upstream.catalogue!r}",
                    hint="name a server of a catalogue file, or leave it out",
                )
            known = upstream.catalogue or catalogue.recognise((upstream.command, *upstream.args))
            if known:
                servers[name] = known
        found = cls(catalogue, servers, read_inventory(Path(config.inventory)) if config.inventory else {})
        found._exposed = frozenset(name for name, upstream in config.upstreams.items() if upstream.exposed)
        return found

    @property
    def catalogue(self) -> Catalogue:
        """The packaged profiles, and the operator's own over them."""
        return self._catalogue

    def server(self, upstream: str) -> str | None:
        """The catalogue's name for an upstream, or None for one that no file profiles."""
        return self._servers.get(upstream)

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        """The profile for this very call, raised by the tool's own hints; the worst case if there is none."""
        server = self._servers.get(definition.tool.upstream, "")
        return self._catalogue.profile(server, definition.tool.name, arguments, definition.annotations)

    def profile_named(self, tool: ToolRef) -> Profile | None:
        """The profile of another tool on the same upstream, or None if nobody profiled it."""
        server = self._servers.get(tool.upstream, "")
        return self._catalogue.profile(server, tool.name) if self._catalogue.knows(server, tool.name) else None

    def asset(self, target: Target) -> Asset | None:
        """What the inventory knows of a target; letters' case and width do not tell targets apart."""
        return self._inventory.get(_folded(target))

    def exposed(self, upstream: str) -> bool:
        """The configuration says that this upstream's credential is exposed."""
        return upstream in self._exposed


def read_inventory(path: Path) -> dict[Target, Asset]:
    """The assets of a TOML, YAML or JSON file: a list ``assets`` of kind, id, owner, environment, crown_jewel.

    Raises :class:`ConfigError` if the file can't be read or used, or names one asset twice: an inventory that is
    half read would make a crown jewel look ordinary.
    """
    try:
        value = _parsed(path, path.read_text(encoding="utf-8"))
        listed = msgspec.convert(value, _Inventory).assets
    except (OSError, ValueError, KeyturnError) as error:
        raise ConfigError(
            f"the inventory {path} can't be used: {error}",
            hint="a list named assets, each with kind, id, owner, environment, crown_jewel",
        ) from None
    found: dict[Target, Asset] = {}
    for asset in listed:
        target = _folded(Target(asset.kind, asset.id))
        if target in found:
            raise ConfigError(f"the inventory {path} names {asset.kind}:{asset.id} twice", hint="keep one of them")
        found[target] = Asset(asset.kind, asset.id, asset.owner, asset.environment, asset.crown_jewel)
    return found


def _parsed(path: Path, text: str) -> object:
    match path.suffix.lower():
        case ".toml":
            return tomllib.loads(text)
        case ".json":
            return json.loads(text)
        case ".yaml" | ".yml":
            return read_yaml(text, str(path))
    raise ConfigError(f"{path.name} is neither .toml, .yaml nor .json")


def _folded(target: Target) -> Target:
    return Target(target.kind, unicodedata.normalize("NFKC", target.id).casefold().strip())
