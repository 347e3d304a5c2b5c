"""What comes in: tokens, and bodies that are wrong in every way; each a clear error and nothing done."""

from typing import Any

from keyturn.rest.requests import MAX_BODY


def code(answer: Any) -> tuple[int, str]:
    """Status and code; the one shape holds for every error."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["message"]
    return answer.status_code, error["code"]


async def count(api: Any) -> int:
    return len(await api.house.entries())


async def test_without_a_good_token_there_is_a_401_that_says_how(api: Any) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Basic b2xnYTo=", "Bearer kta_wrong", "kta_wrong"):
        headers = {} if header is None else {"Authorization": header}
        answer = await api.send("", "GET", "/v1/holds", headers=headers)
        assert code(answer) == (401, "unauthenticated"), header
        assert answer.headers["www-authenticate"] == 'Bearer realm="keyturn"'


async def test_a_revoked_token_and_an_expired_one_are_wrong_ones(api: Any) -> None:
    assert (await api.send("una", "DELETE", "/v1/people/kim", params={"reason": "left"})).status_code == 200
    assert code(await api.get("kim", "/v1/holds")) == (401, "unauthenticated")
    api.house.clock.ms += 400 * 24 * 3600 * 1000
    assert code(await api.get("una", "/v1/holds")) == (401, "unauthenticated")


BAD_BODIES = {
    "not JSON": b"{",
    "empty": b"",
    "a list": b"[]",
    "a key twice": b'{"tool":"soc/isolate","tool":"soc/search","arguments":{}}',
    "an argument twice": b'{"tool":"soc/search","arguments":{"query":"a","query":"b"}}',
    "NaN": b'{"tool":"soc/search","arguments":{"query":NaN}}',
    "a number that parsers read differently": b'{"tool":"soc/search","arguments":{"query":9007199254740993}}',
    "a lone surrogate": b'{"tool":"soc/search","arguments":{"query":"\\ud800"}}',
    "a lone surrogate elsewhere": b'{"tool":"soc/search","arguments":{},"mandate":"\\ud800"}',
    "not UTF-8": b'{"tool":"soc/search","arguments":{"query":"\xff"}}',
    "too deep": b'{"tool":"soc/search","arguments":' + b'{"query":' * 200 + b"1" + b"}" * 200 + b"}",
    "far too deep": b"[" * 200_000,
    "an unknown field": b'{"tool":"soc/search","arguments":{},"oversight":"free"}',
    "no tool": b'{"arguments":{}}',
    "a tool without an upstream": b'{"tool":"search","arguments":{}}',
    "arguments that are no object": b'{"tool":"soc/search","arguments":[]}',
    "arguments against the schema": b'{"tool":"soc/search","arguments":{"query":17}}',
    "confidence out of range": b'{"tool":"soc/search","arguments":{},"confidence":2}',
    "evidence without end": b'{"tool":"soc/search","arguments":{},"evidence":[' + b'"x",' * 99 + b'"x"]}',
}


async def test_a_bad_proposal_is_refused_and_leaves_no_trace(api: Any) -> None:
    before = await count(api)
    for what, body in BAD_BODIES.items():
        headers = {"Content-Type": "application/json"}
        answer = await api.send("responder", "POST", "/v1/actions", content=body, headers=headers)
        assert code(answer)[0] == 400, what
        assert await count(api) == before, what


async def test_a_body_over_a_mebibyte_is_refused(api: Any) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"tool":"soc/search","arguments":{"query":"' + b"x" * MAX_BODY + b'"}}'
    answer = await api.send("responder", "POST", "/v1/actions", content=body, headers=headers)
    assert code(answer) == (413, "too_large")


async def test_a_body_that_is_not_declared_as_json_is_refused(api: Any) -> None:
    for media in ("", "text/plain", "application/x-www-form-urlencoded", "application/json5"):
        headers = {"Content-Type": media} if media else {}
        answer = await api.send(
            "responder", "POST", "/v1/actions", content=b'{"tool":"soc/search","arguments":{}}', headers=headers
        )
        assert code(answer) == (415, "unsupported_media_type"), media


BAD_PATHS = {
    "/v1/holds?limit=0": 400,
    "/v1/holds?limit=100000": 400,
    "/v1/holds?limit=many": 400,
    "/v1/actions/a1/wait?timeout_s=nan": 400,
    "/v1/actions/a1/wait?timeout_s=1e9": 400,
    "/v1/journal/inclusion/-1": 400,
    "/v1/journal/inclusion/99999999999999999999": 400,
    "/v1/actions/a%00b": 404,
    "/v1/actions/%F0%9F%92%A9": 404,
    "/v1/actions/%FF": 404,
    "/v1/nowhere": 404,
    "/": 404,
}


async def test_a_bad_path_or_parameter_has_the_same_shape_of_error(api: Any) -> None:
    for path, status in BAD_PATHS.items():
        assert code(await api.send("una", "GET", path))[0] == status, path


async def test_a_method_that_is_not_there_is_405(api: Any) -> None:
    assert code(await api.send("una", "PUT", "/v1/holds")) == (405, "method_not_allowed")


async def test_a_failing_database_is_a_503_and_nothing_runs(api: Any) -> None:
    api.house.store._writer.close()
    assert code(await api.propose("search", query="x")) == (503, "store")
    assert code(await api.propose("tag", host="h1")) == (503, "store")
    assert api.house.fleet.changes == []


async def test_what_nobody_foresaw_is_a_500_without_details(api: Any) -> None:
    api.app.state.gate = None
    answer = await api.get("una", "/v1/holds")
    assert code(answer) == (500, "error")
    assert "NoneType" not in answer.text


async def test_health_needs_no_token(api: Any) -> None:
    assert (await api.get("", "/v1/health")).json() == {"status": "ok"}
