"""What the gate would make of the tools behind it: asked of the servers themselves, before any agent comes."""

import asyncio

import msgspec

from keyturn.config import Config
from keyturn.core.action import ToolRef
from keyturn.core.suspicion import Neighbours, flags
from keyturn.errors import ToolNotSent
from keyturn.gate.ports import Definition
from keyturn.gate.records import ToolPin
from keyturn.gate.situation import quarantined
from keyturn.knowledge import FileKnowledge
from keyturn.publication import DATABASE
from keyturn.server import upstream_settings
from keyturn.store import SqliteStore
from keyturn.tools.upstreams import UpstreamSettings, UpstreamTools


class Profiled(msgspec.Struct, frozen=True):
    """One tool as its server lists it now, and its profile at its gravest. ``server``: the catalogue's name for its
    upstream, or ``""`` for one that no file names."""

    tool: str
    server: str
    stage: str
    reversible: str
    basis: str
    touches: tuple[str, ...]
    quarantined: bool
    flags: tuple[str, ...]


def profiled(config: Config) -> tuple[list[Profiled], list[str]]:
    """Every tool of every configured server, and the servers that listed none; nothing is called or written."""
    return asyncio.run(_profiled(config))


async def _profiled(config: Config) -> tuple[list[Profiled], list[str]]:
    knowledge = FileKnowledge.of(config)
    settings = {name: upstream_settings(name, upstream) for name, upstream in config.upstreams.items()}
    async with UpstreamTools(settings) as tools:
        refs = [ToolRef(name, str(raw["name"])) for name in settings for raw in tools.definitions(name)]
        pins, around = await _pins(config, refs), Neighbours(refs)
        found = []
        for ref in refs:
            definition = tools.definition(ref)
            if definition is None:
                continue
            profile, pin = knowledge.profile(definition, {}), pins.get(ref)
            found.append(
                Profiled(
                    tool=str(ref),
                    server=knowledge.server(ref.upstream) or "",
                    stage=profile.stage.value,
                    reversible=profile.reversible.value,
                    basis=profile.basis.value,
                    touches=tuple(sorted(touch.value for touch in profile.touches)),
                    quarantined=quarantined(definition, pin, profile),
                    flags=tuple(flag.why for flag in flags(ref, definition.raw, around)),
                )
            )
        return found, [name for name in settings if not tools.definitions(name)]


def listed(name: str, settings: UpstreamSettings) -> list[Definition]:
    """Every tool of one server, as it lists them now; nothing is called or written. :class:`ToolNotSent` if none."""
    found = asyncio.run(_listed(name, settings))
    if not found:
        raise ToolNotSent(
            f"{name} does not answer, or lists no tool that can be used", hint="start it by hand, and look"
        )
    return found


async def _listed(name: str, settings: UpstreamSettings) -> list[Definition]:
    async with UpstreamTools({name: settings}) as tools:
        refs = [ToolRef(name, str(raw["name"])) for raw in tools.definitions(name)]
        return [found for ref in refs if (found := tools.definition(ref)) is not None]


async def _pins(config: Config, refs: list[ToolRef]) -> dict[ToolRef, ToolPin]:
    path = config.folder / DATABASE
    if not path.exists():
        return {}
    store = SqliteStore(path)
    try:
        found = await store.read(lambda tx: [tx.pin(ref) for ref in refs])
    finally:
        store.close()
    return {pin.tool: pin for pin in found if pin is not None}
