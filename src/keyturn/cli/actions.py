"""What people do with actions: look at what waits, turn a key, refuse, withdraw, confirm, take back, settle, review."""

import sys
from typing import Any

import click

from keyturn.cli import show as showing
from keyturn.cli.plain import plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import clock, now
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
    for one in remote.listed("stops"):
        what = f"{plain(one['scope'])} {plain(one['subject'])}".rstrip()
        click.echo(
            f"STOPPED: {what}, by {plain(one['by'])} at {clock(one['at'])}: {plain(one['reason'], 300)} "
            f"(keyturn resume {plain(one['id'])})"
        )
    for which in ("unknowns", "unconfirmed"):
        if count := len(remote.in_need(which)):
            click.echo(f"{count} {which.removesuffix('s')}. List them with: keyturn {which}")


@click.command()
@REMOTE
def unknowns(remote: Remote) -> None:
    """List what was sent and whose outcome nobody knows, for a person to settle."""
    rows = remote.in_need("unknowns")
    for action in rows:
        click.echo(showing.row(action, now()))
        click.echo(
            f"    sent, outcome unknown since {clock(action['changed_at'])}: {plain(action['ended_because'], 300)}"
        )
    _what_next(rows, "unknown", "Find out what happened there, then: keyturn settle ID --outcome … --reason …")


@click.command()
@REMOTE
def unconfirmed(remote: Remote) -> None:
    """List what has run and is taken back by itself unless a person confirms it in time."""
    rows = remote.in_need("unconfirmed")
    for action in rows:
        click.echo(showing.row(action, now()))
    _what_next(rows, "unconfirmed", "Each is taken back when its time is over. Keep one with: keyturn confirm ID")


@click.command()
@click.argument("action", required=False)
@click.option("--note", help="What you found; it is recorded, and the action leaves the list.")
@REMOTE
def review(remote: Remote, action: str | None, note: str | None) -> None:
    """List what one person released alone and nobody has looked at since; with ACTION, look at it."""
    if action is None:
        if note is not None:
            raise click.UsageError("a note is about one action: keyturn review ID --note …")
        rows = remote.in_need("reviews")
        for each in rows:
            click.echo(showing.row(each, now()))
            click.echo(f"    {plain(each['state'])}; {showing.released(each)}")
        _what_next(rows, "to review", "Look at one with: keyturn review ID")
    elif note is None:
        seen = remote.action(action)
        click.echo(showing.whole(seen, now()))
        if seen["review_due"]:
            click.echo(f"\nWhen you have looked at it: keyturn review {plain(seen['id'])} --note …")
    else:
        _after(remote.verb(remote.action_id(action), "review", {"note": note}), "Your look is recorded.")


def _what_next(rows: list[dict[str, Any]], which: str, hint: str) -> None:
    click.echo(f"{len(rows)} {which}. {hint}" if rows else f"Nothing is {which}.")


@click.command()
@click.argument("action")
@click.option("--all", "everything", is_flag=True, help="All of the arguments, however long they are.")
@REMOTE
def show(remote: Remote, action: str, everything: bool) -> None:
    """Show an action: what, to what, why, and what is missing. ID may be the beginning of one."""
    click.echo(showing.whole(remote.action(action), now(), everything=everything))


@click.command()
@click.argument("action")
@click.option("--yes", "digest", help="For scripts: turn without asking, if this is the action's digest.")
@REMOTE
def turn(remote: Remote, action: str, digest: str | None) -> None:
    """Turn your key on an action: you say yes to exactly its digest."""
    seen = remote.action(action)
    click.echo(showing.whole(seen, now(), everything=True))
    if digest is None:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on; give the digest that you saw with --yes DIGEST")
        remote.verb(seen["id"], "opening")
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
