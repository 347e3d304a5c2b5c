"""Who must turn, and the care for those who do: deputies, the checkpoint's health, drills."""

from typing import Any

import click

from keyturn.cli.plain import plain
from keyturn.cli.remote import REMOTE, Remote
from keyturn.cli.times import clock, left, now

DAY_MS = 24 * 3600 * 1000


@click.group()
def deputy() -> None:
    """Deputies: who stands in for an absent person, with the roles and no more."""


@deputy.command("add")
@click.argument("name", metavar="DEPUTY")
@click.option("--hours", type=click.FloatRange(0.1, 60 * 24), default=24, show_default=True, help="How long.")
@click.option("--for", "absent", default="", help="The absent person, said by an owner; without it, you.")
@REMOTE
def add_deputy(remote: Remote, name: str, hours: float, absent: str) -> None:
    """Let DEPUTY stand in for you."""
    body = {"deputy": name, "until": now() + round(hours * 3_600_000), "absent": absent}
    made = remote.post("/v1/deputies", body)
    click.echo(f"{plain(made['deputy'])} stands in for {plain(made['absent'])} until {clock(made['until'])}.")


@deputy.command("list")
@REMOTE
def list_deputies(remote: Remote) -> None:
    """List who stands in for whom."""
    for each in remote.listed("deputies"):
        pair = f"{plain(each['deputy'])} for {plain(each['absent'])}"
        click.echo(f"{plain(each['id'])}  {pair}  until {clock(each['until'])}, {left(each['until'], now())}")


@deputy.command("end")
@click.argument("deputy_id", metavar="ID")
@REMOTE
def end_deputy(remote: Remote, deputy_id: str) -> None:
    """End a deputy's time now."""
    ended = remote.recall(deputy_id)
    click.echo(f"{plain(ended['deputy'])} no longer stands in for {plain(ended['absent'])}.")


@click.command()
@click.option("--days", type=click.FloatRange(0.05, 366), default=7, show_default=True, help="How far back.")
@REMOTE
def health(remote: Remote, days: float) -> None:
    """Show how the checkpoint does: waiting, rubber-stamping, overload, drills."""
    for line in told(remote.get("/v1/care/health", {"since": now() - round(days * DAY_MS)})):
        click.echo(line)


@click.command()
@REMOTE
def drill(remote: Remote) -> None:
    """Send a drill now (an owner): an action to be refused, which nothing ever runs."""
    remote.post("/v1/care/drills")
    click.echo("A drill waits in the queue. Who answers it is told, and its result is in: keyturn health")


def told(found: dict[str, Any]) -> list[str]:
    """The numbers as lines."""
    drills = found["drills"]
    lines = [
        f"  holds    {found['holds']}, of which {found['open']} wait now",
        f"  ended    {found['released']} released, {found['refused']} refused, {found['expired']} expired, "
        f"{found['withdrawn']} withdrawn, {found['denied']} denied",
        f"  waited   {_time(found['waited_p50_ms'])} in the middle, {_time(found['waited_p95_ms'])} at worst (95 %)",
        f"  answers  {_share(found['fast_share'])} in under 3 s; {_share(found['alone_share'])} released by one person",
        f"  tired    {found['tired_keys']} keys beyond the budget of an hour",
        f"  drills   {drills['refused']} refused, {drills['turned']} let through, {drills['expired']} unanswered",
    ]
    by_person: dict[str, list[int]] = {}
    for hour in found["hours"]:
        sums = by_person.setdefault(hour["person"], [0, 0, 0])
        sums[0] += hour["turned"]
        sums[1] += hour["refused"]
        sums[2] = max(sums[2], hour["turned"] + hour["refused"])
    return lines + [
        f"  {plain(person, 40)}: {turned} keys, {refused} refusals, at most {most} in an hour"
        for person, (turned, refused, most) in sorted(by_person.items())
    ]


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "nothing"
    seconds = milliseconds / 1000
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _share(share: float | None) -> str:
    return "none yet" if share is None else f"{share:.0%}"
