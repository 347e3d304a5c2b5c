"""One run of a stdio server: a process of its own group, JSON-RPC lines on its pipes, its stderr in the log."""

import asyncio
import contextlib
import logging
import os
import re
import signal

from keyturn.errors import ToolNotSent
from keyturn.tools.launch import environment
from keyturn.tools.settings import StdioSettings

log = logging.getLogger(__name__)

STDERR_LINE = 500
STDERR_LINES = 1_000
MAX_SKIPPED = 16
"""How many times the limit an over-long line may have before the server is given up."""

_head = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,')
_tail = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


class TooLong(Exception):
    """A line beyond the limit was skipped; ``id`` is the request that it seems to answer."""

    def __init__(self, id: int | None) -> None:
        super().__init__(id)
        self.id = id


class ServerProcess:
    """The process and its pipes. Start it with :meth:`start`, and :meth:`stop` it: nothing of its group stays."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, transport: asyncio.SubprocessTransport, limit: int
    ) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ToolNotSent(f"{name} has no pipes")
        self._name = name
        self._process = process
        self._transport = transport
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._limit = limit
        self._drain = asyncio.create_task(self._drain_stderr(process.stderr))

    @classmethod
    async def start(cls, name: str, settings: StdioSettings, path: str | None) -> "ServerProcess":
        """Start the program at ``path``. Raises :class:`ToolNotSent` if that can't be done."""
        env = environment(settings)
        if path is None:
            raise ToolNotSent(f"{name}: no program {settings.command!r}", hint="check the command and its PATH")
        limit = settings.limits.answer_bytes
        loop, pipe = asyncio.get_running_loop(), asyncio.subprocess.PIPE
        try:
            # What asyncio.create_subprocess_exec does, except that the transport can be closed at the end: the pipes
            # of a server that died while it wrote too much would stay open.
            transport, protocol = await loop.subprocess_exec(
                lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=limit, loop=loop),
                path, *settings.args, stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=settings.cwd,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as e:
            raise ToolNotSent(f"{name}: {settings.command!r} can't be started: {e}") from None
        return cls(name, asyncio.subprocess.Process(transport, protocol, loop), transport, limit)

    @property
    def alive(self) -> bool:
        """The process has not ended."""
        return self._process.returncode is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode
        if code is None:
            return "closed its output"
        return f"ended with status {code}" if code >= 0 else f"was killed by signal {-code}"

    async def send(self, message: bytes) -> None:
        """Write one message; :class:`OSError` if the pipe is gone."""
        self._stdin.write(message + b"\n")
        await self._stdin.drain()

    async def line(self) -> bytes:
        """The next line, empty at the end. Raises :class:`TooLong` after skipping one beyond the limit."""
        try:
            return await self._stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError as e:
            return await self._skip(e.consumed)

    async def _skip(self, first: int) -> bytes:
        piece = await self._stdout.readexactly(max(first, 1))
        head, skipped = piece[:200], len(piece)
        while skipped <= MAX_SKIPPED * self._limit:
            try:
                tail = await self._stdout.readuntil(b"\n")
            except asyncio.LimitOverrunError as e:
                piece = await self._stdout.readexactly(max(e.consumed, 1))
                skipped += len(piece)
                continue
            except asyncio.IncompleteReadError:
                return b""
            raise TooLong(answer_id(head, piece[-200:] + tail))
        raise TooLong(None)

    async def wait(self, patience_s: float) -> bool:
        """Wait for its end; False if it outlives the patience."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._process.wait()
        return not self.alive

    async def stop(self, patience_s: float) -> None:
        """Close its input, then terminate, then kill: whatever the process and its children do, none stays."""
        self._stdin.close()
        for sign in (None, signal.SIGTERM, signal.SIGKILL):
            if sign is not None:
                self._signal(sign)
            if await self.wait(patience_s):
                break
        self._signal(signal.SIGKILL)
        self._drain.cancel()
        await asyncio.gather(self._drain, return_exceptions=True)
        self._transport.close()

    def _signal(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, sign)

    async def _drain_stderr(self, stream: asyncio.StreamReader) -> None:
        """Hostile text: each line is cut and escaped, and after so many nothing more is logged."""
        lines, rest = 0, b""
        while chunk := await stream.read(65_536):
            *whole, rest = (rest + chunk).split(b"\n")
            rest = rest[:STDERR_LINE]
            for line in whole:
                lines += 1
                if lines <= STDERR_LINES:
                    log.info("%s says: %s", self._name, escaped(line))
                elif lines == STDERR_LINES + 1:
                    log.warning("%s says too much; the rest of its stderr is dropped", self._name)


def escaped(line: bytes) -> str:
    """A line of a server's for the log: cut, and nothing in it that a terminal or a log reader would act on."""
    text = line[:STDERR_LINE].decode(errors="backslashreplace").rstrip()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def answer_id(head: bytes, tail: bytes) -> int | None:
    """The request that a damaged line seems to answer, by its first or its last members."""
    found = _head.match(head) or _tail.search(tail[-200:])
    return int(found[1]) if found else None
