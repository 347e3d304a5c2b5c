"""``python -m keyturn.range --state PATH [--seed-only] [--actor NAME]``: the simulated SOC over stdio."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import click
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from keyturn.errors import ConfigError
from keyturn.range.server import build, wall_clock
from keyturn.range.state import open_state


@click.command()
@click.option(
    "--state",
    "path",
    type=click.Path(path_type=Path),
    envvar="KEYTURN_RANGE_STATE",
    required=True,
    help="The SQLite file of the state (or KEYTURN_RANGE_STATE).",
)
@click.option("--seed-only", is_flag=True, help="Create and seed the state when it is missing, then end.")
@click.option("--actor", default="svc-soc-automation", show_default=True, help="Whom the systems record as caller.")
def main(path: Path, seed_only: bool, actor: str) -> None:
    """Serve a SIMULATED security operations centre over stdio; nothing in it is real."""
    try:
        db = open_state(path)
    except ConfigError as error:
        click.echo(f"keyturn.range: {error}", err=True)
        sys.exit(2)
    with closing(db):
        if not seed_only:
            server = build(db, actor=actor, now=wall_clock)
            anyio.run(_serve, server)


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


if __name__ == "__main__":
    main()
