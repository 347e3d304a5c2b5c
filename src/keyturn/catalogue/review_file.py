"""Reviewing a vendor's file: which tools wait for a person, what they change, and what it takes to accept one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from keyturn.catalogue import strict_yaml
from keyturn.catalogue.draft_file import with_tool
from keyturn.catalogue.lexicon import BY_HAND, WHY
from keyturn.catalogue.vendor import EXPLAINED, read_vendor
from keyturn.core.profile import Basis, Profile, Reversible, Reviewed, Stage, Touches
from keyturn.errors import ProfileError

FIELDS = ("stage", "reversible", "touches", "targets", "by_hand", "why")
"""What a person may change before accepting; the rest is for an editor."""
_UNDOING = ("by_hand", "inverse", "preserve", "check")


class Standing(NamedTuple):
    """One tool of a file: its profile at its gravest, and its entry as written."""

    name: str
    profile: Profile
    entry: dict[str, Any]

    @property
    def waits(self) -> bool:
        """Nobody has reviewed it."""
        return self.profile.basis is not Basis.REVIEWED


def tools_of(text: str, source: str) -> list[Standing]:
    """The tools that a file profiles one by one, in its order; those under ``reads`` have no entry to review."""
    vendor = read_vendor(text, source)
    written = strict_yaml.read(text, source).get("tools") or {}
    return [Standing(name, vendor.tools[name].base, dict(entry)) for name, entry in written.items()]


def changed(entry: Mapping[str, Any], field: str, said: str) -> dict[str, Any]:
    """The entry with one field as a person says it: a word, a list with commas, or ``argument: kind`` pairs.

    A stage brings with it what belongs to it: a read takes nothing back, a change is irreversible until it is said
    what it takes. Raises :class:`ProfileError` for a word that is none of the field's.
    """
    found, words = dict(entry), [word.strip() for word in said.split(",") if word.strip()]
    match field:
        case "stage":
            found["stage"] = _one_of(said, Stage)
            if found["stage"] == Stage.ANALYSE:
                found = {key: value for key, value in found.items() if key not in (*_UNDOING, "reversible")}
            elif found.get("reversible") in (None, Reversible.NO_EFFECT):
                found["reversible"] = Reversible.IRREVERSIBLE.value
        case "reversible":
            found["reversible"] = _one_of(said, Reversible)
            if found["reversible"] == Reversible.REVERSIBLE and "inverse" not in found:
                found.setdefault("by_hand", BY_HAND)
        case "touches":
            found["touches"] = [] if words == ["none"] else [_one_of(word, Touches) for word in words]
        case "targets":
            pairs = [word.rpartition(":") for word in words if word != "none"]
            if not all(argument.strip() and kind.strip() for argument, _, kind in pairs):
                raise ProfileError("targets are argument: kind, with commas between", hint="host_id: host, or none")
            found["targets"] = {argument.strip(): kind.strip() for argument, _, kind in pairs}
        case "why" | "by_hand":
            found[field] = " ".join(said.split())
        case _:
            raise ProfileError(f"{field!r} can't be changed here", hint=f"one of {', '.join(FIELDS)}")
    return found


def _one_of(said: str, words: type[Stage] | type[Reversible] | type[Touches]) -> str:
    try:
        return words(said.strip()).value
    except ValueError:
        raise ProfileError(f"{said[:40]!r} is none of these", hint=", ".join(words)) from None


def needs_why(entry: Mapping[str, Any]) -> bool:
    """A reviewed change or sensitive read says why, in a person's words; a draft's own sentence is none."""
    reads = entry.get("stage") == Stage.ANALYSE
    sensitive = EXPLAINED & set(entry.get("touches") or ())
    return (not reads or bool(sensitive)) and entry.get("why", "") in ("", WHY)


def accepted(text: str, source: str, name: str, entry: Mapping[str, Any], reviewed: Reviewed) -> str:
    """The file's text with this tool accepted as ``entry`` says; :class:`ProfileError` if that can't be believed."""
    if needs_why(entry):
        raise ProfileError(
            f"{name[:80]!r}: a change or a sensitive read is accepted with a reason",
            hint="say why: what it does, and what does not come back",
        )
    kept = {key: value for key, value in entry.items() if key not in ("basis", "reviewed")}
    if kept.get("why") == WHY:
        del kept["why"]
    by = {"by": reviewed.by, "at": reviewed.at, "definition": reviewed.definition}
    made = with_tool(text, source, name, {**kept, "basis": Basis.REVIEWED.value, "reviewed": by})
    read_vendor(made, source)
    return made


def profile_of(text: str, source: str, name: str, entry: Mapping[str, Any]) -> Profile:
    """The profile that an entry would have in this file; :class:`ProfileError` if it can't be believed."""
    return read_vendor(with_tool(text, source, name, entry), source).tools[name].base
