"""Secrets of this installation, each in a file that only its owner can read, made at the first start."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from keyturn.errors import ConfigError, JournalError
from keyturn.journal import Signer

SIGNER = "journal.key"
STATE = "state.key"


def prepare(folder: Path) -> None:
    """Make the data folder, for its owner only."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the data folder {folder} can't be made: {error}", hint="set data in keyturn.toml") from None


def signer(folder: Path, origin: str) -> Signer:
    """The key that signs the journal's checkpoints. :class:`ConfigError` if it is another log's, or not only ours."""
    text = _kept(folder / SIGNER, lambda: Signer(origin, secrets.token_bytes(32)).private_text().encode())
    try:
        found = Signer.parse(text.decode("utf-8", "replace"))
    except JournalError as error:
        raise ConfigError(f"{folder / SIGNER}: {error}", hint="restore it from a copy") from None
    if found.name != origin:
        raise ConfigError(
            f"{folder / SIGNER} signs for {found.name!r}, and the configuration says {origin!r}",
            hint="set journal.origin to the former: a log keeps its name",
        )
    return found


def state_key(folder: Path) -> bytes:
    """32 secret bytes that seal what the gateway hands its clients to hand back."""
    key = _kept(folder / STATE, lambda: secrets.token_bytes(32))
    if len(key) != 32:
        raise ConfigError(f"{folder / STATE} has not 32 bytes", hint="remove it; open holds stay, retries start over")
    return key


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's bytes; made, complete and durable, if there is none. Of two that start at once, one makes it."""
    try:
        if not path.exists():
            _put(path, make())
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"others can read {path}", hint=f"chmod 600 {path}, and consider making a new one")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} can't be used: {error}", hint="look at the data folder") from None


def _put(path: Path, data: bytes) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
