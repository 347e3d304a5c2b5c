"""Rules that read arguments, by the name that a profile gives them."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from keyturn.catalogue.rules.aws import AWS
from keyturn.catalogue.rules.aws_cli import AWS_CLI
from keyturn.catalogue.rules.azure import AZURE
from keyturn.catalogue.rules.elasticsearch import ELASTICSEARCH
from keyturn.catalogue.rules.http import HTTP
from keyturn.catalogue.rules.kql import KQL
from keyturn.catalogue.rules.kubectl import KUBECTL
from keyturn.catalogue.rules.kubernetes import KUBERNETES
from keyturn.catalogue.rules.paths import PATH
from keyturn.catalogue.rules.plain import PLAIN
from keyturn.catalogue.rules.rule import Applied, Rule
from keyturn.catalogue.rules.shell import SHELL
from keyturn.catalogue.rules.spl import SPL
from keyturn.core.operation import Reading


def _late(name: str, needs: str, may: str = "") -> Rule:
    """A rule whose parser takes long to import: its module of the same name is imported when it is first asked."""

    def read(parts: Mapping[str, Any]) -> Reading:
        found: Reading = import_module(f"{__name__}.{name}").read(parts)
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
            KUBERNETES,
            KUBECTL,
            AWS,
            AWS_CLI,
            AZURE,
            SHELL,
            PATH,
            PLAIN,
        )
    }
)

__all__ = ["RULES", "Applied", "Rule"]
