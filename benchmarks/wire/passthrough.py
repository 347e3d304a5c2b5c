"""A bare hop: forwards every request to the server over one pooled connection, decides and records nothing."""

import sys

import aiohttp
import uvicorn

HOPS = {b"host", b"content-length", b"connection", b"transfer-encoding", b"accept-encoding"}


class Passthrough:
    """A raw ASGI application, so that the hop costs as little as it can."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def] # ASGI as it is
        if scope["type"] != "http":
            return
        if self._http is None:
            self._http = aiohttp.ClientSession(auto_decompress=False)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {k.decode(): v.decode() for k, v in scope["headers"] if k not in HOPS}
        async with self._http.request(scope["method"], self._url, data=body, headers=headers) as answer:
            kept = [(k.encode(), v.encode()) for k, v in answer.headers.items() if k.lower().encode() not in HOPS]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        Passthrough(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools",
        log_level="error", lifespan="off",
    )  # fmt: skip
