"""What one endpoint shows: one upstream under its own names, or all of them under names that say whose they are."""

from collections.abc import Mapping
from typing import Any

from keyturn.core.action import ToolRef
from keyturn.errors import ConfigError
from keyturn.wire.names import INVALID_PARAMS
from keyturn.wire.session import RpcError, Upstream

SEPARATOR = "__"
SCHEME = "keyturn://"


class View:
    """Names, both ways. ``only`` shows one upstream as it is; without it every name is prefixed.

    Tools and prompts are ``<upstream>__<name>``, resources ``keyturn://<upstream>/<uri>``.
    """

    def __init__(self, upstreams: Mapping[str, Upstream], only: str = "") -> None:
        for name in upstreams:
            if not name or SEPARATOR in name or "/" in name:
                raise ConfigError(f"an upstream can't be named {name!r}", hint="no slash and no double underscore")
        self.upstreams = {only: upstreams[only]} if only else dict(upstreams)
        self.only = only

    def shown(self, upstream: str, name: str) -> str:
        """A tool's or prompt's name as clients see it."""
        return name if self.only else f"{upstream}{SEPARATOR}{name}"

    def named(self, shown: str, what: str = "tool") -> ToolRef:
        """The upstream and its own name for what clients call ``shown``; ``-32602`` if there is none."""
        if self.only:
            return ToolRef(self.only, shown)
        upstream, _, name = shown.partition(SEPARATOR)
        if upstream not in self.upstreams or not name:
            raise RpcError(INVALID_PARAMS, f"Unknown {what}: {shown[:120]!r} (names are <upstream>__<{what}>)")
        return ToolRef(upstream, name)

    def shown_uri(self, upstream: str, uri: str) -> str:
        """A resource's URI, or URI template, as clients see it."""
        return uri if self.only else f"{SCHEME}{upstream}/{uri}"

    def located(self, uri: str) -> tuple[str, str]:
        """The upstream and its own URI; a URI without a prefix (out of a tool's result) needs a lone upstream."""
        if self.only:
            return self.only, uri
        upstream, _, own = uri.removeprefix(SCHEME).partition("/")
        if uri.startswith(SCHEME) and upstream in self.upstreams and own:
            return upstream, own
        if len(self.upstreams) == 1:
            return next(iter(self.upstreams)), uri
        raise RpcError(
            INVALID_PARAMS, f"Unknown resource: {uri[:200]!r} (URIs are {SCHEME}<upstream>/<uri>)", {"uri": uri[:2_000]}
        )

    def notification(self, upstream: str, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """A server's notification with its names as clients see them."""
        if not self.only and method == "notifications/resources/updated" and isinstance(params.get("uri"), str):
            return {**params, "uri": self.shown_uri(upstream, params["uri"])}
        return params
