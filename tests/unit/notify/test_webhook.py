"""Signed webhooks as others verify them: the library, HMAC by hand, and the vectors of the specification."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.receiver import SECRET, Receiver
from tests.unit.notify.conftest import HELD, PAGES

from keyturn.core.canonical import canonical_json
from keyturn.errors import NotDelivered
from keyturn.gate.notices import Event, Notice
from keyturn.house import WallClock
from keyturn.notify import WebhookTarget
from keyturn.notify.payload import payload

VECTORS: list[dict[str, Any]] = json.loads(Path("tests/vectors/notifications/webhooks.json").read_text())
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()


def signature(secret: str, notice_id: str, timestamp: str, body: bytes) -> str:
    """The standard's own words: HMAC-SHA256 of id, time and body, with dots between."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{notice_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac).decode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_the_vectors(vector: dict[str, Any]) -> None:
    notice = msgspec.convert(vector["notice"], Notice)
    body = payload(notice, PAGES)
    assert json.loads(body) == vector["payload"]
    assert body == canonical_json(vector["payload"])
    timestamp = vector["headers"]["webhook-timestamp"]
    target = WebhookTarget("hook", "https://h.example", vector["secrets"], PAGES, WallClock())
    headers = target.headers(notice.id, body, datetime.fromtimestamp(int(timestamp), UTC))
    assert {name: headers[name] for name in vector["headers"]} == vector["headers"]
    assert headers["webhook-signature"].split(" ") == [
        signature(secret, notice.id, timestamp, body) for secret in vector["secrets"]
    ]


async def test_what_arrives_verifies_with_the_library_and_by_hand(receiver: Receiver) -> None:
    target = WebhookTarget("hook", receiver.url, [SECRET], PAGES, WallClock())
    await target.send([HELD])
    await target.close()
    (got,) = receiver.got
    assert (got.method, got.headers["content-type"]) == ("POST", "application/json")
    value = Webhook(SECRET).verify(got.body, got.headers)
    assert value["data"]["id"] == got.headers["webhook-id"] == HELD.id
    by_hand = signature(SECRET, got.headers["webhook-id"], got.headers["webhook-timestamp"], got.body)
    assert got.headers["webhook-signature"] == by_hand
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(got.body.replace(b"two_key", b"one_key"), got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(got.body, got.headers)


async def test_while_keys_change_over_either_secret_verifies(receiver: Receiver) -> None:
    target = WebhookTarget("hook", receiver.url, [NEW, SECRET], PAGES, WallClock())
    await target.send([HELD])
    await target.close()
    (got,) = receiver.got
    for secret in (NEW, SECRET):
        assert Webhook(secret).verify(got.body, got.headers)["type"] == "keyturn.held"


async def test_a_certificate_that_nobody_trusts_and_a_dead_address_are_told_without_the_address(
    receiver: Receiver,
) -> None:
    plain_http = receiver.url.replace("http://", "https://")
    for url in (plain_http, "http://127.0.0.1:1/pAtHsEcReT"):
        target = WebhookTarget("hook", url, [SECRET], PAGES, WallClock())
        with pytest.raises(NotDelivered) as caught:
            await target.send([HELD])
        await target.close()
        assert "127.0.0.1" not in str(caught.value) and "pAtH" not in str(caught.value)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_hostile_text_is_bounded_and_seen() -> None:
    hostile = msgspec.structs.replace(HELD, tool="x/" + "a" * 1_000_000, case="a\u202eb\x00\u200b\ud800")
    value = json.loads(payload(hostile, PAGES))
    assert len(value["data"]["tool"]) == 201 and value["data"]["tool"].endswith("…")
    assert value["data"]["case"] == "a\\u{202e}b\\u{0}\\u{200b}\\u{d800}"


def test_a_test_says_that_it_is_one() -> None:
    value = json.loads(payload(Notice(id="test-1", event=Event.TEST, at=0), PAGES))
    assert value == {
        "type": "keyturn.test",
        "timestamp": "1970-01-01T00:00:00.000Z",
        "data": {"id": "test-1", "page": "https://keyturn.example/console"},
    }
