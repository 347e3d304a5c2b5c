"""What an outsider can show of people's keys from a published journal, when its own operator is the forger."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.authenticator import Authenticator
from tests.passkeys import enrol, turn
from tests.unit.gate.conftest import house

from keyturn.cli.main import cli
from keyturn.config import Config
from keyturn.core.execution import State
from keyturn.publication import VERIFIER, publish_journal

__all__ = ["house"]

House = Any
HERE = "http://localhost:8787"


async def signed(house: House, host: str, key: Authenticator) -> Any:
    record = (await house.gate.propose(house.agent, house.call("isolate", host=host))).record
    await turn(house.gate, house.people["ana"], key, record)
    assert (await house.until(record.id)).state is State.SUCCEEDED
    return record


def published(house: House, folder: Path) -> Path:
    """The house's journal as files, signed by its operator."""
    publish_journal(Config(data=str(house.store.path.parent)), folder, payloads=False)
    return folder


def verify(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["journal", "verify", str(folder), "--key", str(folder / VERIFIER), *options])


async def test_signed_keys_verify_offline_from_the_published_files(house: House, tmp_path: Path) -> None:
    key = Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    await signed(house, "h1", key)
    folder = published(house, tmp_path / "log")
    told = verify(folder, "--keys", "--origin", HERE)
    assert told.exit_code == 0, told.output
    assert "1 signed with passkeys, each verified; 0 under tokens" in told.output
    assert f"signed at {HERE}" in verify(folder, "--keys").output
    elsewhere = verify(folder, "--keys", "--origin", "https://keyturn.example.com")
    assert elsewhere.exit_code == 1 and "REFUSED  entry" in elsewhere.output
    assert "keys:" not in verify(folder).output, "nothing is claimed that was not asked for"


@pytest.mark.parametrize("forgery", ["the same signature for another action", "a token's word", "a key out of nothing"])
async def test_an_operator_who_makes_up_a_key_is_found_out(house: House, tmp_path: Path, forgery: str) -> None:
    """The operator holds the log's key and can write any entry; a person's passkey they do not have."""
    key = Authenticator()
    await enrol(house.gate, house.people["olga"], "ana", key)
    await signed(house, "h1", key)
    other = (await house.gate.propose(house.agent, house.call("isolate", host="h2"))).record
    said = next(entry for entry in await house.entries() if entry["kind"] == "key_turned")
    body = {name: said[name] for name in said if name not in ("seq", "at", "kind", "action", "case", "digest")}
    if forgery == "a token's word":
        body = {"person": "ana", "policy": said["policy"], "definition": said["definition"], "how": "token"}
    elif forgery == "a key out of nothing":
        body["assertion"] = dict.fromkeys(body["assertion"], "AAAA")
        body["holds"] = [{"action": other.id, "digest": other.digest, "policy": said["policy"]}]
        body["nonce"] = "A" * 43
    body["digest"] = other.digest
    await house.store.write(lambda tx: tx.record("key_turned", house.clock.now(), body, action=other.id))
    folder = published(house, tmp_path / "log")
    assert verify(folder).exit_code == 0, "as a log it is whole"
    told = verify(folder, "--keys")
    assert told.exit_code == 1
    assert f"REFUSED  entry {len(await house.entries()) - 1}:" in told.output, told.output
