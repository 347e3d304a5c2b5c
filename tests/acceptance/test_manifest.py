"""The manifest of promises holds both ways: what it names is there, and what the documents mark is named in it."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROMISES: list[dict[str, Any]] = tomllib.loads((ROOT / "tests/acceptance/manifest.toml").read_text())["promise"]
MARK = re.compile(r"<!-- promise: ([a-z0-9-]+) -->")


def documents() -> dict[str, str]:
    """Every document, by its path, with line breaks as spaces."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    return {path.relative_to(ROOT).as_posix(): " ".join(path.read_text(encoding="utf-8").split()) for path in found}


def node_ids(file: Path) -> set[str]:
    """The node ids of a test file below its path, by its syntax: no import, so a missing dependency hides none."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        functions = [each for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        found |= {prefix + each.name for each in functions if each.name.startswith("test_")}
    return found


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: str(promise["id"]))
def test_a_promise_stands_in_its_document_and_its_tests_exist(promise: dict[str, Any]) -> None:
    assert promise.keys() == {"id", "document", "text", "tests"}
    marked = f"{' '.join(promise['text'].split())} <!-- promise: {promise['id']} -->"
    assert marked in documents()[promise["document"]], f"{promise['document']} does not say: {marked}"
    assert promise["tests"], "a promise without a test"
    for test in promise["tests"]:
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), f"there is no {file}"
        assert name in node_ids(ROOT / file), f"{file} has no {name}"


def test_every_marked_promise_is_in_the_manifest_and_none_twice() -> None:
    marked = sorted((mark, path) for path, text in documents().items() for mark in MARK.findall(text))
    assert marked == sorted((promise["id"], promise["document"]) for promise in PROMISES)
    assert len({mark for mark, _ in marked}) == len(marked)


@pytest.mark.parametrize("document", ["README.md", "SECURITY.md"])
def test_a_mark_is_written_as_the_check_reads_it(document: str) -> None:
    text = documents()[document]
    assert text.count("<!-- promise") == len(MARK.findall(text)) > 0
