"""Rules that read arguments, by the name that a profile gives them."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from keyturn.catalogue.rules.elasticsearch import ELASTICSEARCH
from keyturn.catalogue.rules.http import HTTP
from keyturn.catalogue.rules.kql import KQL
from keyturn.catalogue.rules.pipeline import PIPELINE
from keyturn.catalogue.rules.plain import PLAIN
from keyturn.catalogue.rules.rule import Applied, Rule
from keyturn.catalogue.rules.spl import SPL
from keyturn.core.operation import Reading


def _late(name: str, needs: str, may: str = "", *, module: str = "") -> Rule:
    """A rule whose parser takes long to import: its module (of the same name) is imported when it is first asked."""

    def read(parts: Mapping[str, Any]) -> Reading:
        found: Reading = import_module(f"{__name__}.{module or name}").read(parts)
        return found

    return Rule(name=name, needs=frozenset(needs.split()), may=frozenset(may.split()), read=read)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            HTTP,
            SPL,
            _late("sql", "query", "dialect"),
            KQL,
            ELASTICSEARCH,
            _late("kubernetes", "verb", "kind name namespace manifest"),
            _late("kubectl", "command"),
            _late("aws", "operation", "service parameters"),
            _late("aws_cli", "command"),
            _late("azure", "command"),
            _late("shell", "command", "dialect"),
            _late("path", "path operation", module="paths"),
            PLAIN,
            PIPELINE,
        )
    }
)

__all__ = ["RULES", "Applied", "Rule"]
