"""A reviewer looked at one definition: another one quarantines the tool until a person accepts it (ADR 0006)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.gate.conftest import Files, House, build

from keyturn.core.action import ToolRef
from keyturn.core.execution import State
from keyturn.core.profile import Profile, Reviewed
from keyturn.gate.ports import Definition

SEARCH = ToolRef("soc", "search")


class Looked(Files):
    """Knowledge whose reviewer of ``search`` looked at the definition of this fingerprint."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def profile(self, definition: Definition, arguments: Mapping[str, Any]) -> Profile:
        reviewed = Reviewed(by="olga", at="2026-01-31T12:00:00Z", definition=self.fingerprint)
        found = super().profile(definition, arguments)
        return msgspec.structs.replace(found, reviewed=reviewed) if definition.tool == SEARCH else found


async def house(path: Path, fingerprint: str) -> House:
    return await build(path / "keyturn.db", knowledge=Looked(fingerprint))


async def searched(made: House) -> Any:
    return (await made.gate.propose(made.agent, made.call("search", query="x"))).record


@pytest.fixture
async def live(tmp_path: Path) -> str:
    made = await build(tmp_path / "other.db")
    found = made.ctx.tools.definition(SEARCH)
    await made.gate.stop_running()
    made.store.close()
    assert found is not None
    return found.fingerprint


async def test_the_definition_that_was_looked_at_runs(tmp_path: Path, live: str) -> None:
    made = await house(tmp_path, live)
    record = await searched(made)
    assert (await made.until(record.id)).state is State.SUCCEEDED
    assert not (await made.gate.registry.tool(made.people["olga"], SEARCH)).quarantined
    await made.gate.stop_running()
    made.store.close()


async def test_another_definition_waits_for_a_person_even_on_first_use(tmp_path: Path) -> None:
    made = await house(tmp_path, "0" * 64)
    assert (await searched(made)).state is State.DENIED
    assert (await made.gate.registry.tool(made.people["olga"], SEARCH)).quarantined
    await made.gate.accept_tool(made.people["lena"], SEARCH)
    assert not (await made.gate.registry.tool(made.people["olga"], SEARCH)).quarantined
    record = (await made.gate.propose(made.agent, made.call("search", query="y"))).record
    assert (await made.until(record.id)).state is State.SUCCEEDED
    await made.gate.stop_running()
    made.store.close()
