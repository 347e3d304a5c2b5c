"""Where people hear, from the command line."""

import asyncio
from pathlib import Path

from tests.receiver import SECRET, Receiver
from tests.unit.cli.conftest import Run

from keyturn.config import read_config
from keyturn.gate.records import Role, Scope
from keyturn.house import NoTools, build


def configured(tmp_path: Path, receiver: Receiver) -> Path:
    path = tmp_path / "keyturn.toml"
    path.write_text(f'[[notify]]\nname="hook"\nkind="webhook"\nurl="{receiver.url}"\nsecrets=["{SECRET}"]\n')
    return path


async def stop_something(path: Path) -> None:
    house = build(read_config(path), NoTools())
    owner = await house.gate.person_for((await house.gate.add_person(None, "olga", (Role.OWNER,))).token)
    await house.gate.stop(owner, Scope.EVERYTHING, "", "look")
    await house.close()


def test_targets_are_listed_with_what_waits_and_without_their_addresses(
    run: Run, tmp_path: Path, receiver: Receiver
) -> None:
    path = configured(tmp_path, receiver)
    first = run("notify", "list", "-c", str(path))
    assert first.exit_code == 0 and "nothing yet" in first.output
    asyncio.run(stop_something(path))
    then = run("notify", "list", "-c", str(path))
    assert "hook" in then.output and "1 waiting" in then.output
    assert "pAtHsEcReT" not in then.output and "whsec" not in then.output


def test_a_test_says_whether_it_was_taken(run: Run, tmp_path: Path, receiver: Receiver) -> None:
    path = configured(tmp_path, receiver)
    good = run("notify", "test", "hook", "-c", str(path))
    assert (good.exit_code, good.output) == (0, "hook took the message.\n")
    receiver.answers = [(500, {})]
    bad = run("notify", "test", "hook", "-c", str(path))
    assert bad.exit_code == 1 and "HTTP 500" in bad.output and "pAtHsEcReT" not in bad.output


def test_nobody_hears_of_anything_unless_it_is_configured(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "keyturn.toml"
    path.write_text("")
    assert "nobody hears" in run("notify", "list", "-c", str(path)).output
