"""The scripted agent: an ordinary MCP client with a token of its own. It knows nothing of people or keys."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import msgspec
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from keyturn.demo import story
from keyturn.demo.story import Call

Say = Callable[[str], None]


class Answer(msgspec.Struct, frozen=True):
    """What came back for a call: ``state`` of its action where the gate answered, ``ran`` or ``error`` otherwise."""

    call: Call
    state: str
    action: str = ""
    digest: str = ""
    text: str = ""
    value: Any = None


class Agent:
    """One session with the gateway."""

    def __init__(self, client: Client, say: Say) -> None:
        self._client = client
        self._say = say

    async def call(self, call: Call) -> Answer:
        """Send one call as any client would; errors are answers too."""
        try:
            result = await self._client.call_tool(call.tool, call.wire())
        except MCPError as error:
            return Answer(call, "error", text=str(error))
        text = "\n".join(block.text for block in result.content if block.type == "text")
        value = result.structured_content
        about = value.get("keyturn") if isinstance(value, dict) else None
        if isinstance(about, dict):
            return Answer(call, str(about["state"]), str(about["action"]), str(about["digest"]), text, about)
        return Answer(call, "error" if result.is_error else "ran", text=text, value=value)

    async def investigate(self) -> list[Answer]:
        """Read the case, cluster the alerts, enrich their indicators, and write down what was found."""
        answers = [await self.call(read) for read in story.READS]
        found = next(a.value for a in answers if a.call.tool == "edr_list_alerts")
        alerts = found["alerts"] if isinstance(found, dict) else []
        verdicts = {}
        for indicator in sorted({str(a["indicator"]) for a in alerts if _looks_up(str(a.get("indicator") or ""))}):
            answer = await self.call(Call("intel_lookup_indicator", {"indicator": indicator}))
            answers.append(answer)
            if isinstance(answer.value, dict):
                verdicts[indicator] = str(answer.value.get("verdict", "unknown"))
        self._say(f"read {len(answers)} times: {len(alerts)} alerts, {len(verdicts)} indicators looked up")
        answers += [await self.call(note) for note in story.notes(alerts, verdicts)]
        return answers

    async def look(self, action: str, wait_s: float) -> Answer:
        """What became of an action, once it has left the hold or the time is over."""
        return await self.call(Call("keyturn_action", {"action": action, "wait_s": wait_s}))


@contextlib.asynccontextmanager
async def connected(url: str, token: str, say: Say) -> AsyncIterator[Agent]:
    """An agent's session with the gateway's endpoint of the range."""
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp/{story.UPSTREAM}", http_client=http)) as client,
    ):
        yield Agent(client, say)


def _looks_up(indicator: str) -> bool:
    return bool(indicator) and indicator.replace(".", "").isdigit()
