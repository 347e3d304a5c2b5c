"""``keyturn policy``: what is wrong with a policy before it decides anything, and why it decided so."""

from pathlib import Path
from typing import Any

import click

from keyturn.cli.plain import plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.config import read_config
from keyturn.core.policy_check import check as check_policy
from keyturn.packs import PACKS, load_pack
from keyturn.policy_files import read_sources


@click.group()
def policy() -> None:
    """The rules: check them, and ask why they decided so."""


@policy.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="Check what this configuration loads.")
@click.option("--pack", type=click.Choice(PACKS), default="standard", show_default=True, help="Without -c.")
def check(files: tuple[Path, ...], path: Path | None, pack: str) -> None:
    """Check FILES (or those of the configuration) together with the pack and the guardrails.

    Ends with 1 if the gateway would refuse them.
    """
    if path is not None:
        settings = read_config(path).policy
        pack, files = settings.pack, (*(Path(file) for file in settings.files), *files)
    shipped = load_pack(pack)
    problems = check_policy(shipped.schema, shipped.guardrails, shipped.sources | read_sources(files))
    for problem in problems:
        click.echo(plain(problem))
    errors = sum(problem.severity == "error" for problem in problems)
    names = ", ".join(str(file) for file in files) or "no file beside it"
    click.echo(f"pack {pack}, {plain(names)}: {errors} errors, {len(problems) - errors} warnings and notes")
    if errors:
        raise click.exceptions.Exit(1)


@policy.command()
@click.argument("action")
@click.option("--turn", is_flag=True, help="Say whether you may turn a key on it, and whether that would help.")
@REMOTE
def explain(remote: Remote, action: str, turn: bool) -> None:
    """Say why ACTION got its verdict, and which single fact would change it."""
    if turn:
        _explain_turn(remote.standing(remote.action_id(action)))
        return
    found = remote.explanation(remote.action_id(action))
    verdict = found["verdict"]
    for level in found["levels"]:
        click.echo(f"{level['oversight']:>8}: {'permitted' if level['permitted'] else 'not permitted'}")
        for reason in level["reasons"]:
            click.echo(f"          {plain(reason['policy'])}: {plain(reason['why'])}")
    click.echo(f"verdict: {plain(verdict['word'])}, on the facts of now, by the policy set {plain(verdict['policy'])}")
    click.echo("What would change it:" if found["changes"] else "No single fact would change it.")
    for change in found["changes"]:
        click.echo(f"  {plain(change['words'])}")


def _explain_turn(found: dict[str, Any]) -> None:
    """One person's standing at a hold."""
    click.echo(f"{plain(found['person'])} {'may' if found['allowed'] else 'may not'} turn a key on it.")
    for reason in found["reasons"]:
        click.echo(f"  {plain(reason['policy'])}: {plain(reason['why'])}")
    if found["deputy_for"]:
        click.echo(f"  stands in for {', '.join(map(plain, found['deputy_for']))}")
    if found["tired"]:
        click.echo(f"  over the budget of keys in an hour; {found['others']} others are there")
    click.echo(f"It {'would bring it nearer' if found['helps'] else 'would not bring it nearer'}.")
    if found["wanted"]:
        click.echo(f"It still takes {' and '.join(map(plain, found['wanted']))}.")
