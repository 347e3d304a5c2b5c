"""What a name without a word that changes anything reads: where its verb stands, and what the words around it say."""

from collections.abc import Container, Iterator, Sequence
from itertools import pairwise

from keyturn.catalogue.lexicon import objects, plain, verbs
from keyturn.catalogue.lexicon.levels import Level, Reason, quoted, shown
from keyturn.catalogue.lexicon.spelling import singular
from keyturn.core.profile import GUARDED, Touches

READ_TOUCHES = frozenset({Touches.SECRETS, Touches.IDENTITY, Touches.PRIVILEGED_DATA, Touches.EVIDENCE})
"""All that a read can touch."""
_Found = tuple[frozenset[Touches] | None, str]
"""What a read touches (None: no word explains it), and why."""


def reading(spoken: Sequence[str], vendor: Sequence[str]) -> int | None:
    """Where the verb that reads stands; None if none is sure."""
    last = len(spoken) - 1
    for index, word in enumerate(spoken):
        if word in verbs.READS and (index == 0 or index < last or word not in verbs.READS_TOO):
            return index
    if not spoken:
        return None
    several = last > 0 and _noun(spoken[-2]) and singular(spoken[-2]) != spoken[-2]
    sure = several or all(_noun(word) or _product(word, vendor) for word in spoken[:-1])
    if spoken[-1] in verbs.SEARCHES or (sure and spoken[-1] in verbs.READS_TOO | verbs.LAST_WORDS):
        return last
    return -1 if _plural(spoken) else None


def _plural(spoken: Sequence[str]) -> bool:
    """A name of known nouns alone is that of a list, if what it names first is many: `custom_rules`."""
    _, phrase = next(_phrases(spoken, 0, len(spoken)))
    named = spoken[phrase[-1]] if phrase else ""
    many = singular(named) in plain.PLAIN and singular(named) != named
    return many and all(_noun(word) or _filling(word) or word in plain.CRITERIA for word in spoken)


def _product(word: str, vendor: Sequence[str]) -> bool:
    return any(each.startswith(word) for each in vendor) and len(word) > 2


def read(verb: str, found: _Found) -> Level:
    """The level of a read, with its reasons."""
    touches, why = found
    looks = f"{shown(verb)} in the name only looks"
    return Level(
        touches=READ_TOUCHES if touches is None else touches,
        reasons=(Reason("stage", looks), Reason("reversible", looks), Reason("touches", why)),
    )


def read_what(spoken: Sequence[str], verb: int) -> _Found:
    """What the verb at this place reads."""
    nouns = [singular(word) for word in spoken]
    calm = set(_calm(spoken, nouns, verb))
    grave = {
        spoken[i]: objects.SENSITIVE.get(spoken[i]) or objects.SENSITIVE[noun]
        for i, noun in enumerate(nouns)
        if i not in calm and _sensitive(spoken[i], noun)
    }
    touches = frozenset[Touches]().union(*grave.values())
    unknown = _unexplained(spoken, verb, calm)
    if unknown and not touches & GUARDED:
        return None, f"no word says what {quoted(unknown)} is"
    if grave:
        return touches, f"the name says {quoted(grave)}"
    mild = [spoken[i] for i, noun in enumerate(nouns) if i in calm or noun in plain.PLAIN]
    if mild:
        return touches, f"the name says {quoted(mild)}, which anybody in the team may read"
    return None, "no word in the name says what it reads"


def _calm(spoken: Sequence[str], nouns: Sequence[str], verb: int) -> Iterator[int]:
    """Where the words stand whose edge another word takes off."""
    for i, pair in enumerate(pairwise(nouns)):
        if pair in plain.HARMLESS:
            yield from (i, i + 1)
        if pair[1] in plain.ABOUT and _sensitive(spoken[i], pair[0]) and _ends(spoken, i + 1):
            yield from (i, i + 1)
    if spoken[verb] in verbs.LISTING:
        yield from (
            i for i, noun in enumerate(nouns) if noun in plain.LISTED and noun != spoken[i] and _ends(spoken, i)
        )


def _ends(spoken: Sequence[str], at: int) -> bool:
    """Whether nothing stands behind this word but the verb, or what it is looked up by."""
    return at + 1 == len(spoken) or spoken[at + 1] in plain.CRITERIA | verbs.LISTING


def _noun(word: str) -> bool:
    return word in objects.SENSITIVE or singular(word) in objects.SENSITIVE or singular(word) in plain.PLAIN


def _sensitive(word: str, noun: str) -> bool:
    said = word in objects.SENSITIVE or noun in objects.SENSITIVE
    return said and word not in verbs.READS


def _unexplained(spoken: Sequence[str], verb: int, calm: Container[int]) -> list[str]:
    """The words for what is read that mean nothing here.

    In front of the known ones stands the product's name. In front of a noun that is known an unknown word says which
    kind of it, unless it is a participle: what was leaked or stolen is not what it was.
    """
    first, last = verb + 1, len(spoken)
    if first == last:
        first, last = next((i for i, word in enumerate(spoken[:verb]) if _noun(word)), 0), verb
    found: list[str] = []
    for joint, phrase in _phrases(spoken, first, last):
        heads = [at for at in phrase if at in calm or _noun(spoken[at])]
        head = heads[-1] if heads and joint not in verbs.JOINTS else 0
        unknown = [at for at in phrase if at not in calm and not _meant(spoken[at])]
        found += [spoken[at] for at in unknown if at >= head or spoken[at].endswith(("ed", "ing"))]
    return found


def _phrases(spoken: Sequence[str], first: int, last: int) -> Iterator[tuple[str, list[int]]]:
    """Where the words of each part stand, and the word that joins the part to what stands before it."""
    joint, phrase = "", list[int]()
    for at in range(first, last):
        if spoken[at] in plain.CRITERIA or spoken[at] in verbs.JOINTS:
            yield joint, phrase
            joint, phrase = spoken[at], []
        else:
            phrase.append(at)
    yield joint, phrase


def _meant(word: str) -> bool:
    return (
        _noun(word) or _filling(word) or word in verbs.REVERSIBILITY or word in verbs.READS or word in verbs.LAST_WORDS
    )


def _filling(word: str) -> bool:
    return singular(word) in plain.FILLING or word in plain.FILLING or word.isdigit()
