"""What must be true of a site after any fault."""

from collections import Counter
from pathlib import Path

from tests.faults.soc import INVERSES, Site

from keyturn.core.execution import State
from keyturn.gate.records import ActionRecord
from keyturn.journal import Frontier, Report, Signer, publish, verify_directory

NO_EFFECT = {State.DENIED, State.HELD, State.FAILED, State.REFUSED, State.EXPIRED, State.WITHDRAWN}
AT_REST = NO_EFFECT | {State.SUCCEEDED, State.REVERTED, State.UNKNOWN}


async def nothing_unrecorded(site: Site) -> None:
    """No change twice, none without an entry that came first; what was acknowledged stands in the journal."""
    changes = site.soc.changes()
    assert [change for change, times in Counter(changes).items() if times > 1] == []
    entries = {(entry["action"], entry["kind"]) for entry in await site.entries() if "action" in entry}
    by_change = {change_of(record): record for record in await site.records()}
    for tool, host in changes:
        record = by_change[INVERSES.get(tool, tool), host]
        assert (record.id, "reverting" if tool in INVERSES else "released") in entries, f"{tool} {host}"
    notes = site.folder / "acknowledged"
    for line in notes.read_text().splitlines() if notes.exists() else ():
        action, kind = line.split()
        assert (action, kind) in entries, f"{kind} was acknowledged and is not in the journal"


async def nothing_left_open(site: Site) -> None:
    """Every action is at rest, says the truth of its change, or is listed as unknown."""
    changes = set(site.soc.changes())
    listed = {r.id for r in await site.gate.in_state(site.people["lena"], (State.UNKNOWN,))}
    for record in await site.records():
        assert record.state in AT_REST, record
        if record.tool.name == "search":
            assert record.state in (State.SUCCEEDED, State.FAILED), "a read that nobody concluded has failed"
            continue
        tool, host = change_of(record)
        if record.state is State.UNKNOWN:
            assert record.id in listed
        else:
            assert ((tool, host) in changes) == (record.state not in NO_EFFECT), record
        undone = any((inverse, host) in changes for inverse, of in INVERSES.items() if of == tool)
        assert undone == (record.state is State.REVERTED) or record.id in listed, record


async def journal_verifies(site: Site, directory: Path) -> None:
    """The tree in the database is the one that its entries make, and outsiders can verify it."""
    frontier = await site.store.read_journal(lambda rows: rows.frontier())
    entries = await site.store.read_journal(lambda rows: list(rows.entries(0, frontier.size)))
    report = verified(directory, entries, frontier)
    assert report.ok, report
    assert report.entries == len(entries) > 0


def verified(directory: Path, entries: list[bytes], frontier: Frontier) -> Report:
    """What an outsider finds in the published journal."""
    signer = Signer("keyturn.example/faults", bytes(32))
    directory.mkdir()
    publish(directory, entries, signer, expect=frontier)
    return verify_directory(directory, signer.verifier)


def change_of(record: ActionRecord) -> tuple[str, str]:
    """The tool and the host that an action is about."""
    return record.tool.name, record.targets[0].id if record.targets else ""
