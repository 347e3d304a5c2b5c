"""Actions over REST, end to end: propose, look, wait, turn, and what else people and agents may do."""

import asyncio
import hashlib
from typing import Any

from keyturn.core.action import Action


async def held(api: Any, host: str = "h1") -> dict[str, Any]:
    answer = await api.propose("isolate", host=host)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert found["state"] == "held"
    return found


async def test_analysis_runs_and_answers_with_the_tools_result(api: Any) -> None:
    answer = await api.propose("search", query="ioc")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["oversight"]) == ("succeeded", "free")
    assert told["result"]["structuredContent"] == {"hits": ["ioc"]}


async def test_a_change_is_held_until_a_person_turns_a_key_and_then_runs_once(api: Any) -> None:
    action = await held(api)
    assert api.house.fleet.changes == []
    assert action["hold"]["missing"] == 1
    waiting = asyncio.create_task(api.get("responder", f"/v1/actions/{action['id']}/wait", timeout_s=20))
    seen = (await api.get("kim", f"/v1/actions/{action['id']}")).json()
    assert seen["arguments"] == {"host": "h1"}
    assert seen["model_output"]["rationale"] == "because of alert 17"
    assert seen["inverse"] == "lift"
    turned = await api.post("kim", f"/v1/actions/{action['id']}/keys", {"digest": seen["digest"]})
    assert turned.status_code in (200, 202), turned.text
    assert [key["person"] for key in turned.json()["hold"]["keys"]] == ["kim"]
    done = await waiting
    assert (done.status_code, done.json()["state"]) == (200, "succeeded")
    assert done.json()["result"]["structuredContent"] == {"done": True}
    assert api.house.fleet.changes == [("isolate", "h1")]


async def test_a_denial_is_an_answer_with_reasons(api: Any) -> None:
    answer = await api.post(
        "responder", "/v1/actions", {"tool": "soc/nothing", "arguments": {}, "rationale": "because"}
    )
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["oversight"]) == ("denied", "denied")
    assert told["outside"] == ["its server lists no such tool"]
    assert told["reasons"][0]["effect"] == "forbid"


async def test_the_content_is_the_bytes_of_the_digest(api: Any) -> None:
    action = await held(api)
    answer = await api.get("kim", f"/v1/actions/{action['id']}/content")
    assert answer.headers["content-type"] == "application/json"
    assert hashlib.sha256(answer.content).hexdigest() == action["digest"]
    assert Action.from_content(answer.content).arguments == {"host": "h1"}


async def test_a_key_for_another_digest_is_a_conflict(api: Any) -> None:
    action = await held(api)
    answer = await api.post("kim", f"/v1/actions/{action['id']}/keys", {"digest": "0" * 64})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert api.house.fleet.changes == []


async def test_the_policys_reasons_come_with_a_key_that_may_not_be_turned(api: Any) -> None:
    action = await held(api)
    answer = await api.post("aud", f"/v1/actions/{action['id']}/keys", {"digest": action["digest"]})
    assert answer.status_code == 403
    assert "aud may not turn a key" in answer.json()["error"]["message"]


async def test_no_agent_turns_a_key_not_even_by_its_own_token(api: Any) -> None:
    action = await held(api)
    answer = await api.post("responder", f"/v1/actions/{action['id']}/keys", {"digest": action["digest"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_a_person_does_not_propose(api: Any) -> None:
    answer = await api.post("una", "/v1/actions", {"tool": "soc/search", "arguments": {}})
    assert answer.status_code == 403


async def test_one_refusal_ends_it_and_a_late_key_does_nothing(api: Any) -> None:
    action = await held(api)
    refused = await api.post("max", f"/v1/actions/{action['id']}/rejection", {"reason": "wrong host"})
    assert (refused.status_code, refused.json()["state"]) == (200, "refused")
    assert (refused.json()["ended_by"], refused.json()["ended_because"]) == ("max", "wrong host")
    late = await api.post("kim", f"/v1/actions/{action['id']}/keys", {"digest": action["digest"]})
    assert late.status_code == 409
    assert api.house.fleet.changes == []


async def test_the_agent_withdraws_its_own_hold(api: Any) -> None:
    action = await held(api)
    answer = await api.post("responder", f"/v1/actions/{action['id']}/withdrawal", {"reason": "false alarm"})
    assert answer.json()["state"] == "withdrawn"


async def test_an_agent_does_not_see_anothers_actions(api: Any) -> None:
    action = await held(api)
    made = await api.post("lea", "/v1/agents", {"name": "other", "owner": "una", "purpose": "hunts"})
    for path in ("", "/wait", "/content", "/explanation"):
        answer = await api.get(made.json()["token"], f"/v1/actions/{action['id']}{path}")
        assert answer.status_code == 404, path


async def test_the_queue_comes_in_pages_with_the_next_to_expire_first(api: Any) -> None:
    for number in range(5):
        await held(api, f"h{number}")
        api.house.clock.ms += 1000
    seen: list[str] = []
    after = ""
    while True:
        page = (await api.get("kim", "/v1/holds", after=after, limit=2)).json()
        seen += [action["targets"][0]["id"] for action in page["holds"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [f"h{number}" for number in range(5)]


async def test_a_person_finds_an_action_by_the_beginning_of_its_id(api: Any) -> None:
    action = await held(api)
    assert (await api.get("kim", f"/v1/actions/{action['id'][:6]}")).json()["id"] == action["id"]
    assert (await api.get("responder", f"/v1/actions/{action['id'][:6]}")).status_code == 404


async def test_an_explanation_says_what_would_change_the_verdict(api: Any) -> None:
    action = await held(api)
    told = (await api.get("kim", f"/v1/actions/{action['id']}/explanation")).json()
    assert told["verdict"]["word"] == "one_key"
    assert [level["oversight"] for level in told["levels"]] == ["free", "confirm", "one_key", "two_key"]
    assert told["changes"]


async def test_what_ran_under_confirm_is_listed_and_kept_by_a_confirmation(api: Any) -> None:
    answer = await api.propose("tag", host="h1")
    assert (answer.status_code, answer.json()["state"]) == (200, "confirming")
    action = answer.json()["id"]
    assert [a["id"] for a in (await api.get("kim", "/v1/unconfirmed")).json()["actions"]] == [action]
    kept = await api.send("kim", "POST", f"/v1/actions/{action}/confirmation")
    assert kept.json()["state"] == "succeeded"


async def test_a_change_is_taken_back(api: Any) -> None:
    action = (await api.propose("tag", host="h1")).json()["id"]
    answer = await api.post("kim", f"/v1/actions/{action}/reversal", {"reason": "not needed"})
    assert answer.status_code in (200, 202), answer.text
    after = await api.get("kim", f"/v1/actions/{action}/wait", timeout_s=20)
    assert after.json()["state"] == "reverted"
    assert api.house.fleet.changes == [("tag", "h1"), ("untag", "h1")]


async def test_settling_what_is_not_unknown_is_a_conflict(api: Any) -> None:
    action = await held(api)
    body = {"outcome": "succeeded", "reason": "I looked"}
    assert (await api.post("lea", f"/v1/actions/{action['id']}/settlement", body)).status_code == 409
    assert (await api.get("lea", "/v1/unknowns")).json() == {"actions": []}
    body["outcome"] = "maybe"
    assert (await api.post("lea", f"/v1/actions/{action['id']}/settlement", body)).status_code == 400
