"""``keyturn catalogue review``: a person goes through a file's drafts, and accepts what they looked at."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyturn.cli.catalogue_source import COMMAND, source_for
from keyturn.cli.plain import plain

if TYPE_CHECKING:
    from keyturn.catalogue.review_file import Standing


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--person", default="", help="Who looks: the name that stands in the file behind each accepted tool.")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True)
@click.option("--upstream", default="", help="Which upstream, if several are servers of FILE.")
@COMMAND
@click.option("--list", "listing", is_flag=True, help="Say only what is reviewed and what waits.")
@click.option(
    "--accept", "names", multiple=True, metavar="TOOL", help="Accept this tool as FILE has it, without asking."
)
@click.option("--why", default="", help="With --accept: what it does, and what does not come back.")
def review(
    file: Path, person: str, path: Path, upstream: str, command: str, listing: bool, names: tuple[str, ...], why: str
) -> None:
    """Go through the drafts of FILE, a catalogue file of one's own, and accept what was looked at.

    Each accepted tool becomes reviewed, with the person, the time and the fingerprint of the definition that its server
    lists now: should that change, the tool is quarantined. The file is saved after each.
    """
    from keyturn.catalogue import read_vendor
    from keyturn.catalogue.review_file import tools_of
    from keyturn.cli.catalogue_session import Session, read_text

    standing = tools_of(read_text(file), str(file))
    if listing:
        _listed(standing)
        return
    if not person.strip():
        raise click.UsageError("say who looks: --person NAME")
    if not names and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: give --list, or --accept TOOL")
    source = source_for(read_vendor(read_text(file), str(file)).servers, upstream, command, path)
    session = Session(file, person, source)
    if names:
        for name in names:
            session.accept(name, why)
    else:
        session.walk([tool.name for tool in standing if tool.waits], _asked)


def _asked(question: str) -> str:
    return str(click.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True))


def _listed(standing: "list[Standing]") -> None:
    for tool in standing:
        by = tool.profile.reviewed
        who = f"reviewed by {plain(by.by)} at {by.at}" if by else "reviewed" if not tool.waits else "waits for a person"
        click.echo(f"{plain(tool.name)}: {tool.profile.stage.value}, {tool.profile.reversible.value}; {who}")
    click.echo(f"{sum(tool.waits for tool in standing)} of {len(standing)} wait for a person")
