"""A stdio server that misbehaves as the called tool's name says. ``rogue.py STARTS [PROBE]``.

Every start adds a line to the file STARTS. PROBE is what it does with ``server/discover``: error, die or silent.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MIB = 1024 * 1024


def put(raw: str) -> None:
    sys.stdout.write(raw)
    sys.stdout.flush()


def send(**message: Any) -> None:
    put(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def answer(id: Any, text: str) -> None:
    send(id=id, result={"content": [{"type": "text", "text": text}]})


def receive() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(0)
    return dict(json.loads(line))


def response() -> dict[str, Any]:
    while "method" in (message := receive()):
        pass
    return message


def misbehave(id: Any, name: str, params: dict[str, Any]) -> None:
    token = params.get("_meta", {}).get("progressToken")
    match name:
        case "fine":
            answer(id, "fine")
        case "die":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "never":
            pass
        case "banner":
            put("Welcome to my server! {{{\n\n\x00\xff\n")
            answer(id, "after the banner")
        case "broken":
            put(f'{{"jsonrpc":"2.0","id":{id},"result":{{"content":[}}\n')
        case "both":
            send(id=id, result={}, error={"code": 1, "message": "x"})
        case "wrong_type":
            send(id=id, result="a string")
        case "wrong_error":
            send(id=id, error="a string")
        case "wrong_flag":
            send(id=id, result={"isError": "yes"})
        case "wrong_id":
            send(id=987654, result={})
            send(id="1", result={})
            answer(id, "the right one")
        case "huge_head":
            put(f'{{"jsonrpc":"2.0","id":{id},"result":"{"x" * 50 * MIB}"}}\n')
        case "huge_tail":
            put(f'{{"result":"{"x" * 5 * MIB}","jsonrpc":"2.0","id":{id}}}\n')
        case "huge_flat":
            put("x" * 5 * MIB + "\n")
        case "endless":
            while True:
                put("x" * MIB)
        case "flood":
            for i in range(5000):
                send(method="notifications/progress", params={"progressToken": token, "progress": i})
                send(method="notifications/message", params={"level": "info", "data": i})
                send(method="notifications/progress", params={"progressToken": "another's", "progress": i})
            answer(id, "flooded")
        case "odd":
            send(method="notifications/progress", params={"progressToken": {"a": 1}, "progress": 1})
            send(method="notifications/progress", params=[1])
            send(method="notifications/cancelled", params={"requestId": []})
            send(id=1, method="ping", params=7)
            answer(id, "odd")
        case "ask":
            send(id="q1", method="sampling/createMessage", params={"messages": []})
            answer(id, json.dumps(response()))
        case "tell":
            send(
                method="notifications/progress",
                params={"progressToken": token, "progress": 1, "message": "routing_key=S3CRET"},
            )
            send(method="notifications/message", params={"level": "debug", "data": {"a": 1, "routing_key": "S3CRET"}})
            send(id="q3", method="elicitation/create", params={"message": "Is the routing key S3CRET yours?"})
            answer(id, json.dumps(response()))
        case "ping":
            send(id="q2", method="ping")
            answer(id, json.dumps(response()))
        case "children":
            child = subprocess.Popen(
                [sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            answer(id, str(child.pid))
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            answer(id, str(os.getpid()))
            while True:
                time.sleep(600)
        case "talk":
            sys.stderr.write("\x1b[31mred\x1b[0m \u202e" + "y" * 5000 + "\n")
            sys.stderr.flush()
            answer(id, "talked")
        case _:
            send(id=id, error={"code": -32602, "message": f"Unknown tool: {name}"})


def main() -> None:
    probe = sys.argv[2] if len(sys.argv) > 2 else "error"
    with Path(sys.argv[1]).open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    while True:
        message = receive()
        id, params = message.get("id"), message.get("params", {})
        match message.get("method"):
            case "server/discover" if probe == "die":
                os._exit(1)
            case "server/discover" if probe == "silent":
                pass
            case "initialize":
                facts = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "rogue"},
                }
                send(id=id, result=facts)
            case "tools/list":
                tools: list[dict[str, Any]] = [{"name": "fine", "inputSchema": {"type": "object"}}]
                if probe == "twice":
                    tools = [*tools, *tools, {"name": "other"}, {"name": 7}, {}]
                result: dict[str, Any] = {"tools": tools}
                if probe == "pages":
                    at = int(params.get("cursor", "0"))
                    result = {"tools": [{"name": f"t{at}"}], "nextCursor": str(at + 1)}
                send(id=id, result=result)
            case "tools/call":
                misbehave(id, params["name"], params)
            case _ if id is not None:
                send(id=id, error={"code": -32601, "message": "unknown method"})


if __name__ == "__main__":
    main()
