"""The catalogue held against labels that somebody else gave: how many tools would run free or wait that should not."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from keyturn.catalogue.catalogue import Catalogue
from keyturn.catalogue.outlook import outlook
from keyturn.core.action import ToolRef
from keyturn.core.facts import Oversight
from keyturn.core.policy import Policy
from keyturn.core.profile import GUARDED
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
        reads = label["stage"] == "analyse"
        if label["stage"] == "respond" or (reads and touches & GUARDED):
            grave += 1
            free += [name] * runs
        elif reads:
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
