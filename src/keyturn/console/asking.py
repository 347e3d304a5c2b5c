"""Forms that change something: what a refusal looks like in place, and the page that asks before what hurts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.responses import Response

from keyturn.console.errors import status_of
from keyturn.console.visit import Visit
from keyturn.errors import Conflict, Forbidden, InvalidInput, KeyturnError, NotFound
from keyturn.gate.records import Person, Role

REFUSALS = (InvalidInput, Forbidden, NotFound, Conflict)
"""What a person can put right: it is said beside the form, and nothing that they typed is lost."""

DECIDERS = frozenset({Role.ANALYST, Role.LEAD, Role.OWNER})
SENIORS = frozenset({Role.LEAD, Role.OWNER})


@dataclass(frozen=True)
class Can:
    """What a person's roles let them do, so that a page offers no more than that. The gate decides anyway."""

    decide: bool
    grant: bool
    own: bool


def can(person: Person) -> Can:
    """What this person may be offered."""
    roles = set(person.roles)
    return Can(bool(roles & DECIDERS), bool(roles & SENIORS), Role.OWNER in roles)


@dataclass(frozen=True)
class Question:
    """What is asked before a deed. ``subject`` is data; ``effects`` say what will follow; ``kept`` goes along."""

    title: str
    subject: str
    effects: tuple[str, ...]
    button: str
    action: str
    back: str
    kept: dict[str, str] = field(default_factory=dict)
    reason: bool = True
    grave: bool = True


async def ask(visit: Visit, question: Question, problem: KeyturnError | None = None) -> Response:
    """The page that asks; after a refusal it says why, and holds what was typed."""
    return await visit.page("ask.html", status_of(problem), q=question, problem=problem, form=visit.form)


async def done(visit: Visit, work: Awaitable[object], question: Question, then: str, word: str) -> Response:
    """Do it and go on, with the word of what the next page says; or ask again, with what stood in the way."""
    try:
        await work
    except REFUSALS as problem:
        return await ask(visit, question, problem)
    return visit.go(then, word)


Deeds = dict[str, Callable[[Visit, str], Awaitable[Response]]]
"""Deeds of one thing by their word: a page's ``ask`` shows the question, a form's ``do`` does it."""


def chosen(visit: Visit, deeds: Deeds, word: str) -> Callable[[Visit, str], Awaitable[Response]]:
    """The deed of that word; :class:`NotFound` for another."""
    if word not in deeds:
        raise NotFound(f"nothing here is called {word[:40]!r}", hint="use the page's own buttons")
    return deeds[word]
