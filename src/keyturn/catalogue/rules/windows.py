"""Programs of Windows that cmd.exe and PowerShell both run: those that surely read, and some whose change is known.

What follows the program is matched as a whole: a word that is not foreseen ends the reading.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from keyturn.catalogue.rules.answers import (
    ALL,
    DATA,
    DETECTION,
    EVIDENCE,
    HARD,
    IRREVERSIBLE,
    PRODUCTION,
    REVERSIBLE,
    SECRETS,
    changes,
    reads,
)
from keyturn.catalogue.rules.places import detects, hunts
from keyturn.catalogue.rules.rule import any_of
from keyturn.core.action import Target
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread

_FORM: Final = r"/(fo:? ?(csv|list|table)|nh|v)"
_NAME: Final = r"[\w.$-]+"
_READS: Final[Mapping[str, str]] = {
    "whoami": rf"(/(all|user|groups|priv|upn|fqdn|logonid)|{_FORM})*",
    "hostname": "",
    "ver": "",
    "ipconfig": r"(/(all|displaydns|allcompartments))*",
    "systeminfo": rf"({_FORM})*",
    "tasklist": rf"({_FORM}|/svc|/m|/apps)*",
    "netstat": r"(-[abefnoqrstxy]+|-p (tcp|udp|ip)(v6)?)*",
    "arp": r"(-[agv])+",
    "route": r"print( -[46])?",
    "getmac": rf"({_FORM})*",
    "driverquery": rf"({_FORM}|/si)*",
    "quser": "",
    "qwinsta": "",
    "query": r"(user|session|process)",
    "net": rf"(user|localgroup|group)( {_NAME})?( /domain)?|accounts( /domain)?|share|session|use|start|view|file"
    r"|config (workstation|server)|statistics (workstation|server)",
    "sc": rf"(query|queryex|qc|qdescription|qfailure)( {_NAME})?( type= (service|driver|all))?"
    r"( state= (all|active|inactive))?",
    "schtasks": rf"/query( ({_FORM}|/tn [\w.\\ -]+))*",
    "wevtutil": r"el|enum-logs|(gl|gli|get-log) [\w./ -]+"
    r"|(qe|query-events) [\w./-]+( /(c:\d+|rd:(true|false)|f:(text|xml)))*",
    "vssadmin": r"list (shadows|volumes|writers|providers)",
    "auditpol": r"/get /category:[\w* ,/-]+",
    "gpresult": r"/(r|v|z)( /scope:? ?(user|computer))?",
    "chcp": "",
}  # fmt: skip
_MATCH: Final = {name: re.compile(pattern, re.I) for name, pattern in _READS.items()}


def named(word: str) -> str:
    """The program's name: without ``.exe`` and the system's folder."""
    low = word.lower().replace("/", "\\")
    low = re.sub(r"^c:\\windows\\(system32|syswow64)\\", "", low)
    return low.removesuffix(".exe")


def native(words: Sequence[str]) -> Reading:
    """What a program of Windows does."""
    name, shown = named(words[0]), " ".join(words)
    if name in CHANGERS:
        found = CHANGERS[name](words[1:], shown)
        if found is not None:
            return found
    if name == "reg":
        return _registry(words[1:], shown)
    if name not in _MATCH:
        return Unread(f"nobody knows what {words[0][:80]} does")
    if not _foreseen(_MATCH[name], words[1:]):
        return Unread(f"{name} may do more than read with these words")
    if hunts(words[1:]):
        return Unread("it looks for credentials")
    return reads(shown, {DATA}, why="it shows what the machine knows")


def _foreseen(pattern: re.Pattern[str], words: Sequence[str]) -> bool:
    rest = " ".join(words)
    return pattern.fullmatch(rest) is not None or pattern.fullmatch(re.sub(r" (?=[/-][A-Za-z])", "", rest)) is not None


def _registry(words: Sequence[str], shown: str) -> Reading:
    if len(words) < 2 or words[0].lower() != "query" or words[1].startswith("\\\\"):
        return Unread("reg does more than query here")
    for n, word in enumerate(words[2:], 2):
        if word.startswith("/") and word.lower() not in ("/v", "/ve", "/s", "/t", "/reg:64", "/reg:32", "/z", "/k"):
            return Unread("reg does more than query here")
        if not word.startswith("/") and not words[n - 1].startswith("/"):
            return Unread("reg does more than query here")
    key, deep = words[1], any(word.lower() == "/s" for word in words)
    return registry(shown, key, words[1:], deep=deep)


_HIVE: Final = re.compile(r"(hklm|hkcu|hkcr|hkey_local_machine|hkey_current_user|hkey_classes_root):?\\+[^\\*?]", re.I)
_KEPT: Final = re.compile(
    r"\\("
    + any_of(
        r"""
    sam security lsa winlogon putty simontatham winscp openssh realvnc tightvnc ultravnc orl teamviewer snmp wdigest
    cryptography protect vault wifi wlansvc mstsc terminal\x20server\x20client
    """
    )
    + r")",
    re.I,
)


def _strays(key: str) -> bool:
    """A wildcard that is not the last part of a long key, or a way up."""
    *above, last = key.rstrip("\\").split("\\")
    wild = set("*?[") & set(key)
    return ".." in key or bool(wild and (len(above) < 4 or set("*?[") & set("".join(above)) or not last))


def registry(shown: str, key: str, words: Sequence[str], *, deep: bool) -> Reading:
    """A read of one key of the registry."""
    if _HIVE.match(key) is None or deep:
        return Unread("nobody can say which keys of the registry that shows")
    if _KEPT.search(key) or hunts(words) or _strays(key):
        return changes(shown, HARD, {SECRETS, DATA}, [Target("registry", key)], why="what may be a credential is shown")
    return reads(
        shown, {DATA}, [Target("registry", key)], reach=EVERYTHING if "*" in key else 0, why="it reads the registry"
    )


def _taskkill(words: Sequence[str], shown: str) -> Operation | None:
    found, kind = [], ""
    for word in words:
        low = word.lower()
        if low in ("/im", "/pid"):
            kind = low
        elif low not in ("/f", "/t"):
            if not kind or word.startswith("/"):
                return None
            found.append(word)
            kind = ""
    return process(shown, found, named_ones=any(word.lower() == "/im" for word in words)) if found else None


def process(shown: str, names: Sequence[str], *, named_ones: bool) -> Operation:
    """Processes end."""
    shields = any(detects(name.removesuffix(".exe")) for name in names)
    return changes(
        shown,
        IRREVERSIBLE,
        {PRODUCTION, EVIDENCE} | ({DETECTION} if shields else set()),
        [Target("process", name) for name in names],
        reach=EVERYTHING if named_ones else 0,
        why="the process ends, and its memory is gone",
    )


def service(shown: str, verb: str, names: Sequence[str]) -> Operation:
    """Services start (reversible), stop, restart (hard), or are deleted."""
    shields = any(detects(name) or _SHIELD.fullmatch(name) for name in names)
    hard = IRREVERSIBLE if shields or verb == "delete" else HARD
    return changes(
        shown,
        REVERSIBLE if verb == "start" else hard,
        {PRODUCTION} | ({DETECTION, EVIDENCE} if shields else set()),
        [Target("service", name) for name in names],
        reach=EVERYTHING if any(set(name) & set("*?[") for name in names) else 0,
        why="what happens meanwhile is not seen" if shields else "what the service serves is interrupted",
    )


_SHIELD: Final = re.compile(
    any_of(
        r"""
    eventlog windefend wdnissvc sense mpssvc wscsvc csagent csfalconservice sepmasterservice
    .*(defend|sensor|edr|sysmon|splunk).*
    """
    ),
    re.I,
)


def _sc(words: Sequence[str], shown: str) -> Operation | None:
    if len(words) == 2 and words[0].lower() in ("start", "stop", "delete") and re.fullmatch(_NAME, words[1]):
        return service(shown, words[0].lower(), words[1:])
    return None


def _net(words: Sequence[str], shown: str) -> Operation | None:
    if len(words) == 2 and words[0].lower() in ("start", "stop") and re.fullmatch(r"[\w. $-]+", words[1]):
        return service(shown, words[0].lower(), words[1:])
    return None


def _down(_: Sequence[str], shown: str) -> Operation:
    return changes(shown, IRREVERSIBLE, ALL, reach=EVERYTHING, why="the machine goes down and its memory is gone")


CHANGERS: Final[Mapping[str, Callable[[Sequence[str], str], Operation | None]]] = MappingProxyType(
    {"taskkill": _taskkill, "sc": _sc, "net": _net, "shutdown": _down}
)
