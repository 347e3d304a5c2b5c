"""The catalogue: what is known of the tools behind the gate, by server and tool."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from keyturn.catalogue.hints import raised
from keyturn.catalogue.vendor import Tool, Vendor, read_vendor, unpack
from keyturn.core.profile import WORST, Profile
from keyturn.errors import ProfileError

PACKAGED = Path(__file__).parent / "packaged.json"
"""What ``make catalogue`` makes of the files in ``data/`` (:mod:`keyturn.catalogue.build`)."""


class Listed(NamedTuple):
    """One tool of one vendor, for lists and reports."""

    vendor: Vendor
    name: str
    tool: Tool


class Catalogue:
    """Profiles by server and tool. Immutable: build it with :meth:`load` or :meth:`of`.

    The server's name is the operator's word (the configuration), never what a server says of itself.
    """

    __slots__ = ("_servers", "_vendors")

    def __init__(self, servers: dict[str, dict[str, Vendor]], vendors: tuple[Vendor, ...]) -> None:
        self._servers = servers
        self._vendors = vendors

    @classmethod
    def load(cls, paths: Iterable[Path | str] = (), *, packaged: bool = True) -> "Catalogue":
        """The packaged files, and over them the operator's: each path a file or a folder of ``*.yaml``.

        A tool in an operator's file stands instead of the packaged one of the same server. Raises
        :class:`ProfileError` when any file can't be read, or two of the same rank profile the same tool.
        """
        shipped = unpack(_packaged()) if packaged else ()
        own = [read_file(path) for given in paths for path in _files(Path(given))]
        return cls.of(shipped, own)

    @classmethod
    def of(cls, *layers: Iterable[Vendor]) -> "Catalogue":
        """A catalogue of vendors; each layer stands over the one before it."""
        servers: dict[str, dict[str, Vendor]] = {}
        kept = [tuple(layer) for layer in layers]
        for layer in kept:
            claimed: dict[tuple[str, str], str] = {}
            for vendor in layer:
                for server in vendor.servers:
                    _claim(claimed, vendor, server)
                    servers.setdefault(server, {}).update(dict.fromkeys(vendor.tools, vendor))
        return cls(servers, tuple(vendor for layer in kept for vendor in layer))

    def profile(self, server: str, tool: str, arguments: Any = None, annotations: Any = None) -> Profile:
        """What this call does, raised by the tool's own hints; :data:`WORST` for a tool that nobody profiled.

        Hints speak of a tool's gravest call. Where they claim more than the whole tool's profile, that profile, raised,
        stands for every call. Never raises for odd arguments or annotations: those get the graver answer.
        """
        vendor = self._servers.get(server, {}).get(tool)
        if vendor is None:
            return WORST
        known = vendor.tools[tool]
        whole = raised(known.base, annotations)
        return known.profile(arguments) if whole is known.base else whole

    def knows(self, server: str, tool: str) -> bool:
        """Somebody profiled this tool."""
        return tool in self._servers.get(server, {})

    def speaks_for(self, server: str) -> bool:
        """Some file names this server."""
        return server in self._servers

    def recognise(self, command: Iterable[str]) -> str | None:
        """The known server that a word of a launch command names (a version behind ``@`` or ``==`` aside).

        The program itself may be named by its path, and a script that node runs by the package's folder in its path; a
        path among the arguments is data, and names nothing. For an operator's own command line only; None when no
        word is known, or words are that different files speak for.
        """
        words = list(command)
        words += [PurePath(words[0]).name, *_packages(words)] if words else []
        found = [name for word in words if (name := _bare(word)) in self._servers]
        files = {frozenset(vendor.source for vendor in self._servers[name].values()) for name in found}
        return found[0] if len(files) == 1 else None

    def __iter__(self) -> Iterator[Listed]:
        """Every tool of every file, in the order of the files."""
        return (Listed(vendor, name, tool) for vendor in self._vendors for name, tool in vendor.tools.items())

    def __len__(self) -> int:
        return sum(len(vendor.tools) for vendor in self._vendors)


def read_file(path: Path) -> Vendor:
    """Read one vendor's file; :class:`ProfileError` if it can't be read or used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "correct the catalogue setting, or the file"
        raise ProfileError(f"the profile file {path} can't be read: {error}", hint=hint) from None
    return read_vendor(text, str(path))


def _packaged() -> bytes:
    try:
        return PACKAGED.read_bytes()
    except OSError as error:
        raise ProfileError(f"the packaged catalogue can't be read: {error}", hint="install the package anew") from None


def _files(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    files = sorted(given.glob("*.yaml"))
    if not files:
        raise ProfileError(f"the folder {given} holds no *.yaml", hint="name a folder of vendors' files")
    return files


def _claim(claimed: dict[tuple[str, str], str], vendor: Vendor, server: str) -> None:
    for tool in vendor.tools:
        other = claimed.setdefault((server, tool), vendor.source)
        if other != vendor.source:
            raise ProfileError(f"{other} and {vendor.source} both profile {server}/{tool}")


def _packages(words: list[str]) -> list[str]:
    """The folders on the way to the script that node runs, each also with its scope: ``@scope/name``."""
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    if PurePath(words[0]).stem not in ("node", "bun", "deno") or "/" not in script:
        return []
    folders = PurePath(script).parts[:-1]
    return [*folders, *(f"{scope}/{name}" for scope, name in pairwise(folders))]


def _bare(word: str) -> str:
    name = word.partition("==")[0]
    at = name.rfind("@")
    return name[:at] if at > 0 else name
