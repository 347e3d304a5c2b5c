"""The checkpoint's health: how long people wait, how they answer, who is overloaded; and drills."""

from starlette.responses import Response

from keyturn.console.asking import Question, ask, can, done
from keyturn.console.charts import HOUR_MS, WINDOWS, picture
from keyturn.console.routes import Deed, Page
from keyturn.console.visit import Visit


async def health(visit: Visit) -> Response:
    """The page, for the last day, week or month."""
    if visit.asked("ask") == "drill":
        return await ask(visit, DRILL)
    window = visit.asked("window") if visit.asked("window") in WINDOWS else "day"
    number, hours, _ = WINDOWS[window]
    now = visit.desk.clock.now()
    since = now // HOUR_MS * HOUR_MS + HOUR_MS - number * hours * HOUR_MS
    found = await visit.gate.care.health(visit.person, since)
    own = await visit.gate.care.budget(visit.person)
    return await visit.page(
        "health.html",
        h=found,
        pic=picture(found, window, own.keys_per_hour),
        own=own,
        window=window,
        windows=WINDOWS,
        can=can(visit.person),
    )


async def drill(visit: Visit) -> Response:
    """An owner sends a drill now."""
    return await done(visit, visit.gate.care.drill(visit.person), DRILL, "/console/health", "drilled")


DRILL = Question(
    title="Send a drill",
    subject="",
    effects=(
        "A held action that ought to be refused comes into the queue, made from one of the last real ones.",
        "Nothing ever runs it. It looks like any other, and whoever answers it is told then that it was a drill.",
        "The journal commits to it beforehand, and reveals it when it ends.",
    ),
    button="Send a drill",
    action="/console/health/drill",
    back="/console/health",
    reason=False,
    grave=False,
)


ROUTES = (Page("/health", health), Deed("/health/drill", drill))
