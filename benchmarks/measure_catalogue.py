"""How far the catalogue agrees with labels that somebody else gave: ``python benchmarks/measure_catalogue.py [-v]``.

``tests/vectors/labels.jsonl``: tools drawn from all sources in proportion, labelled by design section 3 and the rules
of consistency alone, by people who saw no profile. ``build`` was looked at while the profiles were made; ``held-out``
(the same person's labels) and ``exam`` (another's) were only measured, and their errors looked at when all was done:
``benchmarks/README.md`` has the figures from before and after.
"""

import json
import sys
from pathlib import Path
from typing import Any

from keyturn.catalogue import Catalogue
from keyturn.catalogue.agreement import agreement
from keyturn.config import PolicySettings
from keyturn.policy_files import load_policy

LABELS = Path(__file__).parents[1] / "tests/vectors/labels.jsonl"


def labels(half: str) -> list[dict[str, Any]]:
    """The labels of one part."""
    return [label for label in map(json.loads, LABELS.open()) if label["half"] == half]


def main() -> None:
    """Each part; with ``-v`` every difference of the part that was looked at."""
    catalogue, policy = Catalogue.load(), load_policy(PolicySettings(pack="standard"))
    for half in ("build", "held-out", "exam"):
        if not (labelled := labels(half)):
            continue
        found = agreement(catalogue, policy, labelled)
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
