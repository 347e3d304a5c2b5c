"""The simulated identity provider: users, sessions, passwords, API keys and the vault's secrets."""

from keyturn.errors import Conflict, NotFound
from keyturn.range.state import Row, row, rows
from keyturn.range.tool import (
    DESTRUCTIVE,
    READS,
    USERNAME,
    Call,
    Changed,
    RangeTool,
    Schema,
    shape,
    text,
)

USER = text("User name, such as a.person", longest=64, pattern=USERNAME)
KEY = text("Key id", longest=64, pattern=r"^key_[a-z0-9_]{1,59}$")


def _user(call: Call) -> Row:
    found = row(call.db, "SELECT * FROM users WHERE username = ?", call.args["username"])
    if found is None:
        raise NotFound(f"no user {call.args['username']}")
    return found


def _key(call: Call) -> Row:
    found = row(call.db, "SELECT * FROM api_keys WHERE key_id = ?", call.args["key_id"])
    if found is None:
        raise NotFound(f"no API key {call.args['key_id']}", hint="idp_list_api_keys lists them")
    return found


def _get_user(call: Call) -> Schema:
    user = _user(call)
    active = row(
        call.db,
        "SELECT count(*) AS active FROM sessions WHERE username = ? AND state = 'active'",
        user["username"],
    )
    return user | {"active_sessions": active["active"] if active else 0}


def _list_sessions(call: Call) -> Schema:
    user = _user(call)
    found = rows(call.db, "SELECT * FROM sessions WHERE username = ? ORDER BY started_at", user["username"])
    return {"username": user["username"], "sessions": found}


def _end_sessions(call: Call, username: str) -> int:
    return call.db.execute(
        "UPDATE sessions SET state = 'revoked', ended_at = ? WHERE username = ? AND state = 'active'",
        (call.now, username),
    ).rowcount


def _set_status(call: Call, status: str) -> str:
    user = _user(call)
    if user["status"] == status:
        raise Conflict(f"{user['username']} is {status} already")
    call.db.execute(
        "UPDATE users SET status = ?, status_changed_by = ? WHERE username = ?",
        (status, call.actor, user["username"]),
    )
    return str(user["username"])


def _disable(call: Call) -> Changed:
    username = _set_status(call, "disabled")
    ended = _end_sessions(call, username)
    result = {"username": username, "status": "disabled", "sessions_revoked": ended}
    return Changed(result, f"user {username} disabled, {ended} sessions revoked")


def _enable(call: Call) -> Changed:
    username = _set_status(call, "active")
    # what disabling ended stays ended: the user signs in again
    return Changed({"username": username, "status": "active"}, f"user {username} enabled")


def _revoke_sessions(call: Call) -> Changed:
    username = _user(call)["username"]
    ended = _end_sessions(call, username)
    if ended == 0:
        raise Conflict(f"{username} has no active session")
    return Changed({"username": username, "sessions_revoked": ended}, f"{ended} sessions of {username} revoked")


def _reset_password(call: Call) -> Changed:
    user = _user(call)
    if user["status"] != "active":
        raise Conflict(f"{user['username']} is {user['status']}: a password can be reset only for an active user")
    call.db.execute(
        "UPDATE users SET must_change_password = 1, password_changed_at = ? WHERE username = ?",
        (call.now, user["username"]),
    )
    result = {"username": user["username"], "must_change_password": True, "password_changed_at": call.now}
    return Changed(result, f"password of {user['username']} reset, a one-time link went to the service desk")


def _list_keys(call: Call) -> Schema:
    found = rows(
        call.db,
        "SELECT * FROM api_keys WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR key_id = ?2) ORDER BY key_id",
        call.args.get("owner"),
        call.args.get("key_id"),
    )
    return {"total": len(found), "api_keys": found}


def _revoke_key(call: Call) -> Changed:
    key = _key(call)
    if key["status"] == "revoked":
        raise Conflict(f"{key['key_id']} is revoked already, since {key['revoked_at']}")
    call.db.execute(
        "UPDATE api_keys SET status = 'revoked', revoked_at = ?, revoked_by = ? WHERE key_id = ?",
        (call.now, call.actor, key["key_id"]),
    )
    result = {"key_id": key["key_id"], "status": "revoked", "revoked_at": call.now}
    return Changed(result, f"API key {key['key_id']} revoked for good")


def _read_secret(call: Call) -> Schema:
    secret = row(call.db, "SELECT * FROM secrets WHERE path = ?", call.args["path"])
    if secret is None:
        raise NotFound("no secret at this path")
    return secret


_STATUS = shape(username="string", status="string")

TOOLS = (
    RangeTool(
        "idp_get_user",
        "A user: status, department, privilege, password age, number of active sessions.",
        _get_user,
        params={"username": USER},
        returns=shape(username="string", status="string", privileged="boolean", active_sessions="integer"),
        hints=READS,
    ),
    RangeTool(
        "idp_list_sessions",
        "Sessions of a user with address, client and state.",
        _list_sessions,
        params={"username": USER},
        returns=shape(username="string", sessions="array"),
        hints=READS,
    ),
    RangeTool(
        "idp_disable_user",
        "Disable a user's account and revoke all sessions.",
        _disable,
        params={"username": USER},
        changes=True,
        returns=_STATUS,
        hints=DESTRUCTIVE,
    ),
    RangeTool(
        "idp_enable_user",
        "Enable a disabled account. Revoked sessions stay revoked.",
        _enable,
        params={"username": USER},
        changes=True,
        returns=_STATUS,
        # no hints: many vendors give none
    ),
    RangeTool(
        "idp_revoke_sessions",
        "Revoke all active sessions of a user, who has to sign in again.",
        _revoke_sessions,
        params={"username": USER},
        changes=True,
        returns=shape(username="string", sessions_revoked="integer"),
    ),
    RangeTool(
        "idp_reset_password",
        "Replace a user's password by a one-time link that goes to the service desk. Sessions stay.",
        _reset_password,
        params={"username": USER},
        changes=True,
        returns=shape(username="string"),
        hints=DESTRUCTIVE,
    ),
    RangeTool(
        "idp_list_api_keys",
        "API keys with owner, scopes, last use and status; never the key itself.",
        _list_keys,
        params={"owner": text("Only keys of this owner", longest=64, pattern=USERNAME), "key_id": KEY},
        optional=frozenset({"owner", "key_id"}),
        returns=shape(total="integer", api_keys="array"),
        hints=READS,
    ),
    RangeTool(
        "idp_revoke_api_key",
        "Revoke an API key. A revoked key can't be restored; its users need a new one.",
        _revoke_key,
        params={"key_id": KEY},
        changes=True,
        returns=shape(key_id="string", status="string", revoked_at="string"),
        hints=DESTRUCTIVE,
    ),
    RangeTool(
        "idp_read_secret",
        "Read the value of a secret in the vault.",
        _read_secret,
        params={"path": text("Path in the vault", pattern=r"^[a-z0-9][a-z0-9/_-]{1,118}$", longest=120)},
        returns=shape(path="string", value="string", note="string"),
        hints=READS,
    ),
)
