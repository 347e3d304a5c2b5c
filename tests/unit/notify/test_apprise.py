"""Apprise as it reaches a service: the bytes that Slack, Discord, Telegram, Mattermost and a mail server would get."""

import asyncio
import email
import email.policy
import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
import requests
from tests.receiver import Receiver
from tests.unit.notify.conftest import HELD, PAGES
from tests.unit.notify.test_text import HOSTILE, LINK

from keyturn.errors import ConfigError, NotDelivered
from keyturn.notify import AppriseTarget, attempt

SECRET = "sEcReTtOkEn"


def at(receiver: Receiver, more: str = "") -> AppriseTarget:
    """The generic JSON service at a receiver."""
    return AppriseTarget("chat", f"json://user:{SECRET}@{receiver.address}/p{SECRET}{more}", PAGES, 5.0)


async def test_a_notice_arrives_as_text_again_and_again(receiver: Receiver) -> None:
    target = at(receiver)
    for _ in range(3):
        await target.send([HELD])
    assert len(receiver.got) == 3
    sent = json.loads(receiver.got[0].body)
    assert sent["title"] == "Keyturn: an action waits for two keys"
    assert LINK in sent["message"] and "edr/isolate_host" in sent["message"]


async def test_several_notices_are_one_message(receiver: Receiver) -> None:
    await at(receiver).send([HELD, HELD])
    (got,) = receiver.got
    assert json.loads(got.body)["title"] == "Keyturn: 2 notices"


@pytest.mark.parametrize("more", ["", "?redirect=yes"])
async def test_a_redirect_is_not_followed_whatever_the_url_asks(
    receiver: Receiver, make_receiver: Callable[[], Receiver], more: str
) -> None:
    elsewhere = make_receiver()
    receiver.answers = [(307, {"location": elsewhere.url})]
    with pytest.raises(NotDelivered):
        await at(receiver, more).send([HELD])
    assert len(receiver.got) == 1 and elsewhere.got == []


async def test_a_service_that_hangs_keeps_one_thread_and_no_loop(receiver: Receiver) -> None:
    receiver.hang = True
    target = at(receiver, "?rto=20")
    target.timeout_s = 0.3
    failure = await attempt(target, [HELD])
    assert failure is not None and "no answer within 0.3 s" in failure.message
    again = await attempt(target, [HELD])
    assert again is not None and "still hangs" in again.message
    assert sum(thread.name == "keyturn-notify-chat" for thread in threading.enumerate()) == 1
    receiver.hang = False
    receiver.released.set()
    async with asyncio.timeout(10):
        while await attempt(target, [HELD]) is not None:
            await asyncio.to_thread(threading.Event().wait, 0.01)


async def test_no_part_of_an_address_shows(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [(500, {})]
    target = at(receiver)
    failure = await attempt(target, [HELD])
    assert failure is not None
    with pytest.raises(ConfigError) as caught:
        AppriseTarget("chat", f"nosuchservice://{SECRET}", PAGES)
    seen = caplog.text + str(failure) + str(caught.value) + repr(target) + repr(caught.value.__cause__)
    assert "notify.chat.url" in seen and SECRET not in seen


class Tags(HTMLParser):
    """The elements of a text, and what a reader sees of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.seen = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)

    def handle_data(self, data: str) -> None:
        self.seen += data


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every JSON that leaves through requests, answered with a 200 in the services' place."""
    sent: list[dict[str, Any]] = []

    def send(_: Any, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        assert isinstance(request.body, str | bytes)
        sent.append(json.loads(request.body))
        answer = requests.Response()
        answer.status_code, answer.request = 200, request
        answer._content = b"ok" if "slack" in str(request.url) else b'{"ok": true, "result": []}'
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return sent


SERVICES = {
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "slack-markdown": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?format=markdown",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "discord-embed": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?format=markdown",
    "telegram": "tgram://123456789:ABCdefghijklmnopqrstuvwxyz1234567890/12315544/",
    "telegram-markdown": "tgram://123456789:ABCdefghijklmnopqrstuvwxyz1234567890/12315544/?format=markdown",
    "mattermost": "mmosts://chat.example/3ccdd113474722377935511fc85d3dd4",
    "msteams": "workflows://host.example:443/643k2hdf2jd/8j3hdh3/",
}


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


@pytest.mark.parametrize("service", SERVICES)
async def test_nothing_hostile_is_markup_for_the_services(service: str, wire: list[dict[str, Any]]) -> None:
    target = AppriseTarget("chat", SERVICES[service], PAGES)
    target._service.request_rate_per_sec = 0
    for hostile in HOSTILE:
        wire.clear()
        notice = msgspec.structs.replace(HELD, tool=hostile, case=hostile, agent=hostile, targets={hostile: 1})
        await target.send([notice])
        assert any(LINK in text for payload in wire for text in texts(payload)), "it left, and its link is whole"
        for text in (text for payload in wire for text in texts(payload)):
            visible = Tags(text)
            assert visible.found <= {"b", "strong"}, text
            links = re.findall(r"\w+:/{2}[^\s<>|)\]\\]+", text)
            assert set(links) <= {LINK, PAGES.url, "http://adaptivecards.io/schemas/adaptive-card.json"}, links
            assert not re.search(r"(?<!\\)!?\[[^\]]*\]\(", text), text
            assert not re.search(r"<[!@#]|(?<!\[)@(?:here|everyone|channel)|```|\n(?:#|>|---)", text), text


class Mail:
    """As much of an SMTP server as takes one mail."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as lines:
                self._talk(lines)

    def _talk(self, lines: Any) -> None:
        def say(text: bytes) -> None:
            lines.write(text + b"\r\n")
            lines.flush()

        say(b"220 here")
        while line := lines.readline():
            word = line.strip().upper()[:4]
            if word == b"DATA":
                say(b"354 go on")
                mail = b""
                while (part := lines.readline()) not in (b".\r\n", b""):
                    mail += part
                self.mails.append(mail)
            say(b"221 bye" if word == b"QUIT" else b"250 fine")
            if word == b"QUIT":
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def mail() -> Iterator[Mail]:
    server = Mail()
    yield server
    server.close()


@pytest.mark.parametrize("form", ["text", "html"])
async def test_a_mail_has_our_words_and_one_link(mail: Mail, form: str) -> None:
    url = f"mailto://127.0.0.1:{mail.port}/?from=keyturn@example.com&to=oncall@example.com&mode=insecure&format={form}"
    target = AppriseTarget("mail", url, PAGES)
    hostile = msgspec.structs.replace(HELD, case="<img src=x>\r\nBcc: eve@evil.example\r\n\r\n<b>Approved</b>")
    await target.send([hostile])
    (raw,) = mail.mails
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["subject"] == "Keyturn: an action waits for two keys"
    assert message["bcc"] is None and "evil" not in str(message["to"])
    for part in message.walk():
        if part.get_content_maintype() != "text":
            continue
        body = part.get_content()
        assert "[.]example" in body and LINK in body
        tags = Tags(body)
        assert tags.found <= {"html", "body", "head", "br", "p", "h1"}, tags.found
        assert set(re.findall(r"\w+://[^\s<]+", body)) == {LINK}
