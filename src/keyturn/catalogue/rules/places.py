"""Where things lie in a file system: credentials, evidence, detection's own files, the system's.

One list for all rules. A path is made plain first (``..``, backslashes, drive letters, UNC, ``file:`` URLs, homes) and
judged without regard to case, wherever it starts: a relative path may lead anywhere, so its own words must tell.
"""

import functools
import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from keyturn.catalogue.rules.rule import any_of


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A path, made plain, and what lies there or beneath it. ``wide``: it stands for any number of files."""

    path: str
    wide: bool = False
    secret: bool = False
    evidence: bool = False
    detection: bool = False
    system: bool = False
    identity: bool = False
    quarantine: bool = False
    device: bool = False
    remote: bool = False


LONGEST: Final = 4_096
_SHORT: Final = 300
_WILD: Final = re.compile(r"[*?\[\]{}]")
_SHORT_NAME: Final = re.compile(r"~\d")
_VARIABLE: Final = re.compile(
    r"%([a-z0-9_()]+)%|\$\{([a-z0-9_]+)\}|\$env:([a-z0-9_]+)|\$(?!recycle\.bin|mft\b)([a-z0-9_]+)", re.I
)
_PROVIDER: Final = re.compile(r"[^/\\]{2,}:")
_PREFIX: Final = re.compile(r"^[\\/]{2}[?.][\\/](unc[\\/])?", re.I)
_VARIABLES: Final = {
    "home": "~", "userprofile": "~", "appdata": "~/appdata/roaming", "localappdata": "~/appdata/local",
    "temp": "~/appdata/local/temp", "tmp": "~/appdata/local/temp", "systemroot": "c:/windows", "windir": "c:/windows",
    "systemdrive": "c:", "programdata": "c:/programdata", "allusersprofile": "c:/programdata",
    "programfiles": "c:/program files", "programfiles(x86)": "c:/program files (x86)", "public": "c:/users/public",
}  # fmt: skip


def _grouped(patterns: str) -> str:
    """One pattern for any of these, by their first letters: a search tries few of many."""
    groups: dict[str, list[str]] = {}
    for each in patterns.split():
        first = re.match(r"(?:\\.|[a-z])(?![?*+{])", each)
        groups.setdefault(first.group() if first else "", []).append(each[first.end() :] if first else each)
    return "|".join(f"{first}(?:{'|'.join(rests)})" for first, rests in groups.items())


class _Signs:
    """What tells where a path leads: one of these is a part of it (or some), or a part ends so, or it is in it."""

    __slots__ = ("ends", "holds", "parts")

    def __init__(self, parts: str, ends: str = "", holds: str = "") -> None:
        self.parts = re.compile(rf"/(?:{_grouped(parts)})(?:/|\Z)")
        self.ends = re.compile(rf"\.(?:{any_of(ends)})(?:/|\Z)") if ends else None
        self.holds = tuple(holds.split())

    def on(self, path: str) -> bool:
        """``path`` is in small letters, and a slash stands before each part of it."""
        if self.parts.search(path) is not None or (self.ends is not None and self.ends.search(path) is not None):
            return True
        return any(map(path.__contains__, self.holds))


_SECRET: Final = _Signs(
    r"""
    shadow[^/]* gshadow[^/]* security/opasswd sudoers[^/]* krb5[^/]* ssl/private pki/[^/]*/private private
    \.(?:ssh|gnupg|aws|azure|kube|docker|password-store|mozilla|thunderbird|netrc|pgpass|my\.cnf|mylogin\.cnf)
    \.(?:git-credentials|npmrc|pypirc|vault-token|s3cfg|boto|terraform\.d|env[^/]*)
    \.config/(?:gcloud|gh|rclone|doctl|chromium|google-chrome)[^/]*
    \.[^/]*history consolehost_history\.txt psreadline _netrc creds?[./_-]?[^/]* id_(?:rsa|dsa|ecdsa|ed25519)[^/]*
    ssh_host_[^/]* authorized_keys[^/]* identity sam config/(?:security|system|default) config/systemprofile
    sam\.(?:log\d?|sav|bak|old|save|hive?|reg) security\.(?:log\d?|sav|bak|old|save|hive?|reg)
    system\.(?:log\d?|sav|bak|old|save|hive?|reg) ntds[^/]* repair regback lsass[^/]* unattend[^/]*
    autounattend[^/]* sysprep[^/]* groups\.xml services\.xml scheduledtasks\.xml drives\.xml web\.config wp-config[^/]*
    applicationhost\.config sitemanager\.xml recentservers\.xml winscp\.ini mremoteng confcons\.xml login\x20data[^/]*
    logins\.json key[34]\.db signons\.sqlite cookies[^/]* web\x20data local\x20state wallet[^/]* keychains?
    kcpassword keyrings? nssdb microsoft/(?:protect|credentials|vault|crypto) systemcertificates
    proc/kcore proc/[^/]+/(?:environ|mem|maps|fd|root|cwd|cmdline|task) dev/(?:mem|kmem|port) run/secrets
    tokens?(?:[./_-][^/]*)? htpasswd \.htpasswd admin\.conf kubeconfig[^/]* etcd kubelet\.conf bootstrap-kubelet[^/]*
    openvpn wireguard wpa_supplicant[^/]* system-connections sss/db cloud/instances?(?:/[^/]+)?/user-data[^/]* rancher
    config\.php settings\.php configuration\.php database\.yml ldap\.conf sssd\.conf grub\.cfg
    pg_hba\.conf shadowcopy[^/]* harddiskvolumeshadowcopy[^/]* globalroot \$mft
    """,
    r"""
    keytab ccache kirbi pem key pfx p12 p8 ppk jks keystore kdbx? agilekeychain opvault ovpn rdg rdp kwallet gpg asc dmp
    mdmp core hiv hive nmconnection tfvars psafe3 pcf
    """,
    """
    password passphrase passwd. passwd_ passwd- master.passwd secret credential api_key apikey private_key privatekey
    tnsnames .keychain _history .tfstate
    """,
)
_HUNTED: Final = re.compile(
    _grouped(
        r"""
        passw passphrase passcode passkey pwd= secret token credential cred private api[-_]?key access[-_]?key akia rsa
        openssh pgp shadow id_dsa id_ecdsa id_ed25519 \.pem \.ppk \.p12 \.pfx \.kdb keytab ntds lsass bearer jwt oauth
        wallet logindata
        """
    )
)
_EVIDENCE: Final = _Signs(
    r"""
    var/(?:log|spool|mail|account|crash) journal winevt [wub]tmp lastlog syslog auth\.log maildir mailboxes logfiles
    logs? prefetch appcompat amcache\.hve srum \$recycle\.bin recycler recent quarantine evidence forensics? audit
    crash minidumps? system\x20volume\x20information elasticsearch loki journald? usnjrnl cases? samples triage
    """,
    r"(?:evtx?|etl|pcap(?:ng)?|eml|msg|pst|ost|mbox|log|wtmp|e01|vmem|vmdk|raw|dd)(?:\.\d+)?(?:\.gz)?",
)
_DETECTION: Final = _Signs(
    r"""
    audit(?:d|\.rules|\.d)?[^/]* r?syslog[^/]* journald[^/]* osquery[^/]* wazuh[^/]* ossec[^/]* falco[^/]* sysmon[^/]*
    crowdstrike[^/]* sentinel[^/]* carbonblack cb(?:defense|response|agentd|osxsensor[^/]*)? cylance[^/]* sophos[^/]*
    symantec[^/]* mcafee[^/]* trend\x20?micro[^/]* ds_agent windows\x20defender[^/]* microsoft\x20defender[^/]* mdatp
    defender[^/]* clam(?:av|d|_)?[^/]* rkhunter[^/]* chkrootkit aide[^/]* tripwire[^/]* samhain fail2ban[^/]*
    suricata[^/]* snort[^/]* zeek bro splunk[^/]* filebeat[^/]* auditbeat[^/]* winlogbeat[^/]* packetbeat[^/]*
    elastic(?:-agent)?[^/]* beats? fluent[^/]* td-agent logstash nxlog velociraptor[^/]* tanium[^/]* datadog-agent
    amazon-cloudwatch-agent waagent[^/]* microsoft\x20monitoring\x20agent logrotate[^/]* firewalld ufw iptables[^/]*
    nftables[^/]* apparmor[^/]* selinux pam\.d yara[^/]* sigma rules\.d edr xdr siem
    """
)
_IDENTITY: Final = _Signs(
    r"""
    etc/(?:passwd|group|subuid|subgid|login\.defs|nsswitch\.conf|security) g?shadow[^/]* sudoers[^/]*
    authorized_keys[^/]* pam\.d sam ntds[^/]* dslocal sssd[^/]* ldap[^/]* aliases
    """
)
_QUARANTINE: Final = _Signs("quarantine evidence forensics?")
_SYSTEM: Final = _Signs(
    r"""
    \.bash(?:rc|_profile|_login|_logout|_aliases) \.profile \.z(?:shrc|profile|shenv|login) \.vimrc \.gitconfig \.ssh
    \.config/(?:autostart|systemd|fish) crontabs? cron\.[^/]+ startup start\x20menu launch(?:agents|daemons) system32
    syswow64 init\.d systemd sysvol netlogon hosts \.git/(?:hooks|config)
    """
)
_SYSTEM_ROOT: Final = re.compile(
    r"(?:/(?:etc|boot|bin|sbin|lib\w*|usr|sys|proc|dev|opt|root|srv|run|var|library|system|applications|private/etc)"
    r"|[a-z]:/(?:windows|program files(?: \(x86\))?|programdata|inetpub|efi|boot|bootmgr|recovery|perflogs)|//[^/]+)"
    r"(?:/|\Z)"
)
_ANCHORS: Final = (
    # Folders that hold what is listed above: what lies over one of them, or in it behind a wildcard, holds it too.
    ("secret", ("/etc", "/root", "/home", "/proc", "/run", "/var/lib", "/var/run", "/users", "c:/users", "~", "/")),
    ("secret", ("c:/windows/system32/config",)),
    ("evidence", ("/var/log", "/var/spool", "/home", "/users", "c:/windows/system32/winevt", "c:/users", "~", "/")),
    ("detection", ("/etc", "/opt", "/var/lib", "/var/ossec", "c:/program files", "c:/programdata", "/")),
    ("identity", ("/etc", "/")),
    ("quarantine", ("/",)),
    ("system", ("/etc", "/usr", "/boot", "c:/windows", "/")),
)  # fmt: skip


def plain(path: str) -> str | None:
    """The path in one spelling (forward slashes, case kept), or None where nobody can say where it leads."""
    if not path or len(path) > LONGEST or not _seen(path) or path != path.strip():
        return None
    if path[:5].lower() == "file:":
        path = unquote(re.sub(r"^file:(//(localhost)?(?=/))?", "", path, flags=re.IGNORECASE))
        path = path[1:] if re.match(r"/[A-Za-z]:", path) else path
    if _PROVIDER.match(path) or "://" in path or "`" in path or _SHORT_NAME.search(path) or not _seen(path):
        return None
    path = _VARIABLE.sub(lambda found: _VARIABLES.get(next(filter(None, found.groups())).lower(), "\0"), path)
    if re.search(r"[\0%]|\$(?!recycle\.bin|mft|[/\\]|$)", path, re.IGNORECASE):
        return None
    path = _PREFIX.sub(lambda found: "//" if found.group(1) else "", path).replace("\\", "/")
    path = "/".join(part.strip() if not part.strip(". ") else part.rstrip(". ") for part in path.split("/"))
    return posixpath.normpath(path) if path.strip() else None


def _seen(path: str) -> bool:
    return path.isascii() and path.isprintable()


@functools.lru_cache(1_024)
def place(path: str, *, beneath: bool = False) -> Place | None:
    """What lies at a path, or None where it can't be read. ``beneath``: and in everything under it."""
    made = plain(path)
    if made is None:
        return None
    low = made.lower()
    wild = _WILD.search(low)
    top = re.fullmatch(r"[a-z]:/?|/+|~|\.+|(\.\./?)+|//[^/]+(/[^/]+)?", low) is not None
    wide = wild is not None or top or beneath
    slashed = "/" + low.replace(":", "/")
    judged: dict[str, bool] = {
        "secret": _SECRET.on(slashed),
        "evidence": _EVIDENCE.on(slashed),
        "detection": _DETECTION.on(slashed),
        "system": _SYSTEM_ROOT.match(low) is not None or _SYSTEM.on(slashed),
        "identity": _IDENTITY.on(slashed),
        "quarantine": _QUARANTINE.on(slashed),
    }
    if wide and low[:1] not in "/~" and (top or (wild is not None and "/" not in low[: wild.start()])):
        judged = dict.fromkeys(judged, True)
    elif wide:
        base = low[: wild.start()].rpartition("/")[0] if wild else low
        for what, anchors in _ANCHORS:
            judged[what] = judged[what] or _over(base.rstrip("/"), anchors)
    device = re.match(r"/dev/(?!null$)|//\./|(con|nul|prn|aux|com\d|lpt\d|conin\$|conout\$)$", low) is not None
    return Place(path=made, wide=wide, device=device, remote=low.startswith("//"), **judged)


def _over(base: str, anchors: tuple[str, ...]) -> bool:
    """The folder holds one of the anchors, or is one."""
    return any((anchor + "/").startswith(base + "/") for anchor in anchors)


def hunts(looked_for: Iterable[str]) -> bool:
    """One of the words (a pattern, a name, a path) looks for credentials, or names one."""
    low = _side_by_side(looked_for)
    bare = low.replace("/etc/passwd", "").replace("/getent/passwd", "").replace(" ", "")
    return _hunted(bare) or _SECRET.on(low)


def may_hunt(commands: Sequence[Sequence[str]]) -> bool:
    """If not, :func:`hunts` is so of no words of a command, in quotes or not. A few commands are not worth the look."""
    if len(commands) < 4:
        return True
    low = _side_by_side([word.strip("'\"") for words in commands for word in words])
    return _hunted(low.replace(" ", "")) or _SECRET.on(low)


def _hunted(low: str) -> bool:
    if len(low) > _SHORT:
        low = "/".join(set(low.split("/")))  # a long line says much twice, and no sign of a credential spans two parts
    return _HUNTED.search(low) is not None


def _side_by_side(words: Iterable[str]) -> str:
    return "/" + "/".join(words).lower().replace("\\", "/").replace(":", "/")


def detects(name: str) -> bool:
    """A service, program or resource of that name watches, records or guards."""
    return _DETECTION.on(f"/{name.lower()}")
