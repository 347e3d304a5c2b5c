"""``keyturn tools``: what each tool behind the gate is profiled as, what changed in one, and trusting it again."""

import sys
from pathlib import Path
from typing import Any

import click

from keyturn.cli.plain import QUARANTINED, plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import clock
from keyturn.config import read_config

SHOWN = 600
BEFORE = 40
"""Characters that stand before a change to show where it is."""


@click.group()
def tools() -> None:
    """Tools behind the gate: what they are profiled as, and which wait for a person's look."""


@tools.command("list")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), default="keyturn.toml", show_default=True)
def list_tools(path: Path) -> None:
    """Ask every configured server for its tools, and say what each is profiled as."""
    from keyturn.inspection import profiled

    rows, silent = profiled(read_config(path))
    for row in rows:
        touches = f"  touches {', '.join(row.touches)}" if row.touches else ""
        click.echo(f"{plain(row.tool):<48} {row.stage:<8} {row.reversible:<16} {row.basis}{touches}")
        if row.quarantined:
            click.echo("    QUARANTINED")
        for why in row.flags:
            click.echo(f"    LOOK: {plain(why)}")
    if any(row.quarantined for row in rows):
        click.echo(QUARANTINED)
    for name in silent:
        click.echo(f"{plain(name)} does not answer, or lists no tool that can be used", err=True)
    if silent:
        raise click.exceptions.Exit(1)


@tools.command("show")
@click.argument("tool")
@REMOTE
def show_tool(remote: Remote, tool: str) -> None:
    """Show TOOL (UPSTREAM/NAME): its profile, since when it is trusted, and what changed in its definition."""
    _show(remote.tool(tool))


@tools.command("accept")
@click.argument("names", metavar="TOOL...", nargs=-1)
@click.option("--upstream", help="All that wait of this upstream.")
@click.option("--yes", is_flag=True, help="Do not ask: they were looked at already.")
@REMOTE
def accept_tools(remote: Remote, names: tuple[str, ...], upstream: str | None, yes: bool) -> None:
    """Accept the new definition of each TOOL (UPSTREAM/NAME), shown first; a lead or an owner does.

    What is accepted is what was shown: a definition that changes meanwhile is refused.
    """
    if bool(names) == bool(upstream):
        raise click.UsageError("name the tools, or their upstream with --upstream")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: look with keyturn tools show TOOL, then give --yes")
    wanted = names or tuple(remote.quarantined(upstream or ""))
    if not wanted:
        click.echo(f"no tool of {plain(upstream)} waits for a look")
    for number, name in enumerate(wanted, 1):
        if len(wanted) > 1:
            click.echo(f"\n[{number} of {len(wanted)}]")
        seen = remote.tool(name)
        _show(seen)
        if yes or click.confirm(f"Trust {plain(seen['tool'])} as it is now?", default=False):
            remote.accept_tool(name, seen["fingerprint"])
            click.echo(f"{plain(seen['tool'])} is accepted as its server defines it now.")
        else:
            click.echo(f"{plain(seen['tool'])} stays as it was.")


def _show(tool: dict[str, Any]) -> None:
    profile, trusted = tool["profile"], tool["trusted"]
    click.echo(f"{plain(tool['tool'])}" + ("  QUARANTINED: nothing calls it" if tool["quarantined"] else ""))
    click.echo(f"  says     {plain(tool['description'], SHOWN) or 'nothing'}")
    touches = ", ".join(profile["touches"]) or "nothing sensitive"
    click.echo(f"  profile  {profile['stage']}, {profile['reversible']}, touches {touches} ({profile['basis']})")
    if profile["withholds"]:
        click.echo(f"  withheld {plain(', '.join(profile['withholds']))}: no agent sees these of the answer")
    if profile["why"]:
        click.echo(f"  why      {plain(profile['why'])}")
    since = f"since {clock(trusted['at'])} ({plain(trusted['by'])})" if trusted else "from its first call on"
    click.echo(f"  trusted  {'until it changed; ' if tool['quarantined'] else ''}{since}")
    for flag in tool["flags"]:
        click.echo(f"  LOOK OUT {plain(flag)}")
    if tool["relaunched"]:
        click.echo("  CHANGED  how its server is launched: its command, arguments, folder, environment, or files")
    if tool["quarantined"]:
        _show_changes(tool)
    click.echo(f"  is now   {plain(tool['fingerprint'])}")


def _show_changes(tool: dict[str, Any]) -> None:
    if tool["altered"] is None:
        click.echo("  CHANGED  the definition that people trusted is not kept: read the present one with care")
        return
    for change in tool["altered"]:
        path, was, now = plain(change["path"], SHOWN), change["before"], change["after"]
        if was is None:
            click.echo(f"  NEW      {path}: {plain(now, SHOWN)}")
        elif now is None:
            click.echo(f"  GONE     {path}: {plain(was, SHOWN)}")
        else:
            same = max(0, change["same_start"] - BEFORE)
            click.echo(f"  CHANGED  {path}\n      was  {_behind(was, same)}\n      is   {_behind(now, same)}")
    if tool["left_out"]:
        click.echo(f"  and {tool['left_out']} more changes that are not shown: see its page in the console")


def _behind(text: str, same: int) -> str:
    """The text behind its first ``same`` characters, which are counted: a change may hide behind pages of the old."""
    return (f"[{same} characters as before] … " if same else "") + plain(text[same:], SHOWN)
