from typing import Any

import pytest

CASE = "INC-1042"


async def test_closing_records_who_and_how_and_reopening_counts(soc: Any) -> None:
    await soc.ok("tkt_close", ticket_id=CASE, resolution="contained")
    closed = await soc.ok("tkt_get", ticket_id=CASE)
    await soc.ok("tkt_reopen", ticket_id=CASE)
    reopened = await soc.ok("tkt_get", ticket_id=CASE)

    assert (closed["status"], closed["closed_by"], closed["resolution"]) == ("closed", "svc-test", "contained")
    assert (reopened["status"], reopened["closed_by"], reopened["reopened"]) == ("in_progress", None, 1)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("tkt_close", {"resolution": "duplicate"}), ("tkt_update_status", {"status": "on_hold"})],
)
async def test_a_closed_ticket_keeps_its_state(soc: Any, tool: str, arguments: dict[str, Any]) -> None:
    await soc.ok("tkt_close", ticket_id=CASE, resolution="contained")

    assert "is closed, by svc-test" in await soc.refused(tool, ticket_id=CASE, **arguments)


async def test_a_status_change_names_the_status_before(soc: Any) -> None:
    done = await soc.ok("tkt_update_status", ticket_id=CASE, status="on_hold")

    assert done == {"ticket_id": CASE, "status": "on_hold", "previous_status": "in_progress"}
    assert "on_hold already" in await soc.refused("tkt_update_status", ticket_id=CASE, status="on_hold")
    assert "not closed" in await soc.refused("tkt_reopen", ticket_id=CASE)


async def test_notes_carry_their_author_and_text_as_it_came(soc: Any) -> None:
    note = "<b>not markup</b>\x00 ‮ 😀"
    await soc.ok("tkt_add_note", ticket_id=CASE, text=note)
    notes = (await soc.ok("tkt_get", ticket_id=CASE))["notes"]

    assert [(n["author"], n["text"]) for n in notes if n["note_id"] == "NTE-402"] == [("svc-test", note)]


async def test_a_tag_is_there_once(soc: Any) -> None:
    await soc.ok("tkt_add_tag", ticket_id=CASE, tag="loader")
    assert "has the tag" in await soc.refused("tkt_add_tag", ticket_id=CASE, tag="loader")
    assert (await soc.ok("tkt_list", ticket_id=CASE, tag="loader"))["total"] == 1
    await soc.ok("tkt_remove_tag", ticket_id=CASE, tag="loader")
    assert (await soc.ok("tkt_list", ticket_id=CASE, tag="loader"))["total"] == 0
    assert "has no tag" in await soc.refused("tkt_remove_tag", ticket_id=CASE, tag="loader")


async def test_tickets_by_status(soc: Any) -> None:
    assert [t["ticket_id"] for t in (await soc.ok("tkt_list", status="closed"))["tickets"]] == ["INC-1031"]
    assert (await soc.ok("tkt_list"))["total"] == 3


@pytest.mark.parametrize("tool", ["tkt_get", "tkt_reopen"])
async def test_an_unknown_ticket_is_refused(soc: Any, tool: str) -> None:
    assert "no ticket INC-9" in await soc.refused(tool, ticket_id="INC-9")
