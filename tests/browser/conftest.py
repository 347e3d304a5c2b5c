"""Debian's chromium, one process for all tests; a browser context for each person, with an authenticator of their own.

``soc`` is the served console, ``open_page`` a person's page, signed in. After each test: no page asked anything of
another server, ran what it should not, met its own policy, or failed in a script.
"""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
    sync_playwright,
)
from tests.authenticator import Authenticator
from tests.browser.served import Loop, Soc

INSTALL = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
Need = Callable[[str], NoReturn]


@pytest.fixture(scope="session")
def chromium(need: Need) -> str:
    """The program; got from Debian where that may be."""
    found = shutil.which("chromium")
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["apt-get", "update", "-q"], INSTALL):
            subprocess.run(command, capture_output=True, check=False, timeout=300)
        found = shutil.which("chromium")
    return found or need(f"chromium is missing; get it with: {' '.join(INSTALL)}")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One process."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """Where the server runs."""
    running = Loop()
    yield running
    running.end()


@pytest.fixture
def soc(loop: Loop, tmp_path: Path) -> Iterator[Soc]:
    """A small SOC, served."""
    served = Soc(loop, tmp_path)
    yield served
    served.end()


@dataclass
class Person:
    """One person at their browser. ``noticed`` is what went wrong in its pages, ``may_ask`` whom else they may ask."""

    soc: Soc
    name: str
    context: BrowserContext
    page: Page
    keys: CDPSession
    authenticator: str
    noticed: list[str] = field(default_factory=list)
    may_ask: tuple[str, ...] = ()

    def go(self, path: str) -> Page:
        """Open a page of the console."""
        self.page.goto(f"{self.soc.origin}{path}")
        return self.page

    def see(self, record: Any) -> Page:
        """Open an action."""
        return self.go(f"/console/actions/{record.id}")

    def verifies(self, yes: bool) -> None:
        """Whether the authenticator verifies its user (finger, PIN) from now on."""
        said = {"authenticatorId": self.authenticator, "isUserVerified": yes}
        self.keys.send("WebAuthn.setUserVerified", said)

    def credentials(self) -> list[dict[str, Any]]:
        """What the authenticator holds."""
        found = self.keys.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator})
        held: list[dict[str, Any]] = found["credentials"]
        return held

    def hold_passkey(self, key: Authenticator) -> None:
        """Put the passkeys of an authenticator in software into this browser's."""
        for each in key.credentials.values():
            private = each.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            credential = {
                "credentialId": base64.b64encode(each.id).decode(),
                "isResidentCredential": True,
                "rpId": each.rp_id,
                "privateKey": base64.b64encode(private).decode(),
                "userHandle": base64.b64encode(each.user).decode(),
                "signCount": each.count,
            }
            self.keys.send("WebAuthn.addCredential", {"authenticatorId": self.authenticator, "credential": credential})


OpenPage = Callable[..., Person]


@pytest.fixture
def open_page(browser: Browser, soc: Soc) -> Iterator[OpenPage]:
    """``open_page("ana")``: signed in with a live passkey; ``passkey=False``: without one; ``""``: nobody's browser.

    Further words go to the browser's context (``color_scheme``, ``viewport`` …).
    """
    opened: list[Person] = []

    def open_one(name: str = "", passkey: bool = True, **context: Any) -> Person:
        made = browser.new_context(base_url=soc.origin, reduced_motion="reduce", **context)
        page = made.new_page()
        page.set_default_timeout(PATIENCE_MS)
        keys = made.new_cdp_session(page)
        keys.send("WebAuthn.enable")
        added = keys.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})
        person = Person(soc, name, made, page, keys, added["authenticatorId"])
        opened.append(person)
        watch(person)
        if name:
            made.add_cookies(
                [
                    {
                        "name": "keyturn",
                        "value": soc.session(name).token,
                        "url": soc.origin,
                        "httpOnly": True,
                        "sameSite": "Strict",
                    }
                ]
            )
            if passkey:
                person.hold_passkey(soc.passkey(name))
        return person

    yield open_one
    noticed = [f"{person.name or 'nobody'}: {what}" for person in opened for what in person.noticed]
    for person in opened:
        person.context.close()
    assert not noticed, "\n".join(noticed)


VIRTUAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
_BENIGN = re.compile(r"Failed to load resource|net::ERR_")


def watch(person: Person) -> None:
    """Note what a page of this person's does that no page should."""
    own = (f"{person.soc.origin}/", "data:", "about:", "blob:")

    def dialog(shown: Dialog) -> None:
        person.noticed.append(f"a dialog: {shown.message}")
        shown.dismiss()

    def request(asked: Request) -> None:
        if not asked.url.startswith((*own, *person.may_ask)):
            person.noticed.append(f"a request to {asked.url}")

    def console(said: ConsoleMessage) -> None:
        if said.type == "error" and not _BENIGN.search(said.text):
            person.noticed.append(f"the browser complains: {said.text}")

    person.page.on("dialog", dialog)
    person.page.on("request", request)
    person.page.on("console", console)
    person.page.on("pageerror", lambda error: person.noticed.append(f"a script failed: {error}"))
    person.page.on("popup", lambda popup: person.noticed.append(f"a window opened: {popup.url}"))
