"""How a route is declared: its handler reads parameters by FastAPI, its Structs make the OpenAPI document."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from keyturn.rest.errors import ErrorView

_REF = "#/components/schemas/{name}"
_DENIED = "A policy's no is a value, not an error: look at `state`."


@dataclass(frozen=True)
class Route:
    """One route. ``takes``: the body's Struct. ``gives``: by status, a Struct, or a media type for raw bytes."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Response]]
    takes: type[msgspec.Struct] | None = None
    gives: Mapping[int, type[msgspec.Struct] | str] = field(default_factory=dict)


def answer(value: msgspec.Struct, status: int = 200) -> Response:
    """A value as JSON. Nothing here may be kept by a cache on the way."""
    return Response(msgspec.json.encode(value), status, {"Cache-Control": "no-store"}, media_type="application/json")


def add_routes(app: FastAPI, routes: Iterable[Route]) -> None:
    """Serve the routes, and describe them."""
    listed = tuple(routes)
    for route in listed:
        app.add_api_route(
            route.path,
            route.handler,
            methods=[route.method],
            operation_id=route.handler.__name__,
            response_model=None,
            status_code=min(route.gives),
            responses={**{s: _response(kind) for s, kind in route.gives.items()}, "default": _response(ErrorView)},
            openapi_extra=_request(route.takes),
        )
    app.openapi = lambda: _document(app, listed)  # type: ignore[method-assign]  # FastAPI's documented way


def _name(kind: type[Any]) -> dict[str, Any]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _response(kind: type[msgspec.Struct] | str) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"description": "The bytes, exactly", "content": {kind: {"schema": {"type": "string"}}}}
    what = (kind.__doc__ or "").strip().split("\n")[0]
    return {"description": what, "content": {"application/json": {"schema": _name(kind)}}}


def _request(kind: type[msgspec.Struct] | None) -> dict[str, Any] | None:
    if kind is None:
        return None
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _name(kind)}}}}


def _document(app: FastAPI, routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document, made once."""
    if not app.openapi_schema:
        kinds: dict[type[Any], None] = {ErrorView: None}
        for route in routes:
            kinds.update(dict.fromkeys(k for k in (route.takes, *route.gives.values()) if isinstance(k, type)))
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
        document.setdefault("components", {})["schemas"] = components
        app.openapi_schema = document
    return app.openapi_schema
