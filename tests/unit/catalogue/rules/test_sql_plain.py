"""A plain select is read without the parser, and never otherwise than the parser reads it."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlglot.dialects.dialect import Dialect
from tests.selects import select, spoiled

from keyturn.catalogue.rules import sql, sql_parsed, sql_plain
from keyturn.core.operation import Operation, Unread

VECTORS = Path(__file__).parents[3] / "vectors"
DIALECTS = ("", "bigquery", "mysql", "postgres", "snowflake", "sqlite", "tsql")
SELECTS = json.loads((VECTORS / "plain-selects.json").read_text())


def agreed(text: str, dialect: str) -> bool:
    """Whether the plain reader answered. Where it did, the parser answers the same; or the text was too much for it."""
    if not text.strip() or sql_plain.read(text, dialect) is None:
        return False
    found = sql.read({"query": text, "dialect": dialect})
    assert isinstance(found, Unread) or found == sql_parsed.read(text.strip(), dialect), (dialect, text)
    return True


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_read_of_a_select_is_what_the_parser_reads(dialect: str) -> None:
    by = random.Random(f"selects {dialect}")
    texts = [select(by) for _ in range(500)]
    assert sum(agreed(text, dialect) for text in texts) > 30
    texts += [case["query"] for case in SELECTS["plain"]] * 20
    assert sum(agreed(spoiled(text, by), dialect) for text in texts * 3) > 50


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_hostile_text_is_read_otherwise_than_by_the_parser(dialect: str) -> None:
    vectors = [case["parts"]["query"] for case in json.loads((VECTORS / "rules/sql.json").read_text())]
    hostile = [case["text"] for case in json.loads((VECTORS / "hostile.json").read_text())]
    attacks = [case["command"] for case in json.loads((VECTORS / "attack-commands.json").read_text())["attacks"]]
    for text in (*filter(lambda each: isinstance(each, str), vectors), *hostile, *attacks):
        agreed(text, dialect)
    for text in hostile:
        agreed(f"select a from t where b = '{text}'", dialect)
        agreed(f"select {text} from t", dialect)


@pytest.mark.parametrize("case", SELECTS["plain"], ids=lambda case: case["query"][:40])
def test_a_plain_select_is_read_without_the_parser(case: dict[str, Any]) -> None:
    query, dialect = case["query"], case.get("dialect", "")
    assert agreed(query.removeprefix("explain "), dialect)
    found = sql.read({"query": query, "dialect": dialect})
    assert isinstance(found, Operation)
    assert [target.id for target in found.targets] == case["tables"]


def test_no_plain_select_needs_the_parser_at_all() -> None:
    program = (
        "import json, sys; from keyturn.catalogue.rules import RULES\n"
        "for case in json.load(sys.stdin): RULES['sql'].read(case)\n"
        "sys.exit('sqlglot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], input=json.dumps(SELECTS["plain"]), text=True, check=True)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", SELECTS["left_to_the_parser"])
def test_what_is_not_sure_is_left_to_the_parser(text: str, dialect: str) -> None:
    assert sql_plain.read(text, dialect) is None


def test_another_dialect_is_left_to_the_parser() -> None:
    assert sql_plain.read("select 1", "oracle") is None


@pytest.mark.parametrize("text", SELECTS["with_a_word_as_a_name"])
def test_a_word_that_has_a_meaning_is_a_name_only_where_the_parser_takes_it_for_one(text: str) -> None:
    keywords = {word for each in DIALECTS for word in Dialect.get_or_raise(each or None).tokenizer_class.KEYWORDS}
    words = {word for keyword in keywords for word in re.findall("[A-Za-z]+", keyword)} | keywords
    for word in sorted({word.lower() for word in words}):
        for dialect in DIALECTS:
            agreed(text.replace("WORD", word), dialect)
