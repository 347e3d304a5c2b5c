from typing import Any

OKAFOR = "m.okafor@corp.example.com"
HIDING = "RUL-7002"


async def test_the_hiding_rule_moves_new_mail_until_it_is_deleted(soc: Any) -> None:
    rule = await soc.ok("mail_get_rule", rule_id=HIDING)
    hide_soc = rule["sender_contains"].replace("it-desk", "svc-test")
    await soc.ok("mail_create_rule", mailbox=OKAFOR, name="..", sender_contains=hide_soc, move_to="RSS Feeds")
    hidden = await soc.ok("mail_send", to=OKAFOR, subject="Call us", body="Please.")
    made = await soc.ok("mail_list_rules", mailbox=OKAFOR, name="..")
    await soc.ok("mail_delete_rule", rule_id=made["rules"][0]["rule_id"])
    seen = await soc.ok("mail_send", to=OKAFOR, subject="Call us", body="Please.")

    folders = [(await soc.ok("mail_get_message", message_id=m["message_id"]))["folder"] for m in (hidden, seen)]
    assert folders == ["RSS Feeds", "Inbox"]


async def test_deleting_a_rule_leaves_what_it_moved_where_it_is(soc: Any) -> None:
    await soc.ok("mail_delete_rule", rule_id=HIDING)

    assert (await soc.ok("mail_list_rules", rule_id=HIDING)) == {"total": 0, "rules": []}
    assert (await soc.ok("mail_get_message", message_id="MSG-9003"))["folder"] == "RSS Feeds"
    assert "no mail rule" in await soc.refused("mail_delete_rule", rule_id=HIDING)


async def test_a_rule_made_again_from_the_old_one_has_another_id(soc: Any) -> None:
    old = await soc.ok("mail_get_rule", rule_id=HIDING)
    await soc.ok("mail_delete_rule", rule_id=HIDING)
    new = await soc.ok(
        "mail_create_rule",
        **{name: old[name] for name in ("mailbox", "name", "sender_contains", "move_to", "mark_read")},
    )

    identity = ("rule_id", "created_at", "created_from_ip")
    assert {k: v for k, v in new.items() if k not in identity} == {k: v for k, v in old.items() if k not in identity}
    assert new["rule_id"] == "RUL-7003"


async def test_a_rule_needs_a_condition_and_a_free_name(soc: Any) -> None:
    assert "needs sender_contains" in await soc.refused("mail_create_rule", mailbox=OKAFOR, name="x", move_to="y")
    again = {"mailbox": OKAFOR, "name": ".", "sender_contains": "x", "move_to": "y"}
    assert "of this name already" in await soc.refused("mail_create_rule", **again)
    assert "no mailbox" in await soc.refused("mail_create_rule", **again | {"mailbox": "nobody@corp.example.com"})


async def test_a_purged_message_is_gone(soc: Any) -> None:
    await soc.ok("mail_purge_message", message_id="MSG-9001")

    assert (await soc.ok("mail_search", message_id="MSG-9001"))["total"] == 0
    assert "no message" in await soc.refused("mail_purge_message", message_id="MSG-9001")
    assert "no message" in await soc.refused("mail_get_message", message_id="MSG-9001")


async def test_search_finds_text_of_the_body_and_does_not_answer_it(soc: Any) -> None:
    found = await soc.ok("mail_search", query="key_ci_deploy")

    assert [message["message_id"] for message in found["messages"]] == ["MSG-9002"]
    assert "body" not in found["messages"][0]


async def test_one_campaign_is_found_by_its_sender(soc: Any) -> None:
    found = await soc.ok("mail_search", sender="invoices.example.net")

    assert {message["mailbox"] for message in found["messages"]} == {OKAFOR, "p.varga@corp.example.com"}


async def test_mail_can_leave_the_company(soc: Any) -> None:
    sent = await soc.ok("mail_send", to="someone@example.org", subject="s", body="b")

    assert (await soc.ok("mail_get_message", message_id=sent["message_id"]))["folder"] == "Sent outside"
