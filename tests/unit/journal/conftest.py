import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from keyturn.journal import Signer

VECTORS = Path(__file__).parents[2] / "vectors" / "journal"


@pytest.fixture(scope="session")
def vector() -> Callable[[str], Any]:
    """Read one vector file."""
    return lambda name: json.loads((VECTORS / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer("soc.example/journal", bytes(range(32)))


@pytest.fixture(scope="session")
def entries() -> list[bytes]:
    """Entries of a log, small ones, enough for several tiles."""
    return [rfc8785.dumps({"at": i, "kind": "decided", "seq": i}) for i in range(900)]
