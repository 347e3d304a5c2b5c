"""Signing in through a real provider in a real browser: its cookies, its policies, its way there and back."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.served import Soc
from tests.oidc import SECRET, RealProvider

from keyturn.gate.oidc_settings import OidcSettings
from keyturn.gate.records import Role
from keyturn.oidc import Provider


def test_there_and_back_and_who_has_no_role(
    soc: Soc, open_page: OpenPage, start_provider: Callable[[str], RealProvider]
) -> None:
    provider = start_provider(f"{soc.origin}/console/oidc/back")
    roles: dict[str, tuple[Role, ...]] = {"soc-leads": (Role.LEAD,)}
    settings = OidcSettings(issuer=provider.issuer, client_id="keyturn", client_secret="${SECRET}", roles=roles)
    soc.house.ctx.oidc = Provider(settings, SECRET, soc.origin)
    soc.house.clock.ms = int(time.time() * 1000)  # the provider has no other
    provider.account("u-1", "Nora", "soc-leads")
    nora = open_page()
    nora.may_ask = (f"{provider.issuer}/",)
    nora.go("/console/people")
    nora.page.get_by_role("button", name=re.compile("Sign in through")).click()
    expect(nora.page).to_have_url(f"{soc.origin}/console/people")
    expect(nora.page.locator("details.who")).to_contain_text("nora")
    cookies = {cookie["name"]: cookie for cookie in nora.context.cookies(soc.origin)}
    assert set(cookies) == {"keyturn"} and cookies["keyturn"]["sameSite"] == "Strict" and cookies["keyturn"]["httpOnly"]
    nora.go("/console/oidc/accounts")
    expect(nora.page.get_by_text("u-1").first).to_be_visible()
    provider.account("u-2", "somebody else")
    other = open_page()
    other.may_ask = (f"{provider.issuer}/",)
    other.go("/console/sign-in")
    other.page.get_by_role("button", name=re.compile("Sign in through")).click()
    expect(other.page.get_by_role("alert")).to_contain_text("none of your groups")
    expect(other.page.get_by_role("alert")).to_contain_text("soc-leads")
