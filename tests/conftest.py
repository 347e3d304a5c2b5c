"""Fixtures that several folders share."""

import os
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from hypothesis import settings

from keyturn.core.action import Target
from keyturn.core.facts import Chain, Credential, Facts
from keyturn.core.profile import Basis, Reversible, Stage

pytest_plugins = ["tests.oidc", "tests.peers", "tests.receiver"]

MakeFacts = Callable[..., Facts]

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: Playwright's own event loop stays on the main thread, where others run theirs."""
    items.sort(key=lambda item: "browser" in item.path.parts)
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.timeout(420))  # the first one may have to get the browser, too


@pytest.fixture(scope="session")
def make_facts() -> MakeFacts:
    """Facts of a plain read inside its mandate; name what is different. ``Chain`` and ``Credential`` as dicts."""

    def make(**different: Any) -> Facts:
        plain: dict[str, Any] = {
            "now": 1_790_000_000_000,
            "agent": "triage-bot",
            "owner": "olga",
            "issuer": "ivan",
            "case": "case-1",
            "tool": "edr/get_host",
            "stage": Stage.ANALYSE,
            "reversible": Reversible.NO_EFFECT,
            "touches": (),
            "basis": Basis.REVIEWED,
            "has_inverse": False,
            "targets": (Target("host", "h1"),),
            "crown_jewel": False,
            "production": False,
            "names_objects": False,
            "in_mandate": True,
            "outside": (),
            "within_blast_radius": True,
            "chain": {},
            "credential": {},
            "quarantined": False,
            "refused_before": False,
            "stopped": "",
        }
        values = plain | different
        chain, credential = Chain(**values.pop("chain")), Credential(**values.pop("credential"))
        return Facts(chain=chain, credential=credential, **values)

    return make


@pytest.fixture(scope="session")
def need() -> Callable[[str], NoReturn]:
    """Call it with what is missing and the command that gets it: skips, or fails where nothing may be missing."""

    def missing(reason: str) -> NoReturn:
        if os.environ.get("KEYTURN_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    return missing
