"""``az`` command lines: the group, the verb, and the options that name what it meets.

The groups are those of the CLI itself: another one may be an extension, which the CLI fetches and runs.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from keyturn.catalogue.rules.answers import (
    ALL,
    DATA,
    DETECTION,
    EVIDENCE,
    HARD,
    IDENTITY,
    IRREVERSIBLE,
    PRODUCTION,
    REVERSIBLE,
    SECRETS,
    changes,
    reads,
)
from keyturn.catalogue.rules.rule import any_of, words
from keyturn.catalogue.rules.words import after
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Reading, Unread
from keyturn.core.profile import Reversible, Touches

_GROUPS: Final = words(
    """
    account acr ad advisor afd aks apim appconfig appservice backup batch billing bot cdn cognitiveservices
    consumption container containerapp cosmosdb databoxedge deployment disk disk-access disk-encryption-set
    eventgrid eventhubs functionapp group hdinsight identity image keyvault lab lock logicapp managed-cassandra
    managedapp managedservices maps mariadb monitor mysql netappfiles network policy postgres ppg provider redis
    relay reservations resource role search security servicebus servicefabric sf sig signalr snapshot sql sshkey
    staticwebapp storage synapse tag term ts version vm vmss webapp
    """
)


def _said(anywhere: str, first: str = "") -> re.Pattern[str]:
    """One of these words is in the path of groups and verb, or it begins with one of those."""
    begins = rf"(?:{any_of(first)})\b.*|" if first else ""
    return re.compile(rf"{begins}.*\b(?:{any_of(anywhere)})\b.*")


_SECRET: Final = _said(
    r"""
    keys? list-keys credentials? connection-strings? show-connection-string secrets? list-secrets token password sas
    generate-sas get-access-token get-credentials appsettings publishing list-publishing-\S+ auth-settings auth env
    admin-key query-key authorization-rule user-delegation kv certificate local-context sshkey
    """,
    r"keyvault\x20(?:secret|key|certificate|storage)",
)
_DATA: Final = _said(
    r"""
    log logs boot-log blob file message entity document query history run runs deployments? export dump
    """,
    r"monitor\x20(?:log-analytics|activity-log|app-insights|metrics)",
)
_IDENTITY: Final = _said(
    r"""
    identity role policy access-policy rbac user ad-admin aad
    """,
    r"ad role identity account policy lock managedservices billing",
)
_SHIELDS: Final = _said(
    r"""
    diagnostic-settings diagnostics flow-log watcher firewall waf-policy threat-policy audit-policy atp-policy alert
    logging ddos-protection nsg log-profiles? soft-delete immutability-policy legal-hold retention
    """,
    r"monitor security policy lock backup",
)
_RUNS: Final = _said(
    r"""
    run-command invoke exec command extension deployment custom-script script ssh shell deploy up config-zip source
    runbook import restore rest convert trigger webjob container-instance
    """
)
_VERBS: Final[Mapping[str, Reversible]] = MappingProxyType(
    {
        **dict.fromkeys(words("delete purge clear wipe redeploy reimage restart cancel batch-delete"), IRREVERSIBLE),
        **dict.fromkeys(
            words(
                """
                update set reset regenerate renew rotate stop deallocate disable remove detach move revoke unassign
                resize disassociate swap failover scale upload copy download backup lock unlock upgrade generalize
                deny
                """
            ),
            HARD,
        ),
        **dict.fromkeys(
            words("create add start attach assign enable register tag grant associate recover"), REVERSIBLE
        ),
    }
)
_READS: Final = re.compile(r"list(-[a-z-]+)?|show(-[a-z-]+)?|exists|check-[a-z-]+|get-instance-view|query|version|wait")
_OPTIONS: Final = words(
    """
    --name -n --resource-group -g --ids --subscription --query -q --output -o --only-show-errors --vault-name
    --account-name --server -s --all --top --show-details -d --location -l --resource-type --tag --include --filter
    --assignee --scope --resource --start-time --end-time --offset --workspace -w --analytics-query -t --timespan
    --container-name -c --prefix --num-results --auth-mode --id --object-id --namespace --nsg-name --vnet-name
    --service --registry --repository --display-name --upn-or-object-id --group --member-id --query-examples
    --expand --kind --show-stats --max-events --include-inherited --include-groups --role --correlation-id
    --resource-id --caller --status --interval --metric --aggregation --namespace-name --profile --version --yes -y
    --no-wait --slot --deployment-name --cluster-name
    """
)
_NAMES: Final = words("--name -n --ids --id --resource --object-id --upn-or-object-id --assignee --vm-name")


def read(parts: Mapping[str, Any]) -> Reading:
    """``command``: an Azure command line, with or without the program's name."""
    given = after("az", parts["command"])
    return given if isinstance(given, Unread) else line(given)


def line(given: tuple[str, ...]) -> Reading:
    """The words of a command line, after the program's name."""
    plain = []
    for word in given:
        if word.startswith("-"):
            break
        plain.append(word)
    path, options = " ".join(plain), _options(given[len(plain) :])
    if isinstance(options, Unread):
        return options
    if not plain or plain[0] not in _GROUPS or not all(re.fullmatch(r"[a-z][a-z0-9-]*", word) for word in plain):
        return Unread(f"nobody knows what az {path[:60]} does")
    if (plain[0] == "account" and plain[1:] not in (["show"], ["list"], ["list-locations"])) or "--debug" in options:
        return Unread("it changes whose account is used, or hands out a credential")
    targets, wide = _targets(plain, options)
    verb = plain[-1]
    if _RUNS.fullmatch(path) and not _READS.fullmatch(verb):
        return changes(
            f"az {path}", IRREVERSIBLE, ALL, targets, reach=EVERYTHING if wide else 0, why="it runs what it is told to"
        )
    if _READS.fullmatch(verb):
        strange = [name for name in options if name not in _OPTIONS]
        if strange:
            return Unread(f"nobody knows what the option {strange[0][:40]} does")
        return reads(f"az {path}", _touches(path, reading=True), targets, why="it reads the subscription")
    return _changed(path, verb, targets, wide=wide)


def _touches(path: str, *, reading: bool) -> set[Touches]:
    touches: set[Touches] = set()
    for touch, pattern in ((SECRETS, _SECRET), (DATA, _DATA), (IDENTITY, _IDENTITY)):
        if pattern.fullmatch(path):
            touches.add(touch)
    if path.startswith("graph"):
        touches.add(DATA)
    return touches if reading else touches | {PRODUCTION}


def _changed(path: str, verb: str, targets: list[Target], *, wide: bool) -> Reading:
    reversible = _VERBS.get(verb) or _VERBS.get(verb.partition("-")[0])
    if reversible is None:
        return Unread(f"nobody knows what az {path[:60]} does")
    touches = _touches(path, reading=False)
    if path.startswith("keyvault"):
        touches |= {SECRETS}
    if _SHIELDS.fullmatch(path):
        touches |= {DETECTION} | (set() if reversible is REVERSIBLE else {EVIDENCE})
    if reversible is IRREVERSIBLE or verb in ("stop", "deallocate"):
        touches |= {EVIDENCE}
    if verb == "grant-access":
        touches |= {DATA, SECRETS}
    if touches & {SECRETS, IDENTITY} and reversible is REVERSIBLE:
        reversible = HARD
    whole = path.startswith("group delete")
    reach = EVERYTHING if wide or whole or not targets else 0
    return changes(
        f"az {path}", reversible, ALL if whole else touches, targets, reach=reach, why="it changes the subscription"
    )


def _options(given: tuple[str, ...]) -> dict[str, list[str]] | Unread:
    options: dict[str, list[str]] = {}
    name = ""
    for word in given:
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            name, equals, value = word.partition("=")
            if name in options:
                return Unread(f"the option {name[:40]} is there twice")
            options[name] = [value] if equals else []
        elif word.startswith("@") or not name:
            return Unread("it reads an option from a file, or a word from nowhere")
        else:
            options[name].append(word)
    return options


def _targets(plain: list[str], options: Mapping[str, list[str]]) -> tuple[list[Target], bool]:
    kind = plain[-2] if len(plain) > 1 else plain[0]
    folder = next((options[name][0] for name in ("--resource-group", "-g") if options.get(name)), "")
    found = []
    for name, values in options.items():
        if name in _NAMES:
            found += [
                Target(kind, value if "/" in value or not folder or kind == "group" else f"{folder}/{value}")
                for value in values
            ]
    return found, any(set(target.id) & set("*?") for target in found)
