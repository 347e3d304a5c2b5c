"""Cmdlets that surely only read, with the parameters under which that is so, and those whose change is known."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from keyturn.catalogue.rules import paths
from keyturn.catalogue.rules.rule import words


class Cmdlet(msgspec.Struct, frozen=True, kw_only=True):
    """A cmdlet: its switches, its parameters with a value, and which of them (and of its operands) name files to list
    or to open. ``first`` is how many operands stand before those (a pattern); ``most`` how many there may be."""

    switches: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    lists: bool = False
    opens: bool = False
    first: int = 0
    most: int = 20


_FILES: Final = frozenset({"path", "literalpath"})
_COMMON: Final = frozenset({"erroraction", "ea", "warningaction"})


def _c(
    switches: str = "", values: str = "", *, lists: bool = False, opens: bool = False, first: int = 0, most: int = 20
) -> Cmdlet:
    files = _FILES if lists or opens else frozenset()
    return Cmdlet(
        switches=frozenset(switches.lower().split()),
        values=frozenset(values.lower().split()) | files | _COMMON,
        lists=lists,
        opens=opens,
        first=first,
        most=most,
    )


_PLAIN: Final = words(
    """
    get-appxpackage get-bitlockervolume get-computerinfo get-culture get-disk get-dnsclient get-dnsclientcache
    get-dnsclientserveraddress get-eventsubscriber get-executionpolicy get-host get-hotfix get-job
    get-localgroup get-localuser get-location get-mpcomputerstatus get-mppreference get-mpthreat
    get-mpthreatdetection get-netadapter get-netadapterstatistics get-netconnectionprofile get-netfirewallprofile
    get-netipaddress get-netipconfiguration get-netneighbor get-netroute get-package get-partition get-physicaldisk
    get-pnpdevice get-printer get-psdrive get-smbconnection get-smbopenfile get-smbsession get-smbshare get-timezone
    get-tpm get-uiculture get-uptime get-volume get-windowsfeature """
)

CMDLETS: Final[Mapping[str, Cmdlet]] = MappingProxyType(
    {
        **dict.fromkeys(_PLAIN, _c("", "Name Id AddressFamily InterfaceAlias InterfaceIndex", most=2)),
        "get-childitem": _c(
            "Recurse Force File Directory Hidden Name System ReadOnly", "Filter Include Exclude Depth", lists=True
        ),
        "get-item": _c("Force", "Stream", lists=True),
        "test-path": _c("IsValid", "PathType", lists=True),
        "resolve-path": _c("Relative", lists=True),
        "get-content": _c("Raw Wait", "TotalCount Head First Tail Last Encoding Delimiter ReadCount", opens=True),
        "get-filehash": _c("", "Algorithm", opens=True),
        "get-authenticodesignature": _c("", "FilePath", opens=True),
        "get-acl": _c("", "", lists=True),
        "get-itemproperty": _c("", "Name", lists=True, most=2),
        "get-itempropertyvalue": _c("", "Name", lists=True, most=2),
        "select-string": _c(
            "SimpleMatch CaseSensitive Quiet List NotMatch AllMatches Raw NoEmphasis",
            "Pattern Context Encoding",
            opens=True,
            first=1,
        ),
        "import-csv": _c("", "Delimiter Header Encoding", opens=True),
        "get-process": _c("IncludeUserName FileVersionInfo", "Name Id ProcessName"),
        "get-service": _c("DependentServices RequiredServices", "Name DisplayName"),
        "get-winevent": _c("Force Oldest", "LogName MaxEvents ListLog ListProvider ProviderName FilterXPath"),
        "get-eventlog": _c("List AsString", "LogName Newest EntryType Source InstanceId Index After Before Message"),
        "get-nettcpconnection": _c("", "State LocalPort RemotePort RemoteAddress LocalAddress OwningProcess"),
        "get-netudpendpoint": _c("", "LocalPort LocalAddress OwningProcess"),
        "get-netfirewallrule": _c("All", "Name DisplayName Direction Action Enabled PolicyStore"),
        "get-localgroupmember": _c("", "Group Name Member", most=1),
        "get-scheduledtask": _c("", "TaskName TaskPath"),
        "get-scheduledtaskinfo": _c("", "TaskName TaskPath"),
        "get-date": _c("AsUTC", "Format UFormat Date", most=1),
        "get-module": _c("ListAvailable All", "Name"),
        "get-command": _c("All", "Name CommandType Noun Verb Module", most=1),
        "get-help": _c("Full Examples Detailed", "Name", most=1),
        "get-alias": _c("", "Name Definition", most=1),
        "get-member": _c("Force Static", "Name MemberType"),
        "get-ciminstance": _c("", "ClassName Property Namespace", most=1),
        "get-wmiobject": _c("", "Class Property Namespace", most=1),
        "write-output": _c("NoEnumerate", "InputObject"),
        "write-host": _c("NoNewline", "ForegroundColor Object"),
        "select-object": _c("Unique", "Property First Last Skip ExpandProperty ExcludeProperty Index"),
        "sort-object": _c("Descending Unique CaseSensitive", "Property Top Bottom"),
        "group-object": _c("NoElement", "Property"),
        "measure-object": _c("Sum Average Maximum Minimum Line Word Character", "Property"),
        "where-object": _c("EQ NE GT LT GE LE Like NotLike Match NotMatch Contains In", "Property Value"),
        "format-table": _c("AutoSize Wrap HideTableHeaders", "Property GroupBy"),
        "format-list": _c("", "Property GroupBy"),
        "format-wide": _c("AutoSize", "Column Property"),
        "out-string": _c("Stream NoNewline", "Width"),
        "out-null": _c(),
        "out-default": _c(),
        "out-host": _c("Paging"),
        "convertto-json": _c("Compress EnumsAsStrings AsArray", "Depth"),
        "convertto-csv": _c("NoTypeInformation NTI", "Delimiter"),
        "convertto-xml": _c("NoTypeInformation", "Depth As"),
        "get-unique": _c("AsString"),
    }
)
ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ls": "get-childitem",
        "dir": "get-childitem",
        "gci": "get-childitem",
        "gi": "get-item",
        "cat": "get-content",
        "gc": "get-content",
        "type": "get-content",
        "gp": "get-itemproperty",
        "ps": "get-process",
        "gps": "get-process",
        "gsv": "get-service",
        "sort": "sort-object",
        "select": "select-object",
        "where": "where-object",
        "?": "where-object",
        "measure": "measure-object",
        "group": "group-object",
        "ft": "format-table",
        "fl": "format-list",
        "fw": "format-wide",
        "echo": "write-output",
        "pwd": "get-location",
        "gl": "get-location",
        "sls": "select-string",
        "gm": "get-member",
        "gcm": "get-command",
        "gcim": "get-ciminstance",
        "gwmi": "get-wmiobject",
        "oh": "out-host",
        "help": "get-help",
        "rm": "remove-item",
        "del": "remove-item",
        "ri": "remove-item",
        "erase": "remove-item",
        "rd": "remove-item",
        "rmdir": "remove-item",
        "kill": "stop-process",
        "spps": "stop-process",
        "spsv": "stop-service",
        "sasv": "start-service",
        "mv": "move-item",
        "mi": "move-item",
        "move": "move-item",
        "cp": "copy-item",
        "copy": "copy-item",
        "cpi": "copy-item",
        "ni": "new-item",
        "sc": "set-content",
        "ac": "add-content",
        "clc": "clear-content",
        "ren": "rename-item",
    }
)
FILES: Final[Mapping[str, tuple[str, Cmdlet]]] = MappingProxyType(
    {
        "remove-item": (paths.DELETE, _c("Recurse Force", "", lists=True)),
        "clear-content": (paths.DELETE, _c("Force", "", lists=True)),
        "move-item": (paths.MOVE, _c("Force", "Destination", lists=True)),
        "copy-item": (paths.WRITE, _c("Recurse Force", "Destination", lists=True)),
        "rename-item": (paths.MOVE, _c("Force", "NewName", lists=True)),
        "new-item": (paths.WRITE, _c("Force", "ItemType Type Name", lists=True)),
        "out-file": (paths.WRITE, _c("Append Force NoClobber", "FilePath Encoding Width", lists=True)),
        "export-csv": (paths.WRITE, _c("NoTypeInformation NTI Append Force", "Encoding", lists=True)),
        "tee-object": (paths.WRITE, _c("Append", "FilePath", lists=True)),
    }
)
"""Cmdlets that change files, each with what it does to them. Their value parameters but ``type`` name files too."""
