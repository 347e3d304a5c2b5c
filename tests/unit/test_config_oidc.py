"""``[oidc]``: what it takes, and how each mistake is told."""

from pathlib import Path

import pytest

from keyturn.config import read_config
from keyturn.errors import ConfigError
from keyturn.house import provider

GOOD = {
    "issuer": '"https://id.example.com/tenant"',
    "client_id": '"keyturn"',
    "client_secret": '"${OIDC_SECRET}"',
    "roles": '{ soc = ["lead", "analyst"] }',
}


def written(tmp_path: Path, **different: str) -> Path:
    path = tmp_path / "keyturn.toml"
    lines = [f"{name} = {value}" for name, value in (GOOD | different).items() if value]
    path.write_text("\n".join(["[oidc]", *lines]))
    return path


def test_the_secret_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_config(written(tmp_path))
    assert config.oidc is not None and config.oidc.claim == "groups"
    with pytest.raises(ConfigError, match=r"oidc\.client_secret needs the environment variable OIDC_SECRET"):
        provider(config)
    monkeypatch.setenv("OIDC_SECRET", "s3cret")
    made = provider(config)
    assert made is not None and made.issuer == "https://id.example.com/tenant" and "s3cret" not in repr(made)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("issuer", '"http://id.example.com"', "is not https"),
        ("issuer", '"https://user@id.example.com"', "is no address of a server"),
        ("issuer", '"file:///etc"', "is no address of a server"),
        ("issuer", '"https://[::1"', "is no address"),
        ("client_secret", '"s3cret"', "no secret stands here"),
        ("client_secret", '"x${OIDC_SECRET}"', "no secret stands here"),
        ("client_id", '""', "length >= 1"),
        ("roles", "{}", "length >= 1"),
        ("roles", "{ soc = [] }", "length >= 1"),
        ("roles", '{ soc = ["admin"] }', "Invalid enum value 'admin'"),
        ("roles", "", "missing required field `roles`"),
        ("scopes", '["profile"]', "must hold openid"),
        ("scopes", '["openid profile"]', "must hold openid"),
        ("claims", '"groups"', "did you mean claim?"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, **{name: value}))
    assert says in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_provider_on_this_machine_may_be_plain(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, issuer='"http://127.0.0.1:9000"')).oidc is not None
    assert read_config(written(tmp_path, issuer='"http://localhost:9000"')).oidc is not None
