"""The catalogue held against labels that somebody else gave: how many tools would run free or wait that should not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from keyturn.catalogue.catalogue import Catalogue
from keyturn.catalogue.outlook import outlook
from keyturn.core.action import ToolRef
from keyturn.core.facts import Oversight
from keyturn.core.policy import Policy
from keyturn.core.profile import GUARDED, Reversible, Stage, Touches
from keyturn.errors import InvalidInput


class Agreement(NamedTuple):
    """Of one set: the tools by name that run free and should not, or wait and should not; the rest are numbers."""

    tools: int
    grave: int
    free: list[str]
    plain: int
    held: list[str]
    reversible: float
    stage: float
    touches_f1: float
    differ: list[str]


_STAGES = {"A": Stage.ANALYSE, "N": Stage.RECORD, "R": Stage.RESPOND}
_REVERSIBLE = {
    "n": Reversible.NO_EFFECT,
    "r": Reversible.REVERSIBLE,
    "h": Reversible.HARD,
    "x": Reversible.IRREVERSIBLE,
}
_TOUCHES = {
    "s": Touches.SECRETS,
    "i": Touches.IDENTITY,
    "d": Touches.PRIVILEGED_DATA,
    "p": Touches.PRODUCTION,
    "e": Touches.EVIDENCE,
    "c": Touches.DETECTION_CONTROLS,
}


def each_vote(panel: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A panel's votes as labels, one for each vote: ``A n sd`` is a read of secrets and privileged data."""
    for tool in panel:
        for vote in tool["votes"]:
            stage, reversible, touches = vote.split()
            yield {
                "source": tool["source"],
                "tool": tool["tool"],
                "hints": tool.get("hints", {}),
                "stage": _STAGES[stage],
                "reversible": _REVERSIBLE[reversible],
                "touches": [_TOUCHES[letter] for letter in touches.strip("-")],
            }


def agreed(panel: Iterable[Mapping[str, Any]], labels: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One label for each tool of which every reader says the same: grave, or a plain read.

    Readers are the panel's votes, those who gave only ``kinds`` (``S`` grave, ``P`` plain), and those of ``labels``.
    """
    others: dict[tuple[str, str], set[str]] = {}
    for label in labels:
        others.setdefault((label["source"], label["tool"]), set()).add(_kind(label))
    for tool in panel:
        votes = list(each_vote([tool]))
        kinds = {*map(_kind, votes), *tool.get("kinds", ""), *others.get((tool["source"], tool["tool"]), ())}
        if len(kinds) == 1 and "N" not in kinds:
            yield votes[0]


def _kind(label: Mapping[str, Any]) -> str:
    """``S``: it responds, or reads what is sensitive; ``P``: a plain read; ``N``: a note."""
    if label["stage"] == Stage.ANALYSE:
        return "P" if GUARDED.isdisjoint(label["touches"]) else "S"
    return "S" if label["stage"] == Stage.RESPOND else "N"


def agreement(catalogue: Catalogue, policy: Policy, labelled: Iterable[Mapping[str, Any]]) -> Agreement:
    """The catalogue and a policy, under a plain analyst's mandate, held against labels.

    A label has ``source`` (a server's name), ``tool``, ``hints``, ``stage``, ``reversible`` and ``touches``. A tool
    counts at its gravest. Raises :class:`InvalidInput` if there is no label.
    """
    tools = grave = plain = reversible = stage = same = ours = theirs = 0
    free, held, differ = [], [], []
    for label in labelled:
        name, touches = f"{label['source']}/{label['tool']}", set(label["touches"])
        profile = catalogue.profile(label["source"], label["tool"], {}, label["hints"])
        runs = outlook(policy, profile, ToolRef("server", label["tool"]), {}).oversight is Oversight.FREE
        kind = _kind(label)
        if kind == "S":
            grave += 1
            free += [name] * runs
        elif kind == "P":
            plain += 1
            held += [name] * (not runs)
        tools += 1
        reversible += profile.reversible == label["reversible"]
        stage += profile.stage == label["stage"]
        same += len(profile.touches & touches)
        ours, theirs = ours + len(profile.touches), theirs + len(touches)
        if profile.reversible != label["reversible"] or profile.touches != touches:
            differ.append(
                f"{name}: {profile.stage.value}, {profile.reversible.value}, {sorted(profile.touches)}; "
                f"the label: {label['stage']}, {label['reversible']}, {label['touches']}"
            )
    if not tools:
        raise InvalidInput("there are no labels to compare with", hint="give at least one")
    f1 = 2 * same / (ours + theirs) if ours + theirs else 1.0
    return Agreement(tools, grave, free, plain, held, reversible / tools, stage / tools, f1, differ)
