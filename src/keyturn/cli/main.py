"""``keyturn``: the command line. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings."""

import errno
import sys
from typing import Any

import click

from keyturn.cli import actions, care, grants
from keyturn.cli.case import case
from keyturn.cli.catalogue import catalogue
from keyturn.cli.journal import journal
from keyturn.cli.notify import notify
from keyturn.cli.plain import plain
from keyturn.cli.policy import policy
from keyturn.cli.run import demo, init, serve, wrap
from keyturn.cli.tools import tools
from keyturn.errors import ConfigError, KeyturnError, PolicyError, ProfileError

SETTINGS = (ConfigError, PolicyError, ProfileError)


class Checked(click.Group):
    """A group that tells our own errors as what they are: what happened, and what would do."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours ends the process with its message and code."""
        try:
            return super().invoke(ctx)
        except KeyturnError as error:
            click.echo(f"keyturn: {plain(error.message)}", err=True)
            if error.hint:
                click.echo(f"         {plain(error.hint)}", err=True)
            raise click.exceptions.Exit(2 if isinstance(error, SETTINGS) else 1) from None


@click.group(cls=Checked)
@click.version_option(package_name="keyturn")
def cli() -> None:
    """Keyturn: AI agents analyse freely; what they can't take back waits until people turn their keys."""


for command in (
    serve,
    wrap,
    init,
    demo,
    actions.holds,
    actions.unknowns,
    actions.unconfirmed,
    actions.review,
    actions.show,
    actions.turn,
    actions.reject,
    actions.withdraw,
    actions.confirm,
    actions.revert,
    actions.settle,
    grants.stop,
    grants.resume,
    grants.mandate,
    grants.agent,
    grants.person,
    tools,
    care.deputy,
    care.health,
    care.drill,
    policy,
    journal,
    notify,
    case,
    catalogue,
):
    cli.add_command(command)


def main() -> None:
    """The entry point of the ``keyturn`` command."""
    try:
        cli(prog_name="keyturn")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        click.echo(f"keyturn: nothing more can be written: {error.strerror}", err=True)
        sys.exit(1)
