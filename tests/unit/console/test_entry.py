"""Coming in over the pages: the first owner's link, an invitation, signing in and out, and the session's cookie."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.exceptions import HTTPException
from tests.authenticator import Authenticator
from tests.passkeys import enrol as passkey_of
from tests.unit.console.conftest import ORIGIN, Browser, Desk
from tests.unit.gate.conftest import House

from keyturn.console import Console, rate
from keyturn.gate import Context, Gate, ceremonies
from keyturn.gate.records import Role
from keyturn.store import SqliteStore


@pytest.fixture
async def empty(desk: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    """A console of the same parts, on a database without anybody."""
    ctx, store = desk.house.ctx, SqliteStore(tmp_path / "new.db")
    gate = Gate(
        Context(store, ctx.tools, ctx.knowledge, ctx.policy, ctx.clock, ctx.runners, "r", passkeys=ctx.passkeys)
    )
    house = House(gate, ctx, desk.house.fleet, desk.house.clock, desk.house.runners, store, {}, desk.house.agent, "")
    console = Console(gate, ctx.clock, ORIGIN)
    yield Desk(house, console)
    await console.close()
    store.close()


async def enrol(browser: Browser, token: str, **said: Any) -> httpx2.Response:
    """What the page's script does with a link."""
    begun = await browser.call("/console/enrol/begin", token=token, **said)
    if begun.status_code != 200:
        return begun
    answer = browser.authenticator.create(begun.json()["options"])
    return await browser.call(
        "/console/enrol/finish", token=token, ceremony=begun.json()["ceremony"], answer=answer, **said
    )


async def sign_in(browser: Browser, then: str = "/console/") -> httpx2.Response:
    begun = (await browser.call("/console/sign-in/begin")).json()
    answer = browser.authenticator.get(begun["options"])
    return await browser.call("/console/sign-in/finish", ceremony=begun["ceremony"], answer=answer, next=then)


def cookie_of(answer: httpx2.Response) -> str:
    return str(answer.headers["set-cookie"])


def keep(browser: Browser, answer: httpx2.Response) -> None:
    browser.token = cookie_of(answer).partition("=")[2].partition(";")[0]


async def test_the_first_owner_comes_in_once_and_then_signs_in(empty: Desk) -> None:
    link = await empty.house.gate.access.setup_link()
    assert link is not None
    path, browser = link.link.removeprefix(ORIGIN), await empty.browser()
    assert "first owner" in (await browser.get(path)).text
    token = path.rpartition("/")[2]
    done = await enrol(browser, token, name="Olga", label="laptop")
    assert done.json() == {"next": "/console/"}
    given = cookie_of(done).lower()
    assert "httponly" in given and "samesite=strict" in given and "path=/" in given and "domain" not in given
    keep(browser, done)
    assert "olga" in (await browser.get("/console/nowhere")).text
    assert (await (await empty.browser()).get(path)).status_code == 404, "the link works once"
    assert (await enrol(Browser(empty.console), token, name="mallory")).status_code == 401
    assert (await browser.post("/console/sign-out")).headers["location"].startswith("/console/sign-in")
    assert (await browser.get("/console/nowhere")).status_code == 303
    again = await sign_in(Browser(empty.console, "", browser.authenticator))
    assert again.json() == {"next": "/console/"}
    keep(browser, again)
    assert (await browser.get("/console/nowhere")).status_code == 404


async def test_an_invited_person_is_told_who_invites_them_as_what(desk: Desk) -> None:
    olga = desk.house.people["olga"]
    invited = await desk.house.gate.access.invite(olga, "Nora", (Role.ANALYST,))
    browser = await desk.browser()
    page = (await browser.get(invited.link.removeprefix(ORIGIN))).text
    assert "nora" in page and "olga" in page and "analyst" in page
    keep(browser, await enrol(browser, invited.link.rpartition("/")[2], label="key"))
    assert "nora" in (await browser.get("/console/nowhere")).text


async def test_a_session_ends_when_unused_when_revoked_and_for_a_revoked_person(desk: Desk) -> None:
    house, ana, bob, lena = desk.house, await desk.browser("ana"), await desk.browser("bob"), await desk.browser("lena")
    await house.gate.access.revoke_session(house.people["olga"], desk.opened["ana"].session.id)
    await house.gate.revoke_person(house.people["olga"], "bob", "left")
    for browser in (ana, bob):
        answer = await browser.get("/console/nowhere?a=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/console/sign-in?next=%2Fconsole%2Fnowhere%3Fa%3D1"
    assert (await lena.get("/console/nowhere")).status_code == 404
    house.clock.ms += 1800 * 1000
    assert (await lena.get("/console/nowhere")).status_code == 303


async def test_signing_in_leads_nowhere_else(desk: Desk) -> None:
    ana = await desk.browser("ana")
    for then in (
        "https://evil.example/", "//evil.example/", "/\\evil.example/", "/console/../mcp", "/console//evil.example",
        "javascript:alert(1)", "\u2028/console/", "/consoleX", "",
    ):  # fmt: skip
        answer = await ana.send("GET", "/console/sign-in", params={"next": then})
        assert answer.status_code == 303 and answer.headers["location"] == "/console/", then


async def test_a_link_from_a_message_finds_the_session_that_the_browser_held_back(desk: Desk) -> None:
    nobody = await desk.browser()
    page = (await nobody.get("/console/sign-in?next=/console/actions/a1", sec_fetch_site="cross-site")).text
    assert 'http-equiv="refresh"' in page and "again=1" in page
    again = await nobody.get("/console/sign-in?again=1&next=/console/actions/a1", sec_fetch_site="cross-site")
    assert 'http-equiv="refresh"' not in again.text


async def test_odd_json_is_told_what_is_wrong_with_it(desk: Desk) -> None:
    ana = await desk.browser("ana")
    mark = {"x-keyturn-csrf": await ana.csrf()}
    odd: list[Any] = [[], "x", {"ceremony": 1}, {"ceremony": "x", "answer": []}, {"holds": [["a"]]}]
    for path in ("/sign-in/finish", "/enrol/begin", "/enrol/finish", "/turn/begin", "/turn/finish"):
        for said in odd:
            answer = await ana.send("POST", f"/console{path}", mark, json=said)
            assert 400 <= answer.status_code < 500 and answer.json()["error"]["message"], (path, said)
        as_json = {**mark, "content-type": "application/json"}
        for half in (rb'{"holds":[["\ud800","x"]]}', rb'{"holds":[["a","\uDFFF"]],"ceremony":"\udc00"}'):
            answer = await ana.send("POST", f"/console{path}", as_json, content=half)
            assert answer.status_code == 400 and "lone surrogate" in answer.text, (path, half)


async def test_a_strangers_passkey_does_not_sign_in(desk: Desk) -> None:
    stranger = Browser(desk.console, "", Authenticator())
    begun = (await stranger.call("/console/sign-in/begin")).json()
    options = {"rp": {"id": "localhost"}, "user": {"id": "eA"}, "challenge": begun["options"]["challenge"]}
    stranger.authenticator.create(options)
    answer = await stranger.call(
        "/console/sign-in/finish", ceremony=begun["ceremony"], answer=stranger.authenticator.get(begun["options"])
    )
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


async def test_strangers_can_not_push_out_those_who_are_signing_in(desk: Desk) -> None:
    ana = Browser(desk.console)
    await passkey_of(desk.house.gate, desk.house.people["olga"], "ana", ana.authenticator)
    begun = (await ana.call("/console/sign-in/begin")).json()
    for _ in range(rate.OF_ONE - 1):
        assert (await ana.call("/console/sign-in/begin")).status_code == 200
    refused = await ana.call("/console/sign-in/begin")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json()["error"]["hint"] == "wait a minute, then try again"
    answer = ana.authenticator.get(begun["options"])
    assert (await ana.call("/console/sign-in/finish", ceremony=begun["ceremony"], answer=answer)).status_code == 200
    desk.house.clock.ms += 60_000
    assert (await ana.call("/console/sign-in/begin")).status_code == 200


def test_all_addresses_together_begin_no_more_than_are_kept() -> None:
    door, now = rate.Rate(), 0
    for minute in range(ceremonies.CEREMONY_S // 60 + 1):
        now = minute * 60_000
        for n in range(rate.OF_ALL):
            door.take(f"10.0.{n // 250}.{n % 250}", now)
        with pytest.raises(HTTPException):
            door.take("192.0.2.1", now)
    assert (ceremonies.CEREMONY_S // 60 + 1) * rate.OF_ALL <= ceremonies.OPEN_SIGN_INS
