"""How approval gates were broken elsewhere, each tried on this one, through its public verbs and surfaces."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import hold, turn

from keyturn.cli import show
from keyturn.core.action import Action, ToolRef
from keyturn.core.canonical import canonical_json
from keyturn.core.execution import State
from keyturn.core.facts import Oversight
from keyturn.core.policy import Policy
from keyturn.errors import Conflict, Forbidden, InvalidInput, KeyturnError, Unauthenticated
from keyturn.gate.records import Role
from keyturn.packs import load_pack
from keyturn.tools.launch import StdioLaunch
from keyturn.tools.settings import StdioSettings

PACK = load_pack("standard")
ISOLATED_ONCE = [("isolate", "h1")]


def policy_with(*texts: str) -> Policy:
    sources = {f"{number}.cedar": text for number, text in enumerate(texts)}
    return Policy.load(PACK.schema, PACK.guardrails, sources, author="pavel")


# What was seen is what runs


async def test_what_the_person_saw_is_what_runs(house: Any) -> None:
    """CVE-2026-32065, CVE-2026-53822, pydantic-ai#6968: a rendering was approved, something else ran."""
    proposal = house.call("isolate", host="h1", note="1e2 is 100", ratio=1e2)
    record = (await house.gate.propose(house.agent, proposal)).record
    proposal.arguments["host"] = "dc01"
    story = await house.gate.story(house.people["ana"], record.id)
    assert hashlib.sha256(story.content).hexdigest() == record.digest
    await turn(house, "ana", record)
    await house.until(record.id)
    sent = next(call for call in house.ctx.tools.calls if call.tool.name == "isolate")
    assert sent.arguments == canonical_json(Action.from_content(story.content).arguments)
    assert sent.arguments == b'{"host":"h1","note":"1e2 is 100","ratio":100}'


async def test_what_is_cut_in_the_display_is_counted_and_can_be_had_whole(api: Any) -> None:
    """GHSA-xww8-gqvh-92x9: the display was truncated, and what mattered stood behind the cut."""
    script = "echo ok;" + " " * 9_000 + "rm -rf /"
    action = (await api.propose("isolate", host="h1", script=script)).json()
    seen = (await api.get("kim", f"/v1/actions/{action['id']}")).json()
    assert seen["arguments"]["script"] == script
    shown = show.whole(seen, seen["proposed_at"])
    whole = json.dumps(seen["arguments"], ensure_ascii=False, sort_keys=True)
    left = re.search(r"\[(\d+) more characters\]", shown)
    assert left and whole[: -int(left[1])] in shown
    assert action["digest"] in shown


@pytest.mark.parametrize("what", ["argument", "environment", "folder", "file"])
def test_environment_folder_and_files_are_part_of_the_definition(tmp_path: Path, what: str) -> None:
    """CVE-2026-32058, CVE-2026-27545, CVE-2026-32921: environment, folder or script changed after the approval."""
    script, other = tmp_path / "server.py", tmp_path / "elsewhere"
    script.write_text("print(1)")
    other.mkdir()
    (other / "server.py").write_text("print(1)")
    before = StdioSettings(command="python3", args=("server.py",), env={"MODE": "read"}, cwd=str(tmp_path))
    args, env, cwd = before.args, dict(before.env), before.cwd
    fingerprint = StdioLaunch(before).fingerprint()
    assert StdioLaunch(before).fingerprint() == fingerprint
    if what == "argument":
        args = (*args, "--write")
    elif what == "environment":
        env["MODE"] = "write"
    elif what == "folder":
        cwd = str(other)
    else:
        script.write_text("print(2)")
    after = StdioSettings(command="python3", args=args, env=env, cwd=cwd)
    assert StdioLaunch(after).fingerprint() != fingerprint


async def test_a_definition_that_changes_after_the_key_does_not_run(house: Any) -> None:
    """CVE-2026-32058 and its like, at the gate: the keys were for the definition that people saw."""
    record = await hold(house)
    house.ctx.tools.away = True
    await turn(house, "ana", record)
    house.ctx.tools.changed["isolate"] = "f" * 64
    house.ctx.tools.away = False
    await house.gate.sweep()
    after = await house.gate.look(house.agent, record.id)
    assert after.state in {State.DENIED, State.HELD}
    assert house.fleet.changes == []


async def test_trust_ends_when_the_tools_definition_changes(house: Any) -> None:
    """CVE-2025-54136, the rug pull: approved once, changed later, trusted still."""
    assert (await house.gate.propose(house.agent, house.call("search", query="x"))).answer is not None
    house.ctx.tools.changed["search"] = "f" * 64
    changed = (await house.gate.propose(house.agent, house.call("search", query="x"))).record
    assert changed.state in {State.DENIED, State.HELD}
    with pytest.raises(Forbidden, match="may not accept"):
        await house.gate.accept_tool(house.people["ana"], ToolRef("soc", "search"))
    await house.gate.accept_tool(house.people["lena"], ToolRef("soc", "search"))
    again = await house.gate.propose(house.agent, house.call("search", query="y"))
    assert again.record.state is State.SUCCEEDED


async def test_a_definition_changed_in_silence_is_seen_before_a_held_action_runs(house: Any) -> None:
    """CVE-2025-54136 again: the server says nothing, and its list was read minutes ago."""
    record = await hold(house)
    house.ctx.tools.unheard["isolate"] = "f" * 64
    await turn(house, "ana", record)
    after = await house.until(record.id)
    assert house.fleet.changes == []
    assert after.state is State.DENIED
    assert "guardrail-6-quarantined" in [reason.policy for reason in after.reasons]


async def test_nobody_edits_a_held_action(api: Any, mcp: Any) -> None:
    """langchain#40166: the approved edit switched the tool, and skipped the policy of the new one."""
    action = (await api.propose("isolate", host="h1")).json()
    for edit in ({"tool": "soc/wipe"}, {"arguments": {"host": "dc01"}}, {"action": {"name": "wipe"}}):
        answer = await api.post("kim", f"/v1/actions/{action['id']}/keys", {"digest": action["digest"], **edit})
        assert answer.status_code == 400, answer.text
    altered = (await mcp.call("isolate", {"host": "h2"}))["structuredContent"]["keyturn"]
    assert altered["action"] != action["id"]
    assert altered["digest"] != action["digest"]
    assert api.house.fleet.changes == []


# No way around a no


async def test_a_refused_call_has_no_second_way(api: Any, mcp: Any) -> None:
    """langchain#40492: a rejected call ran again by another path."""
    action = (await api.propose("isolate", host="h1")).json()
    path = f"/v1/actions/{action['id']}"
    await api.post("kim", f"{path}/rejection", {"reason": "wrong host"})
    assert (await mcp.call("isolate", {"host": "h1"}))["structuredContent"]["keyturn"]["state"] == "denied"
    assert (await api.propose("isolate", host="h1")).json()["state"] == "denied"
    for verb, body in (
        ("keys", {"digest": action["digest"]}),
        ("confirmation", None),
        ("reversal", {"reason": "x"}),
        ("settlement", {"outcome": "retry", "reason": "x"}),
    ):
        assert (await api.post("una", f"{path}/{verb}", body)).status_code == 409
    await api.house.gate.sweep()
    assert api.house.fleet.changes == []


@pytest.mark.parametrize("body", [None, {}, {"digest": None}, {"digest": ""}, {"digest": True}, [], "yes"], ids=str)
async def test_an_empty_decision_is_no_yes(api: Any, body: Any) -> None:
    """pydantic-ai#8060: a decision of None ran the tool."""
    action = (await api.propose("isolate", host="h1")).json()
    answer = await api.send("kim", "POST", f"/v1/actions/{action['id']}/keys", json=body)
    assert answer.status_code in {400, 409, 415}, answer.text
    assert (await api.get("kim", f"/v1/actions/{action['id']}")).json()["state"] == "held"
    assert api.house.fleet.changes == []


# Whose yes counts


async def test_the_requester_does_not_resolve_its_own_request(api: Any) -> None:
    """openclaw#48149, AGT 5.0: the requester resolved its own request, an agent's own id satisfied two stages."""
    house = api.house
    action = (await api.propose("isolate", host="h1")).json()
    answer = await api.post("responder", f"/v1/actions/{action['id']}/keys", {"digest": action["digest"]})
    assert answer.status_code == 403
    with pytest.raises(Unauthenticated):
        await house.gate.person_for(api.tokens["responder"])
    for spelling in ("responder", "RESPONDER", " ｒesponder "):
        with pytest.raises(Conflict, match="is an agent"):
            await house.gate.add_person(house.people["olga"], spelling, (Role.ANALYST,))
    assert house.fleet.changes == []


async def test_the_owner_has_no_second_self(house: Any) -> None:
    """CVE-2025-6004, CVE-2025-6013: a second account, an alias, a case or space variant counted as somebody else."""
    gate, olga = house.gate, house.people["olga"]
    await gate.add_person(olga, "una", (Role.OWNER,), ("una@example.org", "U.Na"))
    for spelling in ("OLGA", "olga ", "ｏlga", "Una", "UNA@EXAMPLE.ORG", "u.na", "\u00a0una"):
        with pytest.raises(Conflict, match="is already"):
            await gate.add_person(olga, spelling, (Role.ANALYST,))
        with pytest.raises(Conflict, match="is already"):
            await gate.add_person(olga, "new-name", (Role.ANALYST,), (spelling,))
    for hidden in ("ol\u200bga", "olga\u202e", "olga\u00ad"):
        with pytest.raises(InvalidInput, match="invisible"):
            await gate.add_person(olga, hidden, (Role.ANALYST,))
    record = await hold(house)
    assert (await turn(house, "olga", record)).state is State.HELD
    assert house.fleet.changes == []


async def test_one_person_counts_once_towards_two_keys(house: Any) -> None:
    """OpenBao control groups, AGT#3255: one person counted twice, or the vote resolved on the first."""
    record = await hold(house, host="dc01")
    assert record.oversight is Oversight.TWO_KEY
    results = await asyncio.gather(*(turn(house, "ana", record) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, KeyturnError) for result in results) == 4
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD
    assert house.fleet.changes == []
    await turn(house, "lena", record)
    assert (await house.until(record.id)).state is State.SUCCEEDED


async def test_no_policy_and_no_key_permit_nothing(house: Any) -> None:
    """OpenBao, inspect_ai: zero policies or zero approvers, and 0 == 0 passed."""
    record = await hold(house)
    house.ctx.policy = policy_with()
    denied = (await house.gate.propose(house.agent, house.call("search", query="x"))).record
    assert denied.state is State.DENIED
    with pytest.raises(Forbidden):
        await turn(house, "ana", record)
    everything = '@id("loose") @why("x") permit (principal, action, resource);'
    house.ctx.policy = policy_with(everything)
    await house.gate.sweep()
    assert (await house.gate.look(house.agent, record.id)).state is State.HELD
    assert house.fleet.changes == []


async def test_a_look_up_that_errs_lets_nobody_through(house: Any) -> None:
    """Cordum handlers_approvals: the check against approving one's own request was skipped when its look-up erred."""
    record = await hold(house)
    errs = (
        '@id("errs") @why("x") forbid (principal, action == Action::"turn_key", resource) '
        "when { context.facts.now + 9223372036854775807 > 0 };"
    )
    house.ctx.policy = policy_with(*PACK.sources.values(), errs)
    for person in ("ana", "olga", "lena"):
        with pytest.raises(Forbidden, match="errs"):
            await turn(house, person, record)
    assert house.fleet.changes == []


async def test_people_without_a_deciding_role_turn_no_key(api: Any) -> None:
    """StackStorm's noop RBAC: roles were not checked where their backend was missing."""
    house = api.house
    action = (await api.propose("isolate", host="h1")).json()
    path = f"/v1/actions/{action['id']}/keys"
    assert (await api.post("aud", path, {"digest": action["digest"]})).status_code == 403
    with pytest.raises(InvalidInput, match="no role"):
        await house.gate.add_person(house.people["olga"], "nobody", ())
    await house.gate.revoke_person(house.people["olga"], "kim", "left")
    assert (await api.post("kim", path, {"digest": action["digest"]})).status_code == 401
    assert house.fleet.changes == []


# One approval, one execution


async def test_an_approval_is_for_one_execution(house: Any) -> None:
    """tenuo 0.3.3, TrueFoundry: an approval was replayed, or served the next call of the same tool."""
    record = await hold(house)
    await turn(house, "ana", record)
    await house.until(record.id)
    with pytest.raises(Conflict):
        await turn(house, "bob", record)
    again = await hold(house)
    assert (again.id, again.digest) != (record.id, record.digest)
    for person in ("ana", "bob"):
        with pytest.raises(Conflict, match="another digest"):
            await house.gate.turn(house.people[person], again.id, record.digest)
    await house.gate.sweep()
    assert house.fleet.changes == ISOLATED_ONCE


async def test_an_approval_outlives_a_run_that_never_started(house: Any) -> None:
    """agenta#5592: the approval was consumed though the run never started."""
    record = await hold(house)
    house.ctx.tools.away = True
    assert (await turn(house, "ana", record)).state is State.READY
    await house.gate.sweep()
    assert house.fleet.changes == []
    house.ctx.tools.away = False
    await house.gate.sweep()
    assert (await house.until(record.id)).state is State.SUCCEEDED
    assert house.fleet.changes == ISOLATED_ONCE


async def test_a_restart_neither_loses_a_hold_nor_repeats_a_call(
    tmp_path: Path, build_house: Callable[..., Any]
) -> None:
    """langgraph#7780, omnigent#5667: a restart replayed the side effect, or lost the hold."""
    first = await build_house(tmp_path / "k.db")
    done, waits = await hold(first), await hold(first, host="h2")
    await turn(first, "ana", done)
    await first.until(done.id)
    await first.gate.stop_running()
    first.store.close()
    second = await build_house(tmp_path / "k.db", fleet=first.fleet)
    await second.gate.sweep()
    assert first.fleet.changes == ISOLATED_ONCE
    await turn(second, "bob", waits)
    await second.until(waits.id)
    await second.gate.sweep()
    assert first.fleet.changes == [*ISOLATED_ONCE, ("isolate", "h2")]
    await second.gate.stop_running()
    second.store.close()
