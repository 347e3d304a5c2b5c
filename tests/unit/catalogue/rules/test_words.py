"""What the reader of plain words sees is what a shell runs: held against bash itself, on lines made of odd pieces."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.catalogue.rules.words import after, split
from keyturn.core.operation import Unread

PIECES = (
    *(
        "qa",
        "qb",
        "qc",
        "x",
        "1",
        "2",
        "-l",
        "=",
        "a=1",
        "'x y'",
        '"a b"',
        "''",
        '""',
        "'",
        '"',
        '"a\\.b"',
        "$HOME",
        '"$HOME/a"',
    ),
    *(
        "\\ ",
        "\\\n",
        "\\",
        "$(qd)",
        "`qd`",
        '"$(qd)"',
        "'$(qd)'",
        "<(qd)",
        "{a,b}",
        "$'x'",
        "$",
        "!",
        "~",
        "[a]",
        "*",
        "?",
    ),
    *(
        " ",
        "  ",
        "\t",
        "\n",
        ";",
        "|",
        "||",
        "&&",
        "&",
        ">f",
        "> f",
        ">>f",
        "2>&1",
        "2>/dev/null",
        ">/dev/null",
        "<f",
        "<<",
        "<<<",
    ),
    *("#", "(", ")", "{", "}", "if", "then", "fi", "|&", "&>f", ">|f", "&>/dev/null", ">&2", "1>&2"),
)
LOGGED = 'command_not_found_handle() { printf "%s\\0" "$@" "" >>log; printf "\\1" >>log; }\nset -f\n'
"""Bash tells of every program that it does not find (and it finds none): the words, then an end."""


def ran(line: str) -> list[tuple[str, ...]]:
    """The commands that bash runs."""
    with TemporaryDirectory() as folder:
        Path(folder, "f").touch()
        subprocess.run(
            ["/bin/bash", "--norc", "--noprofile", "-c", LOGGED + line + "\nwait"],
            cwd=folder,
            env={"PATH": "", "HOME": "$HOME"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
        log = Path(folder, "log")
        text = log.read_bytes().decode() if log.exists() else ""
    return [tuple(each.split("\0")[:-2]) for each in text.split("\1")[:-1]]


@pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="needs bash: apt-get install bash")
@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join))
def test_bash_runs_nothing_that_was_not_read(line: str) -> None:
    found = split(line)
    if isinstance(found, Unread):
        return
    read = {command.words for command in found if not command.wild}
    wild = {command.words[0] for command in found if command.wild}
    for words in ran(line):
        assert words in read or words[0] in wild, (line, found)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("get pods -n 'a b'", ("get", "pods", "-n", "a b")),
        ('a "b"c\'d\' ""', ("a", "bcd", "")),
        ("a x''2>/dev/null", None),
        ("a; b", None),
        ("a *", None),
        ("a > b", None),
        ("a $(b)", None),
        ("a\u00a0b", None),
        ("a\x00b", None),
    ],
)
def test_one_plain_command_is_taken_apart(line: str, words: tuple[str, ...] | None) -> None:
    found = after("", line)
    assert (None if isinstance(found, Unread) else found) == words
