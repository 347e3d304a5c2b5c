"""Who may do what: people, agents, mandates and stops."""

import os
from pathlib import Path
from typing import Any

import click

from keyturn.cli.plain import plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import clock, left, now
from keyturn.errors import Conflict
from keyturn.gate import GateSettings

REASON = click.option("--reason", required=True, help="Why; it is recorded.")
LONG_LIVED_DAYS = GateSettings().token_long_lived_s // 86_400
_SAVE = "A new file for the token, instead of printing it."
ROLES = ("analyst", "lead", "owner", "auditor")


SAVE = click.option("--save", type=click.Path(path_type=Path), callback=lambda _, __, path: _is_free(path), help=_SAVE)


def _is_free(path: Path | None) -> Path | None:
    if path is not None and path.exists():
        raise Conflict(f"{path} stands already", hint="name another file, or remove it")
    return path


def _told(what: str, token: str, save: Path | None) -> None:
    """Tell a new token, once: in a file that only its owner can read, or alone on standard output."""
    if save is not None:
        try:
            with os.fdopen(os.open(save, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(token + "\n")
        except OSError as error:
            click.echo(f"{plain(save)} can't be written: {error}", err=True)
        else:
            click.echo(f"{what} Its token is in {plain(save)}.", err=True)
            return
    click.echo(f"{what} Its token is shown once; keep it where others can't read it:", err=True)
    click.echo(token)


@click.group()
def person() -> None:
    """People: who may look, turn keys, and grant."""


@person.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given more than once.")
@click.option("--alias", "aliases", multiple=True, help="Another name of the same human.")
@click.option("--owner", is_flag=True, help="An owner. While there is no person, -c makes the first without a token.")
@SAVE
@REMOTE
def add_person(
    remote: Remote, name: str, roles: tuple[str, ...], aliases: tuple[str, ...], owner: bool, save: Path | None
) -> None:
    """Add a person and print their token, once."""
    wanted = tuple(dict.fromkeys((*roles, *(("owner",) if owner else ()))))
    if not wanted:
        raise click.UsageError("say what the person may do: --role analyst, lead, auditor, or --owner")
    made = remote.add_person(name, wanted, aliases)
    _told(f"{plain(made['id'])} is added: {', '.join(wanted)}.", made["token"], save)


@person.command("invite")
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="For somebody new; more than once.")
@REMOTE
def invite_person(remote: Remote, name: str, roles: tuple[str, ...]) -> None:
    """Print a link with which NAME enrols a passkey on the page: once, within a day."""
    made = remote.invite(name, roles)
    click.echo(
        f"For {plain(made['person'])} alone, until {clock(made['expires_at'])}; whoever follows it is them:", err=True
    )
    click.echo(plain(made["link"]))


@person.command("list")
@REMOTE
def list_people(remote: Remote) -> None:
    """List the people."""
    for one in remote.listed("people"):
        aliases = f", also {', '.join(map(plain, one['aliases']))}" if one.get("aliases") else ""
        click.echo(f"{plain(one['id'])}  {', '.join(one['roles'])}{aliases}{_ended(one)}")


@person.command("revoke")
@click.argument("name")
@REASON
@REMOTE
def revoke_person(remote: Remote, name: str, reason: str) -> None:
    """Revoke a person: their token and their keys count no more."""
    remote.revoke("people", name, reason)
    click.echo(f"{plain(name)} is revoked.")


@click.group()
def agent() -> None:
    """Agents: non-human identities, each with one purpose and one owner."""


@agent.command("add")
@click.argument("name")
@click.option("--owner", required=True, help="The person who answers for it.")
@click.option("--purpose", required=True, help="What it is for, in a line.")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How long its token lives.")
@SAVE
@REMOTE
def add_agent(remote: Remote, name: str, owner: str, purpose: str, days: int, save: Path | None) -> None:
    """Add an agent and print its token, once."""
    _warn_of_long_life(days)
    _told(f"The agent {plain(name)} is added.", remote.add_agent(name, owner, purpose, days)["token"], save)


@agent.command("list")
@REMOTE
def list_agents(remote: Remote) -> None:
    """List the agents."""
    for one in remote.listed("agents"):
        ends = one.get("token_expires_at")
        life = f"token {left(ends, now())}" if ends else "token never ends"
        click.echo(f"{plain(one['id'])}  owner {plain(one['owner'])}  {life}  {plain(one['purpose'])}{_ended(one)}")


@agent.command("revoke")
@click.argument("name")
@REASON
@REMOTE
def revoke_agent(remote: Remote, name: str, reason: str) -> None:
    """Revoke an agent: nothing of it runs any more."""
    remote.revoke("agents", name, reason)
    click.echo(f"{plain(name)} is revoked.")


@agent.command("token")
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How long it lives.")
@SAVE
@REMOTE
def agent_token(remote: Remote, name: str, days: int, save: Path | None) -> None:
    """Give an agent a new token, and print it once; the old one ends."""
    _warn_of_long_life(days)
    _told(f"The agent {plain(name)} has a new token.", remote.new_token(name, days)["token"], save)


@click.group()
def mandate() -> None:
    """Mandates: one agent, one case, named tools and targets, budgets, an end."""


@mandate.command("issue")
@click.argument("agent_name", metavar="AGENT")
@click.option("--case", "case", required=True)
@click.option("--purpose", required=True, help="What the task is, in a line.")
@click.option("--tool", "tools", multiple=True, required=True, help="upstream/tool, with * and ?; more than once.")
@click.option("--target", "targets", multiple=True, help="kind:id, with * and ?; more than once.")
@click.option("--object", "objects", multiple=True, help="A sensitive kind:id or upstream/tool, exactly.")
@click.option("--hours", type=click.FloatRange(0.01, 720), default=8.0, show_default=True)
@click.option("--responds", type=click.IntRange(0), help="At most so many changes.")
@click.option("--actions", type=click.IntRange(0), help="At most so many calls.")
@click.option("--max-targets", type=click.IntRange(0), help="At most so many targets changed.")
@REMOTE
def issue_mandate(remote: Remote, agent_name: str, **draft: Any) -> None:
    """Issue a mandate to AGENT."""
    names = {"responds": "responds", "actions": "actions", "max_targets": "targets"}
    budgets = {ours: value for theirs, ours in names.items() if (value := draft.pop(theirs)) is not None}
    lifetime = round(draft.pop("hours") * 3600)
    made = remote.issue_mandate({"agent": agent_name, "budgets": budgets, "lifetime_s": lifetime, **draft})
    click.echo(f"{plain(made['id'])}  until {clock(made['expires_at'])}")


@mandate.command("list")
@REMOTE
def list_mandates(remote: Remote) -> None:
    """List the mandates that are in force."""
    for one in remote.listed("mandates"):
        click.echo(f"{plain(one['id'])}  {plain(one['agent'])}  {plain(one['case'])}  {left(one['expires_at'], now())}")
        click.echo(f"    {plain(one['purpose'])}; tools {plain(', '.join(one['tools']))}")
        click.echo(
            f"    targets {plain(', '.join(one['targets']) or 'none')}; by {plain(one['issued_by'])}{_ended(one)}"
        )


@mandate.command("revoke")
@click.argument("mandate_id", metavar="ID")
@REASON
@REMOTE
def revoke_mandate(remote: Remote, mandate_id: str, reason: str) -> None:
    """Revoke a mandate: nothing runs under it any more."""
    remote.revoke("mandates", mandate_id, reason)
    click.echo(f"{plain(mandate_id)} is revoked.")


@click.command()
@click.argument("scope", type=click.Choice(["everything", "agent", "tool", "mandate"]))
@click.argument("subject", default="")
@REASON
@REMOTE
def stop(remote: Remote, scope: str, subject: str, reason: str) -> None:
    """Stop everything, one agent, one tool (upstream/name) or one mandate, from the next call on."""
    if (scope == "everything") == bool(subject):
        raise click.UsageError("name the agent, tool or mandate; everything needs no name")
    made = remote.stop(scope, subject, reason)
    click.echo(f"STOPPED {plain(scope)} {plain(subject)}. Resume with: keyturn resume {plain(made['id'])} --reason …")


@click.command()
@click.argument("stop_id", metavar="STOP")
@REASON
@REMOTE
def resume(remote: Remote, stop_id: str, reason: str) -> None:
    """Lift a stop."""
    remote.resume(stop_id, reason)
    click.echo(f"{plain(stop_id)} is lifted.")


def _warn_of_long_life(days: int) -> None:
    if days > LONG_LIVED_DAYS:
        click.echo(
            f"A token of over {LONG_LIVED_DAYS} days counts as long-lived: each change that the agent asks for "
            "is denied (guardrail 5; the setting gate.token_long_lived_s).",
            err=True,
        )


def _ended(one: dict[str, Any]) -> str:
    return f"  REVOKED {clock(one['revoked_at'])}" if one.get("revoked_at") else ""
