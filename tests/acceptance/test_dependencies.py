"""Each dependency that the package declares has its reason in ADR 7."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_dependency_has_its_reason() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [re.split(r"[^A-Za-z0-9-]", line)[0] for line in declared]
    table = (ROOT / "docs/adr/0007-dependencies.md").read_text(encoding="utf-8")
    assert "cedarpy" in names
    assert [name for name in names if f"`{name}`" not in table] == []
