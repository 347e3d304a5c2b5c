"""The policy that a configuration names: a shipped pack, and the operator's own files beside it."""

from collections.abc import Iterable
from pathlib import Path

from keyturn.config import PolicySettings
from keyturn.core.policy import Policy
from keyturn.errors import ConfigError
from keyturn.packs import load_pack


def load_policy(settings: PolicySettings) -> Policy:
    """The guardrails in front, then pack and files. Raises ``PolicyError``, or :class:`ConfigError` for a file."""
    pack = load_pack(settings.pack)
    sources = read_sources(Path(file) for file in settings.files)
    if clash := pack.sources.keys() & sources.keys():
        raise ConfigError(f"a policy file is called like the pack's own {min(clash)}", hint="give it another name")
    return Policy.load(pack.schema, pack.guardrails, pack.sources | sources, author=settings.author)


def read_sources(files: Iterable[Path]) -> dict[str, str]:
    """The texts of the operator's policy files by name; :class:`ConfigError` for one that can't be read."""
    found: dict[str, str] = {}
    for file in files:
        if file.name in found:
            raise ConfigError(f"two policy files are called {file.name}", hint="give each a name of its own")
        try:
            found[file.name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the policy {file} can't be read: {error}", hint="correct policy.files") from None
    return found
