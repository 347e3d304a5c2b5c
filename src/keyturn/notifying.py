"""The targets of a configuration: who listens, and the means to reach them. Nothing secret of an address is shown."""

import asyncio
import base64
import binascii
import ipaddress
import re
from urllib.parse import urlsplit

import msgspec

from keyturn.config import Config, NotifySettings, expanded
from keyturn.errors import ConfigError, NotDelivered, NotFound
from keyturn.gate.notices import Event, Listener, Notice
from keyturn.gate.outbox_ports import Tally
from keyturn.gate.ports import Clock
from keyturn.notify import AppriseTarget, Pages, Target, WebhookTarget, attempt
from keyturn.publication import DATABASE
from keyturn.store import SqliteStore

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,29})://")
_SECRET_BYTES = range(24, 65)


def listeners(config: Config) -> tuple[Listener, ...]:
    """Who wants to hear of what. It needs no secret: any process on the database writes notices."""
    return tuple(
        Listener(
            name=target.name,
            events=frozenset(target.events),
            roles=frozenset(role.value for role in target.roles),
            give_up_s=target.give_up_s,
        )
        for target in config.notify
    )


def targets(config: Config, clock: Clock) -> list[Target]:
    """The means to reach each; :class:`ConfigError` names the one that can't be used, and nothing of its address."""
    pages = Pages(config.console_url)
    return [_target(settings, pages, clock) for settings in config.notify]


def _target(settings: NotifySettings, pages: Pages, clock: Clock) -> Target:
    where = f"notify.{settings.name}"
    url = expanded(settings.url, f"{where}.url")
    if settings.kind == "apprise":
        return AppriseTarget(settings.name, url, pages, settings.timeout_s)
    _check_url(url, where)
    secrets = [expanded(secret, f"{where}.secrets") for secret in settings.secrets]
    for secret in secrets:
        _check_secret(secret, where)
    return WebhookTarget(settings.name, url, secrets, pages, clock, settings.timeout_s)


def _check_url(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(f"{where}.url is no address", hint="such as https://soar.example.com/keyturn") from None
    if not host or parts.scheme not in ("http", "https") or re.search(r"[\s\x00-\x1f]", url):
        raise ConfigError(f"{where}.url is no web address", hint="such as https://soar.example.com/keyturn")
    if parts.scheme == "http" and not _is_here(host):
        raise ConfigError(f"{where}.url is not encrypted", hint="use https; http reaches this machine only")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_secret(secret: str, where: str) -> None:
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size not in _SECRET_BYTES:
        raise ConfigError(
            f"{where}.secrets: a secret is whsec_ and the base64 of 24 to 64 random bytes",
            hint='make one with: echo "whsec_$(openssl rand -base64 32)"',
        )


class Listed(msgspec.Struct, frozen=True):
    """One target as a person may see it. ``where``: an apprise scheme, a webhook's host, or the variable's name.
    ``tally``: how many notices wait for it, were sent, and were given up, where the database knows it."""

    name: str
    kind: str
    where: str
    events: tuple[str, ...]
    roles: tuple[str, ...]
    tally: dict[str, int]


def listed(config: Config) -> list[Listed]:
    """The configured targets; it needs no secret."""
    tallies = asyncio.run(_tallies(config))
    return [
        Listed(
            name=target.name,
            kind=target.kind,
            where=_shown(target),
            events=tuple(event.value for event in target.events),
            roles=tuple(role.value for role in target.roles),
            tally={each.state: each.count for each in tallies if each.target == target.name},
        )
        for target in config.notify
    ]


async def _tallies(config: Config) -> list[Tally]:
    path = config.folder / DATABASE
    if not path.exists():
        return []
    store = SqliteStore(path)
    try:
        return await store.read(lambda tx: tx.outbox.tally())
    finally:
        store.close()


def _shown(settings: NotifySettings) -> str:
    if settings.url.startswith("${"):
        return settings.url.partition("}")[0] + "}"
    if settings.kind == "webhook":
        found = re.match(r"https?://[A-Za-z0-9.:\[\]-]+(?=[/?#]|$)", settings.url)
        return found[0] if found else "a web address"
    # The host of an apprise URL is often the secret: its scheme is all that can be shown.
    scheme = _SCHEME.match(settings.url)
    return f"{scheme[1]}://…" if scheme else "an apprise URL"


def send_test(config: Config, name: str, clock: Clock) -> None:
    """Send one notice to one target, now; :class:`NotDelivered` says in our own words why it did not arrive."""
    asyncio.run(_send_test(config, name, clock))


async def _send_test(config: Config, name: str, clock: Clock) -> None:
    settings = next((each for each in config.notify if each.name == name), None)
    if settings is None:
        known = ", ".join(each.name for each in config.notify) or "there is none"
        raise NotFound(f"no [[notify]] is named {name[:80]!r}", hint=f"known here: {known}")
    target = _target(settings, Pages(config.console_url), clock)
    now = clock.now()
    try:
        failure = await attempt(target, [Notice(id=f"test-{now}", event=Event.TEST, at=now)])
    finally:
        await target.close()
    if failure is not None:
        raise NotDelivered(f"{name} did not take it: {failure.message}", hint="look at its url")
