"""What the range shows at the end, against what was approved: exactly that, each once."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from keyturn.core.canonical import canonical_json
from keyturn.demo.story import Call

Change = dict[str, Any]

WATCHED = {
    "hosts": ("hostname", "containment"),
    "users": ("username", "status"),
    "api_keys": ("key_id", "status"),
    "mail_rules": ("rule_id", "move_to"),
    "tickets": ("ticket_id", "status"),
    "notes": ("note_id", "text"),
    "messages": ("message_id", "subject"),
    "allowlist": ("cidr", "reason"),
}


def differences(approved: Iterable[Call], changes: Iterable[Change]) -> list[str]:
    """Every way in which the range's changes are not the approved ones, each once; empty is right."""
    wanted = Counter((call.tool, canonical_json(call.arguments)) for call in approved)
    done = Counter((str(change["tool"]), canonical_json(change["arguments"])) for change in changes)
    found = []
    for key in sorted(wanted.keys() | done.keys()):
        if wanted[key] != done[key]:
            tool, arguments = key
            found.append(f"{tool} {arguments.decode()}: approved {wanted[key]} times, done {done[key]} times")
    return found


def before_and_after(before: dict[str, list[Change]], after: dict[str, list[Change]]) -> list[str]:
    """The rows of the watched tables that changed, came or went, a line each."""
    lines = []
    for table, (key, shown) in WATCHED.items():
        old = {row[key]: row[shown] for row in before[table]}
        new = {row[key]: row[shown] for row in after[table]}
        lines += [
            f"{table:<11} {name:<14} {old.get(name, '(none)')} -> {new.get(name, '(gone)')}"
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
    return lines
