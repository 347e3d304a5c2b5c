"""A journal entry in one plain sentence, for a case's timeline: who did what. What an entry holds is data, not ours."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from keyturn.core.sentence import MOST_SHOWN, Piece, Sentence

Entry = Mapping[str, Any]
_VERDICTS = {
    "free": "it runs at once",
    "confirm": "it runs, and is taken back unless a person confirms it in time",
    "one_key": "it waits for the key of one person",
    "two_key": "it waits for the keys of two people",
    "denied": "it is denied",
}
_STATES = {
    "succeeded": "it succeeded",
    "failed": "it failed",
    "unknown": "it was sent, and nobody knows what happened",
    "confirming": "it ran, and is taken back unless a person confirms it in time",
    "reverted": "it was taken back",
    "ready": "it is about to run again",
}


def told(entry: Entry) -> Sentence:
    """What an entry says, in words; its kind and what it names where we have no words for it."""
    teller = _TELLERS.get(str(entry.get("kind")))
    return teller(entry) if teller is not None else _bare(entry)


def _of(entry: Entry, *parts: str) -> Sentence:
    """The parts in order; ``$name`` is the entry's own value of that name."""
    return tuple(
        Piece(text, True, left) if data else Piece(text)
        for part in parts
        for text, data, left in [_value(entry.get(part[1:])) if part.startswith("$") else (part, False, 0)]
    )


def _value(value: Any) -> tuple[str, bool, int]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:MOST_SHOWN], True, max(0, len(text) - MOST_SHOWN)


def _because(entry: Entry) -> Sentence:
    return _of(entry, ": ", "$because") if entry.get("because") else ()


def _proposed(entry: Entry) -> Sentence:
    narrowed = entry.get("narrowed")
    if isinstance(narrowed, Mapping):
        by = _of(narrowed, "$by", " narrowed ", "$of", " of ")
        return (*by, *_of(entry, "$agent", " to this smaller call of ", "$tool"))
    return _of(entry, "$agent", " proposed to call ", "$tool")


def _decided(entry: Entry) -> Sentence:
    reasons = [r for r in entry.get("reasons") or () if isinstance(r, Mapping)]
    forbids = [r for r in reasons if r.get("effect") == "forbid"] or reasons
    why = _of(forbids[0], ", because ", "$why", " (", "$policy", ")") if forbids else ()
    return (Piece(f"The policy: {_VERDICTS.get(str(entry.get('verdict')), 'it decided')}"), *why)


def _key(entry: Entry) -> Sentence:
    how = " with a passkey" if entry.get("how") == "passkey" else ""
    return (*_of(entry, "$person"), Piece(f" turned a key{how}"))


def _released(entry: Entry) -> Sentence:
    keys = entry.get("keys") or ()
    people = [str(key.get("person")) for key in keys if isinstance(key, Mapping)]
    if not people and entry.get("oversight") in ("free", "confirm"):
        return (Piece("Released: it needed no key"),)
    if not people:
        return (Piece("Released without a key"),)
    return (Piece("Released by the keys of "), *_of({"people": people}, "$people"))


def _outcome(entry: Entry) -> Sentence:
    said = _STATES.get(str(entry.get("state")), "it ended")
    count = entry.get("withheld")
    kept = (Piece(f"; credentials taken out of the answer: {count}"),) if isinstance(count, int) else ()
    return (Piece(f"{said[0].upper()}{said[1:]}"), *_because(entry), *kept)


def _by(words: str) -> Callable[[Entry], Sentence]:
    def tell(entry: Entry) -> Sentence:
        who = _of(entry, "$by", f" {words}") if entry.get("by") else (Piece(f"{words[0].upper()}{words[1:]}"),)
        return (*who, *_because(entry))

    return tell


def _plain(*parts: str) -> Callable[[Entry], Sentence]:
    return lambda entry: (*_of(entry, *parts), *_because(entry))


def _read(entry: Entry) -> Sentence:
    return (*_of(entry, "$agent", " asked for ", "$tool", ". "), *_decided(entry))


_TELLERS: dict[str, Callable[[Entry], Sentence]] = {
    "proposed": _proposed,
    "decided": _decided,
    "read": _read,
    "key_turned": _key,
    "released": _released,
    "outcome": _outcome,
    "settled": lambda entry: (*_of(entry, "$by", " said that "), *_outcome(entry)),
    "refused": _by("refused it"),
    "withdrawn": _by("took it back before it ran"),
    "expired": _by("it expired before enough keys were turned"),
    "denied_at_release": _by("denied it at the last moment"),
    "held_again": lambda _: (Piece("Held again: the facts or the policy changed, and more keys are needed"),),
    "confirmed": _by("confirmed it"),
    "reverting": _by("began to take it back"),
    "reversal_unsent": _by("could not take it back"),
    "reviewed": lambda entry: _of(entry, "$by", " reviewed it afterwards: ", "$note"),
    "preserved": lambda entry: _of(entry, "Saved first: ", "$steps"),
    "auxiliary": _plain("Called ", "$tool", " for it"),
    "mandate_issued": _plain("$by", " gave a mandate to ", "$agent"),
    "mandate_revoked": _plain("$by", " revoked the mandate ", "$mandate"),
    "case_exported": _plain("$by", " exported this case"),
    "opened": _plain("$person", " opened it"),
    "drill_ended": _plain("This was a drill; it ended as ", "$result"),
}


def _bare(entry: Entry) -> Sentence:
    kind = str(entry.get("kind", "an entry")).replace("_", " ")
    names = [name for name in ("person", "agent", "by", "tool", "mandate", "subject") if entry.get(name)]
    return (Piece(kind[:1].upper() + kind[1:80]), *(p for name in names for p in _of(entry, f", {name} ", f"${name}")))
