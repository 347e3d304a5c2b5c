"""Programs of a POSIX system that surely only read, with the options under which that is so.

An option that writes, runs something, listens, loads a configuration or looks elsewhere is not listed, and what is not
listed ends the reading. ``what`` says what the operands are.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

import msgspec


class What(Enum):
    """What a program's operands are."""

    CONTENTS = "files that it opens"
    NAMES = "files that it lists"
    PATTERN = "a pattern, then files that it opens"
    TEXT = "text that it shows or works on"
    NONE = "nothing"


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program that reads: ``flags`` and ``values`` are its short options without and with a value, ``longs`` and
    ``long_values`` its long ones; ``deep`` those that go down into folders; ``most`` the operands that it may have.

    ``first``: the first operand is one of these words. ``shape``: the pattern, or else each operand, looks so.
    """

    what: What
    flags: str = ""
    values: str = ""
    longs: frozenset[str] = frozenset()
    long_values: frozenset[str] = frozenset()
    deep: frozenset[str] = frozenset()
    most: int = 10_000
    first: frozenset[str] = frozenset()
    shape: str = ""


_COMMON: Final = {"help", "version"}


def _p(
    what: What,
    flags: str = "",
    values: str = "",
    longs: str = "",
    long_values: str = "",
    *,
    deep: str = "",
    most: int = 10_000,
    first: str = "",
    shape: str = "",
) -> Program:
    return Program(
        what=what,
        flags=flags,
        values=values,
        longs=frozenset(longs.split()) | _COMMON,
        long_values=frozenset(long_values.split()),
        deep=frozenset(deep.split()),
        most=most,
        first=frozenset(first.split()),
        shape=shape,
    )


_C, _N, _P, _T, _0 = What.CONTENTS, What.NAMES, What.PATTERN, What.TEXT, What.NONE
_GREP: Final = _p(
    _P,
    "EFGPivwxcLlqoshHnbZzTUaIrRy0123456789",
    "ABCme",
    "ignore-case invert-match count recursive line-number only-matching with-filename no-filename files-with-matches"
    " files-without-match extended-regexp fixed-strings perl-regexp word-regexp line-regexp quiet silent"
    " no-messages text null",
    "regexp after-context before-context context max-count include exclude exclude-dir color colour",
    deep="r R recursive",
)
_HASH: Final = _p(_C, "bt", "", "tag binary text zero")
_SYSTEMCTL: Final = (
    "status list-units list-unit-files list-timers list-sockets list-dependencies is-active is-enabled is-failed"
)
_JQ: Final = r"(?!.*(env|input|import|include|debug|getpath|\$|modulemeta|stderr))[\w\s.,:|@\[\](){}\"'=!<>+*/?-]*"
_SED: Final = r"(\d+(,(\d+|\$))?p|\$p|/[^/\\]*/p)|s/([^/\\\n]|\\[^/\n])*/([^/\\\n]|\\[^/\n])*/[gI\d]*"
_AWK: Final = (
    r"(-F.)?(NR *[<>=!]=? *\d+ *)?\{ *print( +\$(\d+|NF)(,? *(\$(\d+|NF)|\" *[:=,-]? *\"))*)? *\}|NR *[<>=!]=? *\d+"
)

PROGRAMS: Final[Mapping[str, Program]] = MappingProxyType(
    {
        "cat": _p(_C, "AbeEnstTuv", "", "number number-nonblank show-all show-ends show-tabs squeeze-blank"),
        "tac": _p(_C),
        "nl": _p(_C, "", "bwsn"),
        "rev": _p(_C),
        "head": _p(_C, "qv0123456789", "nc", "quiet verbose", "lines bytes"),
        "tail": _p(_C, "qv0123456789", "nc", "quiet verbose", "lines bytes"),
        "wc": _p(_C, "clmwL", "", "bytes chars lines words max-line-length"),
        "cut": _p(_C, "sz", "dfcb", "only-delimited complement", "delimiter fields characters bytes output-delimiter"),
        "sort": _p(_C, "bdfghinrRsuVMz", "kt", "reverse unique numeric-sort human-numeric-sort", "key field-separator"),
        "uniq": _p(_C, "cdDiuz", "fsw", "count repeated unique ignore-case", "skip-fields", most=1),
        "tr": _p(_T, "cCdst", "", "delete squeeze-repeats complement", most=2),
        "column": _p(_C, "t", "sc", "table", "separator"),
        "fold": _p(_C, "s", "w"),
        "paste": _p(_C, "s", "d"),
        "comm": _p(_C, "123"),
        "join": _p(_C, "i", "12to"),
        "diff": _p(_C, "qsuyrNiwbBa", "UC", "brief unified recursive side-by-side", "width", deep="r recursive"),
        "cmp": _p(_C, "sl"),
        "od": _p(_C, "cxbv", "AtNjw", "", "address-radix format read-bytes skip-bytes"),
        "hexdump": _p(_C, "Cvbcdox", "ns"),
        "xxd": _p(_C, "bipu", "lscg", most=1),
        "strings": _p(_C, "af", "nte", "all", "bytes radix encoding"),
        "grep": _GREP,
        "egrep": _GREP,
        "fgrep": _GREP,
        "zcat": _p(_C),
        "jq": _p(_P, "rcSMCaesjn", "", "raw-output compact-output sort-keys slurp exit-status", shape=_JQ),
        "sed": _p(_P, "nEr", "", "quiet silent", shape=_SED),
        "awk": _p(_P, "", "F", shape=_AWK),
        "gawk": _p(_P, "", "F", shape=_AWK),
        "md5sum": _HASH,
        "sha1sum": _HASH,
        "sha224sum": _HASH,
        "sha256sum": _HASH,
        "sha384sum": _HASH,
        "sha512sum": _HASH,
        "b2sum": _HASH,
        "shasum": _p(_C, "b", "a"),
        "cksum": _HASH,
        "sum": _HASH,
        "ls": _p(
            _N,
            "aAbBcCdfFgGhHiIklLmnNopqQrRsStTuUvwxXZ1",
            "",
            "all almost-all human-readable recursive reverse directory size inode full-time group-directories-first",
            "sort time time-style color format",
            deep="R recursive",
        ),
        "dir": _p(_N, "aAlhrtR1", deep="R"),
        "tree": _p(_N, "adfhipsugDNF", "L", "dirsfirst noreport du", deep="*"),
        "stat": _p(_N, "fLt", "c", "dereference file-system terse", "format printf"),
        "file": _p(_N, "bhiLnNprs0", "", "brief mime mime-type mime-encoding dereference"),
        "du": _p(
            _N, "abcDhHkLlmPSsx0", "dBt", "all bytes human-readable summarize total", "max-depth threshold", deep="*"
        ),
        "df": _p(_N, "aBhHiklPTt", "", "all human-readable inodes local print-type total", "type"),
        "realpath": _p(_N, "emsqz"),
        "readlink": _p(_N, "efmnqsvz"),
        "basename": _p(_T, "az", "s"),
        "dirname": _p(_T, "z"),
        "pwd": _p(_0, "LP"),
        "echo": _p(_T, "ne"),
        "printf": _p(_T),
        "true": _p(_0),
        "false": _p(_0),
        "seq": _p(_T, "w", "s"),
        "sleep": _p(_T, most=1),
        "test": _p(_N, "defrswxLhSpbcguknzaotO"),
        "which": _p(_T, "a"),
        "type": _p(_T, "atpP"),
        "date": _p(_T, "uR", "", "utc universal", "rfc-3339 iso-8601", most=1, shape=r"\+[ -~]*"),
        "cal": _p(_T, "13my"),
        "uptime": _p(_0, "ps", "", "pretty since"),
        "uname": _p(
            _0, "asnrvmpio", "", "all kernel-name nodename kernel-release kernel-version machine operating-system"
        ),
        "arch": _p(_0),
        "nproc": _p(_0, "", "", "all"),
        "hostname": _p(_0, "fisAIdy", "", "fqdn short ip-address all-ip-addresses all-fqdns domain"),
        "hostnamectl": _p(_T, most=1, first="status"),
        "timedatectl": _p(_T, most=1, first="status show"),
        "whoami": _p(_0),
        "id": _p(_T, "gGnruzZ", "", "user group groups name real", most=1),
        "groups": _p(_T, most=1),
        "who": _p(_T, "abdHlmpqrstTuw", "", "all boot heading count", most=2),
        "w": _p(_T, "fhiosu", most=1),
        "users": _p(_0),
        "last": _p(_T, "adFiRwx0123456789", "nst", "", "limit since until", most=2),
        "lastlog": _p(_0, "", "btu"),
        "getent": _p(_T, most=2, first="passwd group services protocols networks"),
        "ps": _p(
            _T,
            "aAcdefFHjlLMmnrsSTuUvVwxXyZ",
            "oCpqtgGN",
            "forest no-headers headers cols",
            "sort pid user ppid format",
            most=1,
            shape=r"[a-df-zA-Z]{1,8}|\d+(,\d+)*",
        ),
        "pgrep": _p(
            _T, "aflinovwxc", "uUPtgG", "list-full list-name full exact newest oldest count", "euid uid parent", most=1
        ),
        "pstree": _p(_T, "aAcglnpsuUZ", most=1),
        "pidof": _p(_T, "s"),
        "top": _p(_0, "bcHiS", "ndopu"),
        "free": _p(_0, "bkmghtlwv", "", "human mega giga total wide"),
        "vmstat": _p(_T, "adfmnstw", most=2),
        "iostat": _p(_T, "cdhkmNtxyz", most=2),
        "mpstat": _p(_T, "Au", "P", most=2),
        "lscpu": _p(_0, "abcepxy"),
        "lsblk": _p(_T, "abdDfiJlmnpOPrst", "o", "all fs json output-all paths", "output"),
        "lsmod": _p(_0),
        "lspci": _p(_0, "kmnvt"),
        "lsusb": _p(_0, "tv"),
        "lsof": _p(_T, "ablnNoPRtUVw", "pucdi", most=20),
        "findmnt": _p(_T, "aDlnRru", "to"),
        "mount": _p(_0, "l"),
        "ss": _p(
            _T,
            "nrlaetuxwompis046HOZ",
            "",
            "numeric listening all processes tcp udp unix summary extended ipv4 ipv6 no-header",
        ),
        "netstat": _p(
            _0, "aAcegilMnNoprstuvWx46", "", "numeric all listening programs tcp udp route interfaces statistics"
        ),
        "arp": _p(_0, "aenv"),
        "ifconfig": _p(_T, "a", most=1),
        "route": _p(_0, "neC"),
        "journalctl": _p(
            _T,
            "abefklmqrx",
            "nuptgSUo",
            "no-pager reverse boot dmesg utc quiet catalog no-hostname list-boots disk-usage all full no-full merge",
            "unit user-unit since until lines output priority identifier grep output-fields facility",
        ),
        "systemctl": _p(
            _T,
            "alq0",
            "ntp",
            "no-pager all failed full plain quiet no-legend",
            "type state lines property output",
            first=_SYSTEMCTL,
        ),
        "dmesg": _p(
            _0, "dekHLPrTtuxS", "fl", "human ctime decode kernel nopager reltime", "level facility since until"
        ),
        "docker": _p(
            _T,
            "aqs",
            "fn",
            "all quiet no-trunc size latest",
            "filter format last",
            first="ps images version info",
            most=1,
        ),
        "podman": _p(
            _T,
            "aqs",
            "fn",
            "all quiet no-trunc size latest",
            "filter format last",
            first="ps images version info",
            most=1,
        ),
        "dpkg": _p(_T, "ls", "LSpW", "list status print-architecture", "listfiles search"),
        "dpkg-query": _p(_T, "lsW", "f", "list status show", "showformat"),
    }
)
