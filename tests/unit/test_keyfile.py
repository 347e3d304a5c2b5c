"""Secrets of an installation: made once, for the owner only, refused when they are not what they should be."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keyturn import keyfile
from keyturn.errors import ConfigError


def test_a_signer_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    keyfile.prepare(folder)
    first = keyfile.signer(folder, "example.com/log")
    assert keyfile.signer(folder, "example.com/log") == first
    assert (folder / keyfile.SIGNER).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_two_starts_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: keyfile.state_key(tmp_path), range(8)))
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [keyfile.STATE]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keyfile.state_key(tmp_path)
    (tmp_path / keyfile.STATE).chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        keyfile.state_key(tmp_path)


def test_another_logs_key_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    keyfile.signer(tmp_path, "example.com/log")
    with pytest.raises(ConfigError, match=r"signs for 'example\.com/log'"):
        keyfile.signer(tmp_path, "example.com/other")
    (tmp_path / keyfile.SIGNER).write_text("PRIVATE+KEY+x")
    with pytest.raises(ConfigError, match="restore it"):
        keyfile.signer(tmp_path, "example.com/log")
