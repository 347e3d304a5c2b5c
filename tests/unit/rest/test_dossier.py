"""Dossiers, narrowing and cases over REST."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from tests.hostile import corpus

from keyturn.core.action import digest_of
from keyturn.journal import check_excerpt, read_excerpt
from keyturn.report import excerpt_in, same_words

Api = Any


async def test_a_person_sees_all_of_an_action(api: Api) -> None:
    held = (await api.propose("isolate", host="dc01")).json()
    seen = (await api.get("kim", f"/v1/actions/{held['id']}/dossier")).json()
    assert digest_of(base64.b64decode(seen["content"])) == held["digest"]
    assert seen["said"] == "Change something with “soc/isolate”: the host “dc01”."
    assert seen["back"]["tool"] == "lift"
    assert seen["targets"][0]["asset"]["crown_jewel"] is True
    assert seen["still"] == "one lead or owner and one other person"
    assert seen["provenance"]["values"][0]["origin"] == "nowhere"
    assert seen["action"]["model_output"]["rationale"] == "because of alert 17"
    assert "token_hash" not in str(seen)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/actions/{id}/dossier"),
        ("POST", "/v1/actions/{id}/narrowing"),
        ("GET", "/v1/cases"),
        ("GET", "/v1/cases/INC-1/timeline"),
        ("GET", "/v1/cases/INC-1/export"),
        ("GET", "/v1/cases/INC-1/report"),
    ],
)
async def test_these_are_peoples_alone(api: Api, method: str, path: str) -> None:
    held = (await api.propose("isolate", host="h1")).json()
    where = path.format(id=held["id"])
    body = {"json": {"arguments": {"host": "h1"}}} if method == "POST" else {}
    assert (await api.send("responder", method, where, **body)).status_code == 403
    assert (await api.send("", method, where, **body)).status_code == 401


async def test_narrowing_says_why_not(api: Api) -> None:
    held = (await api.propose("isolate", host="h1")).json()
    answer = await api.post("kim", f"/v1/actions/{held['id']}/narrowing", {"arguments": {"host": "h2"}})
    assert answer.status_code == 400
    assert "does not name the target host:h2" in answer.json()["error"]["message"]
    assert (await api.get("kim", f"/v1/actions/{held['id']}")).json()["state"] == "held"


async def test_a_case_is_listed_told_and_exported(api: Api) -> None:
    held = (await api.propose("isolate", host="h1")).json()
    await api.post("kim", f"/v1/actions/{held['id']}/rejection", {"reason": "wrong host"})
    cases = (await api.get("aud", "/v1/cases")).json()["cases"]
    assert [case["case"] for case in cases] == ["INC-1"]
    first = (await api.get("aud", "/v1/cases/INC-1/timeline", limit=2)).json()
    assert len(first["events"]) == 2
    rest = (await api.get("aud", "/v1/cases/INC-1/timeline", after=first["next"])).json()
    assert (rest["events"][-1]["said"], rest["next"]) == ("“kim” refused it: “wrong host”", None)
    export = await api.get("aud", "/v1/cases/INC-1/export")
    assert check_excerpt(read_excerpt(export.content), api.signer.verifier).ok
    page = await api.get("aud", "/v1/cases/INC-1/report", payloads=False)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    excerpt = excerpt_in(page.content)
    assert check_excerpt(excerpt, api.signer.verifier).payloads == 0
    assert same_words(page.content, excerpt)
    assert (await api.get("aud", "/v1/cases/INC-9/export")).status_code == 404


async def test_hostile_names_of_cases_and_actions_are_answered(api: Api) -> None:
    for hostile in corpus(300):
        name = quote(hostile.text or "x", safe="")
        for path in (f"/v1/cases/{name}/timeline", f"/v1/cases/{name}/export", f"/v1/actions/{name}/dossier"):
            assert (await api.get("kim", path)).status_code in (200, 404, 422), (hostile.name, path)
