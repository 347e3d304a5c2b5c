"""What a tool's name says: the only source that can be mild."""

import re
from itertools import pairwise

from keyturn.catalogue.lexicon import objects, verbs
from keyturn.catalogue.lexicon.levels import Level, Reason, quoted, shown, worst
from keyturn.core.profile import GUARDED, Reversible, Stage, Touches

READ_TOUCHES = frozenset({Touches.SECRETS, Touches.IDENTITY, Touches.PRIVILEGED_DATA, Touches.EVIDENCE})
"""All that a read can touch."""
_MOST_NAME = 400
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
_Found = tuple[frozenset[Touches] | None, str]
"""What a read touches (None: no word explains it), and why."""


def split(text: str) -> list[str]:
    """The words of a name (camelCase, snake_case, kebab-case, dotted), in lower case."""
    found: list[str] = []
    for word in filter(None, _SEPARATORS.split(_CAMEL.sub(" ", text).lower())):
        one = objects.PLURALS.get((found[-1], word)) if found else None
        found[-1:] = [one] if one else [*found[-1:], word]
    return found


def singular(word: str) -> str:
    """A noun in the singular, roughly."""
    if word in objects.PLAIN or word in objects.SENSITIVE:
        return word
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def of_name(name: str) -> Level:
    """How grave the name says that the tool is. A product's name in front of a colon can make nothing milder."""
    if len(name) > _MOST_NAME:
        return worst("the name is longer than names are")
    product, colon, rest = name.rpartition(":")
    vendor = split(product) if colon else []
    spoken = _without_brands(split(rest))
    if set(spoken) & objects.DATA and set(spoken) <= objects.DATA | objects.PURE:
        return _read(spoken[0], (frozenset(), "the name says that it only works on the data that it is given"))
    changing = _changing(spoken, vendor)
    if len(changing) == 1 and (changing[0], singular(spoken[-1])) in verbs.ASKED_ABOUT:
        return _read(changing[0], (frozenset(), f"{shown(spoken[-1])} is given to a service that judges it"))
    if changing:
        return _change(changing, spoken)
    if any(tuple(spoken[-len(probe) :]) == probe for probe in verbs.PROBES):
        return _read(spoken[-1], (frozenset(), f"{quoted(spoken[-2:])} asks only whether the other side is there"))
    at = _reading(spoken, vendor)
    return worst("no word in the name says what it does") if at is None else _read(spoken[at], _read_what(spoken, at))


def _without_brands(spoken: list[str]) -> list[str]:
    for brand in objects.BRANDS:
        for at in range(len(spoken) - len(brand), -1, -1):
            if tuple(spoken[at : at + len(brand)]) == brand:
                spoken = [*spoken[:at], *spoken[at + len(brand) :]]
    return spoken


def _changing(spoken: list[str], vendor: list[str]) -> list[str]:
    """The words that change something; those of the product count only where they can be nothing else."""
    reads = [index for index, word in enumerate(spoken) if word in verbs.READS]
    asks = bool(reads) or (bool(spoken) and spoken[-1] in verbs.LAST_WORDS)
    found = [word for word in vendor if word in verbs.LOSING]
    for index, word in enumerate(spoken):
        joint = index > 0 and spoken[index - 1] in verbs.JOINTS
        behind = bool(reads) and index > reads[0]
        noun = word in verbs.NOUNS_TOO and not joint and (behind or (asks and word in verbs.MOSTLY_NOUNS))
        if word in verbs.REVERSIBILITY and not noun and (joint or not _object_of(found, word)):
            found.append(word)
    return found


def _object_of(changing: list[str], word: str) -> bool:
    """Behind another verb that changes something: what is changed, unless making it is saying it to somebody."""
    if not changing or word not in verbs.NOUNS_TOO or word in verbs.UNLIMITED:
        return False
    return not (word in verbs.SAID and changing[-1] in verbs.MAKING)


def _reading(spoken: list[str], vendor: list[str]) -> int | None:
    """Where the verb that reads stands; None if none is sure."""
    last = len(spoken) - 1
    for index, word in enumerate(spoken):
        if word in verbs.READS and (index == 0 or index < last or word not in verbs.READS_TOO):
            return index
    if not spoken:
        return None
    several = last > 0 and _noun(spoken[-2]) and singular(spoken[-2]) != spoken[-2]
    sure = several or all(_noun(word) or word in vendor for word in spoken[:-1])
    return last if spoken[-1] in verbs.SEARCHES or (sure and spoken[-1] in verbs.READS_TOO | verbs.LAST_WORDS) else None


def _noun(word: str) -> bool:
    return word in objects.SENSITIVE or singular(word) in objects.SENSITIVE or singular(word) in objects.PLAIN


def _read_what(spoken: list[str], verb: int) -> _Found:
    nouns = [singular(word) for word in spoken]
    calm = {at for i, pair in enumerate(pairwise(nouns)) if pair in objects.HARMLESS for at in (i, i + 1)}
    grave = {
        spoken[i]: objects.SENSITIVE.get(spoken[i]) or objects.SENSITIVE[noun]
        for i, noun in enumerate(nouns)
        if i not in calm and _sensitive(spoken[i], noun)
    }
    touches = frozenset[Touches]().union(*grave.values())
    unknown = [] if spoken[verb] in verbs.LOOKUPS else _unknown(spoken, verb)
    if unknown and not touches & GUARDED:
        return None, f"no word says what {quoted(unknown)} is"
    if grave:
        return touches, f"the name says {quoted(grave)}"
    mild = [spoken[i] for i, noun in enumerate(nouns) if i in calm or noun in objects.PLAIN]
    if mild:
        return touches, f"the name says {quoted(mild)}, which anybody in the team may read"
    if spoken[verb] in verbs.LOOKUPS:
        return touches, f"{shown(spoken[verb])} in the name works on what it is given"
    return None, "no word in the name says what it reads"


def _sensitive(word: str, noun: str) -> bool:
    said = word in objects.SENSITIVE or noun in objects.SENSITIVE
    return said and (word not in verbs.READS or word in verbs.FETCHING)


def _unknown(spoken: list[str], verb: int) -> list[str]:
    """The words for what is read that mean nothing here; in front of the known ones stands the product's name."""
    behind = spoken[verb + 1 :]
    if not behind:
        before = spoken[:verb]
        behind = before[next((i for i, word in enumerate(before) if _noun(word)), 0) :]
    return [word for word in behind if not (_noun(word) or singular(word) in objects.FILLING or _meant(word))]


def _meant(word: str) -> bool:
    return word in verbs.REVERSIBILITY or word in verbs.READS or word in verbs.LAST_WORDS or word.isdigit()


def _read(verb: str, found: _Found) -> Level:
    touches, why = found
    looks = f"{shown(verb)} in the name only looks"
    return Level(
        touches=READ_TOUCHES if touches is None else touches,
        reasons=(Reason("stage", looks), Reason("reversible", looks), Reason("touches", why)),
    )


def _change(changing: list[str], spoken: list[str]) -> Level:
    nouns = {singular(word) for word in spoken} | set(spoken)
    gravest = max(changing, key=lambda word: verbs.REVERSIBILITY[word].rank)
    reversible, why = verbs.REVERSIBILITY[gravest], f"{shown(gravest)} in the name"
    remade = nouns & objects.REMAKABLE
    final = set(changing) & verbs.FINAL
    if final and final <= {"delete", "deletes"} and remade and not nouns & objects.TRACES:
        reversible, why = Reversible.HARD, f"{why}, of {quoted(sorted(remade))}, which can be made again"
    touches, said = _touched(set(changing), nouns)
    does = Reason("stage", f"{quoted(changing)} in the name changes something")
    return Level(Stage.RESPOND, reversible, touches, (does, Reason("reversible", why), *said))


def _touched(changing: set[str], nouns: set[str]) -> tuple[frozenset[Touches], list[Reason]]:
    found = {touch: nouns & those for touch, those in objects.CHANGED.items()}
    found[Touches.EVIDENCE] = nouns & objects.TRACES if changing & verbs.LOSING else set()
    found[Touches.PRIVILEGED_DATA] = nouns & objects.PRIVATE if changing & verbs.SHOWING else set()
    touches = frozenset(touch for touch, said in found.items() if said)
    if not touches or changing & verbs.UNLIMITED:
        return frozenset(Touches), [Reason("touches", "no word in the name says what it changes")]
    reasons = [(touch, f"the name says {quoted(sorted(said))}") for touch, said in found.items() if said]
    return touches, [Reason("touches", why, touch.value) for touch, why in reasons]
