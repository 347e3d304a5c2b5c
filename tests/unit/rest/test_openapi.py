"""The OpenAPI document: of the right version, whole, and true of what is answered."""

from typing import Any

import jsonschema_rs
import pytest

from keyturn.rest import actions, care, dossier, grants, journal, tools


@pytest.fixture
async def document(api: Any) -> Any:
    return (await api.get("", "/v1/openapi.json")).json()


def refs(value: Any) -> set[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(refs, value.values()))
    return set().union(*map(refs, value)) if isinstance(value, list) else set()


async def test_every_route_is_described(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    described = {(m.upper(), path) for path, item in document["paths"].items() for m in item}
    routes = (*actions.ROUTES, *care.ROUTES, *dossier.ROUTES, *grants.ROUTES, *journal.ROUTES, *tools.ROUTES)
    served = {(r.method, r.path.replace(":path}", "}")) for r in routes} | {("GET", "/v1/health")}
    assert described == served


async def test_every_reference_leads_somewhere(document: Any) -> None:
    names = {ref.removeprefix("#/components/schemas/") for ref in refs(document)}
    assert names <= set(document["components"]["schemas"])
    assert len({op["operationId"] for item in document["paths"].values() for op in item.values()}) > 30


async def test_all_but_health_ask_for_a_token(document: Any) -> None:
    free = {p for p, item in document["paths"].items() for op in item.values() if not op.get("security")}
    assert free == {"/v1/health"}


async def test_answers_fit_their_schemas(api: Any, document: Any) -> None:
    held = await api.propose("isolate", host="h1")
    one = f"/v1/actions/{held.json()['id']}"
    ran = await api.propose("search", query="x")
    answers = {
        ("/v1/actions", "post", "202"): held,
        ("/v1/actions", "post", "200"): ran,
        ("/v1/actions/{action_id}", "get", "200"): await api.get("kim", one),
        ("/v1/actions/{action_id}/explanation", "get", "200"): await api.get("kim", f"{one}/explanation"),
        ("/v1/explanations", "post", "200"): await api.post(
            "responder", "/v1/explanations", {"tool": "soc/isolate", "arguments": {"host": "h1"}}
        ),
        ("/v1/explanations", "post", "default"): await api.post("responder", "/v1/explanations", {"tool": "none"}),
        ("/v1/actions/{action_id}/turn", "get", "200"): await api.get("kim", f"{one}/turn"),
        ("/v1/care/health", "get", "200"): await api.get("kim", "/v1/care/health"),
        ("/v1/quorum", "get", "200"): await api.get("kim", "/v1/quorum"),
        ("/v1/holds", "get", "200"): await api.get("kim", "/v1/holds"),
        ("/v1/holds", "get", "default"): await api.get("", "/v1/holds"),
        ("/v1/people", "get", "200"): await api.get("kim", "/v1/people"),
        ("/v1/agents", "get", "200"): await api.get("kim", "/v1/agents"),
        ("/v1/mandates", "get", "200"): await api.get("kim", "/v1/mandates"),
        ("/v1/cases/{case}/entries", "get", "200"): await api.get("kim", "/v1/cases/INC-1/entries"),
        ("/v1/journal/inclusion/{seq}", "get", "200"): await api.get("kim", "/v1/journal/inclusion/0"),
    }
    for (path, method, status), answer in answers.items():
        schema = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
        jsonschema_rs.validate({**schema, "components": document["components"]}, answer.json())
