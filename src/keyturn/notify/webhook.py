"""One webhook, signed as Standard Webhooks says (https://www.standardwebhooks.com).

Nothing is followed, kept or unpacked: a redirect is a failure, an answer's body is not read.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp
from standardwebhooks.webhooks import Webhook

from keyturn.errors import NotDelivered
from keyturn.gate.notices import Notice
from keyturn.gate.ports import Clock
from keyturn.notify.payload import payload
from keyturn.notify.text import Pages

MOST_RETRY_AFTER_S = 3600.0


class WebhookTarget:
    """POSTs each notice to one address. Of several secrets each signs, so that a receiver can change over."""

    width = 4
    batch = 1

    def __init__(
        self, name: str, url: str, secrets: Sequence[str], pages: Pages, clock: Clock, timeout_s: float = 10.0
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self._url = url
        self._signers = [Webhook(secret) for secret in secrets]
        self._pages = pages
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, notices: Sequence[Notice]) -> None:
        """Deliver; :class:`NotDelivered` unless the receiver answers 2xx."""
        for notice in notices:
            await self._post(notice.id, payload(notice, self._pages))

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def headers(self, notice_id: str, body: bytes, at: datetime) -> dict[str, str]:
        """Those of Standard Webhooks: the id that a receiver deduplicates by, this attempt's time, the signatures."""
        text = body.decode()
        return {
            "content-type": "application/json",
            "user-agent": "keyturn",
            "webhook-id": notice_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(notice_id, at, text) for signer in self._signers),
        }

    async def _post(self, notice_id: str, body: bytes) -> None:
        if self._session is None:
            # No cookies, no proxy from the environment, no credentials from a netrc file; a connection each, since a
            # kept one that the receiver has closed meanwhile would count as a failure.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        headers = self.headers(notice_id, body, datetime.fromtimestamp(self._clock.now() / 1000, UTC))
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                status, retry_after = answer.status, answer.headers.get("retry-after", "")
        except aiohttp.ClientSSLError:
            raise NotDelivered("no trusted connection: look at the certificate") from None
        except (aiohttp.ClientError, OSError):
            raise NotDelivered("no connection, or it broke off") from None
        if 200 <= status < 300:
            return
        if status == 410:
            raise NotDelivered("HTTP 410: the receiver wants no more", final=True)
        if 300 <= status < 400:
            raise NotDelivered(f"HTTP {status}: a redirect, which is not followed")
        wait = min(float(retry_after), MOST_RETRY_AFTER_S) if retry_after.isdecimal() and len(retry_after) < 9 else 0.0
        raise NotDelivered(f"HTTP {status}", retry_after_s=wait)
