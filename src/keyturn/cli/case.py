"""``keyturn case``: which cases there are, and one of them as a file for an outsider."""

from pathlib import Path

import click

from keyturn.cli.plain import plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import clock
from keyturn.errors import ConfigError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def case() -> None:
    """Cases: list them, and export one with its proofs."""


@case.command("list")
@REMOTE
def listed(remote: Remote) -> None:
    """List the cases, the one with the newest entry first."""
    rows = list(remote.cases())
    for row in rows:
        held = f", {row['open_holds']} held" if row["open_holds"] else ""
        click.echo(f"{clock(row['last_at'])}  {plain(row['case'], 200)}  since {clock(row['began_at'])}{held}")
    if not rows:
        click.echo("There are no cases.")


@case.command()
@click.argument("name", metavar="CASE")
@click.option("--html", "page", type=FILE, help="Write the report, for people; the data is in it, too.")
@click.option("--json", "data", type=FILE, help="Write the excerpt of the journal, for programs.")
@click.option("--no-payloads", is_flag=True, help="Leave out arguments, rationales and results, which may be personal.")
@REMOTE
def export(remote: Remote, name: str, page: Path | None, data: Path | None, no_payloads: bool) -> None:
    """Write a CASE with a proof for every entry; anybody can check the file offline. The export is recorded."""
    if page is None and data is None:
        raise click.UsageError("where to? give --html FILE, --json FILE, or both")
    excerpt = remote.export(name, payloads=not no_payloads)
    if page is not None:
        from keyturn.report import render  # Jinja is not loaded for every command

        _write(page, render(excerpt).encode(), len(excerpt.entries))
    if data is not None:
        _write(data, excerpt.encode(), len(excerpt.entries))


def _write(path: Path, content: bytes, entries: int) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{plain(path)} can't be written: {error.strerror}") from None
    click.echo(f"wrote {entries} entries to {plain(path)}")
    click.echo(f"check with: keyturn journal check {plain(path)} --key KEY")
