"""The live stream of open pages, and the pulse for pages that are hidden."""

from starlette.responses import Response, StreamingResponse

from keyturn.console.routes import Page
from keyturn.console.visit import Visit


async def live(visit: Visit) -> Response:
    """Events as they come (server-sent events), for as long as the page is open and its session lives."""
    headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
    stream = visit.desk.live.stream(visit.token)
    return StreamingResponse(stream, 200, headers, media_type="text/event-stream")


ROUTES = (Page("/live", live, alone=True),)
