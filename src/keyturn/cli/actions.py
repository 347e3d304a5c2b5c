"""What people do with actions: look at what waits, turn a key, refuse, withdraw, confirm, take back, settle."""

import sys
from typing import Any

import click

from keyturn.cli import show as showing
from keyturn.cli.plain import plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import now
from keyturn.errors import Conflict

REASON = click.option("--reason", required=True, help="Why; it is recorded.")


@click.command()
@REMOTE
def holds(remote: Remote) -> None:
    """List what waits for keys, the one with least time first."""
    rows = list(remote.holds())
    for action in rows:
        click.echo(showing.row(action, now()))
    click.echo(f"{len(rows)} held. Look at one with: keyturn show ID" if rows else "Nothing waits for keys.")


@click.command()
@click.argument("action")
@REMOTE
def show(remote: Remote, action: str) -> None:
    """Show an action: what, to what, why, and what is missing. ID may be the beginning of one."""
    click.echo(showing.whole(remote.action(action), now()))


@click.command()
@click.argument("action")
@click.option("--yes", "digest", help="For scripts: turn without asking, if this is the action's digest.")
@REMOTE
def turn(remote: Remote, action: str, digest: str | None) -> None:
    """Turn your key on an action: you say yes to exactly its digest."""
    seen = remote.action(action)
    click.echo(showing.whole(seen, now()))
    if digest is None:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on; give the digest that you saw with --yes DIGEST")
        if not click.confirm("\nTurn your key on this?", default=False):
            click.echo("No key was turned.")
            raise click.exceptions.Exit(1)
    elif digest != seen["digest"]:
        raise Conflict("the digest is another one than the action's", hint="look at it again with: keyturn show")
    after = remote.turn(seen["id"], seen["digest"])
    _after(remote.action(seen["id"]) if after["state"] == "held" else after, "Your key is turned.")


@click.command()
@click.argument("action")
@REASON
@REMOTE
def reject(remote: Remote, action: str, reason: str) -> None:
    """Refuse a held action, for good in its case."""
    _after(remote.reject(remote.action_id(action), reason), "Refused.")


@click.command()
@click.argument("action")
@click.option("--reason", default="withdrawn at the command line", help="Why; it is recorded.")
@REMOTE
def withdraw(remote: Remote, action: str, reason: str) -> None:
    """Take a held action back before it runs."""
    _after(remote.verb(remote.action_id(action), "withdrawal", {"reason": reason}), "Withdrawn.")


@click.command()
@click.argument("action")
@REMOTE
def confirm(remote: Remote, action: str) -> None:
    """Keep what has run and would be taken back by itself."""
    _after(remote.verb(remote.action_id(action), "confirmation"), "Confirmed.")


@click.command()
@click.argument("action")
@REASON
@REMOTE
def revert(remote: Remote, action: str, reason: str) -> None:
    """Take back what has run, by its profile's inverse."""
    _after(remote.verb(remote.action_id(action), "reversal", {"reason": reason}), "Taken back, or being so.")


@click.command()
@click.argument("action")
@click.option("--outcome", required=True, type=click.Choice(["succeeded", "failed", "reverted", "retry"]))
@REASON
@REMOTE
def settle(remote: Remote, action: str, outcome: str, reason: str) -> None:
    """Say what became of an action whose outcome is unknown."""
    body = {"outcome": outcome, "reason": reason}
    _after(remote.verb(remote.action_id(action), "settlement", body), "Settled.")


def _after(action: dict[str, Any], what: str) -> None:
    click.echo(f"{what} {plain(action['tool'])} ({plain(action['id'])}) is {plain(action['state'])}.")
    if action["state"] == "held":
        for line in showing.whole(action, now()).splitlines():
            if line.startswith(("  missing", "  time")):
                click.echo(line)
