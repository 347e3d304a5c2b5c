"""The settings that people may see hold no secret."""

from pathlib import Path

from keyturn.config import read_config
from keyturn.visible import visible

TEXT = """
[upstreams.edr]
command = "uvx"
args = ["falcon-mcp", "--secret=hunter2"]
env = { FALCON_CLIENT_SECRET = "hunter2" }
[upstreams.idp]
url = "https://user:hunter2@mcp.example.com/hunter2?key=hunter2"
headers = { Authorization = "Bearer hunter2" }
[[notify]]
name = "soc"
kind = "apprise"
url = "slack://hunter2/hunter2"
[server]
port = 9443
[[quorum]]
oversight = "two_key"
sets = [{ roles = ["owner"], count = 2 }]
"""


def test_every_section_is_told_and_no_secret_is(tmp_path: Path) -> None:
    file = tmp_path / "keyturn.toml"
    file.write_text(TEXT)
    told = {name: dict(rows) for name, rows in visible(read_config(file))}
    assert "hunter2" not in repr(told)
    assert told["upstreams.edr"]["command"] == "uvx" and told["upstreams.edr"]["args"] == "2 of them, not shown"
    assert told["upstreams.edr"]["env"] == "FALCON_CLIENT_SECRET (names only)"
    assert told["upstreams.idp"]["url"] == "https://mcp.example.com/…"
    assert told["notify 1"]["url"] == "slack://…"
    assert told["server"]["port"] == "9443"
    assert "owner" in told["quorum 1"]["sets"]
    assert {"gate", "care", "policy", "journal", "console", "mcp", "general"} <= told.keys()
