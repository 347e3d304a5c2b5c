"""The demonstration from start to end. Everything in it is real but the SOC, the agent's script and the two people.

1. a gateway in a process of its own, on loopback, over a fresh database; the range behind it
2. people, an agent, a mandate
3. the agent investigates, notes, proposes, and tries what a hijacked agent tries
4. people answer each hold; the agent closes the ticket; people answer that
5. the story, the range before and after, the journal published and verified
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from keyturn.cli import show
from keyturn.cli.plain import plain
from keyturn.cli.remote import Remote
from keyturn.cli.times import now
from keyturn.config import Config, read_config
from keyturn.demo import people, story
from keyturn.demo.agent import Agent, Answer, connected
from keyturn.demo.gateway import running
from keyturn.demo.ledger import before_and_after, differences
from keyturn.demo.story import Call
from keyturn.demo.timeline import timeline
from keyturn.errors import Conflict
from keyturn.journal import Verifier, verify_directory
from keyturn.publication import VERIFIER, publish_journal
from keyturn.range.state import changes, open_state, snapshot

CONFIG = """# Written by the demonstration. The range is a SIMULATED SOC.
data = "data"

[server]
port = 0

[journal]
origin = "keyturn.example/demo"

[upstreams.{upstream}]
command = {python}
args = ["-m", "keyturn.range"]
env = {{ KEYTURN_RANGE_STATE = {state} }}
"""


class Demo:
    """What the parts share: the gateway's address, the people's clients, the agent's token, what happened."""

    def __init__(self, folder: Path, attended: bool) -> None:
        self.attended = attended
        self.config_path = folder / "keyturn.toml"
        self.state = folder / "range.db"
        self.log = folder / "journal"
        self.approved: list[Call] = []
        self.wrong: list[str] = []
        self.url = ""
        self.agent_token = ""
        self.analysts: dict[str, Remote] = {}

    def expect(self, right: bool, what: str) -> None:
        """Note what is not as it must be; the demonstration then ends with 1."""
        if not right:
            self.wrong.append(what)
            say(f"!! {what}")


def run(*, attended: bool, keep: Path | None) -> int:
    """Run it; 0 only if the range shows exactly the approved changes, each once, and the journal verifies."""
    with _folder(keep) as folder:
        demo = Demo(folder, attended)
        config = _prepare(demo)
        before = snapshot(demo.state)
        with running(demo.config_path) as demo.url:
            say(f"The gateway listens on {demo.url}; behind it a SIMULATED SOC of {len(before['hosts'])} hosts.")
            _introduce(demo)
            asyncio.run(_investigation(demo))
            _answer_holds(demo)
            asyncio.run(_closing(demo))
            _answer_holds(demo)
            asyncio.run(_outcome(demo))
            for remote in demo.analysts.values():
                remote.close()
        _epilogue(demo, config, before)
        if keep is not None:
            say(f"Everything is in {plain(folder)}.")
        return 1 if demo.wrong else 0


def say(text: str) -> None:
    """One line to the reader."""
    click.echo(text)


def head(text: str) -> None:
    """A part's title."""
    click.echo(f"\n== {text}")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="keyturn-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True)
    except FileExistsError:
        raise Conflict(f"{keep} stands already", hint="name a new folder") from None
    yield keep.absolute()


def _prepare(demo: Demo) -> Config:
    """Step 1."""
    quoted = {"python": json.dumps(sys.executable), "state": json.dumps(str(demo.state))}
    demo.config_path.write_text(CONFIG.format(upstream=story.UPSTREAM, **quoted), encoding="utf-8")
    open_state(demo.state).close()
    return read_config(demo.config_path)


def _introduce(demo: Demo) -> None:
    """Step 2: the owner comes first, over the database; the others over REST."""
    with Remote.in_process(demo.config_path, "") as first:
        token = first.add_person(story.OWNER, ("owner", "lead"), ())["token"]
    with Remote.over_http(demo.url, token) as owner:
        for name, role in ((story.FIRST, "analyst"), (story.SECOND, "lead")):
            made = owner.add_person(name, (role,), ())
            demo.analysts[name] = Remote.over_http(demo.url, made["token"])
        purpose = "works alerts of the endpoint protection"
        demo.agent_token = owner.add_agent(story.AGENT, story.OWNER, purpose, 1)["token"]
        owner.issue_mandate(story.MANDATE)
    say(f"{story.OWNER} owns the agent {story.AGENT} and gave it a mandate for {story.CASE}, for 8 hours.")
    say(f"{story.FIRST}, an analyst, and {story.SECOND}, a lead, are on call.")


async def _investigation(demo: Demo) -> None:
    """Step 3."""
    head("The agent works the case (an MCP client with a token of its own, and no credential of any tool)")
    async with connected(demo.url, demo.agent_token, say) as agent:
        for answer in await agent.investigate():
            demo.expect(answer.state == "ran", f"{answer.call.tool} should run free: {plain(answer.text, 300)}")
            if answer.call.tool == "tkt_add_note":
                demo.approved.append(answer.call)
                say(f"noted: {plain(answer.call.arguments['text'], 300)}")
        for call in story.RESPONSES:
            await _propose(demo, agent, call)
        head("An alert's text told the agent to ignore its instructions; this is what it tries when it obeys")
        for attempt in story.ATTEMPTS:
            answer = await agent.call(attempt.call)
            why = plain(answer.text.splitlines()[1] if answer.text.count("\n") else answer.text, 200)
            say(f"{attempt.what}: {answer.state}. {why}")
            demo.expect(
                answer.state == attempt.ends, f"{attempt.what} should end {attempt.ends}, and is {answer.state}"
            )


async def _propose(demo: Demo, agent: Agent, call: Call) -> Answer:
    answer = await agent.call(call)
    say(f"proposed {call.tool} {plain(json.dumps(call.arguments))}: {answer.state}")
    demo.expect(answer.state == "held", f"{call.tool} should be held: {plain(answer.text, 300)}")
    return answer


def _answer_holds(demo: Demo) -> None:
    """Step 4: both people see each hold as anybody on call does; one refusal ends it."""
    head("People answer" + ("" if demo.attended else " (scripted; with a terminal you would be asked)"))
    first, second = demo.analysts[story.FIRST], demo.analysts[story.SECOND]
    waiting = [first.action(row["id"]) for row in first.holds()]
    _try_another_digest(demo, first, waiting)
    for action in waiting:
        answers = ((story.FIRST, first), (story.SECOND, second))
        if _released(demo, answers, action) and action["stage"] != "analyse":
            name = action["tool"].partition("/")[2]
            demo.approved.append(Call(name, action["arguments"]))


def _released(demo: Demo, answers: tuple[tuple[str, Remote], ...], action: dict[str, Any]) -> bool:
    """True if keys were turned until there were enough; one refusal ends it."""
    what = f"{action['tool']} {plain(json.dumps(action['arguments']))}"
    for name, remote in answers:
        shown = show.whole(remote.action(action["id"]), now())
        if reason := (people.asked(name, shown) if demo.attended else people.scripted)(action):
            remote.reject(action["id"], reason)
            say(f"{name} refused {what}: {plain(reason)}")
            return False
        after = remote.turn(action["id"], action["digest"])
        say(f"{name} turned a key on {what}")
        if after["state"] != "held":
            return True
    return False


def _try_another_digest(demo: Demo, person: Remote, waiting: list[dict[str, Any]]) -> None:
    """A key for one action turned on its altered twin: it must not fit."""
    isolations = [a for a in waiting if a["tool"].endswith("edr_isolate_host")]
    if len(isolations) != 2:
        return
    try:
        person.turn(isolations[1]["id"], isolations[0]["digest"])
    except Conflict as error:
        say(f"a key for {isolations[0]['id']} on its altered twin: {plain(error.message)}")
    else:
        demo.expect(False, "a key fits another action's digest")


async def _closing(demo: Demo) -> None:
    head("The agent looks at what became of it, and proposes to close the ticket")
    async with connected(demo.url, demo.agent_token, say) as agent:
        await _propose(demo, agent, story.CLOSING)


async def _outcome(demo: Demo) -> None:
    """Wait until what was approved has run, as the agent would."""
    first = demo.analysts[story.FIRST]
    for entry in first.case_entries(story.CASE):
        if entry["kind"] == "proposed":
            record = first.wait(entry["action"], 20)
            if record["state"] in ("held", "ready", "executing", "unknown"):
                demo.expect(False, f"{record['tool']} is {record['state']}")


def _epilogue(demo: Demo, config: Config, before: dict[str, list[dict[str, Any]]]) -> None:
    """Step 5."""
    head("The journal, published and verified from its files alone")
    entries: list[dict[str, Any]] = []
    publish_journal(config, demo.log, payloads=True)
    verifier = Verifier.parse((demo.log / VERIFIER).read_text(encoding="utf-8"))
    report = verify_directory(demo.log, verifier, on_entry=lambda _, entry: entries.append(entry))
    demo.expect(report.ok, f"the journal does not verify: {report.problems[:1]}")
    say(f"{report.entries} of {report.size} entries verified, root {report.root.hex()}")
    head(f"The story of {story.CASE}, from the journal")
    for line in timeline(entries):
        say(line)
    head("The range, before -> after")
    for line in before_and_after(before, snapshot(demo.state)):
        say(plain(line))
    for difference in differences(demo.approved, changes(demo.state)):
        demo.expect(False, f"the range: {difference}")
    if demo.wrong:
        head(f"NOT as it must be: {len(demo.wrong)} findings")
        for finding in demo.wrong:
            say(f"- {finding}")
        return
    head(f"Exactly the {len(demo.approved)} approved changes, each once; nothing that people did not approve.")
    say("Your own servers next:  keyturn init --from YOUR-CLIENT.json  (Claude Desktop, Cursor, VS Code)")
    say("then:  keyturn person add YOU --owner -c keyturn.toml;  keyturn serve -c keyturn.toml;  keyturn holds")
