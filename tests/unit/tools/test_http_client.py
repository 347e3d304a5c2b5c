"""The client of upstreams over a bare socket: what a server may send, each byte as written here, on both loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from yarl import URL

from keyturn.tools.http_client import AHEAD_BYTES, BARE_BYTES, Answer, HttpClient, HungUp, NotSent

OK = b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"
Loop = Callable[[Awaitable[None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Loop:
    """Both loops: their transports differ."""
    run: Loop = request.param
    return run


class Server:
    """Answers each request on a connection with the next of its answers; ``None`` hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended: list[asyncio.Event] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.ended.append(ended := asyncio.Event())
        try:
            await self._answers(reader, writer)
        except asyncio.IncompleteReadError:
            ended.set()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.requests.append(head)
            answer = self.answers.pop(0)
            if answer is None:
                break
            writer.write(answer)
            if self.answers and self.answers[0] is None:
                break
        writer.close()


@asynccontextmanager
async def running(server: Server, keep_alive_s: float = 60) -> AsyncIterator[HttpClient]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = HttpClient(URL(f"http://127.0.0.1:{port}/mcp?a=b"), connect_s=5, keep_alive_s=keep_alive_s)
    async with listener, asyncio.timeout(20):
        yield client
        await client.close()


async def body(answer: Answer) -> bytes:
    found = b""
    while chunk := await answer.more():
        found += chunk
    return found


async def asked(client: HttpClient) -> bytes:
    answer = await client.request("POST", {}, b"")
    found = await body(answer)
    answer.release()
    return found


def test_a_connection_serves_again_while_it_is_fresh(on_loop: Loop) -> None:
    async def scene() -> None:
        server = Server(OK, OK)
        async with running(server) as client:
            answer = await client.request("POST", {"Mcp-Method": "ping"}, b"")
            assert (answer.status, answer.content_type, answer.content_length) == (200, "application/json", 2)
            assert await body(answer) == b"{}"
            answer.release()
            assert await asked(client) == b"{}"
        assert server.connections == 1
        assert server.requests[0].startswith(b"POST /mcp?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"Mcp-Method: ping\r\nContent-Length: 0\r\n\r\n" in server.requests[0]

    on_loop(scene())


@pytest.mark.parametrize(
    "surplus", [OK, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], ids=["more", "close"]
)
def test_a_connection_on_which_more_may_come_serves_no_other_request(on_loop: Loop, surplus: bytes) -> None:
    async def scene() -> None:
        server = Server(OK + OK if surplus is OK else surplus, OK)
        async with running(server) as client:
            assert await asked(client) == b"{}"
            assert await asked(client) == b"{}"
        assert server.connections == 2

    on_loop(scene())


def test_a_stale_connection_serves_no_other_request(on_loop: Loop) -> None:
    async def scene() -> None:
        server = Server(OK, OK)
        async with running(server, keep_alive_s=0) as client:
            assert await asked(client) + await asked(client) == b"{}{}"
        assert server.connections == 2

    on_loop(scene())


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil it hangs up", b"until it hangs up"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n2\r\n,2\r\n0\r\nContent-Type: x\r\n\r\n",
            b"[1,2",
        ),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["interim", "no length", "chunks", "empty", "none"],
)
def test_a_body_ends_where_its_framing_says(on_loop: Loop, answer: bytes, wanted: bytes) -> None:
    async def scene() -> None:
        async with running(Server(answer, None)) as client:
            assert await asked(client) == wanted

    on_loop(scene())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 2 * BARE_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * BARE_BYTES,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + b"a" * 20 * BARE_BYTES,
    ],
    ids=["none", "no HTTP", "short", "short chunk", "two lengths", "upgrade", "head", "interim", "trailer"],
)
def test_what_is_no_whole_answer_is_an_error(on_loop: Loop, answer: bytes) -> None:
    async def scene() -> None:
        async with running(Server(answer, None)) as client:
            with pytest.raises(HungUp):
                await asked(client)

    on_loop(scene())


def test_a_server_waits_for_its_reader(on_loop: Loop) -> None:
    size = 40 * AHEAD_BYTES

    async def scene() -> None:
        server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        async with running(server) as client:
            answer = await client.request("POST", {}, b"")
            held = len(await answer.more())
            assert held < size // 2
            assert held + len(await body(answer)) == size
            answer.close()

    on_loop(scene())


def test_a_long_answer_that_nobody_read_leaves_its_connection_fit_to_serve(on_loop: Loop) -> None:
    size = AHEAD_BYTES + 1

    async def scene() -> None:
        server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size, OK)
        async with running(server) as client:
            answer = await client.request("POST", {}, b"")
            while not answer.complete:  # noqa: ASYNC110 -- nobody reads it, so nobody is told
                await asyncio.sleep(0)
            answer.release()
            assert await asked(client) == b"{}"
        assert server.connections == 1

    on_loop(scene())


def test_a_header_goes_back_byte_for_byte_as_it_came(on_loop: Loop) -> None:
    async def scene() -> None:
        server = Server(OK.replace(b"200 OK\r\n", b"200 OK\r\nMcp-Session-Id: caf\xe9\r\n"), OK)
        async with running(server) as client:
            answer = await client.request("POST", {}, b"")
            session = answer.headers["mcp-session-id"]
            answer.close()
            (await client.request("POST", {"Mcp-Session-Id": session}, b"")).close()
        assert b"Mcp-Session-Id: caf\xe9\r\n" in server.requests[1]

    on_loop(scene())


def test_connections_that_a_crowd_left_behind_do_not_stay(on_loop: Loop) -> None:
    async def scene() -> None:
        server = Server(*[OK] * 4)
        async with running(server, keep_alive_s=0) as client:
            crowd = [await client.request("POST", {}, b"") for _ in range(4)]
            for answer in crowd:
                await body(answer)
                answer.release()
            await asyncio.gather(*(ended.wait() for ended in server.ended[:3]))

    on_loop(scene())


def test_a_name_that_cannot_be_is_no_connection(on_loop: Loop) -> None:
    async def scene() -> None:
        client = HttpClient(URL(f"http://{'a' * 70}.example/"), connect_s=5, keep_alive_s=60)
        with pytest.raises(NotSent):
            await client.request("POST", {}, b"")

    on_loop(scene())


def test_a_line_break_in_a_header_is_never_sent(on_loop: Loop) -> None:
    async def scene() -> None:
        server = Server(OK)
        async with running(server) as client:
            for value in ("a\r\nX-B: b", "a\nb", "a\rb", "a\0"):
                with pytest.raises(NotSent):
                    await client.request("POST", {"X-A": value}, b"")
        assert server.connections == 0

    on_loop(scene())
