"""Which processes are alive, told by file locks beside the database: the system drops a dead process's lock."""

import contextlib
import fcntl
import os
import re
from pathlib import Path

from keyturn.errors import StoreError

_NAME = re.compile(r"[a-z0-9-]{1,80}")


class FileRunners:
    """The gate's :class:`~keyturn.gate.ports.Runners`: each live process holds ``<folder>/<runner>`` locked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def enter(self, runner: str) -> None:
        """Say that this process is ``runner`` from now on; :class:`StoreError` if another one is."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._folder / runner, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"can't mark this process as alive: {error}", hint="look at the data folder") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise StoreError(f"another process is already {runner}", hint="let each make its own name") from error
        self._held[runner] = file

    def leave(self, runner: str) -> None:
        """Say that this process ends."""
        file = self._held.pop(runner, None)
        if file is not None:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / runner).unlink()
            os.close(file)

    def alive(self, runner: str) -> bool:
        """False only if the runner's lock can be had, or its file is gone: then the process has surely ended."""
        if not _NAME.fullmatch(runner):
            return False  # no process was ever given such a name
        try:
            file = os.open(self._folder / runner, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(file)
        return False
