"""How far the catalogue agrees with labels that somebody else gave: ``python benchmarks/measure_catalogue.py``.

``tests/vectors/labels.jsonl``: 399 tools drawn from all sources in proportion, labelled by design section 3 and the
rules of consistency alone, by somebody who saw no profile. Half of them (``build``) was looked at while the profiles
were made; the other half (``held-out``) was only measured. A tool counts at its gravest, with its server's hints.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from keyturn.catalogue import Catalogue
from keyturn.catalogue.coverage import SENSITIVE
from keyturn.catalogue.outlook import outlook
from keyturn.core.action import ToolRef
from keyturn.core.facts import Oversight
from keyturn.core.policy import Policy
from keyturn.packs import load_pack

LABELS = Path(__file__).parents[1] / "tests/vectors/labels.jsonl"


class Agreement(NamedTuple):
    """Of one half: the tools by name that run free and should not, or wait and should not; the rest are numbers."""

    tools: int
    grave: int
    free: list[str]
    plain: int
    held: list[str]
    reversible: float
    stage: float
    touches_f1: float
    differ: list[str]


def labels(half: str) -> list[dict[str, Any]]:
    """The labels of one half."""
    return [label for label in map(json.loads, LABELS.open()) if label["half"] == half]


def agreement(catalogue: Catalogue, labelled: Iterable[dict[str, Any]]) -> Agreement:
    """The catalogue and the standard pack, under a plain analyst's mandate, held against labels."""
    pack = load_pack("standard")
    policy = Policy.load(pack.schema, pack.guardrails, pack.sources)
    tools = grave = plain = reversible = stage = same = ours = theirs = 0
    free, held, differ = [], [], []
    for label in labelled:
        name, touches = f"{label['source']}/{label['tool']}", set(label["touches"])
        profile = catalogue.profile(label["source"], label["tool"], {}, label["hints"])
        runs = outlook(policy, profile, ToolRef("server", label["tool"]), {}).oversight is Oversight.FREE
        reads = label["stage"] == "analyse"
        if label["stage"] == "respond" or (reads and touches & SENSITIVE):
            grave += 1
            free += [name] * runs
        elif reads:
            plain += 1
            held += [name] * (not runs)
        tools += 1
        reversible += profile.reversible == label["reversible"]
        stage += profile.stage == label["stage"]
        same += len(profile.touches & touches)
        ours, theirs = ours + len(profile.touches), theirs + len(touches)
        if profile.reversible != label["reversible"] or profile.touches != touches:
            differ.append(
                f"{name}: {profile.stage.value}, {profile.reversible.value}, {sorted(profile.touches)}; "
                f"the label: {label['stage']}, {label['reversible']}, {label['touches']}"
            )
    f1 = 2 * same / (ours + theirs)
    return Agreement(tools, grave, free, plain, held, reversible / tools, stage / tools, f1, differ)


def main() -> None:
    """Both halves; with ``-v`` every difference of the half that was looked at."""
    catalogue = Catalogue.load()
    for half in ("build", "held-out"):
        found = agreement(catalogue, labels(half))
        print(f"{half}: {found.tools} tools")
        print(f"  run free, of {found.grave} that respond or read what is sensitive: {len(found.free)}")
        print(f"  held, of {found.plain} plain reads: {len(found.held)} ({len(found.held) / found.plain:.1%})")
        print(
            f"  agree: reversibility {found.reversible:.1%}, stage {found.stage:.1%}, touches F1 {found.touches_f1:.3f}"
        )
        if half == "build" and "-v" in sys.argv:
            print("free:", *found.free, "held:", *found.held, "differ:", *found.differ, sep="\n  ")


if __name__ == "__main__":
    main()
