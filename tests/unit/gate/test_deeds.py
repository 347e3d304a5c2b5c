"""Confirming, taking back, settling and narrowing: no key of their own, and still for whom the policy lets turn one."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.authenticator import Authenticator
from tests.passkeys import enrol

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.errors import Conflict, Forbidden
from keyturn.gate.records import Scope
from keyturn.packs import load_pack
from keyturn.tools.functions import FunctionTools

House = Any
NO_ANALYST = """
@id("no-analysts")
@why("analysts turn no keys in this house")
forbid (principal, action == Action::"turn_key", resource)
when { !context.roles.containsAny(["lead", "owner"]) };
"""


async def contained(house: House, host: str = "h1") -> Any:
    """A host that an agent isolated, with ana's key."""
    record = (await house.gate.propose(house.agent, house.call("isolate", host=host))).record
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    done = await house.until(record.id)
    assert done.state is State.SUCCEEDED
    return done


async def lost(house: House) -> Any:
    """An action whose outcome nobody knows: its check does not show the effect."""

    def isolate(host: str) -> dict[str, Any]:
        return {"done": True}

    def status(host: str) -> dict[str, Any]:
        return {}

    schema = {"type": "object", "properties": {"host": {"type": "string"}}, "required": ["host"]}
    house.ctx.tools = FunctionTools("soc", {"isolate": (isolate, schema), "status": (status, schema)})
    record = (await house.gate.propose(house.agent, house.call("isolate", host="h1"))).record
    await house.gate.turn(house.people["ana"], record.id, record.digest)
    done = await house.until(record.id)
    assert done.state is State.UNKNOWN
    return done


async def waiting(house: House) -> Any:
    return (await house.gate.propose(house.agent, house.call("isolate", host="h2"))).record


async def unconfirmed(house: House) -> Any:
    texts = load_pack("small-team")
    house.ctx.policy = Policy.load(texts.schema, texts.guardrails, texts.sources, author="pavel")
    record = (await house.gate.propose(house.agent, house.call("tag", host="h1"))).record
    assert record.state is State.CONFIRMING
    return record


async def revert(house: House, who: Any, record: Any, **how: Any) -> Any:
    return await house.gate.revert(who, record.id, "it was clean", **how)


async def confirm(house: House, who: Any, record: Any, **how: Any) -> Any:
    return await house.gate.confirm(who, record.id, **how)


async def settle(house: House, who: Any, record: Any, **how: Any) -> Any:
    return await house.gate.settle(who, record.id, "succeeded", "seen by hand", **how)


async def narrow(house: House, who: Any, record: Any, **how: Any) -> Any:
    return await house.gate.dossier.narrow(who, record.id, {"host": "h2"}, **how)


Make = Callable[[House], Awaitable[Any]]
Deed = Callable[..., Awaitable[Any]]
DEEDS = [(contained, revert), (unconfirmed, confirm), (lost, settle)]


@pytest.mark.parametrize(("make", "deed"), DEEDS)
async def test_who_has_a_passkey_does_it_with_that_and_not_with_a_token(house: House, make: Make, deed: Deed) -> None:
    record = await make(house)
    await enrol(house.gate, house.people["olga"], "lena", Authenticator())
    with pytest.raises(Forbidden, match="guardrail-9-passkey-not-token"):
        await deed(house, house.people["lena"], record)
    assert (await house.gate.look(house.agent, record.id)).state is record.state
    done = await deed(house, house.people["lena"], record, how="passkey")
    assert done.state is not record.state


@pytest.mark.parametrize(("make", "deed"), DEEDS)
async def test_who_has_none_does_it_with_a_token(house: House, make: Make, deed: Deed) -> None:
    record = await make(house)
    assert (await deed(house, house.people["lena"], record)).state is not record.state


async def test_narrowing_with_a_bare_token_is_refused_to_who_has_a_passkey(house: House) -> None:
    record = await waiting(house)
    await enrol(house.gate, house.people["olga"], "lena", Authenticator())
    with pytest.raises(Forbidden, match="guardrail-9-passkey-not-token"):
        await narrow(house, house.people["lena"], record)
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD


async def test_whom_the_policy_lets_turn_no_key_takes_nothing_back(house: House) -> None:
    record = await contained(house)
    texts = load_pack("standard")
    sources = {**texts.sources, "ours.cedar": NO_ANALYST}
    house.ctx.policy = Policy.load(texts.schema, texts.guardrails, sources, author="pavel")
    with pytest.raises(Forbidden, match="no-analysts") as refused:
        await revert(house, house.people["bob"], record)
    assert refused.value.reasons == (("no-analysts", "analysts turn no keys in this house"),)
    assert house.fleet.changes == [("isolate", "h1")]
    assert (await revert(house, house.people["lena"], record)).state is State.REVERTED


@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (Scope.EVERYTHING, ""),
        (Scope.AGENT, "responder"),
        (Scope.TOOL, "soc/isolate"),
        (Scope.TOOL, "soc/lift"),
        (Scope.MANDATE, "mandate"),
    ],
)
async def test_a_stop_keeps_containment_in_place(house: House, scope: Scope, subject: str) -> None:
    record = await contained(house)
    subject = house.mandate if subject == "mandate" else subject
    stop = await house.gate.stop(house.people["olga"], scope, subject, "somebody is in")
    with pytest.raises(Conflict, match="nobody takes"):
        await revert(house, house.people["lena"], record)
    assert house.fleet.changes == [("isolate", "h1")]
    await house.gate.resume(house.people["olga"], stop.id, "they are out")
    assert (await revert(house, house.people["lena"], record)).state is State.REVERTED


async def test_what_nobody_confirmed_reverts_by_itself_during_a_stop(house: House) -> None:
    record = await unconfirmed(house)
    await house.gate.stop(house.people["olga"], Scope.EVERYTHING, "", "somebody is in")
    with pytest.raises(Conflict, match="nobody takes"):
        await revert(house, house.people["lena"], record)
    house.clock.ms = record.due_at
    await house.gate.sweep()
    assert (await house.gate.look(house.agent, record.id)).state is State.REVERTED
    assert house.fleet.changes == [("tag", "h1"), ("untag", "h1")]


async def test_a_change_may_be_kept_during_a_stop(house: House) -> None:
    record = await unconfirmed(house)
    await house.gate.stop(house.people["olga"], Scope.EVERYTHING, "", "somebody is in")
    assert (await confirm(house, house.people["lena"], record)).state is State.SUCCEEDED
