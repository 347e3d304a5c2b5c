"""``keyturn wrap``: the gate in front of one stdio server, for the one client that started this process.

The local operator is the person; the agent is whatever drives the client; its mandate is bound to this session and
ends with it, at the latest after eight hours. All wraps of a user share one database, so there is one queue of holds.
"""

import asyncio
import getpass
import hashlib
import json
import logging
import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from keyturn import keyfile
from keyturn.config import Config, UpstreamSettings, read_config
from keyturn.core.mandate import Budgets, Mandate
from keyturn.errors import ConfigError
from keyturn.gate import Gate, MandateDraft
from keyturn.gate.records import Agent, Person, Role
from keyturn.house import WallClock, build
from keyturn.mcp_gateway import StdioGateway
from keyturn.notify import Sender
from keyturn.notifying import targets
from keyturn.server import gateway_settings
from keyturn.tools.settings import StdioSettings
from keyturn.tools.upstreams import UpstreamTools

TOKEN = "operator.token"  # noqa: S105 - a file's name
SECRETS = frozenset({"KEYTURN_TOKEN", "KEYTURN_AGENT_TOKEN"})
LIFETIME_S = 8 * 3600
MAX_LINE = 8 * 1024 * 1024
CONFIG = """# Written by keyturn wrap, for all servers that this user wraps.
data = "."

[policy]
pack = "small-team"   # the operator is alone: a cooling-off time stands in for the second person
"""


def wrap(command: Sequence[str], catalogue: str, data: Path | None) -> None:
    """Serve this process's standard input and output until the client closes them."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="keyturn: %(message)s")
    config = _config(data or _own_folder(), command, catalogue)
    asyncio.run(_wrap(config))


def _own_folder() -> Path:
    """The user's data folder (XDG; on macOS and Windows its own)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "keyturn"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "keyturn"


def _config(folder: Path, command: Sequence[str], catalogue: str) -> Config:
    keyfile.prepare(folder)
    path = folder / "keyturn.toml"
    if not path.exists():
        path.write_text(CONFIG, encoding="utf-8")
    here = str(Path.cwd())
    upstream = UpstreamSettings(command=command[0], args=tuple(command[1:]), cwd=here, catalogue=catalogue)
    return msgspec.structs.replace(read_config(path), upstreams={upstream_name(command, here): upstream})


def upstream_name(command: Sequence[str], folder: str) -> str:
    """A name that is the same for the same command in the same folder, and for nothing else."""
    words = [word for word in command if not word.startswith("-")]
    slug = re.sub(r"[^a-z0-9]+", "-", Path(words[min(1, len(words) - 1)]).name.lower()).strip("-")[:30] or "server"
    mark = hashlib.sha256(json.dumps([*command, folder]).encode()).hexdigest()[:8]
    return f"{slug}-{mark}"


async def _wrap(config: Config) -> None:
    (name, upstream), *_ = config.upstreams.items()
    # The server sees the environment that its client made for it, but for our own secrets.
    inherit = tuple(variable for variable in os.environ if variable not in SECRETS)
    stdio = StdioSettings(
        command=upstream.command, args=upstream.args, cwd=upstream.cwd, inherit=inherit, exclusive=True
    )
    tools = UpstreamTools({name: stdio})
    reached = targets(config, WallClock())
    house = build(config, tools)
    sender = Sender(house.gate.outbox, reached)
    mandate: Mandate | None = None
    operator: Person | None = None
    try:
        await tools.start()
        await house.gate.start()
        sender.start()
        operator = await _operator(house.gate, config.folder)
        agent = await _agent(house.gate, operator, name)
        draft = MandateDraft(
            agent=agent.id,
            case=f"session {name}",
            purpose=f"What {operator.id} asks of {name} in this session",
            tools=(f"{name}/*",),
            targets=("*",),
            budgets=Budgets(responds=200, targets=50),
            lifetime_s=LIFETIME_S,
        )
        mandate = await house.gate.grant(operator, draft)
        print(f"keyturn: holds wait at: keyturn holds -c {config.folder / 'keyturn.toml'}", file=sys.stderr)
        front = StdioGateway(
            house.gate, tools.upstream(name), agent, house.clock, gateway_settings(config), mandate=mandate.id
        )
        await _talk(front)
    finally:
        if mandate is not None and operator is not None:
            await house.gate.revoke_mandate(operator, mandate.id, "the session has ended")
        await house.gate.stop_running()
        await sender.stop()
        await tools.close()
        await house.close()


async def _operator(gate: Gate, folder: Path) -> Person:
    """The person at this machine. Their token is kept where only they can read it."""
    path = folder / TOKEN
    if not path.exists():
        issued = await gate.add_person(None, getpass.getuser(), (Role.OWNER,))
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(issued.token)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"others can read {path}", hint=f"chmod 600 {path}")
    return await gate.person_for(path.read_text(encoding="utf-8").strip())


async def _agent(gate: Gate, operator: Person, name: str) -> Agent:
    """The agent behind the client. Its token is void for anybody: only this pipe speaks for it."""
    agent_id = f"wrap-{name}"
    known = {agent.id for agent in await gate.agents(operator)}
    if agent_id in known:
        await gate.renew_token(operator, agent_id, 1)
    else:
        await gate.add_agent(operator, agent_id, operator.id, f"the client in front of {name}", 1)
    return await gate.agent_named(agent_id)


async def _talk(front: StdioGateway) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=MAX_LINE)
    mode = os.fstat(sys.stdin.fileno()).st_mode
    reading: asyncio.Task[None] | None = None
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty():
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer)
    else:  # a file, or /dev/null: the event loop can't watch those
        reading = asyncio.create_task(_read_file(lines))

    async def write(message: bytes) -> None:
        await loop.run_in_executor(None, _put, message)

    try:
        await front.serve(lines, write)
    finally:
        if reading is not None:
            reading.cancel()


async def _read_file(lines: asyncio.StreamReader) -> None:
    try:
        while chunk := await asyncio.to_thread(os.read, sys.stdin.fileno(), 65_536):
            lines.feed_data(chunk)
    finally:
        lines.feed_eof()


def _put(message: bytes) -> None:
    sys.stdout.buffer.write(message + b"\n")
    sys.stdout.buffer.flush()
