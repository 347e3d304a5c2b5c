"""The Falcon API as far as the tests need it, with state: hosts, workflows, alerts, cases, indicators, quarantine.

``python falcon_stub.py`` listens on a free loopback port and prints it. Shapes follow the vendor's public API: answers
are ``{meta, resources, errors}``. Containing a host is a workflow, because the vendor's MCP server has no other way to
it. ``GET /_state`` returns ``{hosts, alerts, cases, indicators, quarantine, changes}``; ``changes`` lists every
changing call received, in order, refused ones too.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "stub-token"
HOST = "aid-0001"
ALERT = "cid:ind:0001"

Record = dict[str, Any]
Query = dict[str, list[str]]
Answer = tuple[int, list[Any]]

SEED: dict[str, dict[str, Record]] = {
    "hosts": {
        aid: {"device_id": aid, "hostname": name, "status": "normal", "platform_name": "Windows", "tags": []}
        for aid, name in ((HOST, "WS-001"), ("aid-0002", "DC-001"))
    },
    "alerts": {
        alert: {"composite_id": alert, "status": "new", "device": {"device_id": HOST}, "show_in_ui": True, "tags": []}
        for alert in (ALERT, "cid:ind:0002")
    },
    "cases": {},
    "indicators": {},
    "quarantine": {"q-0001": {"id": "q-0001", "state": "quarantined", "hostname": "WS-001"}},
}
READS = {
    ("POST", f"/{kind}/v2") for kind in ("devices/entities/devices", "alerts/entities/alerts", "cases/entities/cases")
}
WORKFLOWS = {"wf-contain": ("Contain host", "contained"), "wf-lift": ("Lift containment", "normal")}


class Falcon:
    """The state and its routes. Every request is handled alone."""

    def __init__(self) -> None:
        self.state = deepcopy(SEED)
        self.changes: list[Record] = []
        self.lock = Lock()
        self.runs = 0
        self.routes: dict[tuple[str, str], Callable[[Query, Any], Answer]] = {
            ("GET", "/devices/queries/devices/v1"): lambda q, b: (200, list(self.state["hosts"])),
            ("POST", "/devices/entities/devices/v2"): lambda q, b: self.found("hosts", b["ids"]),
            ("PATCH", "/devices/entities/devices/tags/v1"): self.tag_devices,
            ("GET", "/workflows/combined/definitions/v1"): lambda q, b: (
                200,
                [{"id": key, "name": name, "enabled": True} for key, (name, _) in WORKFLOWS.items()],
            ),
            ("POST", "/workflows/entities/execute/v1"): self.execute,
            ("GET", "/alerts/queries/alerts/v2"): lambda q, b: (200, list(self.state["alerts"])),
            ("POST", "/alerts/entities/alerts/v2"): lambda q, b: self.found("alerts", b["composite_ids"]),
            ("PATCH", "/alerts/entities/alerts/v3"): self.update_alerts,
            ("GET", "/cases/queries/cases/v1"): lambda q, b: (200, list(self.state["cases"])),
            ("POST", "/cases/entities/cases/v2"): lambda q, b: self.found("cases", b["ids"]),
            ("PUT", "/cases/entities/cases/v2"): lambda q, b: self.create("cases", {"status": "new", "tags": []} | b),
            ("PATCH", "/cases/entities/cases/v2"): self.update_case,
            ("GET", "/iocs/queries/indicators/v1"): lambda q, b: (200, list(self.state["indicators"])),
            ("GET", "/iocs/entities/indicators/v1"): lambda q, b: self.found("indicators", q["ids"]),
            ("POST", "/iocs/entities/indicators/v1"): lambda q, b: self.create("indicators", *b["indicators"]),
            ("DELETE", "/iocs/entities/indicators/v1"): self.delete_indicators,
            ("PATCH", "/quarantine/entities/quarantined-files/v1"): self.quarantine,
        }

    def answer(self, method: str, path: str, query: Query, body: Any) -> Answer:
        """Run one call; what no route knows answers with nothing, as the real API does for an empty tenant."""
        with self.lock:
            if method != "GET" and (method, path) not in READS:
                self.changes.append({"method": method, "path": path, "query": query, "body": body})
            route = self.routes.get((method, path))
            try:
                return route(query, body) if route else (200, [])
            except (KeyError, TypeError) as error:
                return 400, [f"the stub misses {error}"]

    def found(self, kind: str, ids: list[str]) -> Answer:
        return 200, [self.state[kind][key] for key in ids if key in self.state[kind]]

    def create(self, kind: str, *records: Record) -> Answer:
        made = []
        for record in records:
            key = f"{kind}-{len(self.state[kind]) + 1:04d}"
            self.state[kind][key] = {"id": key} | record
            made.append(self.state[kind][key])
        return 201, made

    def execute(self, query: Query, body: Any) -> Answer:
        """Contain a host or lift it: the workflow's parameter is ``device_id``."""
        names = {name: key for key, (name, _) in WORKFLOWS.items()}
        key = query["definition_id"][0] if "definition_id" in query else names[query["name"][0]]
        self.state["hosts"][body["device_id"]]["status"] = WORKFLOWS[key][1]
        self.runs += 1
        return 200, [f"run-{self.runs:04d}"]

    def tag_devices(self, query: Query, body: Any) -> Answer:
        for key in body["device_ids"]:
            tags = set(self.state["hosts"][key]["tags"])
            tags = tags | set(body["tags"]) if body["action"] == "add" else tags - set(body["tags"])
            self.state["hosts"][key]["tags"] = sorted(tags)
        return 202, [{"device_id": key, "updated": True, "code": 202} for key in body["device_ids"]]

    def update_alerts(self, query: Query, body: Any) -> Answer:
        for key in body["composite_ids"]:
            for step in body["action_parameters"]:
                if step["name"] == "update_status":
                    self.state["alerts"][key]["status"] = step["value"]
                elif step["name"] == "show_in_ui":
                    self.state["alerts"][key]["show_in_ui"] = step["value"] == "true"
                elif step["name"] == "add_tag":
                    self.state["alerts"][key]["tags"].append(step["value"])
        return 200, []

    def update_case(self, query: Query, body: Any) -> Answer:
        self.state["cases"][body["id"]].update(body["fields"])
        return self.found("cases", [body["id"]])

    def delete_indicators(self, query: Query, body: Any) -> Answer:
        ids = list(self.state["indicators"]) if "filter" in query else query["ids"]
        gone = [key for key in ids if self.state["indicators"].pop(key, None) is not None]
        return 200, gone

    def quarantine(self, query: Query, body: Any) -> Answer:
        for key in body["ids"]:
            if body["action"] == "delete":
                del self.state["quarantine"][key]
            else:
                after = {"release": "released", "unrelease": "quarantined"}[body["action"]]
                self.state["quarantine"][key]["state"] = after
        return 200, []


def handler(falcon: Falcon) -> type[BaseHTTPRequestHandler]:
    """The HTTP side: the token, JSON in and out."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if url.path == "/_state":
                self.send(200, falcon.state | {"changes": falcon.changes})
            elif url.path == "/oauth2/token":
                self.send(201, {"access_token": TOKEN, "token_type": "bearer", "expires_in": 1799})
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.send(401, {"meta": {}, "resources": [], "errors": [{"code": 401, "message": "access denied"}]})
            else:
                self.reply(url.path, parse_qs(url.query), json.loads(raw) if raw else None)

        def reply(self, path: str, query: Query, body: Any) -> None:
            status, resources = falcon.answer(self.command, path, query, body)
            errors = [{"code": status, "message": text} for text in resources] if status >= 400 else []
            total = {"pagination": {"total": len(resources), "offset": 0, "limit": 100}}
            self.send(status, {"meta": total, "resources": [] if errors else resources, "errors": errors})

        def send(self, status: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the tests read ``/_state``."""

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    return Handler


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Falcon()))
    print(server.server_port, flush=True)
    server.serve_forever()
