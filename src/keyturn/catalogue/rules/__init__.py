"""Rules that read arguments, by the name that a profile gives them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from keyturn.catalogue.rules.http import HTTP
from keyturn.catalogue.rules.rule import Applied, Rule
from keyturn.core.operation import Reading, Unread


def _unread(_: Mapping[str, Any]) -> Reading:
    return Unread("nothing reads this language yet")


def _pending(name: str, needs: str, may: str = "") -> Rule:
    return Rule(name=name, needs=frozenset(needs.split()), may=frozenset(may.split()), read=_unread)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            HTTP,
            _pending("sql", "query", "dialect"),
            _pending("spl", "query"),
            _pending("kql", "query"),
            _pending("elasticsearch", "", "method path body query"),
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
