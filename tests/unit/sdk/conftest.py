"""A gateway on a free port of this machine, and clients of its people and its agent."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from tests.unit.rest.conftest import Api, api, founded

__all__ = ["api", "founded"]

from keyturn import Client


@dataclass
class Running:
    """``clients["kim"]`` speaks as kim. Clients block: call them in a thread."""

    api: Api
    url: str
    clients: dict[str, Client]

    async def do(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(work, *args, **kwargs)


@pytest.fixture
async def gateway(api: Api) -> AsyncIterator[Running]:
    """The REST application of the gate's small SOC, served by uvicorn."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(api.app, log_level="error", lifespan="off", timeout_graceful_shutdown=2))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        clients = {name: Client(url, token) for name, token in api.tokens.items()}
        yield Running(api, url, clients)
        for client in clients.values():
            client.close()
        server.should_exit = True
        await serving


@pytest.fixture
def gateway_free_client() -> Iterator[Client]:
    """A client that never gets to send anything."""
    with Client("http://127.0.0.1:1", "kta_x") as client:
        yield client
