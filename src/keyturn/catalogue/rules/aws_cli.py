"""``aws`` command lines: one plain command, its service and operation, and the options that are its parameters."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keyturn.catalogue.rules import aws
from keyturn.catalogue.rules.answers import DATA, EVIDENCE, HARD, IRREVERSIBLE, PRODUCTION, SECRETS, changes, reads
from keyturn.catalogue.rules.rule import words
from keyturn.catalogue.rules.words import after
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Reading, Unread

_SERVICES: Final = words(
    """
    accessanalyzer account acm acm-pca amplify apigateway apigatewayv2 appconfig application-autoscaling appmesh
    apprunner appstream appsync athena auditmanager autoscaling backup batch bedrock bedrock-runtime budgets ce
    cloud9 cloudformation cloudfront cloudhsm cloudhsmv2 cloudtrail cloudwatch codeartifact codebuild codecommit
    codedeploy codepipeline cognito-identity cognito-idp comprehend compute-optimizer config configservice connect
    cur databrew datasync dax detective directconnect dlm dms docdb ds dynamodb dynamodbstreams ebs ec2
    ec2-instance-connect ecr ecr-public ecs efs eks elasticache elasticbeanstalk elb elbv2 emr emr-serverless es
    events firehose fis fms fsx gamelift glacier glue grafana greengrass guardduty health iam identitystore
    imagebuilder inspector inspector2 iot kafka kendra keyspaces kinesis kinesisvideo kms lakeformation lambda
    lex-models lightsail logs macie2 mq mwaa neptune network-firewall networkmanager opensearch organizations pi
    pinpoint pipes pricing quicksight ram rds rds-data redshift redshift-data rekognition resource-explorer-2
    resource-groups resourcegroupstaggingapi rolesanywhere route53 route53domains route53resolver s3api s3control
    sagemaker scheduler schemas sdb secretsmanager securityhub securitylake serverlessrepo service-quotas
    servicecatalog servicediscovery ses sesv2 shield signer snowball sns sqs ssm ssm-incidents sso sso-admin
    stepfunctions storagegateway sts support swf synthetics textract timestream-query transcribe transfer translate
    trustedadvisor vpc-lattice waf waf-regional wafv2 workdocs workmail workspaces xray
    """
)
_GLOBAL: Final = words(
    """
    region profile output query no-cli-pager no-paginate max-items page-size color starting-token no-cli-auto-prompt
    cli-read-timeout cli-connect-timeout dry-run no-dry-run
    """
)
_REFUSED: Final = re.compile(
    r"endpoint-url|no-verify-ssl|ca-bundle|debug|cli-input-\w+|cli-binary-format|no-sign-request|cli-auto-prompt"
)
_REMOTE: Final = re.compile(r"s3://([A-Za-z0-9.:/_-]+?)(?:/(.*))?")
_LOADED: Final = re.compile(r"(file|fileb|https?)://|@", re.I)


def read(parts: Mapping[str, Any]) -> Reading:
    """``command``: an AWS command line, with or without the program's name."""
    given = after("aws", parts["command"])
    return given if isinstance(given, Unread) else line(given)


def line(given: tuple[str, ...]) -> Reading:
    """The words of a command line, after the program's name."""
    taken = _taken(given)
    if isinstance(taken, Unread):
        return taken
    plain, options = taken
    if len(plain) < 2:
        return Unread("it names no operation")
    service, operation, rest = plain[0], plain[1], plain[2:]
    if service == "s3":
        return _files(operation, rest, options)
    if service == "logs" and operation == "tail" and len(rest) == 1:
        return reads(
            f"logs tail {rest[0]}", {DATA}, [Target("log_group", rest[0])], why="nothing tells what is in a log"
        )
    if operation in _DOWNLOADS:
        return Unread(f"aws {service} {operation} writes a file here")
    if service not in _SERVICES or rest or not re.fullmatch(r"[a-z][a-z0-9-]+", operation):
        return Unread(f"nobody knows what aws {service[:40]} {operation[:40]} does with these words")
    if operation in ("wait", "help", "get-login", "get-token", "get-login-password", "update-kubeconfig", "login"):
        return Unread(f"aws {service} {operation} is no operation of the API, or hands out a credential")
    return aws.does(aws.bare(service).replace("s3api", "s3").replace("s3control", "s3"), aws.bare(operation), options)


def _taken(given: tuple[str, ...]) -> tuple[list[str], dict[str, Any]] | Unread:
    plain: list[str] = []
    options: dict[str, Any] = {}
    name = ""
    for word in given:
        if _LOADED.match(word):
            return Unread(f"it loads {word[:40]} from elsewhere")
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if _REFUSED.fullmatch(name) or (name in options and name not in _GLOBAL):
                return Unread(f"the option {word[:40]} changes what is meant")
            options[name] = _value(value) if equals else []
            name = "" if equals else name
        elif word.startswith("-") and len(word) > 1:
            return Unread(f"nobody knows what the option {word[:40]} does")
        elif name and (name not in _GLOBAL or not options[name]):
            options[name] += _value(word)
        else:
            plain.append(word)
        if name in _FLAGS:
            name = ""
    return plain, {key: value for key, value in options.items() if key not in _GLOBAL}


_DOWNLOADS: Final = words(
    """
    get-object get-object-torrent select-object-content synthesize-speech invoke get-job-output get-snapshot-block
    get-media get-media-for-fragment-list get-clip get-thing-shadow get-export get-sdk export-api
    get-raw-message-content get-package-version-asset get-read-set get-reference invoke-endpoint invoke-model
    get-map-tile get-map-glyphs get-map-sprites get-map-style-descriptor get-configuration get-latest-configuration
    get-image-frame get-asset get-chunk
    """
)
_FLAGS: Final = words(
    """
    no-cli-pager no-paginate no-cli-auto-prompt dry-run no-dry-run recursive quiet human-readable summarize delete
    force only-show-errors with-decryption no-with-decryption all include-all-instances
    """
)


def _value(text: str) -> list[Any]:
    if text[:1] in ("{", "["):
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return [text]
        return value if isinstance(value, list) else [value]
    return [text]


def _files(operation: str, rest: list[str], options: Mapping[str, Any]) -> Reading:
    """``aws s3``: copies between here and there."""
    shown = f"s3 {operation} {' '.join(rest)}"
    remote = [match for match in map(_REMOTE.fullmatch, rest) if match]
    targets = [
        Target("object" if match[2] else "bucket", match[0].removeprefix("s3://").rstrip("/")) for match in remote
    ]
    wide = (
        "recursive" in options
        or operation in ("sync", "rb")
        or any(not match[2] or match[2].endswith("/") for match in remote)
    )
    reach = EVERYTHING if wide else 0
    if operation == "ls" and len(rest) == len(remote) <= 1:
        return reads(shown, (), targets, why="it lists names")
    if not remote:
        return Unread("it names no bucket plainly")
    if operation == "presign":
        return changes(
            shown, HARD, {SECRETS, DATA}, targets, why="whoever has the address it makes can read the object"
        )
    if operation == "cp" and len(rest) == 2 and rest[1] == "-":
        return reads(shown, {DATA}, targets, why="nothing tells beforehand what is in an object")
    if operation in ("rm", "rb", "mv", "sync"):
        return changes(
            shown, IRREVERSIBLE, {DATA, EVIDENCE, PRODUCTION}, targets, reach=reach, why="what it held may be gone"
        )
    if operation == "cp" and len(rest) == 2:
        return changes(shown, IRREVERSIBLE, {DATA, PRODUCTION}, targets, reach=reach, why="data leaves, or is replaced")
    return (
        changes(shown, HARD, {PRODUCTION}, targets, why="it changes a bucket")
        if operation == "mb"
        else Unread("nobody knows what it does")
    )
