"""The record from the command line: published, verified, told, proved."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.unit.cli.conftest import Propose, Run, Site

from keyturn.cli.remote import Remote


def test_a_published_journal_verifies_and_a_flipped_byte_is_refused(
    site: Site, run: Run, propose: Propose, tmp_path: Path
) -> None:
    propose("edr_get_host", hostname="DC-01")
    folder = tmp_path / "log"
    assert run("journal", "publish", str(folder), "-c", str(site.config)).exit_code == 0
    verify = ("journal", "verify", str(folder), "--key", str(folder / "verifier.key"))
    good = run(*verify)
    assert good.exit_code == 0, good.output
    assert " 0 present" in good.output, "what is private stays home unless it is asked for"
    key = (folder / "verifier.key").read_text().strip()
    assert run("journal", "verify", str(folder), "--key", key).exit_code == 0
    bundle = next(path for path in folder.glob("tile/entries/**/*") if path.is_file())
    raw = bytearray(bundle.read_bytes())
    raw[len(raw) // 2] ^= 1
    bundle.write_bytes(raw)
    bad = run(*verify)
    assert bad.exit_code == 1
    assert "REFUSED" in bad.output


def test_a_case_is_told_and_an_entry_proved(site: Site, run: Run, propose: Propose) -> None:
    action = propose("edr_get_host", hostname="DC-01")
    told = run("journal", "show", "--case", "INC-1042", token=site.tokens["ana"], url=site.url)
    assert told.exit_code == 0, told.output
    assert any(action["id"] in line and "proposed" in line for line in told.output.splitlines())
    proof = run("journal", "proof", "0", token=site.tokens["ana"], url=site.url)
    value = json.loads(proof.output)
    assert value["seq"] == 0 and value["size"] > 3


def test_a_folder_without_a_key_and_a_wrong_key_are_refused(run: Run, tmp_path: Path) -> None:
    assert run("journal", "verify", str(tmp_path)).exit_code == 2
    assert run("journal", "verify", str(tmp_path), "--key", "a+b+c").exit_code == 1


def test_a_folder_that_can_not_be_written_and_one_that_is_somebody_elses_are_refused(
    site: Site, run: Run, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("mine")
    for folder, says in (("/dev/full/x", "can't be written"), (str(home), "holds other things, such as 'thesis.txt'")):
        ended = run("journal", "publish", folder, "-c", str(site.config))
        assert ended.exit_code == 1 and says in ended.output, ended.output
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_what_an_interrupted_publication_left_is_published_over(site: Site, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    publish = ("journal", "publish", str(folder), "-c", str(site.config))
    assert run(*publish).exit_code == 0
    (folder / "checkpoint").rename(folder / ".checkpoint.new")
    assert run(*publish).exit_code == 0
    (folder / "notes.txt").write_text("beside a log that is ours")
    assert run(*publish).exit_code == 0


def test_a_case_that_is_not_there_is_said(site: Site, run: Run, propose: Propose) -> None:
    propose("edr_get_host", hostname="DC-01")
    ended = run("journal", "show", "--case", "INC-1O42", token=site.tokens["ana"], url=site.url)
    assert ended.exit_code == 1 and "there is no case" in ended.output


def test_a_clock_behind_the_journal_runs_nothing_until_an_owner_accepts_it(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text('data = "data"\n[upstreams.none]\ncommand = "none"\n')
    with Remote.in_process(config, "") as first:
        olga = first.add_person("olga", ("owner", "lead"), ())["token"]
    with closing(sqlite3.connect(tmp_path / "data" / "keyturn.db", isolation_level=None)) as db:
        db.execute("UPDATE journal_head SET at = at + 86400000 * 3 + 3600000")
    add = ("person", "add", "ana", "--role", "analyst", "-c", str(config))
    refused = run(*add, token=olga)
    assert refused.exit_code == 1 and "3 days behind" in refused.output, refused.output
    assert "keyturn journal accept-clock" in refused.output
    accept = ("journal", "accept-clock", "--reason", "the clock was ahead", "-c", str(config))
    accepted = run(*accept, token=olga)
    assert accepted.exit_code == 0 and "ahead of this clock" in accepted.output, accepted.output
    assert run(*add, token=olga).exit_code == 0
    assert run(*accept, token=olga).exit_code == 1
