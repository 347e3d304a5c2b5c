"""Kubernetes: what a verb does to a kind of object. A kind that is not known here may be anything."""

import functools
import re
from collections.abc import Iterable, Mapping
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
from keyturn.catalogue.rules.manifests import Object, objects
from keyturn.catalogue.rules.rule import any_of, words
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread, gravest
from keyturn.core.profile import Reversible, Touches

_SHORT: Final[Mapping[str, str]] = {
    "po": "pod", "deploy": "deployment", "svc": "service", "cm": "configmap", "ns": "namespace", "sa": "serviceaccount",
    "pvc": "persistentvolumeclaim", "pv": "persistentvolume", "no": "node", "ds": "daemonset", "sts": "statefulset",
    "rs": "replicaset", "rc": "replicationcontroller", "ing": "ingress", "netpol": "networkpolicy", "ev": "event",
    "crd": "customresourcedefinition", "crds": "customresourcedefinition", "hpa": "horizontalpodautoscaler",
    "cj": "cronjob", "ep": "endpoints", "quota": "resourcequota", "limits": "limitrange", "sc": "storageclass",
    "csr": "certificatesigningrequest", "pdb": "poddisruptionbudget", "pc": "priorityclass", "psp": "podsecuritypolicy",
    "cs": "componentstatus", "storageclasses": "storageclass", "ingresses": "ingress",
    "networkpolicies": "networkpolicy", "ingressclasses": "ingressclass", "priorityclasses": "priorityclass",
    "podsecuritypolicies": "podsecuritypolicy", "componentstatuses": "componentstatus",
}  # fmt: skip
WORKLOADS: Final = words(
    "pod deployment daemonset statefulset replicaset replicationcontroller job cronjob podtemplate"
)
_PLAIN: Final = WORKLOADS | words(
    """
    service namespace node event ingress ingressclass endpoints endpointslice horizontalpodautoscaler resourcequota
    limitrange storageclass poddisruptionbudget priorityclass persistentvolume persistentvolumeclaim volumeattachment
    customresourcedefinition componentstatus lease runtimeclass csinode csidriver apiservice controllerrevision all
    """
)
_IDENTITY: Final = re.compile(
    any_of(
        r"""
    (service)?account.* (cluster)?role(binding)? user group certificatesigningrequest .*accessreview
    .*(identity|rbac|oauth).*
    """
    )
)
_SHIELDS: Final = re.compile(
    ".*(?:"
    + any_of(
        """
        webhookconfiguration policy policies policybinding constraint.* securitycontextconstraints audit.*
        prometheusrule alertmanager.* servicemonitor podmonitor falco.* flowschema logging clusteroutput clusterflow
        runtimerule exception
        """
    )
    + ")"
)
_GLOBAL: Final = words(
    """
    namespace node persistentvolume storageclass clusterrole clusterrolebinding customresourcedefinition priorityclass
    componentstatus certificatesigningrequest ingressclass runtimeclass csinode csidriver apiservice volumeattachment
    validatingwebhookconfiguration mutatingwebhookconfiguration validatingadmissionpolicy podsecuritypolicy
    """
)
_HOLDS: Final = words("namespace persistentvolume persistentvolumeclaim customresourcedefinition node all")
READS: Final = words("get list describe watch wait events top")
_CHANGES: Final[Mapping[str, tuple[Reversible, str]]] = MappingProxyType(
    {
        "scale": (HARD, "pods end or begin, and what ends takes its memory along"),
        "restart": (HARD, "pods end, and take their memory along"),
        "undo": (HARD, "another version runs"),
        "pause": (REVERSIBLE, "changes to it wait"),
        "resume": (REVERSIBLE, "changes to it go on"),
        "cordon": (REVERSIBLE, "nothing new runs on the node"),
        "uncordon": (REVERSIBLE, "the node takes work again"),
        "drain": (IRREVERSIBLE, "every pod of the node ends, and takes its memory along"),
        "taint": (HARD, "pods may have to leave the node"),
        "label": (HARD, "selectors and policies go by labels"),
        "annotate": (HARD, "controllers go by annotations"),
        "autoscale": (REVERSIBLE, "the number of pods follows the load"),
        "expose": (REVERSIBLE, "it can be reached from elsewhere"),
    }
)
_WRITES: Final = words("create apply replace patch edit update set")
_RUNS: Final = words("exec attach debug run cp port-forward portforward proxy")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")


@functools.lru_cache(512)
def kind_of(text: str) -> str | None:
    """The kind in one spelling: singular, small, without its group; None if it is no name of a kind."""
    low = text[:253].casefold().partition(".")[0]
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", low):
        return None
    if low in _SHORT:
        return _SHORT[low]
    if low.endswith("ies"):
        return f"{low[:-3]}y"
    return low[:-1] if low.endswith("s") and not low.endswith(("ss", "status")) and low != "endpoints" else low


@functools.lru_cache(512)
def touched(kind: str) -> frozenset[Touches]:
    """What a kind of object is, beside production."""
    return frozenset(
        touch
        for touch, there in (
            (SECRETS, any(part in kind for part in ("secret", "credential", "token", "vault", "password"))),
            (IDENTITY, _IDENTITY.fullmatch(kind) is not None),
            (DETECTION, _SHIELDS.fullmatch(kind) is not None),
        )
        if there
    )


def target(kind: str, name: str, namespace: str) -> Target:
    """An object by its kind, and its namespace where it has one."""
    return Target(kind, name if kind in _GLOBAL else f"{namespace}/{name}")


def does(verb: str, kind: str, names: Iterable[str] = (), namespace: str = "default", *, many: bool = False) -> Reading:
    """One verb on one kind. ``many``: a selector, every namespace or ``--all`` chooses; no names choose all."""
    names = tuple(names)
    wide = many or not names or namespace == "*"
    shown = f"{verb} {kind} {' '.join(names)}".rstrip()
    targets = [target(kind, name, namespace) for name in names or ("*",)]
    if verb in READS:
        touches = touched(kind) & {SECRETS, IDENTITY}
        if kind == "configmap" or (kind not in _PLAIN and not touched(kind)):
            touches |= {DATA}
        return reads(shown, touches, targets, reach=EVERYTHING if wide else 0, why="it shows objects of the cluster")
    if verb in ("log", "logs"):
        return reads(shown, {DATA}, targets, reach=EVERYTHING if wide else 0, why="nothing tells what is in a log")
    reach = EVERYTHING if wide else 0
    if verb in _RUNS:
        return changes(
            shown, IRREVERSIBLE, ALL, targets, reach=reach, why="it runs, copies or opens what it is told to"
        )
    if verb in ("delete", "deletecollection", "evict"):
        return _deleted(shown, kind, targets, wide=wide)
    if verb in _WRITES:
        return written(shown, verb, kind, targets, reach)
    if verb not in _CHANGES:
        return Unread(f"nobody knows what {verb[:40]} does")
    reversible, why = _CHANGES[verb]
    touches = touched(kind) | {PRODUCTION}
    if verb in ("scale", "restart", "drain", "taint", "undo"):
        touches |= {EVIDENCE}
    if verb in ("label", "annotate") and kind == "namespace":
        touches |= {DETECTION}
    return changes(shown, reversible, touches, targets, reach=EVERYTHING if verb == "drain" else reach, why=why)


def _deleted(shown: str, kind: str, targets: list[Target], *, wide: bool) -> Operation:
    touches = touched(kind) | {PRODUCTION}
    known = kind in _PLAIN or touched(kind) or kind == "configmap"
    if kind in ("namespace", "all") or not known:
        touches = ALL
    elif kind in WORKLOADS or kind in _HOLDS or kind == "event" or SECRETS in touches:
        touches |= {EVIDENCE}
    gone = wide or EVIDENCE in touches or DETECTION in touches
    return changes(
        shown,
        IRREVERSIBLE if gone else HARD,
        touches,
        targets,
        reach=EVERYTHING if wide or kind in _HOLDS else 0,
        why="what it held is gone" if gone else "it can be made again only from what was read before",
    )


def written(shown: str, verb: str, kind: str, targets: list[Target], reach: int = 0) -> Operation:
    """An object is made or replaced: one that runs code, or that nobody knows, may do anything."""
    touches = touched(kind) | {PRODUCTION}
    if kind in WORKLOADS or not (kind in _PLAIN or touched(kind) or kind == "configmap"):
        return changes(shown, IRREVERSIBLE, ALL, targets, reach=reach, why="it runs what the manifest says")
    mild = verb == "create" and not touched(kind) & {SECRETS, IDENTITY}
    return changes(shown, REVERSIBLE if mild else HARD, touches, targets, reach=reach, why="it changes the cluster")


def applied(verb: str, found: Iterable[Object], namespace: str) -> Reading:
    """A verb on the objects of manifests."""
    every = []
    for each in found:
        kind = kind_of(each.kind)
        if kind is None:
            return Unread("an object says no kind that is known")
        every.append(does(verb, kind, (each.name,) if each.name else (), each.namespace or namespace))
    unread = [one for one in every if isinstance(one, Unread)]
    sure = [one for one in every if isinstance(one, Operation)]
    return unread[0] if unread or not sure else gravest(*sure)


def read(parts: Mapping[str, Any]) -> Reading:
    """``verb`` with ``kind``, ``name`` (text or list) and ``namespace``, or with a ``manifest`` (text or objects)."""
    verb, kind, namespace = parts["verb"], parts.get("kind"), parts.get("namespace")
    if not isinstance(verb, str) or not isinstance(namespace or "", str):
        return Unread("the verb or the namespace is not text")
    verb, namespace = verb.strip().casefold(), namespace or "default"
    if namespace != "*" and not _NAME.fullmatch(namespace):
        return Unread("the namespace is no name")
    manifest = parts.get("manifest")
    if manifest is not None:
        found = objects(manifest)
        if isinstance(found, Unread) or verb not in _WRITES | {"delete"}:
            return found if isinstance(found, Unread) else Unread("nobody knows what that does with a manifest")
        return applied(verb, found, namespace)
    name = parts.get("name")
    names = [name] if isinstance(name, str) and name else name or []
    if not isinstance(names, list) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in names):
        return Unread("the names are not plain names")
    if verb in _CLUSTER and (kind is None or verb != "top"):
        return reads(verb, why="it shows what the cluster is able to do")
    if kind is None and verb in ("log", "logs", "exec"):
        kind = "pod"
    known = kind_of(kind) if isinstance(kind, str) else None
    return Unread("it names no kind of object") if known is None else does(verb, known, names, namespace)


_CLUSTER: Final = words("explain version api-resources api-versions cluster-info top")
