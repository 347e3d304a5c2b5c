"""Functions behind the gate: what a call returns, what it raises, and that the body never runs here."""

import asyncio
from typing import Any

import pytest

from keyturn import Denied, Held, InvalidInput, NotDone, ToolError


def stubs(client: Any, **options: Any) -> Any:
    ran: list[str] = []

    @client.gated("soc/isolate", **options)  # type: ignore[untyped-decorator]  # the fixture is Any
    def isolate(host: str, note: str | None = None) -> dict[str, Any]:
        """Cut a host off the network."""
        ran.append(host)
        return {"done": False}

    return isolate, ran


async def test_a_read_returns_the_tools_value(gateway: Any) -> None:
    @gateway.clients["responder"].gated("soc/search")  # type: ignore[untyped-decorator]  # the fixture is Any
    def search(query: str = "everything") -> dict[str, Any]:
        raise AssertionError("the stub's body must not run")

    assert await gateway.do(search, query="ioc") == {"hits": ["ioc"]}
    assert await gateway.do(search, "ioc") == {"hits": ["ioc"]}
    assert await gateway.do(search) == {"hits": ["everything"]}


async def test_a_change_raises_held_and_returns_its_value_after_the_key(gateway: Any) -> None:
    isolate, ran = stubs(gateway.clients["responder"])
    with pytest.raises(Held) as held:
        await gateway.do(isolate.because("beaconing", evidence=["alert:17"], confidence=0.9), "h1")
    assert gateway.api.house.fleet.changes == []
    kim = gateway.clients["kim"]
    seen = await gateway.do(kim.look, held.value.id)
    assert seen.model_output == {"rationale": "beaconing", "evidence": ["alert:17"], "confidence": 0.9}
    assert seen.arguments == {"host": "h1"}
    waiting = asyncio.create_task(gateway.do(held.value.wait, 20))
    await gateway.do(kim.turn, seen.id, seen.digest)
    assert await waiting == {"done": True}
    assert ran == []
    assert gateway.api.house.fleet.changes == [("isolate", "h1")]


async def test_a_call_may_wait_for_its_keys_by_itself(gateway: Any) -> None:
    isolate, _ = stubs(gateway.clients["responder"], wait_s=20)
    kim = gateway.clients["kim"]
    calling = asyncio.create_task(gateway.do(isolate.because("beaconing"), host="h1"))
    queue: list[Any] = []
    while not queue:
        queue = await gateway.do(lambda: list(kim.holds()))
    await gateway.do(kim.turn, queue[0].id, queue[0].digest)
    assert await calling == {"done": True}


async def test_a_refused_call_raises_what_the_person_said(gateway: Any) -> None:
    isolate, _ = stubs(gateway.clients["responder"])
    with pytest.raises(Held) as held:
        await gateway.do(isolate.because("beaconing"), "h1")
    await gateway.do(gateway.clients["kim"].reject, held.value.id, "that is the domain controller")
    with pytest.raises(NotDone, match="that is the domain controller"):
        await gateway.do(held.value.wait, 20)


async def test_a_denied_call_says_why(gateway: Any) -> None:
    @gateway.clients["responder"].gated("soc/nothing")  # type: ignore[untyped-decorator]  # the fixture is Any
    def nothing() -> None: ...

    with pytest.raises(Denied, match="its server lists no such tool") as denied:
        await gateway.do(nothing)
    assert denied.value.action.reasons


async def test_a_change_without_a_rationale_is_refused_by_the_gateway(gateway: Any) -> None:
    isolate, _ = stubs(gateway.clients["responder"])
    with pytest.raises(InvalidInput, match="says not why"):
        await gateway.do(isolate, "h1")


async def test_a_tool_that_fails_raises_its_words(gateway: Any) -> None:
    @gateway.clients["responder"].gated("soc/status")  # type: ignore[untyped-decorator]  # the fixture is Any
    def status(host: str) -> None: ...

    gateway.api.house.fleet.isolated = None
    with pytest.raises(ToolError, match="TypeError"):
        await gateway.do(status, "h1")


def test_arguments_that_nobody_could_name_are_refused_at_definition(gateway_free_client: Any) -> None:
    with pytest.raises(TypeError, match="name each"):

        @gateway_free_client.gated("soc/any")  # type: ignore[untyped-decorator]  # the fixture is Any
        def anything(**more: Any) -> None: ...

    with pytest.raises(TypeError, match="async"):

        @gateway_free_client.gated("soc/any")  # type: ignore[untyped-decorator]  # the fixture is Any
        async def later() -> None: ...


def test_a_stub_keeps_its_name_its_words_and_its_plain_function(gateway_free_client: Any) -> None:
    isolate, ran = stubs(gateway_free_client)
    assert (isolate.__name__, isolate.__doc__) == ("isolate", "Cut a host off the network.")
    assert isolate.function("h9") == {"done": False}
    assert ran == ["h9"]
    with pytest.raises(TypeError, match="missing"):
        isolate()
