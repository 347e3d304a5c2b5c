"""A read that withholds: neither the agent nor the journal gets the credential, and the record says so."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gate.conftest import Files, House, build

from keyturn.core.execution import State
from keyturn.core.profile import Basis, Profile, Reversible, Stage
from keyturn.core.withholding import WITHHELD
from keyturn.gate.ports import Definition

READ = Profile(
    tool="secret", stage=Stage.ANALYSE, reversible=Reversible.NO_EFFECT, basis=Basis.REVIEWED, withholds=("secret",)
)


class Withholding(Files):
    """``soc/secret`` answers with a credential, and its profile withholds it."""

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        return READ if definition.tool.name == "secret" else super().profile(definition, arguments)


@pytest.fixture
async def made(tmp_path: Path) -> Any:
    house = await build(tmp_path / "keyturn.db", knowledge=Withholding())
    yield house
    await house.gate.stop_running()
    house.store.close()


async def test_the_read_runs_free_and_its_credential_reaches_nobody(made: House) -> None:
    done = await made.gate.propose(made.agent, made.call("secret"))
    assert done.record.state is State.SUCCEEDED and done.answer is not None
    answer = json.loads(done.answer.result)
    assert answer["structuredContent"] == {"secret": WITHHELD} == json.loads(answer["content"][0]["text"])
    await made.until(done.record.id)
    entries = await made.entries()
    outcome = next(each for each in entries if each["kind"] == "outcome")
    assert outcome["withheld"] == 2 and outcome["result"]["bytes"] == len(done.answer.result)
    kept = b"".join(path.read_bytes() for path in Path(made.store.path).parent.iterdir() if path.is_file())
    assert b"hunter2" not in kept and WITHHELD.encode() in kept


async def test_a_large_answer_is_looked_through_as_well(made: House) -> None:
    done = await made.gate.propose(made.agent, made.call("secret", host="x" * 100_000))
    assert done.answer is not None and done.answer.withheld == 2
    assert json.loads(done.answer.result)["structuredContent"] == {"secret": WITHHELD, "host": "x" * 100_000}
