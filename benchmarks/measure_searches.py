"""How many harmless Splunk searches wait, under a mandate that names log search: ``measure_searches.py [FOLDER]``.

FOLDER is a checkout of splunk/security_content; without it the sample in ``tests/vectors/searches.json``. A detection's
search is harmless unless it has a command that writes. Halves by a hash of the file's name: the rule was made while
looking at ``build`` only.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from keyturn.catalogue import Catalogue
from keyturn.catalogue.outlook import outlook
from keyturn.config import PolicySettings
from keyturn.core.action import ToolRef
from keyturn.core.facts import Oversight
from keyturn.policy_files import load_policy

SAMPLE = Path(__file__).parents[1] / "tests/vectors/searches.json"
SERVER, TOOL, ARGUMENT = "livehybrid/splunk-mcp", "search_splunk", "search_query"
_WRITES = re.compile(r"\|\s*(outputlookup|collect|sendemail|delete|outputcsv)\b")


def searches(folder: str | None) -> Iterator[dict[str, Any]]:
    """Name, half, harmless and query of each."""
    if folder is None:
        yield from json.loads(SAMPLE.read_text())["searches"]
        return
    for path in sorted(Path(folder).glob("detections/**/*.yml")):
        query = yaml.load(path.read_text(), Loader=yaml.CSafeLoader).get("search")
        if query:
            half = "held-out" if hashlib.sha256(path.name.encode()).digest()[0] % 2 else "build"
            yield {"name": path.stem, "half": half, "harmless": not _WRITES.search(query), "query": query}


def free(queries: list[str]) -> list[bool]:
    """Whether each runs at once, under the standard pack and a mandate that names the tool."""
    catalogue, ref = Catalogue.load(), ToolRef("siem", TOOL)
    policy = load_policy(PolicySettings(pack="standard"))
    found = []
    for query in queries:
        arguments = {ARGUMENT: query}
        profile = catalogue.profile(SERVER, TOOL, arguments)
        verdict = outlook(policy, profile, ref, arguments, objects=(str(ref),))
        found.append(verdict.oversight is Oversight.FREE)
    return found


def main() -> None:
    """A line for each half."""
    every = list(searches(sys.argv[1] if len(sys.argv) > 1 else None))
    for half in ("build", "held-out"):
        for harmless in (True, False):
            mine = [each for each in every if each["half"] == half and each["harmless"] is harmless]
            held = [each["name"] for each, runs in zip(mine, free([e["query"] for e in mine]), strict=True) if not runs]
            word = "harmless" if harmless else "writing"
            print(f"{half}: {len(held)} of {len(mine)} {word} searches are held ({len(held) / max(1, len(mine)):.1%})")


if __name__ == "__main__":
    main()
