"""A warm process that forks one child for each line it reads, and says how the child ended.

A line is ``{"task", "folder", "at"}``. ``work`` takes actions of every kind through a gate and dies at the point
``at``; ``race`` starts two children on one database at the same moment.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.faults.soc import Fuse, Site, load_policy, open_site, proposal

from keyturn.core.execution import State
from keyturn.core.policy import Policy
from keyturn.gate.records import ActionRecord

CONFIRM_OVER_MS = 16 * 60 * 1000


async def work(folder: Path, at: int, policy: Policy) -> None:
    """Every way of an action, one after the other; each acknowledged verb is noted once it has returned."""
    site = await open_site(folder, "worker", policy, Fuse(at))
    await site.gate.start()
    lena, ana = site.people["lena"], site.people["ana"]
    kept = await _propose(site, "tag", "h1")
    await site.gate.confirm(ana, kept.id)
    _note(site, kept.id, "confirmed")
    left = await _propose(site, "tag", "h2")
    for tool, host in (("isolate", "h3"), ("wipe", "h4"), ("purge", "h5"), ("drop", "h6")):
        await _keys(site, await _propose(site, tool, host))
    back = await _propose(site, "isolate", "h7")
    await _keys(site, back)
    await site.gate.revert(lena, back.id, "the wrong host")
    _note(site, back.id, "reverted")
    refused = await _propose(site, "wipe", "h8")
    await site.gate.reject(ana, refused.id, "too early")
    _note(site, refused.id, "refused")
    lost = (await site.gate.in_state(lena, (State.UNKNOWN,)))[0]
    await site.gate.settle(lena, lost.id, "succeeded", "seen by hand")
    _note(site, lost.id, "settled")
    await _propose(site, "wipe", "h9")
    site.clock.ms += CONFIRM_OVER_MS
    await site.gate.sweep()
    _note(site, left.id, "reverted")
    await site.gate.propose(site.agent, proposal("search", query="x"))
    await site.close()
    (folder / "passed").write_text(str(site.fuse.passed))


async def _propose(site: Site, tool: str, host: str) -> ActionRecord:
    record = await site.propose(tool, host)
    _note(site, record.id, "proposed")
    return record


async def _keys(site: Site, record: ActionRecord) -> None:
    for name in ("ana", "lena"):
        if record.state is State.HELD:
            record = await site.turn(name, record)
            _note(site, record.id, "key_turned")
    await site.ended(record)
    _note(site, record.id, "outcome")


def _note(site: Site, action: str, kind: str) -> None:
    with (site.folder / "acknowledged").open("a") as file:
        file.write(f"{action} {kind}\n")


async def race(folder: Path, at: int, policy: Policy) -> None:
    """Wait for the other child, then do what both may do: start, and so run what is ready."""
    site = await open_site(folder, f"runner-{at}", policy)
    os.write(int(os.environ["READY"]), b"r")
    os.read(int(os.environ["GO"]), 1)
    await site.gate.start()
    await site.gate.sweep()
    await site.close()


TASKS: dict[str, Callable[[Path, int, Policy], Coroutine[Any, Any, None]]] = {"work": work, "race": race}


def _fork(task: str, folder: Path, at: int, policy: Policy) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        asyncio.run(TASKS[task](folder, at, policy))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _ends(children: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _race(folder: Path, policy: Policy) -> list[int]:
    ready_in, ready_out = os.pipe()
    go_in, go_out = os.pipe()
    os.environ |= {"READY": str(ready_out), "GO": str(go_in)}
    children = [_fork("race", folder, number, policy) for number in (1, 2)]
    os.close(ready_out)
    ready = 0
    while ready < 2 and (came := os.read(ready_in, 2)):
        ready += len(came)
    os.write(go_out, b"gg")
    ends = _ends(children)
    for pipe in (ready_in, go_in, go_out):
        os.close(pipe)
    return ends


def main() -> None:
    policy = load_policy()
    for line in sys.stdin:
        ask = json.loads(line)
        folder = Path(ask["folder"])
        if ask["task"] == "race":
            ends = _race(folder, policy)
        else:
            ends = _ends([_fork(ask["task"], folder, ask["at"], policy)])
        print(json.dumps(ends), flush=True)


if __name__ == "__main__":
    main()
