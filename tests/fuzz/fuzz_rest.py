"""The REST API by its own OpenAPI document: no 5xx, whatever comes, from an agent, a person and nobody."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.gate.conftest import House, build

from keyturn.gate.records import Role
from keyturn.journal import Signer
from keyturn.rest import Journal, create_app

schemathesis = pytest.importorskip("schemathesis", reason="make fuzz installs it: uv sync --group fuzz")

NO_GATE: Any = None
APP = create_app(NO_GATE)  # for its OpenAPI document; the fixture puts the gate behind it
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_asgi("/v1/openapi.json", APP).get_all_operations()]


@dataclass
class Served:
    """The gate behind the application, a held action, and a token for each kind of caller."""

    house: House
    held: str
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        house = loop.run_until_complete(build(Path(folder) / "k.db"))
        una = house.gate.add_person(house.people["olga"], "una", (Role.OWNER,))
        tokens = {
            "agent": loop.run_until_complete(house.gate.renew_token(house.people["lena"], "responder")).token,
            "person": loop.run_until_complete(una).token,
            "nobody": "",
        }
        proposed = loop.run_until_complete(house.gate.propose(house.agent, house.call("isolate", host="h1")))
        loop.run_until_complete(house.gate.stop_running())
        APP.state.gate = house.gate
        APP.state.journal = Journal(house.store, Signer("test.example/log", b"k" * 32))
        yield Served(house, proposed.record.id, tokens)
        house.store.close()
    loop.close()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
@pytest.mark.parametrize("who", ["agent", "person", "nobody"])
def test_no_request_makes_the_server_fail(operation: Any, who: str, served: Served) -> None:
    token = served.tokens[who]

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known and "action_id" in (case.path_parameters or {}):
            case.path_parameters["action_id"] = served.held
        case.query = {**(case.query or {}), **({"timeout_s": 0} if case.path.endswith("/wait") else {})}
        answer = case.call(headers={"Authorization": f"Bearer {token}"} if token else {})
        assert answer.status_code < 500, (case.as_curl_command(), answer.status_code, answer.text)
        if answer.status_code >= 400:
            assert {"code", "message"} <= set(answer.json()["error"])

    send()
    assert served.house.fleet.changes == []
