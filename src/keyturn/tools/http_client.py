"""HTTP/1.1 as far as upstreams need it: a pool of connections to one server, one request at a time on each.

Nothing is followed, stored, unpacked or sent twice. Answers are parsed by llhttp (``httptools``) and read as they come;
what a server sends ahead of its reader, or beside any body, is bounded.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import cast

import aiohappyeyeballs
import httptools
from yarl import URL

AHEAD_BYTES = 262_144
"""How much of a body may wait for its reader before the server has to wait."""
BARE_BYTES = 65_536
"""How much may come that is no body: a head, trailers, interim answers."""
STAGGER_S = 0.25
"""How long one of a name's addresses is tried before the next is tried beside it (RFC 8305)."""


class NotSent(ConnectionError):
    """Nothing has left: no connection was made, or the request can't be written."""


class HungUp(ConnectionError):
    """The connection broke before the whole answer had come, or what came is no HTTP."""


class Answer:
    """The answer to one request, once its head is here. :meth:`release` it, or :meth:`close` it.

    ``headers`` are by lower-case name. ``complete``: all of it has come, whether it was read or not.
    """

    def __init__(self, connection: "_Connection") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.head: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._connection: _Connection | None = connection
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._held = self._bare = 0
        self._failure: HungUp | None = None
        self._wanted: asyncio.Future[None] | None = None
        self._reusable = False

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case; empty if the server names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        """How many bytes the body has, where the server says so."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None

    async def more(self) -> bytes:
        """What has come of the body since, waiting for something to come; empty at its end. Raises :class:`HungUp`."""
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self.complete:
                return b""
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        found = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._held > AHEAD_BYTES and self._connection is not None:
            self._connection.listen()
        self._held = 0
        return found

    def release(self) -> None:
        """Done with it: the connection may serve another request, if nothing more is to come on it."""
        if self._connection is not None and self.complete and self._reusable:
            self._connection.release()
            self._connection = None
        else:
            self.close()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()

    def feed(self, data: bytes) -> None:
        """Bytes of the answer, from its connection."""
        held = self._held
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as e:
            self._reusable = False
            self.fail(HungUp(f"its answer is no HTTP: {type(e).__name__}"))
            return
        self._bare = 0 if self._held != held else self._bare + len(data)
        if self._bare > BARE_BYTES and not self.complete:
            self.fail(HungUp(f"its answer has more than {BARE_BYTES} bytes of headers"))
        elif self._held > AHEAD_BYTES >= held and not self.complete and self._connection is not None:
            self._connection.pause()

    def end(self, error: Exception | None) -> None:
        """The connection is over: the end of a body without a length, else the answer is broken off."""
        sized = "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower()
        if error is None and self.head.done() and not sized:
            self.complete = True
            self._wake()
        else:
            self.fail(HungUp("it hung up" if error is None else f"{type(error).__name__} {error}"))

    def fail(self, failure: HungUp) -> None:
        """There will be no more of it."""
        if self.complete or self._failure is not None:
            return
        self._failure = failure
        if not self.head.done():
            self.head.set_exception(failure)
        self._wake()
        self.close()

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    # What the parser calls

    def on_message_begin(self) -> None:
        """A second answer to one request: nobody asked for it."""
        if self.complete:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which says nothing here."""
        if not self.head.done():
            key, text = name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """The head is here, unless it is only an interim answer's (1xx)."""
        if self.head.done():
            return
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
            return
        self.status = status
        self.head.set_result(self)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self.complete:
            self._chunks.append(body)
            self._held += len(body)
            self._wake()

    def on_message_complete(self) -> None:
        """The end of the answer, or of an interim one."""
        if self.status and not self.complete:
            self.complete, self._reusable = True, self._parser.should_keep_alive()
            self._wake()


class _Connection(asyncio.Protocol):
    def __init__(self, client: "HttpClient") -> None:
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.close()
        else:
            self._answer.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.forget(self)
        if self._answer is not None and not self._answer.complete:
            self._answer.end(exc)

    async def exchange(self, request: bytes) -> Answer:
        if not self.usable or self._transport is None:
            raise NotSent("the connection closed before anything was sent")
        answer = self._answer = Answer(self)
        self._transport.write(request)
        try:
            return await answer.head
        except BaseException:
            self.close()
            raise

    def release(self) -> None:
        self._answer = None
        self._client.take_back(self)

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def listen(self) -> None:
        if self._transport is not None and self.usable:
            self._transport.resume_reading()

    def close(self) -> None:
        self._client.forget(self)
        if self._transport is not None:
            self._transport.close()


class HttpClient:
    """The connections to the server at one URL, as many as are in use at once; idle ones are kept for a time."""

    def __init__(self, url: URL, *, connect_s: float, keep_alive_s: float) -> None:
        self._url = url
        self._target = url.raw_path_qs
        self._connect_s = connect_s
        self._keep_alive_s = keep_alive_s
        self._tls: ssl.SSLContext | None = None
        self._open: set[_Connection] = set()
        self._idle: list[_Connection] = []

    async def request(self, method: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request, and return its answer once the head has come.

        Raises :class:`NotSent` if nothing has left, :class:`HungUp` if no answer came.
        """
        request = self._written(method, headers, body)
        connection = self._kept() or await self._connect()
        return await connection.exchange(request)

    def _written(self, method: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        lines = [f"{method} {self._target} HTTP/1.1", f"Host: {self._url.host_port_subcomponent}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines)
        if "\0" in head or not head.count("\r") == head.count("\n") == len(lines) - 1:
            raise NotSent("a header's value holds a line break")
        return f"{head}\r\n\r\n".encode("utf-8", "surrogateescape") + (body or b"")

    def _kept(self) -> _Connection | None:
        self._hang_up_on_stale()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    def _hang_up_on_stale(self) -> None:
        latest = asyncio.get_running_loop().time() - self._keep_alive_s
        while self._idle and self._idle[0].idle_since <= latest:  # the first has been idle longest
            self._idle[0].close()

    async def _connect(self) -> _Connection:
        loop, url = asyncio.get_running_loop(), self._url
        host, port = url.raw_host or "", url.port or 0
        try:
            async with asyncio.timeout(self._connect_s):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=STAGGER_S, loop=loop)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                tls = self._context() if url.scheme == "https" else None
                _, connection = await loop.create_connection(
                    lambda: _Connection(self), sock=sock, ssl=tls, server_hostname=host if tls else None
                )
        except TimeoutError:
            raise NotSent(f"no connection to {host}:{port} within {self._connect_s:g} s") from None
        except (OSError, UnicodeError) as e:  # UnicodeError: no name that DNS could have
            raise NotSent(f"no connection to {host}:{port}: {e}") from None
        self._open.add(connection)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def take_back(self, connection: _Connection) -> None:
        """A connection that may serve again."""
        self._hang_up_on_stale()
        if connection in self._open:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)

    def forget(self, connection: _Connection) -> None:
        """A connection that is over."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    async def close(self) -> None:
        """Hang up on all."""
        for connection in list(self._open):
            connection.close()
        await asyncio.sleep(0)  # the transports close in the loop's next turn
