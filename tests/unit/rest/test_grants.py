"""Grants over REST: people, agents, mandates, stops; and that no secret comes back."""

from typing import Any

from keyturn.gate.context import token_hash
from keyturn.rest import create_app

DRAFT = {"agent": "responder", "case": "INC-2", "purpose": "hunt", "tools": ["soc/search"], "lifetime_s": 600}


async def test_a_lead_issues_a_mandate_and_an_analyst_may_not(api: Any) -> None:
    assert (await api.post("kim", "/v1/mandates", DRAFT)).status_code == 403
    made = await api.post("lea", "/v1/mandates", DRAFT)
    assert (made.status_code, made.json()["issued_by"], made.json()["case"]) == (201, "lea", "INC-2")
    listed = (await api.get("responder", "/v1/mandates")).json()["mandates"]
    assert made.json()["id"] in [mandate["id"] for mandate in listed]
    gone = await api.send("lea", "DELETE", f"/v1/mandates/{made.json()['id']}", params={"reason": "done"})
    assert gone.json()["revoked_at"] is not None


async def test_an_agent_hands_on_less_than_it_has_and_never_more(api: Any) -> None:
    made = await api.post("lea", "/v1/agents", {"name": "hunter", "owner": "una", "purpose": "hunts"})
    assert made.status_code == 201
    path = f"/v1/mandates/{api.house.mandate}/delegations"
    less = {**DRAFT, "agent": "hunter", "case": "INC-1"}
    assert (await api.post("responder", path, less)).json()["parent"] == api.house.mandate
    more = {**less, "tools": ["*"]}
    assert (await api.post("responder", path, more)).status_code == 403
    assert (await api.post(made.json()["token"], path, less)).status_code == 404


async def test_a_stop_holds_from_the_next_call_and_is_lifted(api: Any) -> None:
    made = await api.post("kim", "/v1/stops", {"scope": "everything", "reason": "odd"})
    assert made.status_code == 201
    stop = made.json()["id"]
    assert (await api.propose("tag", host="h1")).json()["state"] == "denied"
    assert [s["id"] for s in (await api.get("kim", "/v1/stops")).json()["stops"]] == [stop]
    assert (await api.post("kim", f"/v1/stops/{stop}/resumption", {"reason": "ok"})).status_code == 403
    assert (await api.post("lea", f"/v1/stops/{stop}/resumption", {"reason": "ok"})).json()["lifted_by"] == "lea"
    assert (await api.propose("tag", host="h1")).json()["state"] == "confirming"


async def test_a_stop_says_what_and_why(api: Any) -> None:
    for body in ({"scope": "agent", "reason": "x"}, {"scope": "all", "reason": "x"}, {"scope": "tool"}):
        assert (await api.post("lea", "/v1/stops", body)).status_code == 400, body


async def test_an_agents_new_token_voids_the_old_one(api: Any) -> None:
    made = await api.post("lea", "/v1/agents/responder/token", {"token_days": 5})
    assert made.status_code == 201
    assert (await api.get("responder", "/v1/mandates")).status_code == 401
    assert (await api.get(made.json()["token"], "/v1/mandates")).status_code == 200
    for days in (0, 366, 10**15):
        assert (await api.post("lea", "/v1/agents/responder/token", {"token_days": days})).status_code == 400


async def test_a_revoked_agent_does_nothing_more(api: Any) -> None:
    gone = await api.send("lea", "DELETE", "/v1/agents/responder", params={"reason": "hijacked"})
    assert gone.json()["revoked_at"] is not None
    assert (await api.propose("search", query="x")).status_code == 401


async def test_lists_show_no_token_and_no_hash_of_one(api: Any) -> None:
    people, agents = await api.get("kim", "/v1/people"), await api.get("kim", "/v1/agents")
    assert {"una", "lea", "kim", "max", "aud"} <= {person["id"] for person in people.json()["people"]}
    for token in api.tokens.values():
        for text in (people.text, agents.text):
            assert token not in text
            assert token_hash(token) not in text


async def test_only_a_process_of_the_operators_own_makes_the_first_owner_without_a_token(api: Any) -> None:
    body = {"name": "mallory", "roles": ["owner"]}
    assert (await api.post("", "/v1/people", body)).status_code == 401
    api.app = create_app(api.house.gate, first_owner=True)
    assert (await api.post("", "/v1/people", body)).status_code == 403, "there is somebody already"
