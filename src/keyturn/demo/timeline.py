"""The story as a timeline: what an analyst wants to read of a journal, in the order in which it happened."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from keyturn.cli.plain import plain

Entry = dict[str, Any]
_QUIET = frozenset({"proposed", "auxiliary", "preserved", "tool_pinned", "policy_loaded", "released"})


def timeline(entries: Iterable[Entry]) -> Iterator[str]:
    """A line for each event; reads that ran free are gathered into one line until something else happens."""
    tools: dict[str, str] = {}
    free: set[str] = set()
    reads: list[Entry] = []
    for entry in entries:
        action = str(entry.get("action", ""))
        if entry["kind"] == "proposed":
            tools[action] = str(entry["tool"])
        if entry["kind"] == "decided" and entry["verdict"] == "free":
            free.add(action)
            reads.append(entry)
        if entry["kind"] in _QUIET or action in free:
            continue
        if reads:
            yield _gathered(reads, tools)
            reads = []
        yield f"{_clock(entry)}  {_event(entry, tools.get(action, ''))}"
    if reads:
        yield _gathered(reads, tools)


def _gathered(reads: list[Entry], tools: dict[str, str]) -> str:
    names = ", ".join(dict.fromkeys(plain(tools[str(read["action"])].partition("/")[2], 60) for read in reads))
    return f"{_clock(reads[0])}  ran free, {len(reads)} calls: {names}"


def _event(entry: Entry, tool: str) -> str:
    what, why = plain(tool, 80), plain(entry.get("because", ""), 200)
    match entry["kind"]:
        case "decided":
            reasons = [r for r in entry["reasons"] if r["effect"] == "forbid"]
            # what ruled out one key is said last; before that, the first reason is the gravest
            place = -1 if entry["verdict"] == "two_key" else 0
            last = f": {plain(reasons[place]['why'], 200)}" if reasons else ""
            return (
                f"{what} needs {plain(entry['verdict'])}{last}"
                if entry["verdict"] != "denied"
                else (f"{what} DENIED{last}")
            )
        case "key_turned":
            return f"{what}: {plain(entry['person'])} turned a key"
        case "outcome" | "settled":
            return f"{what} {plain(entry['state'])}: {why}"
        case "refused" | "withdrawn" | "expired":
            return f"{what} {entry['kind']}" + (f" by {plain(entry['by'])}" if entry.get("by") else "") + f": {why}"
        case "person_added":
            return f"{plain(entry['person'])} added: {', '.join(map(plain, entry['roles']))}"
        case "agent_added":
            return f"agent {plain(entry['agent'])} added, owned by {plain(entry['owner'])}"
        case "mandate_issued":
            return f"mandate for {plain(entry['agent'])} issued by {plain(entry['by'])}"
    return f"{what} {plain(entry['kind'])} {why}".strip()


def _clock(entry: Entry) -> str:
    at = int(entry["at"])
    return time.strftime("%H:%M:%S", time.gmtime(at / 1000)) + f".{at % 1000:03d}"
