from typing import Any

import pytest


async def test_disabling_ends_sessions_and_enabling_does_not_bring_them_back(soc: Any) -> None:
    before = await soc.ok("idp_get_user", username="m.okafor")
    done = await soc.ok("idp_disable_user", username="m.okafor")
    await soc.ok("idp_enable_user", username="m.okafor")
    after = await soc.ok("idp_get_user", username="m.okafor")
    sessions = await soc.ok("idp_list_sessions", username="m.okafor")

    assert (before["status"], before["active_sessions"]) == ("active", 2)
    assert done == {"username": "m.okafor", "status": "disabled", "sessions_revoked": 2}
    assert (after["status"], after["active_sessions"]) == ("active", 0)
    assert {session["state"] for session in sessions["sessions"]} == {"revoked"}


async def test_the_same_status_twice_is_refused(soc: Any) -> None:
    assert "active already" in await soc.refused("idp_enable_user", username="m.okafor")
    await soc.ok("idp_disable_user", username="m.okafor")
    assert "disabled already" in await soc.refused("idp_disable_user", username="m.okafor")


async def test_revoking_sessions_leaves_other_users_alone(soc: Any) -> None:
    done = await soc.ok("idp_revoke_sessions", username="m.okafor")

    assert done["sessions_revoked"] == 2
    assert (await soc.ok("idp_get_user", username="p.varga"))["active_sessions"] == 1
    assert "no active session" in await soc.refused("idp_revoke_sessions", username="m.okafor")


async def test_a_revoked_key_stays_revoked(soc: Any) -> None:
    await soc.ok("idp_revoke_api_key", key_id="key_ci_deploy")
    listed = await soc.ok("idp_list_api_keys", key_id="key_ci_deploy")

    assert [(key["status"], key["revoked_by"]) for key in listed["api_keys"]] == [("revoked", "svc-test")]
    assert "revoked already" in await soc.refused("idp_revoke_api_key", key_id="key_ci_deploy")


async def test_a_password_reset_marks_the_user_and_answers_no_password(soc: Any) -> None:
    done = await soc.ok("idp_reset_password", username="m.okafor")

    assert set(done) == {"username", "must_change_password", "password_changed_at"}
    assert (await soc.ok("idp_get_user", username="m.okafor"))["must_change_password"] is True
    await soc.ok("idp_disable_user", username="m.okafor")
    assert "is disabled" in await soc.refused("idp_reset_password", username="m.okafor")


async def test_a_secret_is_read_by_its_whole_path(soc: Any) -> None:
    assert (await soc.ok("idp_read_secret", path="prod/payments/db-password"))["value"] == "simulated-not-a-password"
    assert (await soc.refused("idp_read_secret", path="prod/payments")).startswith("not_found: ")


@pytest.mark.parametrize("tool", ["idp_get_user", "idp_list_sessions", "idp_disable_user", "idp_reset_password"])
async def test_an_unknown_user_is_refused(soc: Any, tool: str) -> None:
    assert "no user nobody" in await soc.refused(tool, username="nobody")


async def test_keys_of_one_owner(soc: Any) -> None:
    listed = await soc.ok("idp_list_api_keys", owner="svc-ci")

    assert [key["key_id"] for key in listed["api_keys"]] == ["key_ci_deploy", "key_ci_metrics"]
    assert "no API key" in await soc.refused("idp_revoke_api_key", key_id="key_other")
