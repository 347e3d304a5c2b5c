"""A notice, and the gate's small SOC with somebody who listens."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.receiver import SECRET, Receiver
from tests.unit.gate.conftest import House, build

from keyturn.gate.notices import Event, Listener, Notice
from keyturn.notify import Pages, WebhookTarget

PAGES = Pages("https://keyturn.example")
HELD = Notice(
    id="held-a1-7",
    event=Event.HELD,
    at=1_790_000_000_000,
    entry=7,
    action="a1",
    case="INC-1042",
    tool="edr/isolate_host",
    agent="responder",
    oversight="two_key",
    reversible="reversible",
    targets={"host": 2, "user": 1},
    due_at=1_790_014_400_000,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The gate's small SOC; ``hook`` hears of everything, for an hour."""
    made = await build(tmp_path / "keyturn.db")
    made.ctx.listeners = (Listener(name="hook", give_up_s=3600),)
    yield made
    await made.gate.stop_running()
    made.store.close()


def hook(receiver: Receiver, clock: Any, timeout_s: float = 10.0) -> WebhookTarget:
    """The webhook target at a receiver."""
    return WebhookTarget("hook", receiver.url, [SECRET], PAGES, clock, timeout_s)


async def hold(house: House, host: str = "h1") -> Any:
    """An action that waits for keys."""
    return (await house.gate.propose(house.agent, house.call("isolate", host=host))).record
