"""``init``: the files of MCP clients become a configuration that reads back as the same servers."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from keyturn.cli.clients import config_text, read_clients, wrapped_json
from keyturn.config import read_config
from keyturn.errors import ConfigError

CLAUDE = {
    "mcpServers": {
        "Falcon EDR": {"command": "uvx", "args": ["falcon-mcp"], "env": {"FALCON_CLIENT_ID": "${env:FALCON_ID}"}},
        "mail": {"url": "https://mail.example.com/mcp", "headers": {"Authorization": "Bearer ${input:mail-token}"}},
    }
}
VSCODE = """// servers of the team
{
  /* two of them */
  "servers": {
    "git": {"type": "stdio", "command": "uvx", "args": ["mcp-server-git", "--repository", "C:\\\\a//b,}"],},
    "Git!": {"type": "stdio", "command": "git-2",},
  },
}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "clients.json"
    path.write_text(text)
    return path


def test_each_server_is_wrapped_and_the_config_reads_back(tmp_path: Path) -> None:
    clients = read_clients(written(tmp_path, json.dumps(CLAUDE)))
    target = tmp_path / "keyturn.toml"
    target.write_text(config_text(clients))
    upstreams = read_config(target).upstreams
    assert set(upstreams) == {"falcon-edr", "mail"}
    assert (upstreams["falcon-edr"].command, upstreams["falcon-edr"].args) == ("uvx", ("falcon-mcp",))
    assert clients.dropped == ()
    assert upstreams["falcon-edr"].env == {"FALCON_CLIENT_ID": "${FALCON_ID}"}
    assert upstreams["mail"].headers == {"Authorization": "Bearer ${mail_token}"}


def test_comments_and_trailing_commas_are_read_and_text_that_looks_like_them_is_kept(tmp_path: Path) -> None:
    clients = read_clients(written(tmp_path, VSCODE))
    assert clients.key == "servers"
    assert clients.upstreams["git"].args[-1] == "C:\\a//b,}"
    assert clients.upstreams["git-2"].command == "git-2"


def test_the_json_to_paste_keeps_the_clients_names_and_holds_no_secret(tmp_path: Path) -> None:
    clients = read_clients(written(tmp_path, json.dumps(CLAUDE)))
    pasted = json.loads(wrapped_json(clients, "http://127.0.0.1:8787"))["mcpServers"]
    assert pasted["Falcon EDR"]["url"] == "http://127.0.0.1:8787/mcp/falcon-edr"
    assert "FALCON" not in json.dumps(pasted)


def test_odd_text_survives_the_way_through_toml(tmp_path: Path) -> None:
    odd = 'quote " back \\ tab \t emoji 😀 del \x7f'
    text = json.dumps({"mcpServers": {"a": {"command": odd}}})
    target = tmp_path / "keyturn.toml"
    target.write_text(config_text(read_clients(written(tmp_path, text))))
    assert read_config(target).upstreams["a"].command == odd


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "can't be read as JSON"),
        ("[]", "names no server"),
        ('{"mcpServers": {}}', "names no server"),
        ('{"mcpServers": {"a": {}}}', "the server 'a' can't be wrapped"),
        ('{"mcpServers": {"a": "x"}}', "the server 'a' can't be wrapped"),
        ('{"mcpServers": {"a": {"command": 5}}}', "Expected `str`"),
        ('{"mcpServers": {"a": {"url": "https://u:p@x.example/mcp"}}}', "holds a user or a password"),
        ('{"mcpServers": {"a": {"command": "x", "disabled": true}}}', "no server can be wrapped: a: left out"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_clients(written(tmp_path, text))


def test_a_place_that_can_not_be_written_is_said(run: Run, tmp_path: Path) -> None:
    source = written(tmp_path, json.dumps(CLAUDE))
    ended = run("init", "--from", str(source), "-o", str(tmp_path / "none" / "x.toml"))
    assert ended.exit_code == 2 and "can't be written" in ended.output


ODD = {
    "mcpServers": {
        "git": {
            "command": "/opt/bin/mcp-server-git",
            "args": ["-r", "${env:HOME}"],
            "envFile": ".env",
            "type": "stdio",
        },
        "notes": {"command": "notes", "env": {"KEY": "${env:NOTES_KEY}"}},
        "mail": {"url": "https://mail.example.com/mcp"},
        "old": {"type": "sse", "url": "https://old.example.com/sse"},
        "off": {"command": "off", "disabled": True},
    }
}


def test_whatever_does_not_come_along_is_said_in_a_line(run: Run, tmp_path: Path) -> None:
    source, output = written(tmp_path, json.dumps(ODD)), tmp_path / "keyturn.toml"
    ended = run("init", "--from", str(source), "-o", str(output))
    assert ended.exit_code == 0, ended.output
    told = ended.stderr.splitlines()
    for line in (
        "  git: envFile does not come along",
        "  git: '${env:HOME}' is kept as text: write what it stands for",
        "  old: left out: the gateway does not speak sse; give the server's streamable HTTP url, if it has one",
        "  off: left out: it is disabled there",
        "  git: the catalogue knows its tools as those of mcp-server-git",
        "  notes: not recognised, so each tool counts as the worst case; "
        'catalogue = "NAME" in [upstreams.notes] names it',
    ):
        assert line in told, ended.stderr
    assert set(read_config(output).upstreams) == {"git", "notes", "mail"}
    assert set(json.loads(ended.stdout)["mcpServers"]) == {"git", "notes", "mail"}


def test_for_stdio_variables_stay_the_clients_and_servers_by_url_are_named(run: Run, tmp_path: Path) -> None:
    source = written(tmp_path, json.dumps(ODD))
    ended = run("init", "--stdio", "--from", str(source), "-o", str(tmp_path / "keyturn.toml"))
    assert json.loads(ended.stdout)["mcpServers"] == {
        "git": {
            "command": "keyturn",
            "args": ["wrap", "--", "/opt/bin/mcp-server-git", "-r", "${env:HOME}"],
            "envFile": ".env",
            "type": "stdio",
        },
        "notes": {"command": "keyturn", "args": ["wrap", "--", "notes"], "env": {"KEY": "${env:NOTES_KEY}"}},
    }
    assert "mail: it has a url" in ended.stderr


def test_for_stdio_without_a_command_nothing_is_written(run: Run, tmp_path: Path) -> None:
    source, output = written(tmp_path, '{"servers": {"mail": {"url": "https://x.example/mcp"}}}'), tmp_path / "k.toml"
    ended = run("init", "--stdio", "--from", str(source), "-o", str(output))
    assert ended.exit_code == 2 and "no server there is started by a command" in ended.output
    assert not output.exists()
