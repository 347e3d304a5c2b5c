"""What an operator can set about the gateway; ``server.py`` fills it from the configuration."""

import ipaddress

import msgspec

from keyturn.errors import ConfigError


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway's limits and switches.

    ``bind_host``: where the server listens. ``allowed_hosts``: names that a Host or Origin header may bear beside
    the loopback ones (with port, or without for any port). ``open_agent``: an agent that requests without a token
    act as; only on loopback, for conformance runs. ``own_tools``: list ``keyturn_action`` and ``keyturn_withdraw``.
    ``review_url``: where a person looks at a held action, with ``{action}`` in it; empty for none.
    ``hold_wait_s``: how long a call that asked for progress, or whose client was asked to wait, waits for keys.
    ``state_key``: 32 secret bytes that seal ``requestState``; empty makes one for this process.
    """

    bind_host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    open_agent: str = ""
    own_tools: bool = True
    review_url: str = ""
    hold_wait_s: float = 25.0
    progress_every_s: float = 5.0
    elicit_rounds: int = 3
    task_poll_ms: int = 2_000
    max_body: int = 4 * 1024 * 1024
    max_header_bytes: int = 64 * 1024
    sessions_per_agent: int = 32
    streams_per_agent: int = 32
    requests_per_session: int = 64
    idle_s: float = 1_800.0
    open_timeout_s: float = 10.0
    ping_s: float = 15.0
    state_key: bytes = b""

    def __post_init__(self) -> None:
        if self.open_agent and not is_loopback(self.bind_host):
            raise ConfigError(
                f"a route without tokens can't be opened on {self.bind_host!r}",
                hint="bind to 127.0.0.1, or remove open_agent",
            )
        if self.state_key and len(self.state_key) < 32:
            raise ConfigError("state_key is shorter than 32 bytes", hint="take 32 random bytes, or leave it out")
        if self.review_url and "{action}" not in self.review_url:
            raise ConfigError("review_url does not say where the action's id goes", hint="write {action} in it")


def is_loopback(host: str) -> bool:
    """True for an address or name that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
