"""Reading the arguments of a call: microseconds for a text of about 2 KB, median, best of some rounds.

Run as a script. ``TEXTS`` is the table: a rule's name, what kind of text it is, and the parts that the rule gets, made
by repeating one piece up to the size. ``read`` says whether the rule reads it or leaves it the worst case, which may be
quicker. A text is new in each call, so nothing is remembered.
"""

import statistics
import time
from typing import Any, NamedTuple

from keyturn.catalogue.rules import RULES
from keyturn.core.operation import Operation

ROUNDS, CALLS, SIZE = 5, 300, 2_000


class Text(NamedTuple):
    """A rule, a word on the text, the part that is long, the piece that it is made of, what joins it, other parts."""

    rule: str
    kind: str
    part: str
    piece: str
    joint: str = "\n"
    others: tuple[tuple[str, Any], ...] = ()


_POSIX = (
    "journalctl -u nginx --since '2026-11-24 08:00:00' --until '2026-11-24 12:00:00' --no-pager --output short-iso"
    " | grep -iE 'upstream (timed out|prematurely closed)|no live upstreams' | awk '{print $1}' | sort | uniq -c"
)
_FILES = "cat /srv/app/releases/2026-11-24/config/routes.py 2>/dev/null"
_PIPES = (
    "Get-WinEvent -LogName 'Microsoft-Windows-TaskScheduler/Operational' -MaxEvents 500"
    " | Where-Object { $_.Id -eq 106 -and $_.Message -like '*updater*' } | Sort-Object TimeCreated -Descending"
    " | Select-Object -First 50 TimeCreated, Id, Message | ConvertTo-Json -Depth 4"
)
_POWERQUERY = "| filter src.process.cmdline contains ('-enc', 'IEX') | group n = count() by endpoint.name"
_SUMO = '| parse "user=*," as user | where status matches "5*" | bytes / 1024 as kb | count by user'
_OBJECT = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: prod\nspec:\n  ports:\n    - port: 80\n"
_TERM = "host = 'ws-7' and user_name <> 'svc' and bytes > 1000"
_JOIN = (
    "select l.host, lower(h.os) as os, count(*) as n, max(case when l.bytes > 1000 then l.bytes else 0 end) as most"
    " from logs.events l left join hosts h on l.host = h.id where l.name in ('a', 'b', 'c') and h.os not like 'win%'"
    " and l.ts between '2026-11-24 08:00:00' and '2026-11-24 12:00:00' group by l.host, h.os having count(*) > 10"
)
TEXTS = (
    Text("shell", "bash, files", "command", _FILES),
    Text("shell", "bash, pipes", "command", _POSIX),
    Text("shell", "bash, one command", "command", "/srv/app/releases/2026-11-24/main.py", " /srv/x "),
    Text("shell", "PowerShell, pipes", "command", _PIPES, others=(("dialect", "powershell"),)),
    Text("shell", "cmd", "command", "type C:\\srv\\app\\releases\\2026-11-24\\app.log", others=(("dialect", "cmd"),)),
    Text("kubectl", "many names", "command", "pod-7d9c5b5f6d-abcde", " ", ()),
    Text("kubernetes", "YAML, many objects", "manifest", _OBJECT, "---\n", (("verb", "apply"),)),
    Text("aws_cli", "many ids", "command", "i-0123456789abcdef0", " "),
    Text("azure", "many ids", "command", "/subscriptions/1/resourceGroups/rg/providers/x/y/z", " "),
    Text(
        "spl",
        "a search",
        "query",
        "(Image=*\\\\cmd.exe OR Image=*\\\\powershell.exe) CommandLine=*-enc* user!=svc_backup",
        " ",
    ),
    Text(
        "spl", "many commands", "query", "| eval long=if(len(CommandLine)>100, 1, 0) | stats count by host, user", " "
    ),
    Text(
        "kql",
        "one table",
        "query",
        "| where ProcessCommandLine has_any (@'-enc', 'IEX') | extend n = strlen(AccountName)",
    ),
    Text("pipeline", "PowerQuery", "query", _POWERQUERY, "\n", (("language", "powerquery"),)),
    Text("pipeline", "Sumo Logic", "query", _SUMO, "\n", (("language", "sumo"),)),
    Text("elasticsearch", "ES|QL", "query", '| WHERE process.name == "cmd.exe" AND user.name != "svc"', " "),
    Text("sql", "one table", "query", _TERM, " and "),
    Text("sql", "many clauses", "query", _JOIN, " union all "),
    Text("sql", "left to the parser", "query", _TERM, " and "),
    Text("plain", "words", "texts", "-Identity bob", " ", (("then", {"stage": "analyse"}),)),
    Text("http", "long path", "url", "/v1/hosts/4711", "", (("method", "GET"),)),
)
_BEGINNING = {
    ("spl", "a search"): "index=main EventCode=1 ",
    ("spl", "many commands"): "index=main EventCode=1 ",
    ("kql", "one table"): "DeviceProcessEvents ",
    ("pipeline", "PowerQuery"): "event.type = 'Process Creation' ",
    ("pipeline", "Sumo Logic"): "_sourceCategory=prod/app error ",
    ("elasticsearch", "ES|QL"): "FROM logs-* ",
    ("sql", "one table"): "select count(*) from logs.events where ",
    ("sql", "left to the parser"): "select count(*) from logs.events /* a comment */ where ",
    ("shell", "bash, one command"): "sha256sum ",
    ("kubectl", "many names"): "kubectl get pods ",
    ("aws_cli", "many ids"): "aws ec2 describe-instances --instance-ids ",
    ("azure", "many ids"): "az vm show --ids ",
}


def parts(text: Text) -> dict[str, Any]:
    """The parts of a call of about the size."""
    beginning = _BEGINNING.get((text.rule, text.kind), "")
    times = max(1, (SIZE - len(beginning)) // (len(text.piece) + len(text.joint)))
    return {text.part: beginning + text.joint.join([text.piece] * times), **dict(text.others)}


def median_us(rule: str, given: dict[str, Any], part: str) -> float:
    """The best of some rounds' medians: what the machine does when the neighbours are quiet."""
    medians = []
    read = RULES[rule].read
    for _ in range(ROUNDS):
        taken = []
        for n in range(CALLS):
            call = {**given, part: f"{given[part]}{' ' * n}"}
            started = time.perf_counter_ns()
            read(call)
            taken.append(time.perf_counter_ns() - started)
        medians.append(statistics.median(taken) / 1_000)
    return min(medians)


def main() -> None:
    """A line for each text."""
    for text in TEXTS:
        given = parts(text)
        found = RULES[text.rule].read(given)
        word = "read" if isinstance(found, Operation) else f"unread: {found.why}"
        print(
            f"{text.rule:12} {text.kind:22} {len(given[text.part]):6} characters"
            f" {median_us(text.rule, given, text.part):8.1f} µs  {word}"
        )


if __name__ == "__main__":
    main()
