"""Where things lie in a file system: credentials, evidence, detection's own files, the system's.

One list for all rules. A path is made plain first (``..``, backslashes, drive letters, UNC, ``file:`` URLs, homes) and
judged without regard to case, wherever it starts: a relative path may lead anywhere, so its own words must tell.
"""

import posixpath
import re
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


LONGEST: Final = 4_096
_ODD: Final = re.compile(r"[^ -~]")
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

_SECRET: Final = re.compile(
    r"(^|[/:])("
    + any_of(
        r"""
    g?shadow[-~.]?[^/]* master\.passwd security/opasswd sudoers[^/]* krb5[^/]* [^/]*\.(keytab|ccache|kirbi)
    ssl/private pki/[^/]*/private
    \.(ssh|gnupg|aws|azure|kube|docker|password-store|mozilla|thunderbird|netrc|pgpass|my\.cnf|mylogin\.cnf|git-credentials|npmrc|pypirc|vault-token|s3cfg|boto|terraform\.d|config/(gcloud|gh|rclone|doctl|chromium|google-chrome)[^/]*|env[^/]*)
    \.[^/]*history [^/]*_history consolehost_history\.txt psreadline _netrc credentials?([./_-][^/]*)?
    creds?[./_-]?[^/]* id_(rsa|dsa|ecdsa|ed25519)[^/]* ssh_host_[^/]* authorized_keys[^/]* identity
    [^/]*\.(pem|key|pfx|p12|p8|ppk|jks|keystore|kdbx?|agilekeychain|opvault|ovpn|rdg|rdp|kwallet|gpg|asc|dmp|mdmp|core|hiv|hive)
    sam config/(security|system|default) (sam|security|system)\.(log\d?|sav|bak|old|save|hive?|reg) ntds[^/]* repair
    regback config/systemprofile lsass[^/]* unattend[^/]* autounattend[^/]* sysprep[^/]* groups\.xml services\.xml
    scheduledtasks\.xml drives\.xml web\.config wp-config[^/]* applicationhost\.config [^/]*tnsnames[^/]*
    sitemanager\.xml recentservers\.xml winscp\.ini mremoteng confcons\.xml login\x20data[^/]* logins\.json
    key[34]\.db signons\.sqlite cookies[^/]* web\x20data local\x20state wallet[^/]* keychains? [^/]*\.keychain[^/]*
    login\.keychain[^/]* kcpassword keyrings? nssdb microsoft/(protect|credentials|vault|crypto) systemcertificates
    proc/(kcore|[^/]+/(environ|mem|maps|fd|root|cwd|cmdline|task)) dev/(mem|kmem|port) run/secrets
    secrets?([./_-][^/]*)? tokens?([./_-][^/]*)? [^/]*passw(or)?ds?[./_-][^/]*
    [^/]*(password|passphrase|secret|credential|apikey|api_key|private)[^/]* \.?htpasswd admin\.conf kubeconfig[^/]*
    etcd kubelet\.conf bootstrap-kubelet[^/]* pg_hba\.conf shadowcopy[^/]* harddiskvolumeshadowcopy[^/]* globalroot
    \$mft)(/ $
    """
    )
    + r")"
)
_HUNT: Final = re.compile(
    any_of(
        r"""
    pass(w|phrase|code|key) pwd[=:] secret token credential \bcreds?\b private.?key api.?key access.?key akia
    begin.{0,4}(rsa|dsa|ec|openssh|pgp) shadow id_[rd]sa id_ecdsa id_ed25519 \.pem\b \.ppk\b \.p12\b \.pfx\b
    \.kdbx?\b keytab ntds lsass cpassword bearer jwt oauth \bsid\b wallet login\x20data
    """
    )
)
_EVIDENCE: Final = re.compile(
    r"(^|[/:])("
    + any_of(
        r"""
    var/(log|spool|mail|account|crash) journal system32/winevt winevt
    [^/]*\.(evtx?|etl|pcap(ng)?|eml|msg|pst|ost|mbox|log|wtmp|e01|vmem|vmdk|raw|dd)(\.\d+)?(\.gz)? [wub]tmp lastlog
    syslog auth\.log maildir mailboxes inetpub/logs logfiles logs? prefetch appcompat amcache\.hve srum
    \$recycle\.bin recycler recent quarantine evidence forensics? audit crash minidump
    system\x20volume\x20information elasticsearch splunk[^/]*/var loki wazuh[^/]*/logs journald? usnjrnl minidumps?
    cases? samples triage)(/ $
    """
    )
    + r")"
)
_DETECTION: Final = re.compile(
    r"(^|[/:])("
    + any_of(
        r"""
    audit(d|\.rules|\.d)?[^/]* r?syslog[^/]* syslog-ng[^/]* journald[^/]* systemd/journald[^/]* osquery[^/]*
    wazuh[^/]* ossec[^/]* falco[^/]* sysmon[^/]* crowdstrike[^/]* falcon[^/]* falconctl sentinelone sentinelagent
    sentinel[^/]* carbonblack cb(defense|response)? cylance sophos[^/]* symantec[^/]* mcafee[^/]*
    trend\x20?micro[^/]* ds_agent windows\x20defender[^/]* microsoft\x20defender[^/]* mdatp defender[^/]*
    clam(av|d|_?)[^/]* rkhunter[^/]* chkrootkit aide[^/]* tripwire[^/]* samhain fail2ban[^/]* suricata[^/]*
    snort[^/]* zeek bro splunk[^/]* filebeat[^/]* auditbeat[^/]* winlogbeat[^/]* packetbeat[^/]* elastic-agent[^/]*
    elastic beats? fluentd?[^/]* fluent-bit td-agent logstash nxlog velociraptor[^/]* tanium[^/]* datadog-agent
    amazon-cloudwatch-agent waagent[^/]* microsoft\x20monitoring\x20agent logrotate[^/]* firewalld ufw iptables[^/]*
    nftables[^/]* apparmor[^/]* selinux pam\.d yara[^/]* sigma rules\.d edr xdr siem)(/ $
    """
    )
    + r")"
)
_IDENTITY: Final = re.compile(
    r"(^|/)("
    + any_of(
        r"""
    etc/(passwd|group|subuid|subgid|login\.defs|nsswitch\.conf|security) g?shadow[^/]* sudoers[^/]*
    authorized_keys[^/]* pam\.d sam ntds[^/]* dslocal sssd[^/]* ldap[^/]* aliases)(/ $
    """
    )
    + r")"
)
_QUARANTINE: Final = re.compile(r"(^|/)(quarantine|evidence|forensics?)(/|$)")
_SYSTEM: Final = re.compile(
    any_of(
        r"""
    ^(/(etc|boot|bin|sbin|lib\w*|usr|sys|proc|dev|opt|root|srv|run|var|library|system|applications|private/etc)|[a-z]:/(windows|program\x20files(\x20\(x86\))?|programdata|inetpub|efi|boot|bootmgr|recovery|perflogs)|//[^/]+)(/|$)
    (^|/)(\.bash(rc|_profile|_login|_logout|_aliases)|\.profile|\.z(shrc|profile|shenv|login)|\.config/(autostart|systemd|fish)|\.vimrc|\.gitconfig|\.ssh|crontabs?|cron\.[^/]+|startup|start\x20menu|launch(agents|daemons)|system32|syswow64|init\.d|systemd|sysvol|netlogon|hosts|\.git/(hooks|config))(/|$)
    """
    )
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
    if not path or len(path) > LONGEST or _ODD.search(path) or path != path.strip():
        return None
    if path[:5].lower() == "file:":
        path = unquote(re.sub(r"^file:(//(localhost)?(?=/))?", "", path, flags=re.IGNORECASE))
        path = path[1:] if re.match(r"/[A-Za-z]:", path) else path
    if _PROVIDER.match(path) or "://" in path or "`" in path or _SHORT_NAME.search(path) or _ODD.search(path):
        return None
    path = _VARIABLE.sub(lambda found: _VARIABLES.get(next(filter(None, found.groups())).lower(), "\0"), path)
    if re.search(r"[\0%]|\$(?!recycle\.bin|mft|[/\\]|$)", path, re.IGNORECASE):
        return None
    path = _PREFIX.sub(lambda found: "//" if found.group(1) else "", path).replace("\\", "/")
    path = "/".join(part.strip() if not part.strip(". ") else part.rstrip(". ") for part in path.split("/"))
    return posixpath.normpath(path) if path.strip() else None


def place(path: str, *, beneath: bool = False) -> Place | None:
    """What lies at a path, or None where it can't be read. ``beneath``: and in everything under it."""
    made = plain(path)
    if made is None:
        return None
    low = made.lower()
    wild = _WILD.search(low)
    top = re.fullmatch(r"[a-z]:/?|/+|~|\.+|(\.\./?)+|//[^/]+(/[^/]+)?", low) is not None
    wide = wild is not None or top or beneath
    judged = {
        "secret": _SECRET.search(low) is not None,
        "evidence": _EVIDENCE.search(low) is not None,
        "detection": _DETECTION.search(low) is not None,
        "system": _SYSTEM.search(low) is not None,
        "identity": _IDENTITY.search(low) is not None,
        "quarantine": _QUARANTINE.search(low) is not None,
    }
    if wide and low[:1] not in "/~" and (top or (wild is not None and "/" not in low[: wild.start()])):
        judged = dict.fromkeys(judged, True)
    elif wide:
        base = low[: wild.start()].rpartition("/")[0] if wild else low
        for what, anchors in _ANCHORS:
            judged[what] = judged[what] or _over(base.rstrip("/"), anchors)
    device = re.match(r"/dev/(?!null$)|//\./|(con|nul|prn|aux|com\d|lpt\d|conin\$|conout\$)$", low) is not None
    return Place(path=made, wide=wide, device=device, **judged)


def _over(base: str, anchors: tuple[str, ...]) -> bool:
    """The folder holds one of the anchors, or is one."""
    return any((anchor + "/").startswith(base + "/") for anchor in anchors)


def hunts(text: str) -> bool:
    """A word (a pattern, a name, a path) that looks for credentials, or names one."""
    low = text.lower()
    return low != "/etc/passwd" and (
        _HUNT.search(low) is not None or _SECRET.search(low.replace("\\", "/")) is not None
    )


def detects(name: str) -> bool:
    """A service, program or resource of that name watches, records or guards."""
    return _DETECTION.search(name.lower()) is not None
