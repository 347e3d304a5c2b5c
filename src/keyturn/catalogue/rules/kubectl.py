"""``kubectl`` command lines: the verb, the kinds and names, and the options that change what they mean."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keyturn.catalogue.rules import kubernetes
from keyturn.catalogue.rules.answers import IDENTITY, SECRETS, reads
from keyturn.catalogue.rules.rule import words
from keyturn.catalogue.rules.words import after
from keyturn.core.operation import Operation, Reading, Unread, gravest

_VALUES: Final = words(
    """
    namespace output selector field-selector context sort-by since since-time tail container limit-bytes replicas
    current-replicas grace-period timeout for revision to-revision chunk-size label-columns max-log-requests types
    cascade dry-run api-group verbs request-timeout patch subresource pod-selector resource-version min max cpu-percent
    """
)
_FLAGS: Final = words(
    """
    all-namespaces watch watch-only show-labels no-headers previous timestamps all-containers prefix ignore-not-found
    force all now wait containers show-managed-fields show-events show-kind follow overwrite list no-headers=true
    stdin tty ignore-daemonsets delete-emptydir-data namespaced recursive client short quiet disable-eviction
    """
)
_SHORT: Final[Mapping[str, str]] = {
    "n": "namespace", "A": "all-namespaces", "o": "output", "l": "selector", "w": "watch", "c": "container",
    "p": "previous", "L": "label-columns", "q": "quiet", "f": "follow",
}  # fmt: skip
_OUTPUT: Final = re.compile(r"(json|yaml|wide|name|(jsonpath|custom-columns|go-template)=.*)", re.S)


class _Line(msgspec.Struct):
    """A command line, taken apart."""

    plain: list[str]
    options: dict[str, str]
    after: list[str]


def read(parts: Mapping[str, Any]) -> Reading:
    """``command``: a kubectl command line, with or without the program's name."""
    given = after("kubectl", parts["command"])
    return given if isinstance(given, Unread) else line(given)


def line(given: tuple[str, ...]) -> Reading:
    """The words of a command line, after the program's name."""
    taken = _taken(given)
    if isinstance(taken, Unread):
        return taken
    plain, options = taken.plain, taken.options
    if not plain or (options.get("output") and not _OUTPUT.fullmatch(options["output"])):
        return Unread("it names no verb, or an output that is a file")
    verb, rest = plain[0], plain[1:]
    if "follow" in options and verb not in ("logs", "log"):
        return Unread("it reads its objects from a file")
    namespace = "*" if "all-namespaces" in options else options.get("namespace", "default")
    if not re.fullmatch(r"\*|[a-z0-9][a-z0-9.-]{0,252}", namespace):
        return Unread("the namespace is no name")
    many = bool({"all", "selector", "field-selector", "all-namespaces"} & options.keys())
    if verb in ("exec", "attach", "port-forward", "debug", "logs", "log"):
        return _pods(verb, rest, options, namespace, many=many)
    if verb in ("cp", "run", "proxy", "edit", "apply", "replace", "certificate", "kustomize", "expose", "autoscale"):
        return Unread(f"{verb} may do anything")
    if verb in ("version", "api-resources", "api-versions", "explain", "cluster-info", "auth", "config", "rollout"):
        return _sub(verb, rest, options, namespace, many=many)
    if verb in ("cordon", "uncordon", "drain"):
        return kubernetes.does(verb, "node", rest, many=many)
    if verb in ("label", "annotate", "taint"):
        rest = [word for word in rest if not re.search(r"=|.-$|:[A-Z]", word)]
    if verb == "create":
        return _created(rest, namespace)
    if verb == "top" or verb in kubernetes.READS or verb in ("delete", "scale", "label", "annotate", "taint", "patch"):
        return _objects(verb, rest, namespace, many=many)
    return Unread(f"nobody knows what kubectl {verb[:40]} does")


def _taken(given: tuple[str, ...]) -> _Line | Unread:
    plain: list[str] = []
    options: dict[str, str] = {}
    waiting = ""
    if given[:1] == ("patch",):
        given = tuple("--patch" if word == "-p" else word for word in given)
    for n, word in enumerate(given):
        if waiting:
            options[waiting], waiting = word, ""
        elif word == "--":
            return _Line(plain, options, list(given[n + 1 :]))
        elif word[:1] != "-" or word == "-":
            plain.append(word)
        else:
            name, equals, value = _option(word)
            if name in options and name not in _FLAGS:
                return Unread(f"the option {word[:40]} is there twice")
            if name in _FLAGS and value in ("", "true"):
                options[name] = "true"
            elif name in _VALUES:
                options[name] = value
                waiting = "" if equals else name
            else:
                return Unread(f"nobody knows what the option {word[:40]} does")
    return Unread("an option lacks its value") if waiting and waiting != "dry-run" else _Line(plain, options, [])


def _option(word: str) -> tuple[str, bool, str]:
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return name, bool(equals), value
    if word in ("-i", "-t", "-it", "-ti"):
        return "stdin", False, ""
    name, value = _SHORT.get(word[1], ""), word[2:]
    return name, bool(value), value.removeprefix("=")


def _pods(verb: str, rest: list[str], options: Mapping[str, str], namespace: str, *, many: bool) -> Reading:
    if not rest and "selector" not in options:
        return Unread("it names no pod")
    kind, names = "pod", rest[:1]
    if rest and "/" in rest[0]:
        prefix, _, name = rest[0].partition("/")
        kind, names = kubernetes.kind_of(prefix) or "", [name]
    if not kind or not all(map(_PLAIN.fullmatch, names)):
        return Unread("it names no plain object")
    return kubernetes.does(verb, kind, names, namespace, many=many)


_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")


def _sub(verb: str, rest: list[str], options: Mapping[str, str], namespace: str, *, many: bool) -> Reading:
    shown = f"kubectl {verb} {' '.join(rest[:1])}".rstrip()
    if verb == "cluster-info" and rest:
        return Unread("it writes the whole cluster out")
    if verb == "rollout":
        if not rest:
            return Unread("it names no step")
        step = {"status": "get", "history": "get"}.get(rest[0], rest[0])
        return _objects(step, rest[1:], namespace, many=many)
    if verb == "auth":
        asks = bool(rest) and rest[0] in ("can-i", "whoami")
        return reads(shown, {IDENTITY}, why="it shows what somebody may do") if asks else Unread("it changes access")
    if verb == "config":
        if not rest or rest[0] not in ("view", "get-contexts", "get-clusters", "current-context"):
            return Unread("it changes which cluster is meant")
        return reads(shown, {SECRETS, IDENTITY} if rest[0] == "view" else (), why="it shows the client's configuration")
    return reads(shown, why="it shows what the cluster is able to do")


def _created(rest: list[str], namespace: str) -> Reading:
    kind = kubernetes.kind_of(rest[0]) if rest else None
    names = rest[-1:] if len(rest) in (2, 3) else []
    if kind is None or not names or not _PLAIN.fullmatch(names[0]) or (kind == "token" or "=" in rest[-1]):
        return Unread("it does not say plainly what it makes")
    return kubernetes.does("create", kind, names, namespace)


def _objects(verb: str, rest: list[str], namespace: str, *, many: bool) -> Reading:
    """``KIND[,KIND…] [NAME…]`` or ``KIND/NAME…``."""
    if not rest:
        return Unread("it names no kind of object")
    found: list[Reading] = []
    if "/" in rest[0]:
        for word in rest:
            prefix, slash, name = word.partition("/")
            kind = kubernetes.kind_of(prefix)
            if kind is None or not slash or not _PLAIN.fullmatch(name):
                return Unread("it names no plain object")
            found.append(kubernetes.does(verb, kind, [name], namespace, many=many))
    else:
        if not all(map(_PLAIN.fullmatch, rest[1:])):
            return Unread("it names no plain object")
        for prefix in rest[0].split(","):
            kind = kubernetes.kind_of(prefix)
            if kind is None:
                return Unread("it names no kind of object")
            found.append(kubernetes.does(verb, kind, rest[1:], namespace, many=many))
    unread = [each for each in found if isinstance(each, Unread)]
    return unread[0] if unread else gravest(*(each for each in found if isinstance(each, Operation)))
