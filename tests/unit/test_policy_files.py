"""The policy that a configuration names: pack and files, and what of them is refused."""

from pathlib import Path

import pytest

from keyturn.config import PolicySettings
from keyturn.errors import ConfigError, PolicyError
from keyturn.policy_files import load_policy

RULE = '@id("mine")\n@why("a test")\nforbid (principal, action == Action::"free", resource);\n'


def test_the_operators_files_come_beside_the_pack(tmp_path: Path) -> None:
    (tmp_path / "mine.cedar").write_text(RULE)
    plain = load_policy(PolicySettings())
    own = load_policy(PolicySettings(files=(str(tmp_path / "mine.cedar"),), author="pavel"))
    assert {rule.id for rule in own.rules} - {rule.id for rule in plain.rules} == {"mine"}
    assert (own.author, own.hash != plain.hash) == ("pavel", True)


def test_what_can_not_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "standard.cedar").write_text(RULE)
    (tmp_path / "bad.cedar").write_text("permit (")
    with pytest.raises(ConfigError, match="called like the pack's own"):
        load_policy(PolicySettings(files=(str(tmp_path / "standard.cedar"),)))
    with pytest.raises(PolicyError, match=r"bad\.cedar"):
        load_policy(PolicySettings(files=(str(tmp_path / "bad.cedar"),)))
    with pytest.raises(ConfigError, match="can't be read"):
        load_policy(PolicySettings(files=(str(tmp_path / "none.cedar"),)))
    with pytest.raises(ConfigError, match="no policy pack"):
        load_policy(PolicySettings(pack="loose"))
    twice = (str(tmp_path / "bad.cedar"), str(tmp_path / "x" / "bad.cedar"))
    with pytest.raises(ConfigError, match=r"called bad\.cedar|can't be read"):
        load_policy(PolicySettings(files=twice))
