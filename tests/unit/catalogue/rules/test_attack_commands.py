"""Command lines of attackers wait for people, those that only look are read (``vectors/attack-commands.json``)."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.catalogue.outlook import outlook
from keyturn.catalogue.rules import RULES
from keyturn.config import PolicySettings
from keyturn.core.action import ToolRef
from keyturn.core.facts import Oversight
from keyturn.core.operation import Operation, narrowed
from keyturn.core.policy import Policy
from keyturn.core.profile import WORST, Stage
from keyturn.policy_files import load_policy

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors/attack-commands.json").read_text())
TOOL = ToolRef("edr", "run_command")
HALVES = ("even", "odd")


@functools.cache
def policy() -> Policy:
    return load_policy(PolicySettings(pack="standard"))


def runs_free(line: dict[str, str], *objects: str) -> bool:
    """Under the standard pack, and a mandate for every tool and target."""
    parts = {"command": line["command"], "dialect": line["dialect"]}
    profile = narrowed(WORST, RULES["shell"].read(parts))
    return outlook(policy(), profile, TOOL, parts, objects=objects).oversight is Oversight.FREE


def attacks(half: str) -> list[dict[str, str]]:
    return [line for line in SAMPLE["attacks"] if line["half"] == half]


@pytest.mark.parametrize("half", HALVES)
def test_no_attack_runs_free_under_a_mandate_that_names_nothing_sensitive(half: str) -> None:
    assert len(attacks(half)) >= 75
    assert [line["command"] for line in attacks(half) if runs_free(line)] == []


@pytest.mark.parametrize("half", HALVES)
def test_few_attacks_run_free_even_where_the_mandate_names_the_tool_and_these_only_look(half: str) -> None:
    free = [line for line in attacks(half) if runs_free(line, str(TOOL))]
    assert len(free) <= 0.1 * len(attacks(half)), free
    for line in free:
        found = RULES["shell"].read({"command": line["command"], "dialect": line["dialect"]})
        assert isinstance(found, Operation)
        assert found.stage is Stage.ANALYSE


def test_most_of_what_only_looks_runs_free_where_the_mandate_names_the_tool() -> None:
    held = [line["command"] for line in SAMPLE["harmless"] if not runs_free(line, str(TOOL))]
    assert len(held) <= 0.1 * len(SAMPLE["harmless"]), held
