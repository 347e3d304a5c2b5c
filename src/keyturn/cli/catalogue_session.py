"""A person in front of a file's drafts and their server's tools: what they see, change, accept, and what is saved."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from keyturn.catalogue import outlook as outlooks
from keyturn.catalogue.lexicon import Draft
from keyturn.catalogue.lexicon import draft as drafted
from keyturn.catalogue.review_file import FIELDS, Standing, accepted, changed, needs_why, profile_of, tools_of
from keyturn.cli.catalogue_source import Source
from keyturn.cli.plain import RUNS, plain, plain_json
from keyturn.config import PolicySettings
from keyturn.core.profile import Profile, Reviewed
from keyturn.core.suspicion import Neighbours, flags
from keyturn.errors import ConfigError, NotFound, ProfileError
from keyturn.gate.ports import Definition
from keyturn.policy_files import load_policy

PACK = "standard"
Ask = Callable[[str], str]


def read_text(file: Path) -> str:
    """The file's text; :class:`ConfigError` if it can't be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} can't be read: {error}", hint="keyturn catalogue draft writes one") from None


class Session:
    """One person, one file, and the server's tools as they were listed when the session began."""

    def __init__(self, file: Path, person: str, source: Source) -> None:
        self._file, self._person, self._name = file, person, source.name
        self._live = {each.tool.name: each for each in source.listed()}
        self._around = Neighbours([each.tool for each in self._live.values()])
        self._policy = load_policy(PolicySettings(pack=PACK))

    def accept(self, name: str, why: str) -> None:
        """Accept one tool as the file has it; ``why`` stands instead of a draft's own sentence."""
        tool, definition = self._tool(name), self._definition(name)
        entry = changed(tool.entry, "why", why) if why else tool.entry
        if needs_why(entry):
            raise ProfileError(
                f"{name[:80]!r}: a change or a sensitive read is accepted with a reason",
                hint="--why says what it does, and what does not come back",
            )
        self._save(name, entry, definition)
        self._look_out(definition)

    def walk(self, names: list[str], ask: Ask) -> None:
        """Each of these tools in turn, until one quits."""
        for number, name in enumerate(names, 1):
            if name not in self._live:
                click.echo(f"\n{plain(name)}: its server lists no such tool now; it stays a draft")
                continue
            click.echo(f"\n[{number} of {len(names)}] {plain(self._name)}/{plain(name)}")
            if not self._one(name, ask):
                return
        click.echo(f"\nno more drafts in {plain(self._file)}")

    def _one(self, name: str, ask: Ask) -> bool:
        """One tool, until it is accepted or left; False to quit."""
        definition, entry = self._live[name], self._tool(name).entry
        shown = entry
        self._show_definition(definition)
        while True:
            try:
                self._show_profile(definition, profile_of(read_text(self._file), str(self._file), name, entry))
                shown = entry
                match ask("[a]ccept, [c]hange, [s]kip, [q]uit?").strip().lower():
                    case "a" | "accept":
                        if needs_why(entry):
                            entry = changed(entry, "why", ask("Why: what does it do, and what does not come back?"))
                        self._save(name, entry, definition)
                        return True
                    case "c" | "change":
                        entry = self._changed(entry, ask)
                    case "s" | "skip":
                        return True
                    case "q" | "quit":
                        return False
                    case _:
                        click.echo("  answer a, c, s or q")
            except ProfileError as error:
                click.echo(f"  {plain(error)}")
                entry = shown

    def _changed(self, entry: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
        field = ask(f"Which field ({', '.join(FIELDS)})?").strip()
        return changed(entry, field, ask(f"{plain(field, 40)} is"))

    def _tool(self, name: str) -> Standing:
        for tool in tools_of(read_text(self._file), str(self._file)):
            if tool.name == name:
                return tool
        raise NotFound(f"{self._file} has no tool {name[:80]!r} of its own lines", hint="--list shows what it has")

    def _definition(self, name: str) -> Definition:
        if name not in self._live:
            raise NotFound(f"{self._name} lists no tool {name[:80]!r} now", hint="there is nothing to look at")
        return self._live[name]

    def _save(self, name: str, entry: Mapping[str, Any], definition: Definition) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        by = Reviewed(by=self._person.strip(), at=at, definition=definition.fingerprint)
        replaced(self._file, accepted(read_text(self._file), str(self._file), name, entry, by))
        click.echo(f"{plain(name)} is reviewed by {plain(self._person)}; saved in {plain(self._file)}")

    def _show_definition(self, definition: Definition) -> None:
        click.echo(f"  it says     {plain(definition.description) or 'nothing'}")
        properties = definition.input_schema.get("properties")
        for name, schema in properties.items() if isinstance(properties, dict) else ():
            click.echo(f"  parameter   {plain(name, 100)}: {plain_json(schema, 200)}")
        if definition.annotations:
            click.echo(f"  its hints   {plain_json(definition.annotations, 300)}")
        self._look_out(definition)

    def _look_out(self, definition: Definition) -> None:
        for flag in flags(definition.tool, definition.raw, self._around):
            click.echo(f"  LOOK OUT    {plain(flag.why, 300)}")

    def _show_profile(self, definition: Definition, profile: Profile) -> None:
        draft = drafted(definition.tool.name, definition.description, definition.input_schema, definition.annotations)
        for field, said in _fields(profile):
            click.echo(f"  {field:<11} {plain(said)}  ({plain(_reason(draft, profile, field), 300)})")
        if profile.why:
            click.echo(f"  why         {plain(profile.why)}")
        verdict = outlooks.outlook(self._policy, profile, definition.tool, {})
        click.echo(f"  so          under the {PACK} pack, as far as the profile alone says, it {RUNS[verdict.word]}")


def _fields(profile: Profile) -> list[tuple[str, str]]:
    found = [("stage", profile.stage.value), ("reversible", profile.reversible.value)]
    found.append(("touches", ", ".join(sorted(profile.touches)) or "nothing sensitive"))
    found.append(("targets", ", ".join(f"{rule.argument}: {rule.kind}" for rule in profile.targets) or "none"))
    return [*found, ("by_hand", profile.by_hand)] if profile.by_hand else found


def _reason(draft: Draft, profile: Profile, field: str) -> str:
    """What made the draft say so, if it is still the draft that says it."""
    if getattr(draft.profile, field) != getattr(profile, field):
        return "as it stands in the file, or as you changed it"
    said = [reason.why for reason in draft.reasons if reason.field == field]
    return "; ".join(dict.fromkeys(said)) or "no word says more"


def replaced(file: Path, text: str) -> None:
    """Write a file anew, whole or not at all, with the rights that it had."""
    try:
        handle, name = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        Path(name).chmod(file.stat().st_mode & 0o777)
        Path(name).replace(file)
    except OSError as error:
        raise ConfigError(f"{file} can't be written: {error}", hint="nothing of it was changed") from None
