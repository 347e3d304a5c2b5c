"""Pipelines made of pieces, so that where quotes and comments end is known without reading them."""

import random
from typing import Any, Final

import pytest

from keyturn.catalogue.rules import RULES
from keyturn.core.operation import Operation
from keyturn.core.profile import Stage

SEED, TEXTS = 20261125, 400
QUOTED: Final = ('"a | b"', '"// c"', '"/* d"', '"it\'s"', '"("', '"[ x"', '""', '"*"')
PIECES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "powerquery": {
        "term": ("error", "a.b = 1", "x || y", "(a or b)", "n > 1_000", *(f"a = {text}" for text in QUOTED)),
        "stage": (
            "| group n = count() by k",
            "|\n\tlimit 5",
            "| left join (a = 1 | top 3 count() by k), (b) on k",
            "|LET x=1",
        ),
        "note": ("// don't | stop\n", '// "\n', "// /*\n"),
        "write": ("savelookup 'w'", "| savelookup 'w'", "|\nSaveLookup\t\"w\", 'merge'", "| // note\nsavelookup 'w'"),
    },
    "sumo": {
        "term": ("error", "_sourceCategory=prod/app", "(a or b)", "not c", *QUOTED),
        "stage": (
            "| count by k",
            "|\n\tlimit 5",
            '| parse "a=*" as a',
            "| a / 1024 as kb",
            "| where [subquery: x | count by k | compose k]",
        ),
        "note": ("// don't | stop\n", '// "\n', "/* ' | \" \n */"),
        "write": (
            "save /shared/w",
            "| save append w",
            '|\nSAVE\tpath://"w"',
            "| /* note */ save w",
            "|// note\nsave w",
        ),
    },
    "xql": {
        "term": ("dataset = a", "xdm.target.host = 1", *(f"filter a = {text}" for text in QUOTED), '"C:\\x"'),
        "stage": (
            "| comp count() as n by k",
            "|\n\tlimit 5",
            "| join type = left (dataset = b | fields k) as j j.k = k",
        ),
        "note": (" ",),
        "write": ("target type = dataset w", "| target type = lookup append = true w", "|\nTARGET\ttype=dataset w"),
    },
}


def read(language: str, query: str) -> Any:
    return RULES["pipeline"].read({"query": query, "language": language})


def pieces(chance: random.Random, language: str) -> list[str]:
    """A text that only reads: a term, then stages, with terms only where the first pipeline stands, notes anywhere."""
    kinds = PIECES[language]
    text = [chance.choice(kinds["term"])]
    text += [chance.choice(kinds["stage"]) for _ in range(chance.randrange(6))]
    for _ in range(chance.randrange(3)):
        text.insert(chance.randrange(len(text) + 1), chance.choice(kinds["note"]))
    return text


@pytest.mark.parametrize("language", sorted(PIECES))
def test_a_writing_command_anywhere_outside_quotes_is_never_read_as_a_read(language: str) -> None:
    chance = random.Random(SEED)
    for _ in range(TEXTS):
        text = pieces(chance, language)
        before = read(language, " ".join(text))
        assert isinstance(before, Operation), text
        assert before.stage is Stage.ANALYSE, text
        text.insert(chance.randrange(len(text) + 1), chance.choice(PIECES[language]["write"]))
        after = read(language, " ".join(text))
        assert not isinstance(after, Operation) or after.stage is Stage.RESPOND, text


@pytest.mark.parametrize("language", sorted(PIECES))
def test_a_writing_command_stays_one_whatever_signs_fall_into_what_stands_behind_it(language: str) -> None:
    chance = random.Random(SEED)
    for _ in range(TEXTS):
        behind = list(" ".join(pieces(chance, language)))
        for _ in range(chance.randrange(1, 5)):
            behind.insert(chance.randrange(len(behind) + 1), chance.choice("\"'/*\\|()[]`\n \0"))
        found = read(language, f"{PIECES[language]['term'][0]} {PIECES[language]['write'][1]} {''.join(behind)}")
        assert not isinstance(found, Operation) or found.stage is Stage.RESPOND, behind
