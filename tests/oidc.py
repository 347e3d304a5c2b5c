"""A real OpenID Connect provider on loopback (npm ``oidc-provider``, see ``oidc_provider.mjs``), as a pytest plugin."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest

PACKAGE = "oidc-provider@9.13.3"
SECRET = "a secret of the client's that is long enough"


@dataclass(frozen=True)
class RealProvider:
    """A running provider, and what a test tells it to do."""

    issuer: str

    def account(self, sub: str, name: str, *groups: str) -> None:
        """Who signs in there from now on, without being asked."""
        said = {"sub": sub, "preferred_username": name, "groups": list(groups)}
        httpx2.post(f"{self.issuer}/_account", json=said).raise_for_status()

    def lie(self, lie: str = "", *, in_token: bool = True) -> None:
        """What is wrong with its ID tokens from now on; ``in_token``: the groups are in there, else at userinfo."""
        httpx2.post(f"{self.issuer}/_lie", json={"lie": lie, "inToken": in_token}).raise_for_status()

    def signed_in(self, address: str) -> str:
        """What a browser of nobody's yet does there: follow it to the end, and give the address it is sent back to."""
        with httpx2.Client() as browser:
            for _ in range(10):
                answer = browser.get(address)
                assert answer.status_code in (302, 303), answer.text
                address = str(answer.headers["location"])
                if not address.startswith(("/", self.issuer)):
                    return address
                address = self.issuer + address if address.startswith("/") else address
        raise AssertionError("it leads nowhere")


@pytest.fixture(scope="session")
def start_provider(
    peer_npm: Callable[[str], Path], need: Callable[[str], NoReturn]
) -> Iterator[Callable[[str], RealProvider]]:
    """Start a provider that sends browsers back to this address."""
    with ExitStack() as running:

        def start(back: str) -> RealProvider:
            node = shutil.which("node") or need("node is missing: install Node.js (Debian: apt-get install nodejs npm)")
            program = [node, str(Path(__file__).with_suffix("").with_name("oidc_provider.mjs"))]
            process = running.enter_context(
                subprocess.Popen(
                    [*program, str(peer_npm(PACKAGE).parent), back],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            running.callback(process.terminate)
            assert process.stdout is not None
            issuer = process.stdout.readline().strip()
            assert issuer, "the provider did not start"
            return RealProvider(issuer)

        yield start
