"""The settings: one frozen value from ``keyturn.toml``. Unknown keys are refused, so that a typo never loosens."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from keyturn.core.quorum import KeySet, QuorumRule
from keyturn.errors import ConfigError
from keyturn.gate.context import AccessSettings, CareSettings, GateSettings
from keyturn.gate.notices import Event
from keyturn.gate.oidc_settings import OidcSettings
from keyturn.gate.records import Role

_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]+([_-][a-z0-9]+)*")
_ONE_UPSTREAM = "upstreams[...]"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the gateway listens. ``allowed_hosts``: names beside the loopback ones that a Host header may bear."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8787
    allowed_hosts: tuple[str, ...] = ()


class PolicySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shipped pack, the operator's own ``*.cedar`` files beside it, and who last changed those (guardrail 9)."""

    pack: str = "standard"
    files: tuple[str, ...] = ()
    author: str = ""


class McpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What clients of the gateway see. ``open_agent``: whom requests without a token act as, on loopback only."""

    open_agent: str = ""
    own_tools: bool = True
    review_url: str = ""
    hold_wait_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 25.0


class JournalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``origin`` is the log's name in its signed checkpoints: choose one that is yours, such as example.com/keyturn."""

    origin: str = "keyturn.local/journal"


class ConsoleSettings(AccessSettings, frozen=True, forbid_unknown_fields=True):
    """The people's page. ``url`` is its one address (default: http://localhost and the server's port): passkeys are
    bound to its host, and answer to its origin only."""

    enabled: bool = True
    url: str = ""

    def __post_init__(self) -> None:
        if self.url:
            check_origin(self.url)


class UpstreamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server behind the gate: a ``command`` (stdio) or a ``url`` (streamable HTTP).

    ``catalogue`` is the server's name in the catalogue's files, where the command does not tell it. ``exposed``: the
    credential in here is known to be exposed, so nothing responds through this server (G20). Values of ``env`` and
    ``headers`` may hold ``${NAME}``, taken from the environment at start, so that no secret stands in the file.
    """

    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    catalogue: str = ""
    exposed: bool = False

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise ValueError("give a command (stdio) or a url (streamable HTTP), and not both")


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where people hear: an apprise URL, or a webhook with the secrets that sign it. Both may hold ``${NAME}``.

    ``events`` and ``roles`` say what is told there; empty means all. ``give_up_s``: for how long sending is tried.
    """

    name: str
    kind: Literal["apprise", "webhook"]
    url: str
    secrets: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    roles: tuple[Role, ...] = ()
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=120)] = 20.0
    give_up_s: Annotated[int, msgspec.Meta(ge=60, le=7 * 24 * 3600)] = 6 * 3600

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name[:80]!r} can't name a target: lower-case letters and digits, single - or _")
        if not self.url:
            raise ValueError(f"{self.name} has no url")
        if Event.TEST in self.events:
            raise ValueError(f"{self.name}: a test is sent with keyturn notify test, it is no event")
        if (self.kind == "webhook") != bool(self.secrets):
            raise ValueError(f"{self.name}: secrets sign a webhook (one, or two to change over), and nothing else")

    def __repr__(self) -> str:
        return f"NotifySettings({self.name!r}, {self.kind!r})"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. Relative paths are relative to the file's folder, and absolute after :func:`read_config`."""

    data: str = "keyturn-data"
    inventory: str = ""
    catalogue: tuple[str, ...] = ()
    upstreams: dict[str, UpstreamSettings] = {}
    server: ServerSettings = ServerSettings()
    policy: PolicySettings = PolicySettings()
    mcp: McpSettings = McpSettings()
    journal: JournalSettings = JournalSettings()
    console: ConsoleSettings = ConsoleSettings()
    gate: GateSettings = GateSettings()
    care: CareSettings = CareSettings()
    oidc: OidcSettings | None = None
    quorum: tuple[QuorumRule, ...] = ()
    notify: tuple[NotifySettings, ...] = ()

    def __post_init__(self) -> None:
        names = [target.name for target in self.notify]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two [[notify]] are named {twice}: give each a name of its own")
        for name in self.upstreams:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{name[:80]!r} can't name an upstream: lower-case letters and digits, single - or _ between"
                )

    @property
    def folder(self) -> Path:
        """Where the database, the keys and the runners' locks are."""
        return Path(self.data)

    @property
    def console_url(self) -> str:
        """The page's address: scheme, host and port, without a slash at the end."""
        return self.console.url.rstrip("/") or f"http://localhost:{self.server.port}"


_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "$": Config,
    "$.server": ServerSettings,
    "$.policy": PolicySettings,
    "$.mcp": McpSettings,
    "$.journal": JournalSettings,
    "$.console": ConsoleSettings,
    "$.gate": GateSettings,
    "$.care": CareSettings,
    "$.oidc": OidcSettings,
    "$.quorum[...]": QuorumRule,
    "$.quorum[...].sets[...]": KeySet,
    "$.notify[...]": NotifySettings,
    "$.upstreams[...]": UpstreamSettings,
}
_WORDS: dict[str, tuple[str, ...]] = {
    "events": tuple(event.value for event in Event if event is not Event.TEST),
    "roles": tuple(Role),
}


def read_config(path: Path) -> Config:
    """The settings of one file; :class:`ConfigError` names the file, the key, and what would do."""
    try:
        raw = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}", hint="write one with: keyturn init") from None
    try:
        table = tomllib.loads(raw)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", hint="look at the line it names") from None
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise _refused(path, table, str(error)) from None
    return _absolute(config, path.absolute().parent)


def expanded(value: str, where: str, environment: Mapping[str, str] = os.environ) -> str:
    """``value`` with each ``${NAME}`` replaced; :class:`ConfigError` for a name that is not set."""

    def look_up(match: re.Match[str]) -> str:
        found = environment.get(match[1])
        if found is None:
            raise ConfigError(f"{where} needs the environment variable {match[1]}", hint="set it, then start again")
        return found

    return _VARIABLE.sub(look_up, value)


def check_origin(url: str) -> None:
    """Refuse (``ValueError``) an address that can't be a passkey's relying party, and say what could."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{url[:200]!r} is no page's address: give scheme, host and port, https://keyturn.example.com")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        raise ValueError(f"passkeys can't be bound to an IP address ({host}): give a name, such as http://localhost")
    if parts.scheme == "http" and host != "localhost" and not host.endswith(".localhost"):
        raise ValueError(f"browsers offer passkeys over https only: https://{host}")
    usual = {"http": 80, "https": 443}[parts.scheme]
    plain = f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")
    if url.rstrip("/") != plain:
        raise ValueError(f"write it as browsers do: {plain}")


def _refused(path: Path, table: Mapping[str, object], message: str) -> ConfigError:
    what, _, at = message.partition(" - at `")
    place = at.rstrip("`") or "$"
    unknown = re.search(r"unknown field `([^`]*)`", what)
    if unknown is None:
        key = place.removeprefix("$").lstrip(".") or "the file"
        if key.startswith(_ONE_UPSTREAM):
            key = f"upstreams.{_holder(table)}{key.removeprefix(_ONE_UPSTREAM)}"
        words = next((words for name, words in _WORDS.items() if f".{name}[" in place), None)
        hint = f"one of {', '.join(words)}" if words else "correct that key, or leave it out for the default"
        return ConfigError(f"{path}: {key}: {what}", hint=hint)
    section = _SECTIONS.get(re.sub(r"\[\d+\]", "[...]", place))
    known = sorted(section.__struct_fields__) if section else []
    near = get_close_matches(unknown[1], known, n=1)
    key = f"{place}.{unknown[1]}".removeprefix("$.")
    if place == f"$.{_ONE_UPSTREAM}":
        key = f"upstreams.{_holder(table)}.{unknown[1]}"
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return ConfigError(f"{path}: there is no setting {key}", hint=hint)


def _holder(table: Mapping[str, object]) -> str:
    """The first upstream that can't be used (msgspec does not name it)."""
    upstreams = table.get("upstreams")
    for name, value in upstreams.items() if isinstance(upstreams, dict) else ():
        try:
            msgspec.convert(value, UpstreamSettings)
        except msgspec.ValidationError:
            return str(name)
    return "…"


def _absolute(config: Config, folder: Path) -> Config:
    def place(given: str) -> str:
        return str(folder / Path(given).expanduser())

    return msgspec.structs.replace(
        config,
        data=place(config.data),
        inventory=place(config.inventory) if config.inventory else "",
        catalogue=tuple(place(file) for file in config.catalogue),
        policy=msgspec.structs.replace(config.policy, files=tuple(place(file) for file in config.policy.files)),
        upstreams={
            name: msgspec.structs.replace(u, cwd=place(u.cwd) if u.cwd else str(folder))
            for name, u in config.upstreams.items()
        },
    )
