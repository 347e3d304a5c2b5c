"""How good the catalogue's drafts are, against the profiles that people reviewed: ``measure_lexicon.py [TOOLS.jsonl]``.

For the sources that the words were built on and for those held out (tests/vectors/lexicon.json): of the tools that
respond or read secrets, privileged data or evidence, how many would run free by their draft; of the plain reads, how
many would wait. Without a file the tools are those of tests/vectors/listed-tools.jsonl, names and parameters alone; a
file of one object a line with source, tool, description, params and annotations shows what descriptions add.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from keyturn.catalogue import Catalogue, read_vendor
from keyturn.catalogue.build import texts
from keyturn.catalogue.lexicon import draft
from keyturn.core.profile import GUARDED, Basis, Profile, Stage

VECTORS = Path(__file__).parent.parent / "tests" / "vectors"
BUILT_ON: list[str] = json.loads((VECTORS / "lexicon.json").read_text())["built_on"]
READ_LIKE = ("get", "list", "search", "find", "fetch", "describe", "show", "read", "query", "lookup", "enrich", "check")


def tools(path: Path | None) -> Iterator[dict[str, Any]]:
    if path is not None:
        yield from map(json.loads, path.open())
        return
    for listed in map(json.loads, (VECTORS / "listed-tools.jsonl").open()):
        for name, parameters in listed["tools"].items():
            yield {"source": listed["source"], "tool": name, "params": parameters}


def built_on(source: str) -> bool:
    return any(fnmatchcase(source, pattern) for pattern in BUILT_ON)


def free(profile: Profile) -> bool:
    """The standard pack lets it run at once."""
    return profile.stage is not Stage.RESPOND and not profile.touches & GUARDED


def measure(rows: Iterable[dict[str, Any]], catalogue: Catalogue) -> Counter[str]:
    """The numbers of some tools that the catalogue has reviewed."""
    n: Counter[str] = Counter()
    for row in rows:
        if not catalogue.knows(row["source"], row["tool"]):
            continue
        known = catalogue.profile(row["source"], row["tool"])
        guess = draft(row["tool"], row.get("description", ""), row["params"], row.get("annotations")).profile
        says_read = any(word in row["tool"].lower() for word in READ_LIKE)
        n["tools"] += 1
        n["derived"] += known.basis is Basis.DERIVED
        n["reversible"] += known.reversible is guess.reversible
        n["hit"] += len(known.touches & guess.touches)
        n["wrong"] += len(known.touches ^ guess.touches)
        if known.stage is Stage.RESPOND or known.touches & GUARDED:
            kind = "change" if known.stage is Stage.RESPOND else "sensitive"
            n[kind] += 1
            n[f"{kind} free"] += free(guess)
            n[f"{kind} free by name"] += says_read
        elif known.stage is Stage.ANALYSE:
            n["plain"] += 1
            n["plain held"] += not free(guess)
            n["plain held by name"] += not says_read
    return n


def told(half: str, n: Counter[str]) -> str:
    def share(part: str, whole: str) -> str:
        return f"{n[part]:>4} of {n[whole]:>4} ({n[part] / max(1, n[whole]):6.2%})"

    grave, grave_free = n["change"] + n["sensitive"], n["change free"] + n["sensitive free"]
    by_name = {kind: f"by a read-like name {n[kind]}" for kind in n if kind.endswith("by name")}
    return "\n".join(
        (
            f"{half}: {n['tools']} profiled tools, {n['derived']} of them derived",
            f"  run free, though grave:   {grave_free:>4} of {grave:>4} ({grave_free / max(1, grave):6.2%})",
            f"    changes:                {share('change free', 'change')}; {by_name.get('change free by name', '')}",
            f"    sensitive reads:        {share('sensitive free', 'sensitive')}; "
            f"{by_name.get('sensitive free by name', '')}",
            f"  wait, though plain reads: {share('plain held', 'plain')}; {by_name.get('plain held by name', '')}",
            f"  reversible as reviewed:   {share('reversible', 'tools')}",
            f"  touches, F1:              {2 * n['hit'] / max(1, 2 * n['hit'] + n['wrong']):.3f}",
        )
    )


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    catalogue = Catalogue.of([read_vendor(text, name) for name, text in texts().items()])
    rows = list(tools(path))
    for half, wanted in (("built on", True), ("held out", False)):
        print(told(half, measure([row for row in rows if built_on(row["source"]) is wanted], catalogue)))


if __name__ == "__main__":
    main()
