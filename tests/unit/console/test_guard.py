"""What holds for every request: the address, where it comes from, the headers, and the session's mark."""

import hashlib
import re
from pathlib import Path

import pytest
from tests.unit.console.conftest import Desk

import keyturn.console

STATIC = Path(keyturn.console.__file__).parent / "static"


async def test_every_answer_has_the_headers_and_nothing_inline(desk: Desk) -> None:
    ana = await desk.browser("ana")
    for path in ("/console/", "/console/nowhere", "/console/static/x", "/console/sign-in"):
        for answer in (await ana.get(path), await (await desk.browser()).get(path)):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "script-src 'self'" in policy, path
            assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin", "else browsers post with Origin: null"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(r"<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=", answer.text), path
            assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text), "no third party is asked"


@pytest.mark.parametrize("host", ["evil.example", "localhost:9999", "keyturn.evil.example:8787", ""])
async def test_another_host_gets_no_page(desk: Desk, host: str) -> None:
    ana = await desk.browser("ana")
    answer = await ana.get("/console/", host=host)
    assert answer.status_code in (307, 421) and "csrf" not in answer.text
    assert answer.headers.get("location", "http://localhost:8787/").startswith("http://localhost:8787/")


async def test_the_same_machine_by_another_name_is_led_to_the_one_address(desk: Desk) -> None:
    answer = await (await desk.browser()).get("/console/sign-in?next=/console/", host="127.0.0.1:8787")
    assert answer.status_code == 307
    assert answer.headers["location"] == "http://localhost:8787/console/sign-in?next=/console/"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_another_site_can_post_nothing(desk: Desk, headers: dict[str, str]) -> None:
    ana = await desk.browser("ana")
    answer = await ana.send("POST", "/console/sign-out", headers, data={"csrf": await ana.csrf()})
    assert answer.status_code == 403
    assert (await ana.get("/console/nowhere")).status_code == 404, "the session still lives"


@pytest.mark.parametrize("mark", ["", "x" * 43, "é"])
async def test_a_form_without_its_sessions_mark_is_refused(desk: Desk, mark: str) -> None:
    ana, bob = await desk.browser("ana"), await desk.browser("bob")
    for given in (mark, await bob.csrf()):
        answer = await ana.send("POST", "/console/sign-out", data={"csrf": given})
        assert answer.status_code == 403
    assert (await ana.get("/console/nowhere")).status_code == 404


async def test_another_site_can_lead_here_but_not_load(desk: Desk) -> None:
    nobody = await desk.browser()
    link = {"sec_fetch_site": "cross-site"}
    assert (await nobody.get("/console/sign-in", **link)).status_code == 200
    assert (await nobody.get("/console/sign-in", **link, sec_fetch_dest="iframe")).status_code == 403
    assert (await nobody.get("/console/sign-in", **link, sec_fetch_mode="cors")).status_code == 403


async def test_files_are_kept_under_their_hash_and_nothing_else_is_served(desk: Desk) -> None:
    nobody = await desk.browser()
    page = (await nobody.get("/console/sign-in")).text
    urls = re.findall(r'"(/console/static/[^"]+)"', page)
    assert len(urls) >= 4
    for url in urls:
        answer = await nobody.get(url)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    for path in ("../app.py", "%2e%2e/app.py", "keyturn.css", "0000000000000000/keyturn.css", "vendor/README.md"):
        assert (await nobody.get(f"/console/static/{path}")).status_code in (303, 404), path


def test_other_peoples_code_is_what_its_list_says() -> None:
    listed = dict(re.findall(r"\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|", (STATIC / "vendor/README.md").read_text()))
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (STATIC / "vendor").iterdir()
        if path.suffix == ".js"
    }
    assert listed == found
