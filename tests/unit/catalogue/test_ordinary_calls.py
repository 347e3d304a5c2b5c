"""Tools that paste an argument into a command or a query: an ordinary call is the read that people take it for."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.catalogue import Catalogue

CATALOGUE = Catalogue.load()
CASES = json.loads((Path(__file__).parents[2] / "vectors/ordinary-calls.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["tool"])
def test_a_call_counts_as_what_it_pastes(case: dict[str, Any]) -> None:
    profile = CATALOGUE.profile(case["server"], case["tool"], case["arguments"])
    assert profile.stage.value == case["stage"]
    if "touches" in case:
        assert sorted(profile.touches) == case["touches"]
