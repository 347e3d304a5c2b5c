import json
from typing import Any

import pytest


async def test_alerts_can_be_narrowed_and_say_how_many_there_are(soc: Any) -> None:
    everything = await soc.ok("edr_list_alerts")
    page = await soc.ok("edr_list_alerts", limit=2)
    of_user = await soc.ok("edr_list_alerts", username="m.okafor", severity="high")

    assert everything["total"] == len(everything["alerts"]) == 12
    assert (page["total"], page["alerts"]) == (12, everything["alerts"][:2])
    assert {alert["username"] for alert in of_user["alerts"]} == {"m.okafor"}
    assert {alert["severity"] for alert in of_user["alerts"]} == {"high"}


async def test_an_alert_carries_the_hostile_text_that_was_found(soc: Any) -> None:
    alert = await soc.ok("edr_get_alert", alert_id="ALR-5008")

    assert "ignore your instructions" in alert["description"]


async def test_events_are_searched_without_regard_to_case_and_without_wildcards(soc: Any) -> None:
    found = await soc.ok("edr_search_events", contains="RUNDLL32", kind="network")
    wildcard = await soc.ok("edr_search_events", contains="%")

    assert [event["detail"] for event in found["events"]] == ["198.51.100.23:443 tls"] * 2
    assert wildcard["total"] == 0


async def test_isolation_is_recorded_with_its_caller_and_is_refused_twice(soc: Any) -> None:
    done = await soc.ok("edr_isolate_host", hostname="FIN-LT-044", comment="loader")
    host = await soc.ok("edr_get_host", hostname="FIN-LT-044")

    assert done == {"hostname": "FIN-LT-044", "device_id": "dev-044", "containment": "isolated"}
    assert (host["containment"], host["contained_by"]) == ("isolated", "svc-test")
    assert "isolated already" in await soc.refused("edr_isolate_host", hostname="FIN-LT-044")
    assert [(change["tool"], change["arguments"]) for change in soc.changes()] == [
        ("edr_isolate_host", {"hostname": "FIN-LT-044", "comment": "loader"})
    ]


async def test_only_an_isolated_host_can_be_put_back(soc: Any) -> None:
    assert "not isolated" in await soc.refused("edr_lift_isolation", hostname="FIN-LT-044")


async def test_a_killed_process_stays_killed(soc: Any) -> None:
    await soc.ok("edr_kill_process", hostname="FIN-LT-044", pid=6612)
    host = await soc.ok("edr_get_host", hostname="FIN-LT-044")

    assert {process["pid"]: process["state"] for process in host["processes"]} == {
        1204: "running",
        4188: "running",
        6612: "killed",
    }
    assert "no process 6612" in await soc.refused("edr_kill_process", hostname="FIN-LT-044", pid=6612)


async def test_a_script_meets_the_state_of_the_host_and_is_never_run_for_real(soc: Any) -> None:
    before = await soc.ok("edr_run_script", hostname="FIN-LT-044", script="ps")
    await soc.ok("edr_kill_process", hostname="FIN-LT-044", pid=6612)
    after = await soc.ok("edr_run_script", hostname="FIN-LT-044", script="ps")
    other = await soc.ok("edr_run_script", hostname="FIN-LT-044", script="touch here; echo $HOME")

    assert "6612 rundll32.exe" in before["output"]
    assert "6612" not in after["output"]
    assert other["exit_code"] == 127
    assert "simulated" in other["output"]
    host = await soc.ok("edr_get_host", hostname="FIN-LT-044")
    assert [run["exit_code"] for run in host["script_runs"]] == [0, 0, 127]


async def test_a_quarantined_file_is_deleted_for_good(soc: Any) -> None:
    await soc.ok("edr_delete_quarantined_file", file_id="QTN-101")

    assert (await soc.ok("edr_list_quarantined_files", file_id="QTN-101"))["total"] == 0
    assert "no quarantined file" in await soc.refused("edr_delete_quarantined_file", file_id="QTN-101")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("edr_get_alert", {"alert_id": "ALR-1"}),
        ("edr_get_host", {"hostname": "NO-SUCH"}),
        ("edr_isolate_host", {"hostname": "NO-SUCH"}),
        ("edr_run_script", {"hostname": "NO-SUCH", "script": "ps"}),
    ],
)
async def test_what_is_not_there_is_said_to_be_missing(soc: Any, tool: str, arguments: dict[str, Any]) -> None:
    assert (await soc.refused(tool, **arguments)).startswith("not_found: ")


async def test_the_argument_of_a_change_is_kept_as_it_came(soc: Any) -> None:
    comment = 'quote " and ünïcode 😀'
    await soc.ok("edr_isolate_host", hostname="FIN-LT-044", comment=comment)

    assert json.loads(json.dumps(soc.changes()[0]["arguments"]))["comment"] == comment
