"""One apprise URL: a chat, a mail, a pager. Apprise waits where it stands, so each sending has a thread of its own.

The URL holds the secret, and apprise and urllib3 log pieces of it: here the one is silenced, the other kept from DEBUG.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence

from keyturn.errors import ConfigError, NotDelivered
from keyturn.gate.notices import Notice
from keyturn.notify.text import Message, Pages, digest


class AppriseTarget:
    """Sends one message at a time; what waited meanwhile goes together into the next one."""

    width = 1
    batch = 20

    def __init__(self, name: str, url: str, pages: Pages, timeout_s: float = 20.0) -> None:
        import apprise  # half a second, and only where it is used

        logging.getLogger("apprise").disabled = True
        logging.getLogger("urllib3").setLevel(logging.INFO)
        self.name = name
        self.timeout_s = timeout_s
        self._pages = pages
        asset = apprise.AppriseAsset(
            app_id="Keyturn",
            app_desc="Keyturn",
            app_url=pages.url,
            http_redirects=False,
            interpret_emojis=False,
            interpret_escapes=False,
            allow_templates=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            image_url_mask="",
        )
        found = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if found is None:
            raise ConfigError(f"notify.{name}.url: apprise can't use it", hint="see docs/spec/notifications.md")
        self._service = found
        self._service.redirects = False
        self._form = apprise.NotifyFormat.TEXT
        if found.resolve_format(self._form) == apprise.NotifyFormat.MARKDOWN:
            # Our words mean the same in Markdown. Given as text, apprise would escape the dots of our link.
            self._form = apprise.NotifyFormat.MARKDOWN
        self._line_end = "\n\n" if self._form == apprise.NotifyFormat.MARKDOWN else "\n"
        self._busy = False

    async def send(self, notices: Sequence[Notice]) -> None:
        """Deliver as one message; :class:`NotDelivered` if the service does not take it."""
        if self._busy:
            raise NotDelivered("the sending before this one still hangs")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        text = digest(notices, self._pages, self._service.body_maxlen)
        # A daemon: a service that hangs must not keep the process from ending.
        self._busy = True
        threading.Thread(
            target=self._notify, args=(text, loop, done), name=f"keyturn-notify-{self.name}", daemon=True
        ).start()
        if not await done:
            raise NotDelivered("the service did not take it, or could not be reached")

    async def close(self) -> None:
        """Nothing stays open."""

    def _notify(self, text: Message, loop: asyncio.AbstractEventLoop, done: "asyncio.Future[bool]") -> None:
        try:
            body = text.body.replace("\n", self._line_end)
            taken = bool(self._service.notify(title=text.title, body=body, body_format=self._form))
        except Exception:  # a plugin's, and its text may hold the URL
            taken = False
        self._busy = False

        def tell() -> None:
            if not done.done():
                done.set_result(taken)

        with contextlib.suppress(RuntimeError):  # the process is ending
            loop.call_soon_threadsafe(tell)
