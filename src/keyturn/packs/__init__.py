"""The policies that ship with Keyturn, as data: a schema, the guardrails, and packs of checkpoints.

Reading them is an effect, so it lives here and not in ``core``; ``core.policy`` takes the texts.
"""

from importlib.resources import files

import msgspec

from keyturn.errors import ConfigError

PACKS = ("standard", "small-team")
"""The packs that a configuration may name."""


class Pack(msgspec.Struct, frozen=True):
    """What ``Policy.load`` takes: the schema, the guardrails, and the pack's own sources by file name."""

    schema: str
    guardrails: str
    sources: dict[str, str]


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def load_pack(name: str) -> Pack:
    """The texts of a shipped pack; :class:`ConfigError` if there is none of that name."""
    if name not in PACKS:
        raise ConfigError(f"there is no policy pack {name[:80]!r}", hint=f"choose one of {', '.join(PACKS)}")
    source = f"{name}.cedar"
    return Pack(_text("schema.cedarschema"), _text("guardrails.cedar"), {source: _text(source)})
