"""Rules that read arguments, by the name that a profile gives them."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from keyturn.catalogue.rules.elasticsearch import ELASTICSEARCH
from keyturn.catalogue.rules.http import HTTP
from keyturn.catalogue.rules.kql import KQL
from keyturn.catalogue.rules.rule import Applied, Rule
from keyturn.catalogue.rules.spl import SPL
from keyturn.core.operation import Reading, Unread


def _late(name: str, needs: str, may: str = "") -> Rule:
    """A rule whose parser takes long to import: its module of the same name is imported when it is first asked."""

    def read(parts: Mapping[str, Any]) -> Reading:
        found: Reading = import_module(f"{__name__}.{name}").read(parts)
        return found

    return Rule(name=name, needs=frozenset(needs.split()), may=frozenset(may.split()), read=read)


def _unread(_: Mapping[str, Any]) -> Reading:
    return Unread("nothing reads this language yet")


def _pending(name: str, needs: str, may: str = "") -> Rule:
    return Rule(name=name, needs=frozenset(needs.split()), may=frozenset(may.split()), read=_unread)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            HTTP,
            SPL,
            _late("sql", "query", "dialect"),
            KQL,
            ELASTICSEARCH,
            _pending("kubernetes", "verb", "kind name namespace manifest"),
            _pending("kubectl", "command"),
            _pending("aws", "operation", "service parameters"),
            _pending("aws_cli", "command"),
            _pending("azure", "command"),
            _pending("shell", "command", "dialect"),
            _pending("path", "path operation"),
        )
    }
)

__all__ = ["RULES", "Applied", "Rule"]
