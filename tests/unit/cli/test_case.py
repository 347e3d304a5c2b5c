"""A case from the command line: listed, exported, and checked by somebody who has nothing but the file and the key."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Propose, Run, Site


@pytest.fixture
def files(site: Site, run: Run, propose: Propose, tmp_path: Path) -> tuple[Path, Path, str]:
    """The report, the JSON, and the log's public key."""
    propose("edr_get_host", hostname="DC-01")
    page, data = tmp_path / "case.html", tmp_path / "case.json"
    ana = {"token": site.tokens["ana"], "url": site.url}
    done = run("case", "export", "INC-1042", "--html", str(page), "--json", str(data), **ana)
    assert done.exit_code == 0, done.output
    assert f"check with: keyturn journal check {page}" in done.output
    assert run("journal", "publish", str(tmp_path / "log"), "-c", str(site.config)).exit_code == 0
    return page, data, str(tmp_path / "log/verifier.key")


def test_cases_are_listed(site: Site, run: Run, propose: Propose) -> None:
    propose("edr_get_host", hostname="DC-01")
    listed = run("case", "list", token=site.tokens["ana"], url=site.url)
    assert listed.exit_code == 0, listed.output
    assert "INC-1042" in listed.output


def test_both_files_verify_offline_with_the_key_and_with_their_own(run: Run, files: tuple[Path, Path, str]) -> None:
    page, data, key = files
    for file in (page, data):
        checked = run("journal", "check", str(file), "--key", key)
        assert checked.exit_code == 0, checked.output
        assert "entries of case INC-1042" in checked.output
        assert "no entry was left out" in checked.output
        own = run("journal", "check", str(file))
        assert own.exit_code == 0
        assert "have it from the log's owner" in own.output
    assert "the report says what its entries say" in run("journal", "check", str(page), "--key", key).output
    assert "not compared" in run("journal", "check", str(data), "--key", key).output


def test_changed_entries_changed_words_and_another_key_are_refused(run: Run, files: tuple[Path, Path, str]) -> None:
    page, data, key = files
    data.write_bytes(data.read_bytes().replace(b'\\"kind\\":\\"released\\"', b'\\"kind\\":\\"refused!\\"', 1))
    refused = run("journal", "check", str(data), "--key", key)
    assert (refused.exit_code, "not in the log" in refused.output) == (1, True)
    page.write_text(page.read_text().replace("Released: it needed no key", "Refused: it needed a key", 1))
    refused = run("journal", "check", str(page), "--key", key)
    assert (refused.exit_code, "its words were changed" in refused.output) == (1, True)
    other = "test.example/x+00000000+AAAA"
    assert run("journal", "check", str(page), "--key", other).exit_code == 1
    assert run("journal", "check", str(page.parent / "none.html")).exit_code == 2


def test_an_export_says_where_to_and_of_which_case(site: Site, run: Run, tmp_path: Path) -> None:
    ana = {"token": site.tokens["ana"], "url": site.url}
    assert run("case", "export", "INC-1042", **ana).exit_code == 2
    assert run("case", "export", "INC-0", "--json", str(tmp_path / "x.json"), **ana).exit_code == 1
    assert run("case", "export", "INC-1042", "--json", str(tmp_path / "no/x.json"), **ana).exit_code == 2
