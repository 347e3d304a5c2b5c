"""What is configured, to read: no secret is among it, and nothing here changes it."""

from starlette.responses import Response

from keyturn.console.routes import Page
from keyturn.console.visit import Visit


async def settings(visit: Visit) -> Response:
    """The page."""
    return await visit.page("settings.html", sections=visit.desk.settings)


ROUTES = (Page("/settings", settings),)
