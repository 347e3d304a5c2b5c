"""What must hold for any command line: nothing appended makes it milder, nothing strange is read, no read is plain."""

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.catalogue.rules import RULES
from keyturn.catalogue.rules.places import place
from keyturn.core.operation import EVERYTHING, Operation, Reading, Unread
from keyturn.core.profile import Stage, Touches

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[3] / "vectors/rules/shell.json").read_text())


def whole(line: str) -> bool:
    """It does not wait for more: two halves of a quote or of a pipeline make one."""
    return (
        bool(line.strip()) and not line.count("'") % 2 and not line.rstrip().endswith(("|", "&", "<", ">", "\\", "`"))
    )


LINES = {
    dialect: [
        line
        for line, its in ((case["parts"]["command"], case["parts"].get("dialect", "bash")) for case in VECTORS)
        if its == dialect and isinstance(line, str) and whole(line)
    ]
    for dialect in ("bash", "powershell", "cmd")
}
JOINTS = {
    "bash": (";", "\n", " | ", " && ", " || ", " & "),
    "powershell": (";", "\n", " | "),
    "cmd": ("\n", " | ", "&"),
}
ODD = "\0\r\x1b\x7f\u00a0\u00ad\u200b\u202e\u2028\u2013\u201c\ufeff\uff5c\U000e0041"


def read(line: str, dialect: str) -> Reading:
    return RULES["shell"].read({"command": line, "dialect": dialect})


def no_milder(after: Reading, before: Reading) -> bool:
    if isinstance(after, Unread):
        return True
    return (
        isinstance(before, Operation)
        and after.stage.rank >= before.stage.rank
        and after.reversible.rank >= before.reversible.rank
        and after.touches >= before.touches
        and set(after.targets) >= set(before.targets)
        and after.reach >= before.reach
    )


@pytest.mark.parametrize("dialect", sorted(LINES))
@given(data=st.data())
def test_a_second_command_never_makes_a_line_milder(dialect: str, data: st.DataObject) -> None:
    first, second = data.draw(st.sampled_from(LINES[dialect])), data.draw(st.sampled_from(LINES[dialect]))
    both = read(first + data.draw(st.sampled_from(JOINTS[dialect])) + second, dialect)
    assert no_milder(both, read(first, dialect))
    if not first.startswith("cd "):  # a folder may make the second one milder, and rightly
        assert no_milder(both, read(second, dialect))


@pytest.mark.parametrize("dialect", sorted(LINES))
@given(data=st.data())
def test_characters_that_can_not_be_seen_are_never_read(dialect: str, data: st.DataObject) -> None:
    line, odd = data.draw(st.sampled_from(LINES[dialect])), data.draw(st.sampled_from(ODD))
    at = data.draw(st.integers(0, len(line)))
    assert isinstance(read(line[:at] + odd + line[at:], dialect), Unread)


@pytest.mark.parametrize("dialect", sorted(LINES))
@given(data=st.data())
def test_a_program_that_nobody_knows_is_never_read(dialect: str, data: st.DataObject) -> None:
    name = "zz" + data.draw(st.text(string.ascii_lowercase + string.digits, max_size=8))
    line = data.draw(st.sampled_from(LINES[dialect]))
    assert isinstance(read(name, dialect), Unread)
    assert isinstance(read(f"{name} {line}", dialect), Unread)


def test_a_read_by_a_shell_is_never_plain_and_never_of_secrets() -> None:
    for dialect, lines in LINES.items():
        for line in lines:
            found = read(line, dialect)
            if isinstance(found, Operation) and found.stage is Stage.ANALYSE:
                assert Touches.PRIVILEGED_DATA in found.touches, line
                assert Touches.SECRETS not in found.touches, line


@given(st.text(max_size=60), st.booleans())
def test_any_path_is_read_or_not_and_what_is_beneath_counts(path: str, beneath: bool) -> None:
    found = place(path, beneath=beneath)
    assert found is None or (found.path and (found.wide or not beneath))


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/ETC/Shadow", "/etc/./shadow", "/srv/../etc/shadow", "etc\\shadow", "/etc//shadow"]
)
def test_a_credential_is_one_in_every_spelling(path: str) -> None:
    found = place(path)
    assert found is not None
    assert found.secret


def test_a_line_of_many_commands_is_not_read() -> None:
    assert isinstance(read("ls\n" * 64, "bash"), Operation)
    assert isinstance(read("ls\n" * 65, "bash"), Unread)


def test_a_wildcard_reaches_everything() -> None:
    found = read("rm /srv/app/*.tmp", "bash")
    assert isinstance(found, Operation)
    assert found.reach == EVERYTHING
