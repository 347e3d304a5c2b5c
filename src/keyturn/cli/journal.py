"""``keyturn journal``: publish the log, verify it from files alone, read a case, prove an entry."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from keyturn.cli.plain import plain, plain_json
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import clock
from keyturn.config import read_config
from keyturn.errors import ConfigError, NotFound
from keyturn.journal import LogDirectory, Verifier, check_excerpt, verify_directory
from keyturn.publication import VERIFIER, publish_journal

if TYPE_CHECKING:
    from keyturn.passkeys import KeyCheck, KeyReport

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def journal() -> None:
    """The record: publish it, verify it, read it."""


@journal.command()
@click.argument("directory", type=FOLDER)
@click.option("--key", help="The log's public key, or a file that holds it; have it from its owner.")
@click.option("--keys", "keys", is_flag=True, help="Also every key that people turned: its signature, offline.")
@click.option("--origin", "origins", multiple=True, help="The page at which keys may be signed; more than once.")
def verify(directory: Path, key: str | None, keys: bool, origins: tuple[str, ...]) -> None:
    """Verify a published log from its files alone, offline. Ends with 1 if anything does not fit."""
    check = _key_check(origins) if keys or origins else None
    report = verify_directory(directory, _verifier(directory, key), on_entry=check)
    for problem in report.problems:
        click.echo(f"REFUSED  {plain(problem)}")
    if not report.ok:
        click.echo(
            f"This is not the log that its checkpoint promises ({report.entries} of {report.size} entries read)."
        )
        raise click.exceptions.Exit(1)
    click.echo(f"verified: {report.size} entries of {plain(report.origin)}")
    click.echo(f"root:     {report.root.hex()}")
    click.echo(f"payloads: {report.payloads_present} present and true, {report.payloads_erased} not in this folder")
    if report.uncovered:
        click.echo(f"{report.uncovered} files are not covered by the checkpoint; nothing is said of those")
    if check is not None:
        _tell_keys(check.report(), origins)
    if key is None:
        click.echo("The key came out of the same folder: have it from the log's owner, and give it with --key.")


def _key_check(origins: tuple[str, ...]) -> "KeyCheck":
    from keyturn.passkeys import KeyCheck  # WebAuthn is not loaded for every command

    return KeyCheck(origins)


def _tell_keys(found: "KeyReport", origins: tuple[str, ...]) -> None:
    for problem in found.problems:
        click.echo(f"REFUSED  {plain(problem)}")
    if not found.ok:
        click.echo("The log is whole, and keys in it are not what they say.")
        raise click.exceptions.Exit(1)
    click.echo(f"keys:     {found.signed} signed with passkeys, each verified; {found.tokens} under tokens alone")
    if found.origins and not origins:
        click.echo(f"signed at {plain(', '.join(found.origins))}: if that is your page, demand it with --origin")


@journal.command()
@click.argument("directory", type=FOLDER)
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True)
@click.option("--payloads", is_flag=True, help="Also arguments, rationales and results, which may be personal.")
def publish(directory: Path, path: Path, payloads: bool) -> None:
    """Write the log into DIRECTORY as files that anybody can verify; again to bring it up to date."""
    checkpoint = publish_journal(read_config(path), directory, payloads=payloads)
    click.echo(f"published {checkpoint.size} entries of {checkpoint.origin} to {plain(directory)}")
    click.echo(f"verify with: keyturn journal verify {plain(directory)} --key {plain(directory / VERIFIER)}")


@journal.command()
@click.option("--case", "case", required=True, help="The case whose story to tell.")
@REMOTE
def show(remote: Remote, case: str) -> None:
    """Tell a case's story: every entry of it, in order."""
    entry: dict[str, object] = {}
    for entry in remote.case_entries(case):
        click.echo(line_of(entry))
    if not entry:
        raise NotFound(f"there is no case {case!r}", hint="cases are the same only if every character is")


@journal.command()
@click.argument("seq", type=click.IntRange(0))
@REMOTE
def proof(remote: Remote, seq: int) -> None:
    """Print an entry's inclusion proof against the log's present size, as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(remote.proof(seq))).decode())


@journal.command("accept-clock")
@click.option("--reason", required=True, help="Why; it is recorded.")
@REMOTE
def accept_clock(remote: Remote, reason: str) -> None:
    """Say (an owner) that this clock is right though the newest entry is ahead of it: time runs on from that entry."""
    behind = remote.post("/v1/journal/clock", {"reason": reason})["behind_ms"]
    click.echo(f"Accepted. The gate's time runs {behind / 1000:.0f} s ahead of this clock from now on.")


@journal.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", help="The log's public key, or a file that holds it; have it from its owner.")
def check(file: Path, key: str | None) -> None:
    """Check a case's report or its JSON, offline: every entry stands in the log. Ends with 1 if anything is wrong."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{plain(file)} can't be read: {error.strerror}") from None
    from keyturn.report import excerpt_in, same_words  # Jinja is not loaded for every command

    excerpt = excerpt_in(raw)
    report = check_excerpt(excerpt, Verifier.parse(excerpt.verifier) if key is None else _key(key))
    problems = [plain(problem) for problem in report.problems]
    words = same_words(raw, excerpt) if not problems else None
    if words is False:
        problems.append("the report does not say what its entries say: its words were changed")
    for problem in problems:
        click.echo(f"REFUSED  {problem}")
    if problems:
        raise click.exceptions.Exit(1)
    where = ", ".join(f"{plain(name)} {plain(value)}" for name, value in excerpt.where.items())
    click.echo(f"verified: {len(excerpt.entries)} entries of {where}, in the log {plain(report.checkpoint.origin)}")
    click.echo(f"log:      {report.checkpoint.size} entries, root {report.checkpoint.root.hex()}")
    click.echo(f"payloads: {report.payloads} present and true, {report.payloads_absent} not in this file")
    click.echo(_WORDS[words])
    click.echo("Not proven: that no entry was left out. For that, verify the whole log.")
    if key is None:
        click.echo("The key came out of the same file: have it from the log's owner, and give it with --key.")


_WORDS = {
    True: "words:    the report says what its entries say",
    None: "words:    not compared: another Keyturn wrote the report, or the file is the excerpt alone",
}


def line_of(entry: dict[str, object]) -> str:
    """One entry as a line of a timeline: time, number, kind, and what else it says."""
    at = entry.get("at")
    when = clock(at) if isinstance(at, int) else "?"
    head = {"seq", "at", "kind", "payloads", "case"}
    rest = "  ".join(f"{plain(k)}={_short(v)}" for k, v in entry.items() if k not in head)
    return f"{when}  {plain(entry.get('seq')):>5}  {plain(entry.get('kind')):<12} {rest}"


def _short(value: object) -> str:
    return plain(value, 200) if isinstance(value, str) else plain_json(value, 400)


def _key(key: str) -> Verifier:
    """The key itself, or the one in a file of that name."""
    if "+" in key and not Path(key).exists():
        return Verifier.parse(key)
    try:
        return Verifier.parse(Path(key).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the key {key} can't be read: {error}", hint="give the public key or its file") from None


def _verifier(directory: Path, key: str | None) -> Verifier:
    if key is not None:
        return _key(key)
    found = LogDirectory(directory).read(VERIFIER, 10_000)
    if found is None:
        raise ConfigError(f"{directory} holds no public key", hint="give it with --key")
    return Verifier.parse(found.decode("utf-8", "replace"))
