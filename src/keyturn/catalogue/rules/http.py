"""HTTP requests: the method says whether anything changes, the path what it meets (RFC 9110, section 9.2.1)."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from keyturn.catalogue.rules.rule import Rule
from keyturn.core.action import Target
from keyturn.core.operation import Operation, Reading, Unread
from keyturn.core.profile import Reversible, Stage, Touches

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CHANGING: Final = {"PUT": Reversible.HARD, "PATCH": Reversible.HARD, "DELETE": Reversible.IRREVERSIBLE}
_READS: Final = frozenset({Touches.SECRETS, Touches.IDENTITY, Touches.PRIVILEGED_DATA})
_METHOD: Final = re.compile(r"[A-Za-z]{1,20}")
_ODD: Final = re.compile(r"[\x00-\x20\x7f\\^`{}|<>\"]|%(?:0[0-9a-f]|5c|00)", re.IGNORECASE)
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?"
)
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|\d+)", re.IGNORECASE)
_OWN: Final = re.compile(r"(?:.*\.)?(?:localhost|localdomain)|(?:metadata|instance-data)(?:\..*)?", re.IGNORECASE)
_CLOUD: Final = frozenset({"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"})
_OVERRIDE: Final = re.compile(r"x-http-method(?:-override)?|x-method-override", re.IGNORECASE)
_OVERRIDDEN: Final = re.compile(r"(?:^|&)(?:_method|_httpmethod|x-http-method(?:-override)?)=", re.IGNORECASE)


def read(parts: Mapping[str, Any]) -> Reading:
    """``method`` and ``url`` (absolute, or a path), ``headers``. Which API answers is unknown: a read may show all."""
    method, url = parts["method"], parts["url"]
    if not isinstance(method, str) or not isinstance(url, str) or not _METHOD.fullmatch(method.strip()):
        return Unread("the method and the address are not both text")
    method = method.strip().upper()
    if _OVERRIDE.search(str(parts.get("headers") or "")):
        return Unread("a header names another method")
    try:
        split = urlsplit(url.strip())
        why = _unplain(url.strip(), split)
    except ValueError:
        return Unread("the address can't be read")
    if why:
        return Unread(why)
    name = f"{method} {split.netloc}{split.path}"[:200]
    reads = method in SAFE
    query = f"?{split.query}" if split.query and not reads else ""
    targets = (Target("url", f"{split.netloc}{split.path}{query}"),)
    if reads:
        return Operation(
            name=name,
            stage=Stage.ANALYSE,
            reversible=Reversible.NO_EFFECT,
            touches=_READS,
            targets=targets,
            why="a request that only reads, and may show whatever the service holds",
        )
    return Operation(
        name=name,
        stage=Stage.RESPOND,
        reversible=CHANGING.get(method, Reversible.IRREVERSIBLE),
        touches=frozenset(Touches),
        targets=targets,
        why="a request that changes something at the service",
    )


def _unplain(url: str, split: SplitResult) -> str:
    """Why nobody can say where a request goes, or that it stays away from the machine that sends it; or ``""``."""
    if not url or split.scheme not in ("http", "https", "") or split.username is not None:
        return "the address is no plain http or https address"
    if (
        _ODD.search(url)
        or not url.isascii()
        or (split.scheme and not split.netloc)
        or (split.netloc and not split.hostname)
    ):
        return "the address is not written plainly"
    if split.port == 0 or (split.hostname and (why := _near(split.hostname))):
        return why if split.port != 0 else "the address is not written plainly"
    for part in unquote(split.path).split("/"):
        if part.partition(";")[0] in (".", ".."):
            return "the path climbs"
    if _OVERRIDDEN.search(split.query):
        return "the address names another method"
    return ""


def _near(host: str) -> str:
    """Why a host may be the sender itself, or a cloud's service that hands out its credentials; or ``""``."""
    if _OWN.fullmatch(host.rstrip(".")):
        return "the address is the sender's own, or a cloud's metadata service"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        plain = _HOST.fullmatch(host) and not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2])
        return "" if plain else "the host is neither a name nor an address as everybody writes it"
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo):
        return "the host is an address in another's clothes"
    own = address.is_loopback or address.is_link_local or address.is_unspecified or str(address) in _CLOUD
    return "the address is the sender's own, or a cloud's metadata service" if own else ""


HTTP: Final = Rule(name="http", needs=frozenset({"method", "url"}), may=frozenset({"body", "headers"}), read=read)
