"""The composition root: what it refuses to start with, and what a started one answers to strangers."""

import socket
import stat
from pathlib import Path

import httpx2
import pytest

from keyturn.cli.remote import Remote
from keyturn.config import Config, ServerSettings, UpstreamSettings, read_config
from keyturn.demo.gateway import running
from keyturn.errors import ConfigError
from keyturn.server import serve, upstream_settings
from keyturn.tools.settings import HttpSettings, StdioSettings


def no_address(_: str) -> None:
    raise AssertionError("it must not start")


def test_nothing_to_guard_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no upstream"):
        serve(Config(data=str(tmp_path)), 0, no_address, no_address)


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = ServerSettings(port=taken.getsockname()[1])
        config = Config(data=str(tmp_path / "data"), server=settings, upstreams={"a": UpstreamSettings(command="x")})
        with pytest.raises(ConfigError, match=r"can't listen on 127\.0\.0\.1"):
            serve(config, None, no_address, no_address)
    assert not (tmp_path / "data").exists()


def test_an_upstreams_secrets_come_from_the_environment_and_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDR_TOKEN", "s3cret")
    stdio = upstream_settings("edr", UpstreamSettings(command="edr", env={"T": "${EDR_TOKEN}"}))
    http = upstream_settings("mail", UpstreamSettings(url="https://m.example/", headers={"A": "Bearer ${EDR_TOKEN}"}))
    assert isinstance(stdio, StdioSettings) and stdio.env == {"T": "s3cret"}
    assert isinstance(http, HttpSettings) and http.headers == {"A": "Bearer s3cret"}
    assert "s3cret" not in repr((stdio, http))
    monkeypatch.delenv("EDR_TOKEN")
    with pytest.raises(ConfigError, match=r"upstreams\.edr\.env\.T needs the environment variable EDR_TOKEN"):
        upstream_settings("edr", UpstreamSettings(command="edr", env={"T": "${EDR_TOKEN}"}))


def test_a_started_gateway_tells_strangers_nothing_and_keeps_its_files_to_itself(tmp_path: Path) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text('[server]\nport = 0\n[upstreams.away]\ncommand = "no-such-program-anywhere"\n')
    with running(config) as url:
        assert httpx2.get(f"{url}/v1/health").json() == {"status": "ok"}
        headers = {"accept": "application/json, text/event-stream"}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        for path in ("/mcp", "/mcp/away"):
            assert httpx2.post(url + path, json=call, headers=headers).status_code == 401
        assert httpx2.get(f"{url}/v1/holds").status_code == 401
        owner = {"name": "eve", "roles": ["owner"]}
        assert httpx2.post(f"{url}/v1/people", json=owner).status_code == 401, "the first owner is made locally only"
    files = [path for path in read_config(config).folder.rglob("*") if path.is_file()]
    assert {"keyturn.db", "journal.key", "state.key"} <= {path.name for path in files}
    assert not [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_the_first_owners_link_is_told_while_there_is_nobody(tmp_path: Path) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text('[server]\nport = 0\n[upstreams.away]\ncommand = "no-such-program-anywhere"\n')
    links = []
    for _ in range(2):
        with running(config) as url:
            port = url.rpartition(":")[2]
            told = config.with_name("gateway.log").read_text()
            links += [word for word in told.split() if word.startswith(f"http://localhost:{port}/console/setup/kti_")]
    assert len(links) == len(set(links)) == 2, "each start has a new one"
    with Remote.in_process(config, "") as first:
        first.add_person("olga", ("owner",), ())
    with running(config):
        assert "setup" not in config.with_name("gateway.log").read_text()
