"""Running Keyturn: the gateway, the wrapper around one server, the first configuration, the demonstration."""

import sys
from pathlib import Path

import click

from keyturn.catalogue import Catalogue
from keyturn.cli.clients import ClientFile, config_text, read_clients, stdio_json, wrapped_json
from keyturn.cli.plain import plain
from keyturn.config import read_config
from keyturn.errors import ConfigError, Conflict


@click.command()
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), help="Instead of the configuration's; 0 takes a free one.")
def serve(path: Path, port: int | None) -> None:
    """Run the gateway: MCP for agents, REST for people and playbooks. Listens on loopback unless told otherwise."""
    from keyturn.server import serve as run

    def setup(link: str) -> None:
        click.echo("keyturn: nobody is here yet; the first owner makes their passkey, once, at:", err=True)
        click.echo(f"         {link}", err=True)

    run(read_config(path), port, lambda url: click.echo(f"keyturn: listening on {url}"), setup)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--catalogue", default="", help="The server's name in the catalogue, if its command does not tell.")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder, instead of the user's own.")
def wrap(command: tuple[str, ...], catalogue: str, data: Path | None) -> None:
    """Put the gate in front of one stdio server, for the one client that starts this: keyturn wrap -- COMMAND…"""
    from keyturn.wrapping import wrap as run

    run(command, catalogue, data)


@click.command()
@click.option("--from", "source", type=click.Path(path_type=Path), required=True, help="A client's JSON of servers.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True)
@click.option("--url", default="http://127.0.0.1:8787", show_default=True, help="Where the gateway will listen.")
@click.option("--stdio", is_flag=True, help="For clients that only start commands (Claude Desktop): use keyturn wrap.")
def init(source: Path, output: Path, url: str, stdio: bool) -> None:
    """Write a configuration that wraps each server of an MCP client (Claude Desktop, Cursor, VS Code)."""
    clients = read_clients(source)
    text, paste = config_text(clients), stdio_json(clients) if stdio else wrapped_json(clients, url)
    try:
        with output.open("x", encoding="utf-8") as file:
            output.chmod(0o600)  # a client's file often holds secrets
            file.write(text)
    except FileExistsError:
        raise Conflict(f"{output} stands already", hint="name another with -o") from None
    except OSError as error:
        raise ConfigError(f"{output} can't be written: {error}", hint="name another with -o") from None
    read_config(output)
    click.echo(f"wrote {plain(output)}: {', '.join(clients.upstreams)}", err=True)
    _tell(clients, stdio=stdio)
    if any(upstream.env or upstream.headers for upstream in clients.upstreams.values()):
        click.echo("its env and headers came along: better name secrets as ${NAME} of the environment", err=True)
    if stdio:
        click.echo(f"paste this into {plain(source)}; each server gets a gate of its own on this machine:", err=True)
    else:
        click.echo(
            f"next: keyturn person add YOU --owner -c {plain(output)}; keyturn serve -c {plain(output)}", err=True
        )
        click.echo(f"then paste this into {plain(source)}, with the agent's token in KEYTURN_AGENT_TOKEN:", err=True)
    click.echo(paste)


def _tell(clients: ClientFile, *, stdio: bool) -> None:
    """One line for whatever is not as it was, and what the catalogue knows of each server."""
    catalogue = Catalogue.load()
    for what in clients.dropped:
        click.echo(f"  {plain(what)}", err=True)
    for name, upstream in clients.upstreams.items():
        if stdio and upstream.url:
            click.echo(f"  {name}: it has a url, which keyturn wrap is not for: it is not in what to paste", err=True)
        elif known := catalogue.recognise((upstream.command, *upstream.args)):
            click.echo(f"  {name}: the catalogue knows its tools as those of {known}", err=True)
        else:
            way = "keyturn wrap --catalogue NAME" if stdio else f'catalogue = "NAME" in [upstreams.{name}]'
            click.echo(f"  {name}: not recognised, so each tool counts as the worst case; {way} names it", err=True)


@click.command()
@click.option("--unattended", is_flag=True, help="Two scripted people turn the keys, as without a terminal.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in this new folder.")
def demo(unattended: bool, keep: Path | None) -> None:
    """Show it at work: an agent works an incident on a SIMULATED SOC; people turn the keys."""
    from keyturn.demo.run import run

    sys.exit(run(attended=not unattended and sys.stdin.isatty(), keep=keep))
