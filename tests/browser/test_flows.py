"""What people do at the console, in a browser with passkeys, from the first link to the last key."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage, Person
from tests.browser.served import Soc
from tests.unit.gate.test_narrow import SCHEMA, Many

from keyturn.core.execution import State
from keyturn.core.quorum import KeySet, QuorumRule
from keyturn.demo.gateway import running
from keyturn.gate import GateSettings
from keyturn.tools.functions import FunctionTools


def turn(person: Person) -> None:
    """Press the button that turns the key, and see that it is turned."""
    person.page.get_by_role("button", name=re.compile("Turn your key")).click()
    expect(person.page.get_by_text("Your key is turned.").first).to_be_visible()


def refused(page: Page, *words: str) -> None:
    """The page says why not."""
    said = page.locator("form[data-passkey] [data-said]").first
    expect(said).to_be_visible()
    for word in words:
        expect(said).to_contain_text(word)


def test_from_the_first_link_to_an_invitation_and_back(soc: Soc, open_page: OpenPage) -> None:
    link = soc.do(soc.house.gate.access.invite(soc.people["olga"], "lena")).link
    lena = open_page()
    lena.page.goto(link)
    lena.page.get_by_label("A name for this passkey").fill("laptop")
    lena.page.get_by_role("button", name="Make a passkey").click()
    expect(lena.page).to_have_url(f"{soc.origin}/console/")
    expect(lena.page.get_by_text("lena").first).to_be_visible()
    (credential,) = lena.credentials()
    assert credential["isResidentCredential"]
    added = soc.entries("passkey_added")[-1]
    assert (added["person"], added["by"], added["pending"]) == ("lena", "olga", False)
    sign_out(lena)
    lena.page.get_by_role("button", name="Use your passkey").click()
    expect(lena.page).to_have_url(f"{soc.origin}/console/")
    lena.page.goto(link)
    expect(lena.page.get_by_text("this link is not valid")).to_be_visible()


def test_the_first_owner_follows_the_link_that_a_started_gateway_prints(open_page: OpenPage, tmp_path: Path) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text('[server]\nport = 0\n[upstreams.away]\ncommand = "no-such-program-anywhere"\n')
    with running(config) as url:
        console = f"http://localhost:{url.rpartition(':')[2]}/console/"
        told = config.with_name("gateway.log").read_text()
        link = next(word for word in told.split() if word.startswith(f"{console}setup/"))
        olga = open_page()
        olga.may_ask = (console,)
        olga.page.goto(link)
        olga.page.get_by_label("Your name").fill("Olga")
        olga.page.get_by_role("button", name="Make a passkey").click()
        expect(olga.page).to_have_url(console)
        expect(olga.page.locator("details.who")).to_contain_text("olga")
        sign_out(olga)
        olga.page.get_by_role("button", name="Use your passkey").click()
        expect(olga.page).to_have_url(console)
        olga.page.goto(link)
        expect(olga.page.get_by_text("this link is not valid")).to_be_visible()
        olga.page.goto("about:blank")


def sign_out(person: Person) -> None:
    """By the menu."""
    person.page.locator("details.who summary").click()
    person.page.get_by_role("button", name="Sign out").click()
    expect(person.page.get_by_text("You are signed out.")).to_be_visible()


def test_who_asks_for_a_page_comes_back_to_it_after_signing_in(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="ws1")
    ana = open_page()
    ana.hold_passkey(soc.passkey("ana"))
    ana.see(record)
    expect(ana.page).to_have_url(re.compile("/console/sign-in"))
    ana.page.get_by_role("button", name="Use your passkey").click()
    expect(ana.page).to_have_url(f"{soc.origin}/console/actions/{record.id}")


def test_two_people_turn_their_keys_and_every_page_sees_it_run(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="dc01")
    ana, lena, bob = open_page("ana"), open_page("lena"), open_page("bob")
    bob.go("/console/")
    expect(bob.page.locator(f"#row-{record.id}")).to_be_visible()
    expect(bob.page).to_have_title(re.compile(r"^\(1\) "))
    ana.see(record)
    lena.see(record)
    turn(ana)
    expect(lena.page.locator("#standing")).to_contain_text("1/2")
    turn(lena)
    expect(bob.page.locator(f"#row-{record.id}")).to_have_count(0)
    expect(ana.page.locator("#standing")).to_contain_text("has run")
    assert soc.house.fleet.changes == [("isolate", "dc01")]
    turned = soc.entries("key_turned")
    assert [(key["person"], key["how"]) for key in turned] == [("ana", "passkey"), ("lena", "passkey")]


def test_a_refusal_with_its_reason_ends_it_by_the_keyboard(soc: Soc, open_page: OpenPage) -> None:
    first, second = soc.hold(host="ws1"), soc.hold(host="ws2")
    ana = open_page("ana")
    ana.go("/console/")
    expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
    ana.page.keyboard.press("j")
    ana.page.keyboard.press("j")
    ana.page.keyboard.press("k")
    ana.page.keyboard.press("Enter")
    expect(ana.page).to_have_url(re.compile(f"{first.id}|{second.id}"))
    ana.page.keyboard.press("r")
    reason = ana.page.get_by_label("Reason", exact=True)
    expect(reason).to_be_focused()
    ana.page.keyboard.type("not this host; rather the proxy")
    ana.page.locator("dialog#refuse").get_by_role("button", name="Refuse").click()
    expect(ana.page.get_by_text("Refused. The agent is told your reason.")).to_be_visible()
    gone = first.id if first.id in ana.page.url else second.id
    assert soc.look(gone).state is State.REFUSED
    assert "rather the proxy" in str(soc.entries("refused")[-1])
    ana.page.keyboard.press("?")
    expect(ana.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    ana.page.keyboard.press("Escape")
    ana.page.keyboard.press("u")
    expect(ana.page).to_have_url(f"{soc.origin}/console/")


def test_several_alike_by_one_touch_once_each_was_opened(soc: Soc, open_page: OpenPage) -> None:
    records = [soc.hold(host=f"ws{n}") for n in range(3)]
    ana = open_page("ana")
    ana.go("/console/")
    for record in records:
        ana.page.locator(f"#row-{record.id} input[type=checkbox]").check()
    ana.page.get_by_role("button", name="Look at them together").click()
    expect(ana.page.get_by_text("Open each of them first: 3 to go.")).to_be_visible()
    address = ana.page.url
    for record in records:
        ana.see(record)
    ana.page.goto(address)
    ana.page.get_by_role("button", name="Turn your key on all 3").click()
    expect(ana.page).to_have_url(f"{soc.origin}/console/")
    expect(ana.page.get_by_text("Your key is turned.")).to_be_visible()
    (one, *others) = soc.entries("key_turned")
    assert len(others) == 2 and all(key["assertion"] == one["assertion"] for key in others), "one signature"
    assert sorted(host for _, host in soc.house.fleet.changes) == ["ws0", "ws1", "ws2"]


def test_alike_holds_that_arise_one_by_one_get_their_heading_and_marks_stay(soc: Soc, open_page: OpenPage) -> None:
    first, ana = soc.hold(host="ws0"), open_page("ana")
    ana.go("/console/")
    expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
    box = ana.page.locator(f"#row-{first.id} input[type=checkbox]")
    box.check()
    for n in range(1, 3):
        soc.hold(host=f"ws{n}")
    expect(ana.page.locator(".bunch-head")).to_contain_text("3 alike")
    expect(box).to_be_checked()
    expect(ana.page.locator("#together-count")).to_have_text("1 marked")


def test_it_expires_while_its_page_is_open(soc: Soc, open_page: OpenPage) -> None:
    soc.house.ctx.settings = GateSettings(hold_s=600)
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.see(record)
    button = ana.page.get_by_role("button", name="Turn your key")
    expect(button).to_be_enabled()
    soc.later(601)
    expect(ana.page.locator("#standing")).to_contain_text("expired")
    expect(button).to_have_count(0)
    assert soc.house.fleet.changes == []


def test_two_people_at_once_and_the_slower_is_told(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="ws1")
    ana, bob = open_page("ana"), open_page("bob")
    ana.see(record)
    bob.see(record)
    bob.page.get_by_role("button", name="Refuse").first.click()
    bob.page.get_by_label("Reason", exact=True).fill("mine")
    turn(ana)
    expect(bob.page.locator("#standing")).to_contain_text("has run")
    expect(bob.page.locator("dialog#refuse")).to_have_count(0)
    assert soc.look(record.id).state is State.SUCCEEDED


def test_the_connection_is_lost_and_comes_back(soc: Soc, open_page: OpenPage) -> None:
    ana = open_page("ana")
    ana.go("/console/")
    expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
    soc.stop()
    expect(ana.page.locator("#lost")).to_be_visible()
    record = soc.hold(host="ws1")
    soc.start()
    expect(ana.page.locator("#lost")).to_be_hidden()
    expect(ana.page.locator(f"#row-{record.id}")).to_be_visible()


def test_a_key_while_the_server_is_away_is_told_and_can_be_turned_again(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.see(record)
    soc.stop()
    ana.page.get_by_role("button", name="Turn your key").click()
    refused(ana.page, "can't be reached", "Nothing was done")
    soc.start()
    expect(ana.page.locator("#lost")).to_be_hidden()
    turn(ana)


def test_a_session_that_is_revoked_meanwhile_turns_nothing(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.see(record)
    expect(ana.page.locator("#live")).to_have_attribute("data-state", "on")
    for session in soc.do(soc.house.gate.access.sessions(soc.people["ana"])):
        soc.do(soc.house.gate.access.revoke_session(soc.people["olga"], session.id))
    ana.page.get_by_role("button", name="Turn your key").click()
    expect(ana.page.get_by_text(re.compile("signed in|session has ended")).first).to_be_visible()
    assert soc.look(record.id).state is State.HELD
    expect(ana.page).to_have_url(re.compile("/console/sign-in"))
    expect(ana.page.get_by_text("Your session has ended")).to_be_visible()


def test_further_roles_count_when_nobody_acts(soc: Soc, open_page: OpenPage) -> None:
    rule = QuorumRule(
        oversight="one_key", sets=(KeySet(roles=("lead",), count=1, escalate_after_s=600, escalate_to=("analyst",)),)
    )
    soc.house.ctx.quorum = (rule,)
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.see(record)
    expect(ana.page.locator("#decide")).to_contain_text("lead")
    soc.later(601)
    ana.page.reload()
    turn(ana)
    assert soc.look(record.id).state is State.SUCCEEDED


def test_a_smaller_action_takes_its_place(soc: Soc, open_page: OpenPage) -> None:
    reached: list[list[str]] = []

    def contain(hosts: list[str]) -> dict[str, bool]:
        reached.append(hosts)
        return {"done": True}

    soc.house.ctx.tools, soc.house.ctx.knowledge = FunctionTools("soc", {"contain": (contain, SCHEMA)}), Many()
    record = soc.hold("contain", hosts=["ws1", "ws2"])
    ana = open_page("ana")
    ana.see(record).get_by_role("link", name="Narrow").click()
    field = ana.page.get_by_label("Arguments, as JSON")
    expect(field).to_be_visible()
    field.fill('{"hosts": ["ws3"]}')
    ana.page.get_by_role("button", name="Propose the smaller one").click()
    expect(ana.page.get_by_role("alert").first).to_be_visible()
    assert soc.look(record.id).state is State.HELD, "another target is not a smaller action"
    field.fill('{"hosts": ["ws1"]}')
    ana.page.get_by_role("button", name="Propose the smaller one").click()
    expect(ana.page.get_by_text("The smaller action is proposed in its place")).to_be_visible()
    assert soc.look(record.id).state is State.WITHDRAWN
    smaller = soc.look(ana.page.url.rpartition("/")[2].partition("?")[0])
    assert smaller.id != record.id and smaller.state is State.HELD and smaller.digest != record.digest
    bob = open_page("bob")
    bob.see(smaller)
    turn(bob)
    assert soc.look(smaller.id).state is State.SUCCEEDED
    assert reached == [["ws1"]]


# What no browser may do


def test_without_user_verification_no_key_is_turned_and_nobody_signs_in(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.verifies(False)
    ana.see(record)
    ana.page.get_by_role("button", name="Turn your key").click()
    refused(ana.page, "Nothing was done")
    ana.page.evaluate(WEAKEN)
    ana.page.get_by_role("button", name="Turn your key").click()
    refused(ana.page, "refused")
    assert soc.look(record.id).state is State.HELD and not soc.entries("key_turned")
    sign_out(ana)
    ana.page.evaluate(WEAKEN)
    ana.page.get_by_role("button", name="Use your passkey").click()
    refused(ana.page, "not accepted")


WEAKEN = """() => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = ({ publicKey }) => get({ publicKey: { ...publicKey, userVerification: "discouraged" } });
}"""
OTHER_CHALLENGE = """() => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = ({ publicKey }) => get({ publicKey: { ...publicKey, challenge: new Uint8Array(32) } });
}"""
SEND = """async ([path, body]) => {
  const csrf = document.querySelector('meta[name="csrf"]').content;
  const headers = { "Content-Type": "application/json", "X-Keyturn-Csrf": csrf };
  const answer = await fetch(path, { method: "POST", headers, body });
  return [answer.status, await answer.text()];
}"""


def test_a_signature_over_another_challenge_turns_no_key(soc: Soc, open_page: OpenPage) -> None:
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.see(record)
    ana.page.evaluate(OTHER_CHALLENGE)
    ana.page.get_by_role("button", name="Turn your key").click()
    refused(ana.page, "refused")
    assert soc.look(record.id).state is State.HELD


def test_a_substituted_digest_or_action_turns_no_key(soc: Soc, open_page: OpenPage) -> None:
    shown, other = soc.hold(host="ws1"), soc.hold("wipe", host="ws1")
    ana = open_page("ana")
    for hold in (f"{shown.id} {other.digest}", f"{other.id} {shown.digest}"):
        ana.see(shown)
        ana.page.locator("input[name=hold]").evaluate("(input, value) => { input.value = value; }", hold)
        ana.page.get_by_role("button", name="Turn your key").click()
        refused(ana.page, "another digest")
    assert not soc.entries("key_turned")


def test_an_assertion_counts_once(soc: Soc, open_page: OpenPage) -> None:
    first, second = soc.hold(host="dc01"), soc.hold(host="ws2")
    ana = open_page("ana")
    ana.see(first)
    with ana.page.expect_request("**/turn/finish") as sent:
        turn(ana)
    body = sent.value.post_data
    assert body
    ana.see(second)
    status, said = ana.page.evaluate(SEND, ["/console/turn/finish", body])
    assert status == 409 and "answered already" in said
    begun = ana.page.evaluate(SEND, ["/console/turn/begin", f'{{"holds": [["{second.id}", "{second.digest}"]]}}'])
    ceremony = re.search(r'"ceremony":"([^"]+)"', begun[1])
    assert ceremony
    status, said = ana.page.evaluate(
        SEND, ["/console/turn/finish", re.sub(r'"ceremony":"[^"]+"', f'"ceremony":"{ceremony[1]}"', body)]
    )
    assert status == 403, said
    assert len(soc.entries("key_turned")) == 1


def test_a_signature_made_for_another_origin_turns_no_key(soc: Soc, open_page: OpenPage, elsewhere: str) -> None:
    """A page at another port of the same host may use the same passkey; what it signs says where it was signed."""
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    ana.may_ask = (elsewhere,)
    ana.see(record)
    _, text = ana.page.evaluate(SEND, ["/console/turn/begin", json.dumps({"holds": [[record.id, record.digest]]})])
    begun = json.loads(text)
    ana.page.goto(elsewhere)
    answer = ana.page.evaluate(SIGN, begun["options"])
    ana.see(record)
    body = json.dumps({"ceremony": begun["ceremony"], "answer": answer})
    status, said = ana.page.evaluate(SEND, ["/console/turn/finish", body])
    assert status == 403 and "origin" in said, said
    assert soc.look(record.id).state is State.HELD and not soc.entries("key_turned")


SIGN = """async (json) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}"""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A page at another port."""

    class Blank(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


def test_another_origin_gets_no_page_and_no_key(soc: Soc, open_page: OpenPage) -> None:
    """The same server by another name, and a page of another port that posts and frames: nothing of it counts."""
    record = soc.hold(host="ws1")
    ana = open_page("ana")
    answer = ana.page.request.get(f"http://127.0.0.1:{soc.port}/console/", max_redirects=0)
    assert answer.status == 307 and answer.headers["location"] == f"{soc.origin}/console/"
    answer = ana.page.request.get(f"{soc.origin}/console/", headers={"host": f"evil.localhost:{soc.port}"})
    assert answer.status == 421
    for origin in ("http://localhost:1", "null", "https://evil.example"):
        answer = ana.page.request.post(
            f"{soc.origin}/console/turn/begin",
            data={"holds": [[record.id, record.digest]]},
            headers={"origin": origin},
        )
        assert answer.status == 403, origin
