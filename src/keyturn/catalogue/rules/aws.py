"""AWS: what an operation of an API does, by its verb, its service and the exceptions that matter.

``DescribeInstances``, ``describe-instances`` and ``ec2:DescribeInstances`` are one operation. A verb that is not known
to only read, or to change in a known way, is not read.
"""

import re
from collections.abc import Iterator, Mapping
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
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread
from keyturn.core.profile import Reversible, Touches

_OPERATION: Final = re.compile(r"(?:([A-Za-z][A-Za-z0-9-]{0,40})[:.])?([A-Za-z][A-Za-z0-9_-]{2,90})")
_READS: Final = re.compile(r"(batch)?(describe|list|get|head|lookup|search|scan|query|filter|select|count|simulate)")


def _in_name(parts: str) -> re.Pattern[str]:
    """One of these stands somewhere in the name of an operation."""
    return re.compile(rf"\w*(?:{any_of(parts)})\w*")


_SECRET_GETS: Final = any_of(
    r"""
    secretvalue parameters?(?:history|s?bypath)? credential\w* sessiontoken federationtoken passworddata openidtoken\w*
    rolecredentials clustercredentials\w* authorizationtoken logintoken password apikeys? function(?:configuration)?
    connections? accesstoken relationaldatabasemasteruserpassword instanceaccessdetails \w+url(?<!queueurl)\w*
    \w*privatekey signin\w* keypairs? token\w* launchtemplatedata layerversion\w* app delegatedaccesstoken
    """
)
_SECRET_SHOWS: Final = any_of(
    """
    secret parameters instanceattribute launchtemplateversions userpoolclient launchconfigurations taskdefinition
    configurationsettings jobdefinitions spotinstancerequests
    """
)
_SECRET_NAMED: Final = any_of(
    """
    token credential secret apikey bucketaccesskey environmentvariable sessionendpoint attendee computeaccess
    instanceaccess connectiondetails dataaccess jobdetails presigned oauth iceserver artifact scramuser basicauth
    webhook oidcinfo
    """
)
_SECRET: Final = re.compile(
    rf"(?:batch)?get(?:{_SECRET_GETS})|describe(?:{_SECRET_SHOWS})"
    r"|list(?:functions|versionsbyfunction|apps|branches|connections)"
    rf"|(?:batch)?(?:get|list|describe)\w*(?:{_SECRET_NAMED})\w*|\w*(?:password|secretvalue|credentials?)|scanparameters"
)
_DATA_GETS: Final = any_of(
    r"""
    object\w* items? records sharditerator logevents logrecord logobject queryresults?\w* console\w* file
    commandinvocation
    blob folder commits? document\w* differences template rawmessagecontent snapshotblock media\w* transcript\w* builds
    projects mailboxdetails bucketpolicy contactattributes recordings?\w* results?\w* unfiltered\w* statementresult
    dashboard entities resourceconfighistory callrecording sample\w*
    """
)
_DATA: Final = re.compile(
    rf"(?:batch)?get(?:{_DATA_GETS})|lookupevents|filterlogevents|scan|query|select\w*|search\w*|transactgetitems"
    r"|listcommand\w*|listobjectversions|headobject|describe(?:eventaggregates|logstreams|dblogfiles|events|stacks?|jobs)"
)
_IDENTITY: Final = words(
    "iam sts organizations sso ssoadmin identitystore cognitoidp cognitoidentity ram ssooidc ssoportal"
)
_IDENTITY_NAME: Final = _in_name(
    r"""
    iam user role group(?!s?$) policy policies accesskey loginprofile mfadevice samlprovider openidconnect
    account(?!attributes) permission calleridentity trust principal
    """
)
_NOT_IDENTITY: Final = _in_name(
    r"""
    securitygroup loggroup parametergroup targetgroup subnetgroup autoscalinggroup placementgroup resourcegroup
    nodegroup workgroup lifecyclepolic scalingpolic
    """
)
_PERSONAL: Final = words(
    """
    workdocs workmail workmailmessageflow codecommit textract transcribe comprehend kendra dynamodb kinesis
    kinesisvideo athena timestreamquery neptunedata qldbsession rdsdata redshiftdata cloudtraildata connect
    lexruntime chime securitylake
    """
)
_SHIELDS: Final = words(
    """
    cloudtrail guardduty securityhub config configservice inspector inspector2 macie macie2 detective accessanalyzer
    waf wafv2 wafregional shield networkfirewall fms securitylake auditmanager
    """
)
_SHIELD_NAME: Final = _in_name(
    r"""
    trail logging flowlogs? detectors? threatintel ipset configrule configurationrecorder deliverychannel webacl
    firewall alarm metricfilter subscriptionfilter retentionpolicy loggroup logstream eventselectors insight
    findings? securityhub macie inspector guardduty publicaccessblock standards resourcepolicy eventbus monitoring
    """
)
_SECRETIVE: Final = words("kms secretsmanager acmpca cloudhsm cloudhsmv2")
_SECRET_CHANGE: Final = _in_name(
    r"""
    secret password accesskey loginprofile keypair apikey credential parameter(?!group) token certificate mfadevice
    sshpublickey signing grant keymaterial assumerole decrypt encrypt datakey keydeletion publickey
    """
)
_RUNS: Final = re.compile(
    any_of(
        r"""
        invoke execute run start(?:session|automation|build|execution|pipeline|job|query|task) send(?:command|ssh)
        assume decrypt generate import export publishlayer reencrypt sign register(?:task|job)
        create(?:function|stack|changeset|job|project|pipeline|notebook|launch|autoscaling|statemachine|document)
        create(?:association|devendpoint|cluster|task|service|script)
        update(?:function|stack|service|document|job|project) put(?:rule|targets|bucketnotification|lifecycle)
        """
    )
)
_VERBS: Final[Mapping[str, Reversible]] = MappingProxyType(
    {
        **dict.fromkeys(
            words(
                """
            delete terminate purge destroy reboot release publish send forget wipe batchdelete post
            """
            ),
            IRREVERSIBLE,
        ),
        **dict.fromkeys(
            words(
                """
                put update modify set change replace reset rotate deregister disable stop remove cancel suspend
                upload restore register schedule batchput batchupdate batchwrite revoke disassociate detach
                deactivate unassign copy share transfer move merge apply leave reject archive revoke batchdisable
                batchdisassociate upgrade rename
                """
            ),
            HARD,
        ),
        **dict.fromkeys(
            words(
                """
                create start attach associate authorize enable add allocate tag untag subscribe accept assign resume
                activate unarchive batchenable request monitor
                """
            ),
            REVERSIBLE,
        ),
    }
)
_VERB: Final = re.compile("|".join(sorted(_VERBS, key=len, reverse=True)))
_SHARES: Final = re.compile(
    r"\w*(attribute|acl|bucketpolicy|resourcepolicy|permission|replication|share|publicaccess|copy|snapshot)\w*"
)
_NAMED: Final = re.compile(r"(.*?)(ids|id|names|name|arns|arn|identifiers|identifier|urls|url)?")
_OBJECTS: Final = words(
    """
    bucket key table cluster function secret role user group trail detector stream topic queue service resources
    instances
    """
)
_FREE: Final = words(
    """
    maxresults nexttoken region filters filter query output maxitems pagesize starttime endtime dryrun
    paginationtoken marker clienttoken policyname versionid attributenames
    """
)
WILD: Final = re.compile(r"[*?]")


def bare(text: str) -> str:
    """A name in small letters, without what joins its words."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def does(service: str, operation: str, parameters: Mapping[str, Any]) -> Reading:
    """One operation of a service (may be ``""``), by its plain name."""
    shown = f"{service}:{operation}".removeprefix(":")
    targets, wide = _targets(service, parameters)
    if _RUNS.match(operation) and not (service == "logs" and operation == "startquery"):
        return changes(
            shown,
            IRREVERSIBLE,
            ALL,
            targets,
            reach=EVERYTHING if wide else 0,
            why="it runs or unlocks what it is told to",
        )
    if _READS.match(operation) or (service == "logs" and operation in ("startquery", "startlivetail")):
        touches = _read(service, operation)
        return reads(shown, touches, targets, why="it reads the account")
    verb = _VERB.match(operation)
    if verb is None:
        return Unread(f"nobody knows what {shown[:80]} does")
    return _changed(shown, service, operation, verb.group(), targets, wide=wide)


def _read(service: str, operation: str) -> set[Touches]:
    touches: set[Touches] = set()
    if (
        _SECRET.fullmatch(operation)
        or service == "secretsmanager"
        or (
            service == "sts"
            and operation.startswith("get")
            and operation not in ("getcalleridentity", "getaccesskeyinfo")
        )
    ):
        touches |= {SECRETS}
    if _DATA.fullmatch(operation) or service in _PERSONAL or operation.startswith("start"):
        touches |= {DATA}
    if service in _IDENTITY or (_IDENTITY_NAME.fullmatch(operation) and not _NOT_IDENTITY.fullmatch(operation)):
        touches |= {IDENTITY}
    if operation == "getaccountauthorizationdetails":
        touches |= {DATA}
    return touches


def _changed(shown: str, service: str, operation: str, verb: str, targets: list[Target], *, wide: bool) -> Operation:
    reversible, touches = _VERBS[verb], {PRODUCTION}
    if service in _IDENTITY or (_IDENTITY_NAME.fullmatch(operation) and not _NOT_IDENTITY.fullmatch(operation)):
        touches |= {IDENTITY}
    if service in _SECRETIVE or _SECRET_CHANGE.fullmatch(operation):
        touches |= {SECRETS}
        reversible = max(reversible, HARD, key=lambda level: level.rank)
    if service in _SHIELDS or _SHIELD_NAME.fullmatch(operation):
        touches |= {DETECTION}
        if reversible is not REVERSIBLE:
            touches |= {EVIDENCE}
    if reversible is IRREVERSIBLE or operation.startswith("stop"):
        touches |= {EVIDENCE}
    if service in ("s3", "dynamodb", "sqs", "logs") or (reversible is HARD and _SHARES.fullmatch(operation)):
        touches |= {DATA}
    if (
        IDENTITY in touches
        and operation.startswith(("attach", "add", "create", "update", "enable"))
        and operation != "updateaccesskey"
    ):
        reversible = HARD
    if operation == "updateaccesskey":
        reversible = REVERSIBLE
    return changes(
        shown,
        reversible,
        touches,
        targets,
        reach=EVERYTHING if wide or not targets else 0,
        why="it changes the account",
    )


def _targets(service: str, parameters: Mapping[str, Any]) -> tuple[list[Target], bool]:
    """The objects that the parameters name, and whether they name any number."""
    found, wide = [], False
    for kind, value in _named(parameters, 0):
        found.append(Target(kind or service or "resource", value))
        wide = wide or WILD.search(value) is not None
    bucket = parameters.get("Bucket")
    if isinstance(bucket, str):
        found = [Target("object", f"{bucket}/{each.id}") if each.kind == "object" else each for each in found]
    return found[:1_000], wide or len(found) > 1_000 or any(bare(name) in ("filters", "filter") for name in parameters)


def _named(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        low = bare(name)
        if low in _FREE:
            continue
        items = inner if isinstance(inner, list) else [inner]
        parts = _NAMED.fullmatch(low)
        names = parts is not None and (parts[2] or low in _OBJECTS)
        for item in items:
            if isinstance(item, dict) and depth < 3:
                yield from _named(item, depth + 1)
            elif names and isinstance(item, str) and item and parts is not None:
                yield _KINDS.get(low, parts[1] if parts[2] else low.removesuffix("s")), item


_KINDS: Final[Mapping[str, str]] = {
    "groupid": "security_group",
    "groupids": "security_group",
    "key": "object",
    "keyid": "key",
    "accesskeyid": "access_key",
    "loggroupname": "log_group",
    "dbinstanceidentifier": "database",
    "functionname": "function",
    "keyname": "key_pair",
}


def read(parts: Mapping[str, Any]) -> Reading:
    """``operation`` (``ec2:DescribeInstances``, or plain with a ``service``) and its ``parameters``."""
    operation, service, parameters = parts["operation"], parts.get("service"), parts.get("parameters")
    if not isinstance(operation, str) or not isinstance(service or "", str) or not isinstance(parameters or {}, dict):
        return Unread("the operation, the service or the parameters are of another kind")
    named = _OPERATION.fullmatch(operation.strip())
    if named is None or (service and not re.fullmatch(r"[A-Za-z][A-Za-z0-9 -]{0,40}", service)):
        return Unread("that is no name of an operation")
    if named[1] and service and bare(named[1]) != bare(service):
        return Unread("it names two services")
    low = bare(service or named[1] or "").removeprefix("amazon").removeprefix("aws")
    return does(_SERVICES.get(low, low), bare(named[2]), parameters or {})


_SERVICES: Final[Mapping[str, str]] = {"s3api": "s3", "s3control": "s3", "cloudwatchlogs": "logs", "ssomanager": "sso"}
