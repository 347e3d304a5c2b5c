"""Signing in through a real OpenID Connect provider (npm ``oidc-provider``): who comes in as whom, and who does not."""

import html
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.authenticator import Authenticator
from tests.oidc import SECRET, RealProvider
from tests.passkeys import enrol
from tests.unit.console.conftest import ORIGIN, Browser, Desk
from tests.unit.gate.conftest import HandClock, build

from keyturn.console import Console
from keyturn.errors import Conflict, Forbidden, NotFound
from keyturn.gate.oidc_settings import OidcSettings
from keyturn.gate.ports import Tx
from keyturn.gate.records import Role
from keyturn.oidc import Provider

GROUPS: dict[str, tuple[Role, ...]] = {
    "soc-analysts": (Role.ANALYST,),
    "soc-leads": (Role.LEAD,),
    "soc-owners": (Role.OWNER,),
}
BACK = f"{ORIGIN}/console/oidc/back"
LIES = (
    *("nonce", "no-nonce", "audience", "audiences", "party", "expired", "old", "issuer", "no-subject", "early", "hash"),
    *("none", "shared", "confused", "strange", "forged", "embedded"),
)
ELSEWHERE = {"sec-fetch-site": "cross-site"}


@dataclass
class Visitor(Browser):
    """A browser with a cookie jar, which goes to the provider and back."""

    jar: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx2.Response:
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())} if self.jar else {}
        answer = await super().send(method, path, {**cookies, **(headers or {})}, **more)
        for said in answer.headers.get_list("set-cookie"):
            name, _, value = said.partition(";")[0].partition("=")
            if value.strip('"'):
                self.jar[name] = value
            else:
                self.jar.pop(name, None)
        self.token = self.jar.get("keyturn", "")
        return answer

    async def leave(self, path: str = "/console/oidc", **fields: str) -> str:
        """Where the page sends this browser."""
        answer = await (
            self.post(path, **fields) if self.token else self.send("POST", path, data={"next": "", **fields})
        )
        assert answer.status_code == 200, answer.text
        return goes_to(answer)

    async def arrive(self, address: str) -> httpx2.Response:
        """Come back as a browser does: led by another site, without the session's own (strict) cookie."""
        assert address.startswith(BACK), address
        kept = self.jar.pop("keyturn", "")
        answer = await self.send("GET", address.removeprefix(ORIGIN), ELSEWHERE)
        if kept and "keyturn" not in self.jar:
            self.jar["keyturn"] = self.token = kept
        return answer


@dataclass
class Door(Desk):
    """The desk with a provider."""

    provider: RealProvider = field(default_factory=lambda: RealProvider(""))

    def visitor(self) -> Visitor:
        """Somebody's browser, nobody signed in."""
        return Visitor(self.console)

    async def sign_in(self, visitor: Visitor | None = None, **fields: str) -> httpx2.Response:
        """All the way; the page that the browser comes back to."""
        visitor = visitor or self.visitor()
        return await visitor.arrive(self.provider.signed_in(await visitor.leave(**fields)))

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """The journal's entries of one kind."""
        return [entry for entry in await self.house.entries() if entry["kind"] == kind]


def goes_to(answer: httpx2.Response) -> str:
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    assert found, answer.text
    return html.unescape(found[1])


@pytest.fixture(scope="session")
def real(start_provider: Callable[[str], RealProvider]) -> RealProvider:
    return start_provider(BACK)


@pytest.fixture
async def door(tmp_path: Path, real: RealProvider) -> AsyncIterator[Door]:
    clock = HandClock()
    clock.ms = int(time.time() * 1000)
    house = await build(tmp_path / "keyturn.db", clock=clock)
    house.ctx.oidc = Provider(settings(real.issuer), SECRET, ORIGIN)
    console = Console(house.gate, house.clock, ORIGIN)
    real.lie()
    yield Door(house, console, provider=real)
    await console.close()
    await house.gate.stop_running()
    house.store.close()


def settings(issuer: str) -> OidcSettings:
    return OidcSettings(issuer=issuer, client_id="keyturn", client_secret="${SECRET}", roles=GROUPS)


def refused(answer: httpx2.Response, *words: str) -> None:
    text = re.sub(r"<[^>]+>", "", html.unescape(answer.text))
    assert answer.status_code in (403, 504), text
    assert "keyturn=" not in str(answer.headers.get_list("set-cookie")).replace("keyturn-oidc", "")
    for word in words:
        assert word in text, text


# Coming in


async def test_somebody_new_comes_in_with_the_roles_of_their_groups(door: Door) -> None:
    door.provider.account("u-nora", "Nora", "soc-leads", "everybody")
    nora = door.visitor()
    back = await door.sign_in(nora, next="/console/actions/x")
    assert back.status_code == 200 and goes_to(back) == "/console/actions/x"
    cookie = next(c for c in back.headers.get_list("set-cookie") if c.startswith("keyturn="))
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    found = await door.house.gate.access.session_for(nora.token)
    assert (found.person.id, found.person.roles, found.session.method) == ("nora", (Role.LEAD,), "oidc")
    added = (await door.told("person_added"))[-1]
    assert (added["person"], added["roles"], added["by"]) == ("nora", ["lead"], door.provider.issuer)
    assert (await door.told("identity_linked"))[-1]["subject"] == "u-nora"
    assert (await nora.get("/console/")).status_code == 200
    assert (await nora.post("/console/sign-out")).status_code == 303
    assert (await nora.get("/console/")).status_code == 303


async def test_the_groups_may_stand_at_userinfo_only(door: Door) -> None:
    door.provider.account("u-1", "nora", "soc-leads")
    door.provider.lie(in_token=False)
    visitor = door.visitor()
    assert (await door.sign_in(visitor)).status_code == 200
    assert (await door.house.gate.access.session_for(visitor.token)).person.roles == (Role.LEAD,)


async def test_without_a_role_nobody_comes_in_and_the_page_says_whom_to_ask(door: Door) -> None:
    door.provider.account("u-2", "mallory", "everybody", "SOC-OWNERS", "soc-owners ")
    refused(await door.sign_in(), "none of your groups", "soc-analysts", "Whoever keeps them there")
    assert "mallory" not in {p.id for p in await door.house.store.read(lambda tx: tx.people())}


async def test_roles_follow_the_groups_at_each_sign_in(door: Door) -> None:
    door.provider.account("u-3", "nora", "soc-leads")
    first, second, third = door.visitor(), door.visitor(), door.visitor()
    await door.sign_in(first)
    door.provider.account("u-3", "nora renamed", "soc-analysts")
    await door.sign_in(second)
    now = await door.house.gate.access.session_for(first.token)
    assert (now.person.id, now.person.roles) == ("nora", (Role.ANALYST,)), "in every session, and under the same name"
    changed = (await door.told("roles_changed"))[-1]
    assert (changed["before"], changed["roles"], changed["groups"]) == (["lead"], ["analyst"], ["soc-analysts"])
    door.provider.account("u-3", "nora")
    refused(await door.sign_in(third), "none of your groups")
    assert (await first.get("/console/")).status_code == 303, "no role, no session"
    assert (await door.told("roles_changed"))[-1]["roles"] == []


async def test_such_a_session_turns_no_key(door: Door) -> None:
    key = Authenticator()
    await enrol(door.house.gate, door.house.people["olga"], "lena", key)
    door.provider.account("u-4", "nora", "soc-leads")
    nora = door.visitor()
    await door.sign_in(nora)
    held = await door.hold(host="h1")
    answer = await nora.call("/console/turn/begin", holds=[[held.id, held.digest]])
    assert answer.status_code == 403 and "passkey" in answer.text
    who = (await door.house.gate.access.session_for(nora.token)).person
    begun = await door.house.gate.access.begin_registration(who)
    enrolled = await door.house.gate.access.finish_registration(
        begun.ceremony, Authenticator().create(begun.options), who
    )
    assert enrolled.passkey.pending, "another person must approve it"
    answer = await nora.call("/console/turn/begin", holds=[[held.id, held.digest]])
    assert answer.status_code == 403


async def test_while_there_is_no_owner_only_one_comes_in(door: Door) -> None:
    await door.house.store.write(everybody_leaves)
    door.provider.account("u-5", "nora", "soc-leads")
    refused(await door.sign_in(), "no owner here yet")
    door.provider.account("u-5", "nora", "soc-owners")
    assert (await door.sign_in()).status_code == 200


def everybody_leaves(tx: Tx) -> None:
    for person in tx.people():
        tx.put_person(msgspec.structs.replace(person, revoked_at=1))


# Whose account


async def test_a_name_like_somebodys_is_not_theirs_to_take(door: Door) -> None:
    before = await door.house.store.read(lambda tx: tx.people())
    for name in ("lena", "LENA", " Lena ", "ｌｅｎａ", "lеna", "responder", "le\u200bna"):
        door.provider.account("u-6", name, "soc-owners")
        refused(await door.sign_in())
    door.provider.account("lena", "", "soc-owners")
    refused(await door.sign_in(), "taken here")
    assert await door.house.store.read(lambda tx: tx.people()) == before
    assert not await door.told("identity_linked")


async def test_another_subject_with_the_same_name_is_somebody_else(door: Door) -> None:
    door.provider.account("u-7", "nora", "soc-leads")
    assert (await door.sign_in()).status_code == 200
    door.provider.account("u-8", "nora", "soc-owners")
    refused(await door.sign_in(), "taken here", "link the account")


async def test_a_person_links_their_own_account_while_signed_in(door: Door) -> None:
    door.provider.account("u-9", "somebody", "soc-leads", "soc-owners")
    ana, visitor = await door.browser("ana"), door.visitor()
    visitor.jar["keyturn"] = visitor.token = ana.token
    back = await visitor.arrive(door.provider.signed_in(await visitor.leave("/console/oidc/link")))
    page = goes_to(back)
    assert page.startswith("/console/oidc/accounts?journey=")
    assert not await door.told("identity_linked"), "coming back alone links nothing"
    shown = (await visitor.get(page)).text
    assert "u-9" in shown and "lead, owner" in shown
    journey = page.partition("journey=")[2]
    bob = await door.browser("bob")
    assert (await bob.get(page)).status_code == 409
    assert (await bob.post("/console/oidc/confirm", journey=journey)).status_code == 409, "it is not bob's"
    assert (await visitor.post("/console/oidc/confirm", journey=journey)).status_code == 303
    assert (await visitor.post("/console/oidc/confirm", journey=journey)).status_code == 409, "once"
    assert (await door.told("identity_linked"))[-1]["by"] == "ana"
    other = door.visitor()
    await door.sign_in(other)
    found = await door.house.gate.access.session_for(other.token)
    assert (found.person.id, set(found.person.roles)) == ("ana", {Role.LEAD, Role.OWNER})
    assert (await visitor.post("/console/oidc/unlink", issuer=door.provider.issuer, subject="u-9")).status_code == 303
    assert (await other.get("/console/")).status_code == 303, "its sessions end"
    assert (await visitor.get("/console/")).status_code == 200, "those by passkey do not"


async def test_an_owner_links_by_subject_and_nobody_else_does(door: Door) -> None:
    gate, people = door.house.gate, door.house.people
    with pytest.raises(Forbidden):
        await gate.oidc.link(people["lena"], "bob", "u-10")
    with pytest.raises(NotFound):
        await gate.oidc.link(people["olga"], "nobody", "u-10")
    await gate.oidc.link(people["olga"], "bob", "u-10")
    with pytest.raises(Conflict, match="bob's already"):
        await gate.oidc.link(people["olga"], "ana", "u-10")
    with pytest.raises(NotFound):
        await gate.oidc.unlink(people["ana"], door.provider.issuer, "u-10")
    door.provider.account("u-10", "whatever", "soc-analysts")
    visitor = door.visitor()
    await door.sign_in(visitor)
    assert (await gate.access.session_for(visitor.token)).person.id == "bob"


async def test_the_last_owner_stays_one(door: Door) -> None:
    gate, people = door.house.gate, door.house.people
    await gate.revoke_person(people["olga"], "pavel", "left")
    await gate.oidc.link(people["olga"], "olga", "u-11")
    door.provider.account("u-11", "olga", "soc-analysts")
    visitor = door.visitor()
    await door.sign_in(visitor)
    assert set((await gate.access.session_for(visitor.token)).person.roles) == {Role.ANALYST, Role.OWNER}


async def test_a_revoked_person_does_not_come_back(door: Door) -> None:
    gate, people = door.house.gate, door.house.people
    await gate.oidc.link(people["olga"], "bob", "u-12")
    await gate.revoke_person(people["olga"], "bob", "left")
    door.provider.account("u-12", "bob", "soc-owners")
    refused(await door.sign_in())


# Answers that prove nothing


async def test_a_token_that_is_wrong_in_one_way_lets_nobody_in(door: Door) -> None:
    door.provider.account("u-13", "nora", "soc-owners")
    for lie in LIES:
        door.provider.lie(lie)
        refused(await door.sign_in(), "was not accepted")
        door.provider.lie()
    assert (await door.sign_in()).status_code == 200, "and the same without a lie does"


async def test_each_way_back_is_of_one_browser_and_once(door: Door) -> None:
    door.provider.account("u-14", "nora", "soc-leads")
    one, other = door.visitor(), door.visitor()
    address = door.provider.signed_in(await one.leave())
    state = re.search(r"state=([^&]+)", address)
    assert state
    refused(await other.arrive(address), "was not begun here")
    await other.leave()
    refused(await other.arrive(address), "was not begun here")
    altered = ("B" if state[1][0] == "A" else "A") + state[1][1:]
    refused(await one.arrive(address.replace(state[1], altered)), "was not begun here")
    one = door.visitor()
    address = door.provider.signed_in(await one.leave())
    kept = dict(one.jar)
    assert (await one.arrive(address)).status_code == 200
    one.jar = kept
    refused(await one.arrive(address), "used already")


async def test_a_code_of_another_sign_in_is_refused(door: Door) -> None:
    """A code that was taken from somebody else's browser does not fit this one's PKCE verifier (RFC 7636)."""
    door.provider.account("u-15", "nora", "soc-owners")
    victim, thief = door.visitor(), door.visitor()
    stolen = re.search(r"code=([^&]+)", door.provider.signed_in(await victim.leave()))
    own = door.provider.signed_in(await thief.leave())
    assert stolen
    refused(await thief.arrive(re.sub(r"code=[^&]+", f"code={stolen[1]}", own)), "did not take the code: invalid_grant")


async def test_an_answer_that_took_too_long_is_refused(door: Door) -> None:
    visitor = door.visitor()
    address = door.provider.signed_in(await visitor.leave())
    door.house.clock.ms += 600_001
    refused(await visitor.arrive(address), "took too long")


async def test_another_issuers_answer_and_a_refusal_are_told(door: Door) -> None:
    for change, words in ((r"iss=evil", "another provider"), ("iss=", "another provider")):
        visitor = door.visitor()
        address = door.provider.signed_in(await visitor.leave())
        refused(await visitor.arrive(re.sub(r"iss=[^&]+", change, address)), words)
    visitor = door.visitor()
    state = re.search(r"state=([^&]+)", await visitor.leave())
    assert state
    iss = door.provider.issuer
    refused(await visitor.arrive(f"{BACK}?error=access_denied&state={state[1]}&iss={iss}"), "access_denied")


async def test_nobody_is_led_elsewhere_after_it(door: Door) -> None:
    door.provider.account("u-16", "nora", "soc-leads")
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "/console/../..//evil"):
        assert goes_to(await door.sign_in(next=wanted)) == "/console/"


async def test_a_query_that_says_a_thing_twice_is_not_read(door: Door) -> None:
    visitor = door.visitor()
    address = door.provider.signed_in(await visitor.leave())
    refused(await visitor.arrive(address + "&code=another"), "can't be read")


async def test_the_button_stands_where_a_provider_is_configured(door: Door) -> None:
    assert "Sign in through" in (await door.visitor().get("/console/sign-in")).text
    door.house.ctx.oidc = None
    assert "Sign in through" not in (await door.visitor().get("/console/sign-in")).text
    assert (await door.visitor().send("POST", "/console/oidc", data={"next": ""})).status_code == 409
