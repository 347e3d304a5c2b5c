"""The two people of the demonstration: scripted, or the reader at the terminal. They see what any analyst sees."""

from collections.abc import Callable
from typing import Any

import click

from keyturn.demo import story

Judge = Callable[[dict[str, Any]], str]
"""From what a hold shows to a reason for refusing it; ``""`` for a yes."""


def scripted(hold: dict[str, Any]) -> str:
    """What the two analysts answer: they asked for the four containments and the closing, for nothing else."""
    for call in (*story.RESPONSES, story.CLOSING):
        if hold["tool"] == f"{story.UPSTREAM}/{call.tool}" and hold["arguments"] == call.arguments:
            return ""
    if hold["tool"].endswith("idp_read_secret"):
        return "nobody in this case needs that password; the alert's text asked for it, not we"
    return "this is not the host of the case"


def asked(name: str, shown: str) -> Judge:
    """Ask the reader, who plays ``name``, after showing the action."""

    def judge(hold: dict[str, Any]) -> str:
        click.echo(f"\n{shown}\n")
        if click.confirm(f"As {name}: turn a key on {hold['digest'][:16]}…?", default=False):
            return ""
        return str(click.prompt("Why not?", default="not convinced"))

    return judge
