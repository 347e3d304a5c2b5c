"""``keyturn notify``: where people hear of what waits, and whether a message arrives there."""

from pathlib import Path

import click

from keyturn.cli.plain import plain
from keyturn.config import read_config

CONFIG = click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True
)


@click.group()
def notify() -> None:
    """Where people hear of what waits: the configured targets, and a test of each."""


@notify.command("list")
@CONFIG
def list_targets(path: Path) -> None:
    """List the targets: what is told there, and how many notices wait, were sent, and were given up."""
    from keyturn.notifying import listed

    found = listed(read_config(path))
    for one in found:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(one.tally.items())) or "nothing yet"
        events, roles = ", ".join(one.events) or "every event", ", ".join(one.roles) or "every role"
        click.echo(f"{plain(one.name):<20} {one.kind:<8} {plain(one.where, 80)}  {events}; {roles}  ({counts})")
    if not found:
        click.echo("nobody hears of anything: add a [[notify]] to the configuration")


@notify.command("test")
@click.argument("name")
@CONFIG
def test_target(name: str, path: Path) -> None:
    """Send one message to the target NAME now, and say whether it was taken."""
    from keyturn.house import WallClock
    from keyturn.notifying import send_test

    send_test(read_config(path), name, WallClock())
    click.echo(f"{plain(name)} took the message.")
