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
        self._hashes: dict[Path, tuple[_Stat, str]] = {}
        self._known: tuple[tuple[str | None, ...], str] | None = None
        folder = Path(settings.cwd or ".")
        self._paths = [[folder / part for part in _candidates(arg)] for arg in settings.args]
        self._executable = executable(settings, self._env)

    def fingerprint(self) -> str:
        """SHA-256 over the launch as it would be now."""
        if self._executable is None or not Path(self._executable).exists():
            self._executable = executable(self._settings, self._env)
        files = (self._hash(Path(self._executable)) if self._executable else None, *map(self._first, self._paths))
        if self._known is None or self._known[0] != files:
            self._known = files, sha256_hex(canonical_json(self._launch(files)))
        return self._known[1]

    def _launch(self, files: tuple[str | None, ...]) -> dict[str, object]:
        s = self._settings
        return {
            "transport": "stdio",
            "command": s.command,
            "executable": self._executable,
            "args": list(s.args),
            "cwd": s.cwd,
            "files": list(files),
            "env": {name: sha256_hex(value.encode(errors="surrogateescape")) for name, value in s.env.items()},
        }

    def _first(self, paths: list[Path]) -> str | None:
        return next((found for path in paths if (found := self._hash(path)) is not None), None)

    def _hash(self, path: Path) -> str | None:
        try:
            s = path.stat()
            stat = (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, s.st_dev)
            known = self._hashes.get(path)
            if known is None or known[0] != stat:
                if not path.is_file():
                    return None
                with path.open("rb") as file:
                    known = stat, hashlib.file_digest(file, "sha256").hexdigest()
                self._hashes[path] = known
            return known[1]
        except (OSError, ValueError):
            self._hashes.pop(path, None)
            return None


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
