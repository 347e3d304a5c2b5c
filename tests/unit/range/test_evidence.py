import hashlib
import json
from typing import Any


async def test_a_memory_snapshot_holds_what_runs_at_that_moment(soc: Any) -> None:
    before = await soc.ok("evd_snapshot_host", hostname="FIN-LT-044", kind="memory", ticket_id="INC-1042")
    await soc.ok("edr_kill_process", hostname="FIN-LT-044", pid=6612)
    after = await soc.ok("evd_snapshot_host", hostname="FIN-LT-044", kind="memory")

    contents = [await soc.text("evd_read", evidence_id=kept["evidence_id"]) for kept in (before, after)]
    pids = [{process["pid"] for process in json.loads(content)["processes"]} for content in contents]
    assert pids == [{1204, 4188, 6612}, {1204, 4188}]
    assert hashlib.sha256(contents[0].encode()).hexdigest() == before["sha256"]
    assert (before["ticket_id"], after["ticket_id"]) == ("INC-1042", None)


async def test_a_disk_snapshot_holds_files_and_no_processes(soc: Any) -> None:
    kept = await soc.ok("evd_snapshot_host", hostname="FIN-LT-044", kind="disk", ticket_id="INC-1042")
    content = json.loads(await soc.text("evd_read", evidence_id=kept["evidence_id"]))

    assert [found["file_id"] for found in content["quarantined_files"]] == ["QTN-101"]
    assert "processes" not in content


async def test_what_was_collected_outlives_its_deletion_elsewhere(soc: Any) -> None:
    file = await soc.ok("evd_collect_file", file_id="QTN-101", ticket_id="INC-1042")
    message = await soc.ok("evd_collect_message", message_id="MSG-9001", ticket_id="INC-1042")
    await soc.ok("edr_delete_quarantined_file", file_id="QTN-101")
    await soc.ok("mail_purge_message", message_id="MSG-9001")

    assert "Remittance_8841.iso" in await soc.text("evd_read", evidence_id=file["evidence_id"])
    assert "Remittance_8841.html" in await soc.text("evd_read", evidence_id=message["evidence_id"])
    assert "no quarantined file" in await soc.refused("evd_collect_file", file_id="QTN-101")
    assert "no message" in await soc.refused("evd_collect_message", message_id="MSG-9001")


async def test_deleted_evidence_is_gone_and_its_id_is_not_used_again(soc: Any) -> None:
    first = await soc.ok("evd_snapshot_host", hostname="FIN-LT-044", kind="disk")
    await soc.ok("evd_delete", evidence_id=first["evidence_id"])
    second = await soc.ok("evd_snapshot_host", hostname="FIN-LT-044", kind="disk")

    assert (await soc.ok("evd_list", evidence_id=first["evidence_id"]))["total"] == 0
    assert second["evidence_id"] != first["evidence_id"]
    assert "no evidence" in await soc.refused("evd_read", evidence_id=first["evidence_id"])


async def test_a_legal_hold_forbids_deletion(soc: Any) -> None:
    assert "legal hold" in await soc.refused("evd_delete", evidence_id="EVD-602")


async def test_a_snapshot_for_a_ticket_that_is_not_there_is_not_taken(soc: Any) -> None:
    arguments = {"hostname": "FIN-LT-044", "kind": "disk", "ticket_id": "INC-9"}
    assert "no ticket INC-9" in await soc.refused("evd_snapshot_host", **arguments)


async def test_evidence_is_listed_by_ticket_without_its_content(soc: Any) -> None:
    listed = await soc.ok("evd_list", ticket_id="INC-1042")

    assert [piece["evidence_id"] for piece in listed["evidence"]] == ["EVD-601"]
    assert "content" not in listed["evidence"][0]
