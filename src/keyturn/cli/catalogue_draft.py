"""``keyturn catalogue draft``: a first file for a server that nobody profiled, from what it says of its own tools."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyturn.catalogue import read_vendor
from keyturn.cli.catalogue_source import COMMAND, Source, source_of
from keyturn.cli.plain import plain
from keyturn.core.profile import GUARDED, WORST, Stage
from keyturn.core.suspicion import Neighbours, flags
from keyturn.errors import ConfigError, Conflict
from keyturn.gate.ports import Definition

if TYPE_CHECKING:
    from keyturn.catalogue.lexicon import Draft


@click.command()
@click.argument("server", nargs=-1, metavar="[SERVER | -- COMMAND…]")
@COMMAND
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: <server>.catalogue.yaml.")
@click.option("--all", "everything", is_flag=True, help="Also the tools that the catalogue profiles already.")
@click.option("--force", is_flag=True, help="Write over a file that stands already.")
def draft(
    server: tuple[str, ...], command: str, path: Path, output: Path | None, everything: bool, force: bool
) -> None:
    """Draft a catalogue file for SERVER, an upstream of the configuration, from the tools that it lists.

    A server that is not configured yet is started by --command "npx …", or by the words behind --. A draft is a guess
    on the grave side: what no word explains is the worst case, and nothing that a description claims makes it milder.
    """
    source = source_of(server, command, path)
    output = output or Path(f"{source.name}.catalogue.yaml")
    if output.exists() and not force:
        raise Conflict(f"{output} stands already", hint="name another with -o, or write over it with --force")
    tools = [
        each for each in source.listed() if everything or not source.catalogue.knows(source.server, each.tool.name)
    ]
    if not tools:
        click.echo(f"each tool of {plain(source.name)} is profiled already; --all drafts them anew", err=True)
        return
    text = file_text(source, tools, time.strftime("%Y-%m-%d", time.gmtime()))
    read_vendor(text, str(output))
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} can't be written: {error}", hint="name another with -o") from None
    _tell(source, output, tools)


def file_text(source: Source, tools: list[Definition], day: str) -> str:
    """The file's text, for the tools as they were listed on a day."""
    from keyturn.catalogue.draft_file import Drafted, new_file

    rows = (Drafted(each.tool.name, each.description, _of(each)) for each in tools)
    return new_file(source.name, source.server, f"its own list of {len(tools)} tools, {day}", day, rows)


def _of(definition: Definition) -> "Draft":
    from keyturn.catalogue.lexicon import draft as drafted

    return drafted(definition.tool.name, definition.description, definition.input_schema, definition.annotations)


def _tell(source: Source, output: Path, tools: list[Definition]) -> None:
    profiles = [_of(each).profile for each in tools]
    reads = [p for p in profiles if p.stage is Stage.ANALYSE]
    plain_reads = sum(not p.touches & GUARDED for p in reads)
    worst = sum((p.stage, p.reversible, p.touches) == (WORST.stage, WORST.reversible, WORST.touches) for p in profiles)
    click.echo(f"wrote {plain(output)}: {len(tools)} tools of {plain(source.server)}", err=True)
    click.echo(
        f"  {plain_reads} plain reads, {len(reads) - plain_reads} reads of what is sensitive or unexplained, "
        f"{len(tools) - len(reads)} changes, {worst} of them the worst case",
        err=True,
    )
    around = Neighbours([each.tool for each in tools])
    for each in tools:
        for flag in flags(each.tool, each.raw, around):
            click.echo(f"  LOOK OUT  {plain(each.tool.name)}: {plain(flag.why, 300)}", err=True)
    click.echo(f"review it: keyturn catalogue review {plain(output)} --person YOU", err=True)
    click.echo("then name it in the configuration:", err=True)
    click.echo(f'  catalogue = ["{plain(output)}"]   # at the top, above every [section]', err=True)
    if not source.recognised:
        click.echo(f'  catalogue = "{plain(source.server)}"   # in [upstreams.{plain(source.name)}]', err=True)
