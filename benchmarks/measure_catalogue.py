"""How far the catalogue agrees with labels that somebody else gave: ``python benchmarks/measure_catalogue.py [-v]``.

``tests/vectors/labels.jsonl``: tools drawn from all sources in proportion, labelled by design section 3 and the rules
of consistency alone, by readers (language models) who saw no profile. ``build`` was looked at while the profiles were
made; ``held-out`` (the same reader's labels) and ``exam`` (another's) were only measured, and their errors looked at
when all was done: ``benchmarks/README.md`` has the figures from before and after. ``panel.jsonl`` has two to six quick
blind votes on every listed tool, by which differences were found and judged one by one, and three careful ones on the
doubtful (``kinds``); ``fresh`` labels were given after that.
"""

import json
import sys
from pathlib import Path
from typing import Any

from keyturn.catalogue import Catalogue
from keyturn.catalogue.agreement import Agreement, agreed, agreement, each_vote
from keyturn.config import PolicySettings
from keyturn.policy_files import load_policy

VECTORS = Path(__file__).parents[1] / "tests/vectors"
PARTS = ("build", "held-out", "exam", "fresh")


def lines(name: str) -> list[dict[str, Any]]:
    """The objects of a file, one a line."""
    return [json.loads(line) for line in (VECTORS / name).open()]


def told(part: str, found: Agreement) -> None:
    """One part's figures."""
    print(f"{part}: {found.tools} labels")
    free, held = len(found.free), len(found.held)
    print(f"  run free, of {found.grave} that respond or read what is sensitive: {free} ({free / found.grave:.1%})")
    print(f"  held, of {found.plain} plain reads: {held} ({held / found.plain:.1%})")
    print(f"  agree: reversibility {found.reversible:.1%}, stage {found.stage:.1%}, touches F1 {found.touches_f1:.3f}")


def main() -> None:
    """Each part, and the panel; with ``-v`` every difference of the part that was looked at."""
    catalogue, policy, labels = Catalogue.load(), load_policy(PolicySettings(pack="standard")), lines("labels.jsonl")
    for part in PARTS:
        if labelled := [label for label in labels if label["half"] == part]:
            told(part, found := agreement(catalogue, policy, labelled))
            if part == "build" and "-v" in sys.argv:
                print("free:", *found.free, "held:", *found.held, "differ:", *found.differ, sep="\n  ")
    panel = lines("panel.jsonl")
    told("panel, each vote", agreement(catalogue, policy, each_vote(panel)))
    told("where all of these readers agree", agreement(catalogue, policy, agreed(panel, labels)))


if __name__ == "__main__":
    main()
