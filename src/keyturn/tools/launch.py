"""What a server is started from, or reached at, as one value: other code behind the same name is another tool.

The hash covers command, arguments, working folder, environment and every file that they name; it is asked for on
every call, so a file is read again only when its stat says that it is another.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from keyturn.core.canonical import canonical_json, sha256_hex
from keyturn.tools.settings import HttpSettings, StdioSettings

SQLITE = b"SQLite format 3\0"

_Stat = tuple[int, int, int, int, int]


def environment(settings: StdioSettings) -> dict[str, str]:
    """All that the process sees of an environment: what it may inherit, and what the operator gave it."""
    inherited = {name: os.environ[name] for name in settings.inherit if name in os.environ}
    return {name: value for name, value in inherited.items() if not value.startswith("()")} | dict(settings.env)


def executable(settings: StdioSettings, env: Mapping[str, str]) -> str | None:
    """The file that ``command`` names, or ``None`` if there is none that can be run."""
    if os.sep in settings.command:
        path = Path(settings.cwd or ".") / settings.command
        return str(path) if os.access(path, os.X_OK) and path.is_file() else None
    return shutil.which(settings.command, path=env.get("PATH", os.defpath))


class StdioLaunch:
    """The launch fingerprint of a server that the gateway starts."""

    def __init__(self, settings: StdioSettings) -> None:
        self._settings = settings
        self._env = environment(settings)
        self._hashes: dict[str, tuple[_Stat, str]] = {}
        self._known: tuple[tuple[str | None, ...], str] | None = None
        folder = settings.cwd or "."
        self._paths = [[str(Path(folder, part)) for part in _candidates(arg)] for arg in settings.args]
        self._program: str | None = None

    @property
    def program(self) -> str | None:
        """The file that is started: found once and kept, so that what is started is what was hashed."""
        if self._program is None or not os.access(self._program, os.X_OK):
            self._program = executable(self._settings, self._env)
        return self._program

    def fingerprint(self) -> str:
        """SHA-256 over the launch as it would be now."""
        program = self.program
        files = (self._hash(program) if program is not None else None, *map(self._first, self._paths))
        if self._known is None or self._known[0] != files:
            self._known = files, sha256_hex(canonical_json(self._launch(files)))
        return self._known[1]

    def _launch(self, files: tuple[str | None, ...]) -> dict[str, object]:
        s = self._settings
        return {
            "transport": "stdio",
            "command": s.command,
            "program": self._program,
            "args": list(s.args),
            "cwd": s.cwd,
            "files": list(files),
            "env": {name: sha256_hex(value.encode(errors="surrogateescape")) for name, value in s.env.items()},
        }

    def _first(self, paths: list[str]) -> str | None:
        for path in paths:
            if (found := self._hash(path)) is not None:
                return found
        return None

    def _hash(self, path: str) -> str | None:
        try:
            s = os.stat(path)  # noqa: PTH116 (asked for on every call, and Path costs several times as much)
            stat = (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, s.st_dev)
            known = self._hashes.get(path)
            if known is None or known[0] != stat:
                known = stat, _file_hash(path)
                self._hashes[path] = known
            return known[1]
        except (OSError, ValueError):
            return None


def _file_hash(path: str) -> str:
    """The hash of a regular file; :class:`OSError` for anything else.

    A SQLite database is what a server works on, not what it is: it counts by being one, whatever it holds today.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    with Path(path).open("rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            return "sqlite"
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


class HttpLaunch:
    """The launch fingerprint of a server at a URL: where it is, and the names of the headers that it is sent."""

    def __init__(self, settings: HttpSettings) -> None:
        launch = {"transport": "http", "url": settings.url, "headers": sorted(h.lower() for h in settings.headers)}
        self._fingerprint = sha256_hex(canonical_json(launch))

    def fingerprint(self) -> str:
        """SHA-256 over the launch."""
        return self._fingerprint


def _candidates(arg: str) -> list[str]:
    """The parts of an argument that may name a file: all of it, or the value of ``--option=value``."""
    option, equals, value = arg.partition("=")
    return [arg, value] if equals and value and option.startswith("-") else [arg]
