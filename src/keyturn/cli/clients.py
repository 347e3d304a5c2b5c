"""``keyturn init``: from the servers that an MCP client is set up with, to a configuration that wraps each of them."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from keyturn.config import UpstreamSettings
from keyturn.errors import ConfigError

_SHAPES = "an object mcpServers (Claude Desktop, Cursor) or servers (VS Code)"
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_FIELDS = ("command", "args", "env", "cwd", "url", "headers")
_EXPANDED = frozenset({"env", "url", "headers"})
_WITHOUT_EFFECT = frozenset({"type", "disabled"})
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_INPUT = re.compile(r"\$\{(?:env|input):([^}]*)\}")


class ClientFile(msgspec.Struct, frozen=True):
    """What a client's file says: the key that holds its servers, and each server as an upstream by its new name.

    ``originals``: each one's name there; ``servers``: what stands there; ``dropped``: what did not come along.
    """

    key: str
    upstreams: dict[str, UpstreamSettings]
    originals: dict[str, str]
    servers: dict[str, dict[str, Any]]
    dropped: tuple[str, ...]


def read_clients(path: Path) -> ClientFile:
    """Read a client's JSON (comments and trailing commas too); :class:`ConfigError` says which server can't be used."""
    try:
        value = json.loads(_bare(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} can't be read as JSON: {error}", hint=f"name a client's file with {_SHAPES}"
        ) from None
    key, servers = _servers(value)
    if not servers:
        raise ConfigError(f"{path} names no server", hint=f"it should hold {_SHAPES}")
    upstreams: dict[str, UpstreamSettings] = {}
    originals: dict[str, str] = {}
    dropped: list[str] = []
    for given, server in servers.items():
        if isinstance(server, dict) and (why := _left_out(server)):
            dropped.append(f"{given}: left out: {why}")
            continue
        name = _named(given, upstreams)
        upstreams[name] = _upstream(path, given, server)
        originals[name] = given
        dropped += [f"{given}: {what}" for what in _dropped(server)]
    if not upstreams:
        raise ConfigError(f"{path}: no server can be wrapped: {'; '.join(dropped)}", hint="correct it there")
    kept = {name: servers[given] for name, given in originals.items()}
    return ClientFile(key, upstreams, originals, kept, tuple(dropped))


def config_text(clients: ClientFile) -> str:
    """A ``keyturn.toml`` with one upstream for each server."""
    lines = [
        "# Keyturn in front of your servers: a key that you leave out has a safe default",
        'data = "keyturn-data"',
        "",
        "[server]",
        'host = "127.0.0.1"',
        "port = 8787",
        "",
        "[policy]",
        'pack = "standard"   # or "small-team", where one person builds, approves and operates',
    ]
    for name, upstream in clients.upstreams.items():
        lines += ["", f"[upstreams.{name}]"]
        if upstream.command:
            lines.append(f"command = {_toml(upstream.command)}")
            lines.append(f"args = [{', '.join(map(_toml, upstream.args))}]")
        else:
            lines.append(f"url = {_toml(upstream.url)}")
        for table, values in (("env", upstream.env), ("headers", upstream.headers)):
            if values:
                pairs = ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in values.items())
                lines.append(f"{table} = {{ {pairs} }}")
        if upstream.cwd:
            lines.append(f"cwd = {_toml(upstream.cwd)}")
    return "\n".join(lines) + "\n"


def wrapped_json(clients: ClientFile, url: str) -> str:
    """What to paste into the client's file instead: each server behind the gateway."""
    servers = {
        clients.originals[name]: {
            "type": "http",
            "url": f"{url}/mcp/{name}",
            "headers": {"Authorization": "Bearer ${env:KEYTURN_AGENT_TOKEN}"},
        }
        for name in clients.upstreams
    }
    return json.dumps({clients.key: servers}, indent=2, ensure_ascii=False)


def stdio_json(clients: ClientFile) -> str:
    """The same for a client that only starts commands: each stdio server behind a gate of its own.

    Text and variables stay as the client writes them: it is the client that reads this. :class:`ConfigError` if no
    server is started by a command.
    """
    servers = {
        clients.originals[name]: {
            **{key: value for key, value in server.items() if key not in ("command", "args")},
            "command": "keyturn",
            "args": ["wrap", "--", server["command"], *server.get("args", ())],
        }
        for name, server in clients.servers.items()
        if "command" in server
    }
    if not servers:
        raise ConfigError("no server there is started by a command", hint="leave out --stdio")
    return json.dumps({clients.key: servers}, indent=2, ensure_ascii=False)


def _bare(text: str) -> str:
    """JSON without comments and trailing commas, which editors' files have."""
    without = _TOKENS.sub(lambda m: m[0] if m[0].startswith('"') else " ", text)
    return _TRAILING.sub(lambda m: m[0] if m[0].startswith('"') else "", without)


def _servers(value: Any) -> tuple[str, dict[str, Any]]:
    nested = value.get("mcp") if isinstance(value, dict) else None  # VS Code's settings.json
    for holder in (value, nested):
        for key in ("mcpServers", "servers"):
            if isinstance(holder, dict) and isinstance(holder.get(key), dict):
                return key, holder[key]
    return "", {}


def _named(given: str, taken: dict[str, UpstreamSettings]) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", given.lower())[:50].strip("-") or "server"
    if name not in taken:
        return name
    return next(f"{name}-{number}" for number in range(2, 10_000) if f"{name}-{number}" not in taken)


def _left_out(server: dict[str, Any]) -> str:
    """Why a server that could be read is not wrapped; empty if it is."""
    if server.get("disabled"):
        return "it is disabled there"
    if server.get("type") == "sse":
        return "the gateway does not speak sse; give the server's streamable HTTP url, if it has one"
    return ""


def _dropped(server: dict[str, Any]) -> list[str]:
    """What of a server that is wrapped does not come along, in words."""
    found = [f"{key} does not come along" for key in server if key not in _FIELDS and key not in _WITHOUT_EFFECT]
    texts = [server.get("command", ""), server.get("cwd", ""), *server.get("args", ())]
    found += [f"{text!r} is kept as text: write what it stands for" for text in texts if _VARIABLE.search(text)]
    return found


def _upstream(path: Path, given: str, server: Any) -> UpstreamSettings:
    found = {
        field: _renamed(server[field]) if field in _EXPANDED else server[field]
        for field in _FIELDS
        if isinstance(server, dict) and field in server
    }
    try:
        upstream = msgspec.convert(found, UpstreamSettings)
        if "@" in urlsplit(upstream.url).netloc:
            raise ValueError("its url holds a user or a password; put that into a header")
        return upstream
    except ValueError as error:
        raise ConfigError(
            f"{path}: the server {given[:80]!r} can't be wrapped: {error}", hint="correct it there"
        ) from None


def _renamed(value: Any) -> Any:
    """Variables in a client's spelling (``${env:NAME}``, ``${input:name}``) as ``${NAME}`` of the environment."""
    if isinstance(value, str):
        return _INPUT.sub(lambda m: "${" + re.sub(r"\W", "_", m[1]) + "}", value)
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if isinstance(value, dict):
        return {key: _renamed(item) for key, item in value.items()}
    return value


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=True) if text.isprintable() and text.isascii() else _quoted(text)


def _quoted(text: str) -> str:
    """A TOML basic string: what JSON would write as surrogate pairs is written as \\UXXXXXXXX."""
    return '"' + "".join(_escaped(ch) for ch in text) + '"'


def _escaped(ch: str) -> str:
    if ch in '"\\':
        return "\\" + ch
    if ch.isprintable() and ch.isascii():
        return ch
    return f"\\U{ord(ch):08X}"
