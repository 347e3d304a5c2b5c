"""The settings: what a file may say, and how each mistake is told."""

from pathlib import Path

import pytest

from keyturn.config import Config, expanded, read_config
from keyturn.errors import ConfigError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "keyturn.toml"
    path.write_text(text)
    return path


def test_an_empty_file_is_loopback_with_the_standard_pack(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, ""))
    assert (config.server.host, config.policy.pack) == ("127.0.0.1", "standard")
    assert config.folder == tmp_path / "keyturn-data"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = 'inventory="i.toml"\ncatalogue=["c"]\n[policy]\nfiles=["p.cedar"]\n[upstreams.edr]\ncommand="edr"\ncwd="sub"'
    config = read_config(written(tmp_path, text))
    assert config.inventory == str(tmp_path / "i.toml")
    assert config.catalogue == (str(tmp_path / "c"),)
    assert config.policy.files == (str(tmp_path / "p.cedar"),)
    assert config.upstreams["edr"].cwd == str(tmp_path / "sub")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dta = 'x'", ("dta", "did you mean data?")),
        ("[server]\nprot = 1", ("server.prot", "did you mean port?")),
        ("[server]\nzzz = 1", ("server.zzz", "known here: allowed_hosts, host, port")),
        (
            "[upstreams.a]\ncommand='x'\n[upstreams.edr]\ncommnd = 'x'",
            ("upstreams.edr.commnd", "did you mean command?"),
        ),
        ("[upstreams.a]\ncommand='x'\n[upstreams.edr]\nargs = ['x']", ("upstreams.edr: give a command (stdio) or",)),
        ("[upstreams.edr]\ncommand='x'\nargs = [7]", ("upstreams.edr.args", "Expected `str`")),
        ("[upstreams.edr]\ncommand='x'\nurl='y'", ("not both",)),
        ("[upstreams.'E/R']\ncommand='x'", ("can't name an upstream",)),
        ("[gate]\nhold_s = 'long'", ("gate.hold_s", "Expected `int`")),
        ("[server]\nport = 99999", ("server.port: Expected `int` <= 65535",)),
        ("[gate]\nhold_s = -5", ("gate.hold_s: Expected `int` >= 1",)),
        ("[gate]\nconfirm_s = -1", ("gate.confirm_s",)),
        ("[gate]\nexecution_s = -3", ("gate.execution_s",)),
        ("[gate]\nexecution_s = 1_000_000_000_000", ("gate.execution_s",)),
        ("[gate]\ncheck_after_s = []", ("gate.check_after_s: Expected `array` of length >= 1",)),
        ("[gate]\ncheck_after_s = [-1.0]", ("gate.check_after_s",)),
        ("[gate]\nsweep_s = nan", ("gate.sweep_s",)),
        ("[gate]\nsweep_s = 0.0", ("gate.sweep_s",)),
        ("[gate]\nresult_limit = -1", ("gate.result_limit",)),
        ("[mcp]\nhold_wait_s = -1.0", ("mcp.hold_wait_s",)),
        ("[mcp]\nhold_wait_s = inf", ("mcp.hold_wait_s",)),
        ("data = ", ("is not TOML",)),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_would_do(tmp_path: Path, text: str, says: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, text))
    message = str(caught.value)
    assert "keyturn.toml" in message
    assert all(words in message for words in says), message


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:8787", "give a name, such as http://localhost"),
        ("https://[::1]", "IP address"),
        ("http://keyturn.example.com", "https://keyturn.example.com"),
        ("keyturn.example.com", "no page's address"),
        ("https://keyturn.example.com/console", "no page's address"),
        ("https://keyturn.example.com:443", "write it as browsers do: https://keyturn.example.com"),
        ("https://Keyturn.example.com", "write it as browsers do"),
        ("https://ana@keyturn.example.com", "write it as browsers do"),
        ("https://keyturn.example.com:99999", "console"),
    ],
)
def test_a_page_that_no_passkey_can_be_bound_to_is_told(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(ConfigError, match="console") as caught:
        read_config(written(tmp_path, f'[console]\nurl = "{url}"'))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://localhost:8787"),
        ("[server]\nport = 9000", "http://localhost:9000"),
        ('[console]\nurl = "https://keyturn.example.com/"', "https://keyturn.example.com"),
        ('[console]\nurl = "http://keyturn.localhost:8080"', "http://keyturn.localhost:8080"),
    ],
)
def test_the_pages_address(tmp_path: Path, text: str, url: str) -> None:
    assert read_config(written(tmp_path, text)).console_url == url


def test_a_session_without_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"console\.session_idle_s"):
        read_config(written(tmp_path, "[console]\nsession_idle_s = 0"))


def test_a_file_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="keyturn init"):
        read_config(tmp_path / "none.toml")


def test_secrets_come_from_the_environment_by_name() -> None:
    assert expanded("Bearer ${TOKEN}", "edr", {"TOKEN": "t"}) == "Bearer t"
    with pytest.raises(ConfigError, match="needs the environment variable TOKEN"):
        expanded("Bearer ${TOKEN}", "edr", {})


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config().data = "x"  # type: ignore[misc]


def test_threshold_sets_and_care_are_read_and_a_slip_in_them_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyturn.toml"
    path.write_text(
        '[care]\nkeys_per_hour = 5\n[[quorum]]\noversight = "two_key"\ntouches = ["identity"]\n'
        'sets = [{ roles = ["lead"] }, { roles = ["owner"], escalate_after_s = 60, escalate_to = ["lead"] }]\n'
    )
    config = read_config(path)
    assert config.care.keys_per_hour == 5
    assert [each.roles for each in config.quorum[0].sets] == [("lead",), ("owner",)]
    for text, says in (
        ('[[quorum]]\noversight = "two_key"\nsets = [{ roles = ["lead"] }]\n', "at least two people"),
        ('[[quorum]]\noversight = "two_key"\nsets = [{ role = ["lead"] }]\n', "did you mean roles"),
        ("[care]\nkeys_per_hour = 0\n", "keys_per_hour"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=says):
            read_config(path)
