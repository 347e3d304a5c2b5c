"""What a tool's name says: the only source that can be mild."""

from keyturn.catalogue.lexicon import objects, verbs
from keyturn.catalogue.lexicon.levels import Level, Reason, quoted, shown, worst
from keyturn.catalogue.lexicon.reads import read, read_what, reading
from keyturn.catalogue.lexicon.spelling import singular, split
from keyturn.core.profile import Reversible, Stage, Touches

_MOST_NAME = 400


def of_name(name: str) -> Level:
    """How grave the name says that the tool is. A product's name in front of a colon can make nothing milder."""
    if len(name) > _MOST_NAME:
        return worst("the name is longer than names are")
    product, colon, rest = name.rpartition(":")
    vendor = split(product) if colon else []
    spoken = _without_brands(split(rest))
    if set(spoken) & objects.DATA and set(spoken) <= objects.DATA | objects.PURE:
        return read(spoken[0], (frozenset(), "the name says that it only works on the data that it is given"))
    changing = _changing(spoken, vendor)
    if len(changing) == 1 and (changing[0], singular(spoken[-1])) in verbs.ASKED_ABOUT:
        return read(changing[0], (frozenset(), f"{shown(spoken[-1])} is given to a service that judges it"))
    if changing:
        return _change(changing, spoken)
    if any(tuple(spoken[-len(probe) :]) == probe for probe in verbs.PROBES):
        return read(spoken[-1], (frozenset(), f"{quoted(spoken[-2:])} asks only whether the other side is there"))
    at = reading(spoken, vendor)
    return worst("no word in the name says what it does") if at is None else read(spoken[at], read_what(spoken, at))


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
