"""Tools over REST: what changed in a definition, and trusting exactly what was looked at."""

import json
from typing import Any

from keyturn.core.action import ToolRef
from keyturn.gate.records import ToolPin

SEARCH = "/v1/tools/soc/search"


async def trust(api: Any, **changed: Any) -> str:
    """People trusted another definition of soc/search than the one of now, whose fingerprint is returned."""
    ref = ToolRef("soc", "search")
    now = api.house.ctx.tools.definition(ref)
    kept = json.dumps({**now.raw, **changed}) if changed else ""
    pin = ToolPin(tool=ref, fingerprint="0" * 64, pinned_at=5, pinned_by="olga", definition=kept, launch="another")
    await api.house.store.write(lambda tx: tx.put_pin(pin))
    return str(now.fingerprint)


async def test_what_changed_in_a_quarantined_tool_is_shown_and_then_trusted(api: Any) -> None:
    now = await trust(api, description="Search the logs of one case.", old=[])
    assert [row["tool"] for row in (await api.get("kim", "/v1/tools", quarantined=True)).json()["tools"]] == [
        "soc/search"
    ]
    seen = (await api.get("kim", SEARCH)).json()
    assert (seen["quarantined"], seen["fingerprint"], seen["trusted"]) == (True, now, {"at": 5, "by": "olga"})
    altered = {each["path"]: (each["before"], each["after"]) for each in seen["altered"]}
    assert altered["description"] == ("Search the logs of one case.", None)
    assert altered["old"] == ("[]", None) and seen["left_out"] == 0 and seen["relaunched"] is True
    assert (await api.send("kim", "POST", f"{SEARCH}/acceptance", params={"seen": now})).status_code == 403
    assert (await api.send("lea", "POST", f"{SEARCH}/acceptance", params={"seen": now})).status_code == 200
    after = (await api.get("kim", SEARCH)).json()
    assert (after["quarantined"], after["altered"], after["trusted"]["by"]) == (False, None, "lea")
    assert (await api.get("kim", "/v1/tools", quarantined=True)).json()["tools"] == []


async def test_another_definition_than_the_one_looked_at_is_not_accepted(api: Any) -> None:
    await trust(api, description="Search.")
    refused = await api.send("lea", "POST", f"{SEARCH}/acceptance", params={"seen": "1" * 64})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert (await api.get("kim", SEARCH)).json()["quarantined"] is True


async def test_a_definition_that_was_not_kept_is_said_to_be_unknown(api: Any) -> None:
    await trust(api)
    seen = (await api.get("kim", SEARCH)).json()
    assert (seen["quarantined"], seen["altered"]) == (True, None)


async def test_every_tool_is_listed_with_its_profile(api: Any) -> None:
    listed = (await api.get("aud", "/v1/tools")).json()
    stages = {row["tool"]: row["profile"]["stage"] for row in listed["tools"]}
    assert (stages["soc/search"], stages["soc/isolate"], listed["away"]) == ("analyse", "respond", [])


async def test_a_tool_that_no_server_lists_is_neither_shown_nor_accepted(api: Any) -> None:
    assert (await api.get("kim", "/v1/tools/soc/no/such")).status_code == 404
    assert (await api.post("lea", "/v1/tools/soc/no/such/acceptance")).status_code == 404


async def test_an_agent_sees_no_list_of_tools(api: Any) -> None:
    assert (await api.get("responder", "/v1/tools")).status_code == 403
